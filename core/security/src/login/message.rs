//! The six messages of OPAQUE, each of one size. What is here is parsed: its group elements are valid and not the
//! identity.

use super::LoginError;
use super::stretch::{Suite, fixed};
use std::fmt;

macro_rules! message {
    ($($(#[$doc:meta])* $name:ident($inner:ty), $len:literal, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(pub(super) $inner);

        impl $name {
            /// Its size in bytes, always.
            pub const LEN: usize = $len;
            pub(super) const WHAT: &'static str = $what;

            /// Reads what the peer sent.
            ///
            /// # Errors
            /// [`LoginError::MessageLength`] for any other size, [`LoginError::MessageMalformed`] where a group element
            /// is none, is not encoded canonically, or is the identity.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, LoginError> {
                if bytes.len() != Self::LEN {
                    let (what, expected, got) = (Self::WHAT, Self::LEN, bytes.len());
                    return Err(LoginError::MessageLength { what, expected, got });
                }
                <$inner>::deserialize(bytes).map(Self).map_err(|_| LoginError::MessageMalformed(Self::WHAT))
            }

            /// What goes to the peer.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $len] {
                fixed(&self.0.serialize())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(", stringify!($len), " bytes)"))
            }
        }
    )*};
}

message! {
    /// Client to server: the blinded password of a registration.
    RegistrationRequest(opaque_ke::RegistrationRequest<Suite>), 32, "registration request";
    /// Server to client: the evaluated element, and the server's public key.
    RegistrationResponse(opaque_ke::RegistrationResponse<Suite>), 64, "registration response";
    /// Client to server: the client's public key, the masking key and the envelope. Only the enrolment channel may
    /// carry it.
    RegistrationUpload(opaque_ke::RegistrationUpload<Suite>), 192, "registration upload";
    /// Client to server (KE1): the blinded password, a nonce and a key share.
    LoginRequest(opaque_ke::CredentialRequest<Suite>), 96, "login request";
    /// Server to client (KE2): the evaluated element, the masked record, a nonce, a key share and the server's proof.
    LoginResponse(opaque_ke::CredentialResponse<Suite>), 320, "login response";
    /// Client to server (KE3): the client's proof.
    LoginFinish(opaque_ke::CredentialFinalization<Suite>), 64, "login finish";
}
