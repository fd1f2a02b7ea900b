//! The password, and what is asked of a new one. The server never sees it, so only the client can ask.

use super::{LoginError, LoginName};
use crate::Secret;

/// The fewest characters of a new password.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The most bytes of any password.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// A password that was typed, as UTF-8. It is overwritten when dropped.
#[derive(Debug)]
pub struct Password(Secret<String>);

impl Password {
    /// A password to register.
    ///
    /// # Errors
    /// [`LoginError::PasswordShort`] below 12 characters, [`LoginError::PasswordLong`] above 1,024 bytes,
    /// [`LoginError::PasswordIsLogin`] if it is the login name, in whatever case, backwards, repeated or between other
    /// signs.
    pub fn new(typed: Secret<String>, login: &LoginName) -> Result<Self, LoginError> {
        let password = Self::typed(typed)?;
        let text = password.0.expose();
        if text.chars().count() < PASSWORD_CHARS_MIN {
            return Err(LoginError::PasswordShort);
        }
        if is_login(text, login.as_str()) {
            return Err(LoginError::PasswordIsLogin);
        }
        Ok(password)
    }

    /// A password to log in with: only its size is bounded, since what is asked of new ones may have grown.
    ///
    /// # Errors
    /// [`LoginError::PasswordEmpty`], [`LoginError::PasswordLong`] above 1,024 bytes.
    pub fn typed(typed: Secret<String>) -> Result<Self, LoginError> {
        match typed.expose().len() {
            0 => Err(LoginError::PasswordEmpty),
            1..=PASSWORD_BYTES_MAX => Ok(Self(typed)),
            _ => Err(LoginError::PasswordLong),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// Is nothing left of `text` when the login name, forwards and backwards, and all that is neither letter nor digit is
/// taken away?
fn is_login(text: &str, login: &str) -> bool {
    let text = Secret::new(text.to_lowercase());
    let backwards: String = login.chars().rev().collect();
    let short = login.split('@').next().unwrap_or(login);
    [login, &backwards, short].into_iter().filter(|name| !name.is_empty()).any(|name| {
        let rest = Secret::new(text.expose().replace(name, ""));
        rest.expose().len() < text.expose().len() && !rest.expose().chars().any(char::is_alphanumeric)
    })
}
