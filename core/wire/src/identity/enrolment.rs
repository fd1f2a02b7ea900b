//! Enrolment: a device for its certificate, a user for password and second factor.

use super::parts::{get_facts, get_flag, get_hidden, get_version, put_facts, whole};
use super::{
    CERTIFICATE_BYTES_MAX, CHAIN_MAX, CODE_BYTES_MAX, DEPLOYMENT_BYTES_MAX, Fact, Hidden, IDENTITY_VERSION,
    LOGIN_BYTES_MAX, PINS_MAX, RECOVERY_CODES_MAX, Refused, SIGNAL_KEYS_MAX, URI_BYTES_MAX,
};
use crate::{Reader, WireError, Writer};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};

/// Asks for a certificate. The first question of an enrolment, and asked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrol {
    /// The device's Ed25519 key: the last 32 bytes of its SPKI (RFC 8410), whose first twelve are the same for all.
    pub public_key: [u8; 32],
    /// By that key, over [`super::ENROL_DOMAIN`] and SHA-256 of the channel's hash.
    pub proof: [u8; 64],
    /// The login name that is wished for; empty where the invitation names one, or none is needed.
    pub login: String,
    /// What the device says about itself.
    pub facts: Vec<Fact>,
    /// What its clock says.
    pub clock: Timestamp,
}

/// The client's questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolAsk {
    /// A certificate.
    Enrol(Box<Enrol>),
    /// Register a password: OPAQUE's registration request.
    Register([u8; 32]),
    /// OPAQUE's registration upload.
    Upload([u8; 192]),
    /// Set up a second factor.
    Factor,
    /// The first code that the authenticator shows.
    Confirm(Hidden),
}

/// Does the user need a second factor?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SecondFactorNeed {
    /// No user is enrolled.
    None = 0,
    /// It may be set up.
    Optional = 1,
    /// The user cannot log in before it is confirmed.
    Required = 2,
}

/// A device is enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Whose.
    pub tenant: TenantId,
    /// The device's id.
    pub device: DeviceId,
    /// The account that it speaks for; 0 for none.
    pub account: AccountId,
    /// The user who registers a password next; empty if none does.
    pub login: String,
    /// What is expected of that user.
    pub second_factor: SecondFactorNeed,
    /// The deployment's name.
    pub deployment: String,
    /// Certificate chain in DER, leaf first, without the authority.
    pub chain: Vec<Vec<u8>>,
    /// The authority's certificate, DER.
    pub authority: Vec<u8>,
    /// The server's static Noise key.
    pub noise_key: [u8; 32],
    /// SHA-256 of the server's public key (SPKI), and of its spare.
    pub pins: Vec<[u8; 32]>,
    /// Ed25519 keys that sign signals: the current one, then the next one if there is one.
    pub signal_keys: Vec<[u8; 32]>,
    /// Server time.
    pub now: Timestamp,
}

/// The server's answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrolAnswer {
    /// To [`EnrolAsk::Enrol`].
    Granted(Box<Granted>),
    /// To [`EnrolAsk::Register`]: OPAQUE's registration response.
    Registration([u8; 64]),
    /// To [`EnrolAsk::Upload`]: the password is good. `active`: the user can log in; otherwise the second factor is due.
    Registered {
        /// Can the user log in now?
        active: bool,
    },
    /// To [`EnrolAsk::Factor`].
    Factor {
        /// `otpauth://totp/...`
        uri: Hidden,
        /// Each good once in place of a code; shown once.
        recovery: Vec<Hidden>,
    },
    /// To [`EnrolAsk::Confirm`]: the user can log in.
    Confirmed,
    /// No. After a wrong code another may be tried; after everything else the exchange ends.
    Refused(Refused),
}

impl EnrolAsk {
    /// As a message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(512);
        match self {
            Self::Enrol(ask) => {
                w.u8(1).u16(IDENTITY_VERSION).raw(&ask.public_key).raw(&ask.proof).text(&ask.login);
                put_facts(&mut w, &ask.facts);
                w.i64(ask.clock.0);
            }
            Self::Register(request) => _ = w.u8(2).raw(request),
            Self::Upload(upload) => _ = w.u8(3).raw(upload),
            Self::Factor => _ = w.u8(4),
            Self::Confirm(code) => _ = w.u8(5).text(code.expose()),
        }
        w.into_bytes()
    }

    /// From a message body.
    ///
    /// # Errors
    /// [`WireError`] if it is not exactly one question.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        whole(body, |r| match r.u8()? {
            1 => {
                get_version(r)?;
                Ok(Self::Enrol(Box::new(Enrol {
                    public_key: r.array()?,
                    proof: r.array()?,
                    login: r.text("login", LOGIN_BYTES_MAX)?,
                    facts: get_facts(r)?,
                    clock: Timestamp(r.i64()?),
                })))
            }
            2 => r.array().map(Self::Register),
            3 => r.array().map(Self::Upload),
            4 => Ok(Self::Factor),
            5 => get_hidden(r, "code", CODE_BYTES_MAX).map(Self::Confirm),
            _ => Err(WireError::BadValue("question")),
        })
    }
}

impl EnrolAnswer {
    /// As a message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(2_048);
        match self {
            Self::Granted(granted) => {
                w.u8(1);
                granted.put(&mut w);
            }
            Self::Registration(response) => _ = w.u8(2).raw(response),
            Self::Registered { active } => _ = w.u8(3).u8(u8::from(*active)),
            Self::Factor { uri, recovery } => {
                w.u8(4).text(uri.expose()).list(recovery, |w, code| _ = w.text(code.expose()));
            }
            Self::Confirmed => _ = w.u8(5),
            Self::Refused(refused) => {
                w.u8(6);
                refused.put(&mut w);
            }
        }
        w.into_bytes()
    }

    /// From a message body.
    ///
    /// # Errors
    /// [`WireError`] if it is not exactly one answer.
    pub fn decode(body: &[u8]) -> Result<Self, WireError> {
        whole(body, |r| match r.u8()? {
            1 => Granted::get(r).map(|granted| Self::Granted(Box::new(granted))),
            2 => r.array().map(Self::Registration),
            3 => Ok(Self::Registered { active: get_flag(r, "active")? }),
            4 => Ok(Self::Factor {
                uri: get_hidden(r, "uri", URI_BYTES_MAX)?,
                recovery: r
                    .list("recovery codes", RECOVERY_CODES_MAX, |r| get_hidden(r, "recovery code", CODE_BYTES_MAX))?,
            }),
            5 => Ok(Self::Confirmed),
            6 => Refused::get(r).map(Self::Refused),
            _ => Err(WireError::BadValue("answer")),
        })
    }
}

impl Granted {
    fn put(&self, w: &mut Writer) {
        w.u64(self.tenant.0).raw(&self.device.0).u64(self.account.0).text(&self.login);
        w.u8(self.second_factor as u8).text(&self.deployment);
        w.list(&self.chain, |w, certificate| _ = w.bytes16(certificate)).bytes16(&self.authority);
        w.raw(&self.noise_key).list(&self.pins, |w, pin| _ = w.raw(pin));
        w.list(&self.signal_keys, |w, key| _ = w.raw(key)).i64(self.now.0);
    }

    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let granted = Self {
            tenant: TenantId(r.u64()?),
            device: DeviceId(r.array()?),
            account: AccountId(r.u64()?),
            login: r.text("login", LOGIN_BYTES_MAX)?,
            second_factor: match r.u8()? {
                0 => SecondFactorNeed::None,
                1 => SecondFactorNeed::Optional,
                2 => SecondFactorNeed::Required,
                _ => return Err(WireError::BadValue("second factor")),
            },
            deployment: r.text("deployment", DEPLOYMENT_BYTES_MAX)?,
            chain: r.list("chain", CHAIN_MAX, |r| Ok(r.bytes16("certificate", CERTIFICATE_BYTES_MAX)?.to_vec()))?,
            authority: r.bytes16("authority", CERTIFICATE_BYTES_MAX)?.to_vec(),
            noise_key: r.array()?,
            pins: r.list("pins", PINS_MAX, Reader::array)?,
            signal_keys: r.list("signal keys", SIGNAL_KEYS_MAX, Reader::array)?,
            now: Timestamp(r.i64()?),
        };
        if granted.chain.is_empty() || granted.pins.is_empty() {
            return Err(WireError::BadValue("granted"));
        }
        Ok(granted)
    }
}
