//! Login and step-up: OPAQUE, then the second factor, then a token.

use super::parts::{get_facts, get_hidden, get_version, put_facts, whole};
use super::{
    CODE_BYTES_MAX, Fact, Hidden, IDENTITY_VERSION, LOGIN_BYTES_MAX, Refused, SECRET_BYTES_MAX, TOKEN_BYTES_MAX,
};
use crate::{Reader, WireError, Writer};
use aitrading_model::{AccountId, Timestamp};

/// What the login is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A new session.
    Session,
    /// A fresh proof within a session (its family).
    StepUp([u8; 16]),
}

/// Begins a login. The first question, and asked once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginStart {
    /// What for.
    pub wanted: Wanted,
    /// Who.
    pub login: String,
    /// OPAQUE's KE1.
    pub request: [u8; 96],
    /// What the device says about itself.
    pub facts: Vec<Fact>,
    /// What its clock says.
    pub clock: Timestamp,
}

/// A second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Six digits.
    Code(Hidden),
    /// A recovery code.
    Recovery(Hidden),
}

/// The client's questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginAsk {
    /// First.
    Start(Box<LoginStart>),
    /// OPAQUE's KE3.
    Finish([u8; 64]),
    /// The second factor, once.
    Factor(Proof),
}

/// How surely the user is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginLevel {
    /// By a password.
    Password,
    /// And a second factor.
    SecondFactor,
    /// And both a moment ago.
    StepUp {
        /// Until then.
        until: Timestamp,
    },
}

/// What a client refreshes with: text forms of docs/specs/tokens.md, section 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshGranted {
    /// The family's key.
    pub family_key: Hidden,
    /// The secret of generation 0.
    pub secret: Hidden,
}

/// Logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginGranted {
    /// The access token.
    pub token: Hidden,
    /// Its end.
    pub expires_at: Timestamp,
    /// Recognised how surely.
    pub level: LoginLevel,
    /// The user's id.
    pub subject: [u8; 16],
    /// The account that the token speaks for; 0 for none.
    pub account: AccountId,
    /// Recovery codes that are left; with few left a client says so.
    pub recovery_left: u8,
    /// For a new session, and only there.
    pub refresh: Option<RefreshGranted>,
}

/// The server's answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginAnswer {
    /// To [`LoginAsk::Start`]: OPAQUE's KE2, also for a user that there is not.
    Respond(Box<[u8; 320]>),
    /// The password was right; the second factor is due.
    FactorNeeded,
    /// Logged in.
    Granted(Box<LoginGranted>),
    /// No. The exchange ends.
    Refused(Refused),
}

impl LoginAsk {
    /// As a message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(512);
        match self {
            Self::Start(start) => {
                w.u8(1).u16(IDENTITY_VERSION);
                match start.wanted {
                    Wanted::Session => _ = w.u8(1),
                    Wanted::StepUp(family) => _ = w.u8(2).raw(&family),
                }
                w.text(&start.login).raw(&start.request);
                put_facts(&mut w, &start.facts);
                w.i64(start.clock.0);
            }
            Self::Finish(finish) => _ = w.u8(2).raw(finish),
            Self::Factor(Proof::Code(code)) => _ = w.u8(3).u8(1).text(code.expose()),
            Self::Factor(Proof::Recovery(code)) => _ = w.u8(3).u8(2).text(code.expose()),
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
                let wanted = match r.u8()? {
                    1 => Wanted::Session,
                    2 => Wanted::StepUp(r.array()?),
                    _ => return Err(WireError::BadValue("wanted")),
                };
                Ok(Self::Start(Box::new(LoginStart {
                    wanted,
                    login: r.text("login", LOGIN_BYTES_MAX)?,
                    request: r.array()?,
                    facts: get_facts(r)?,
                    clock: Timestamp(r.i64()?),
                })))
            }
            2 => r.array().map(Self::Finish),
            3 => {
                let proof = match r.u8()? {
                    1 => Proof::Code,
                    2 => Proof::Recovery,
                    _ => return Err(WireError::BadValue("proof")),
                };
                get_hidden(r, "code", CODE_BYTES_MAX).map(|code| Self::Factor(proof(code)))
            }
            _ => Err(WireError::BadValue("question")),
        })
    }
}

impl LoginAnswer {
    /// As a message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(1_024);
        match self {
            Self::Respond(response) => _ = w.u8(1).raw(&response[..]),
            Self::FactorNeeded => _ = w.u8(2),
            Self::Granted(granted) => {
                w.u8(3);
                granted.put(&mut w);
            }
            Self::Refused(refused) => {
                w.u8(4);
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
            1 => r.array().map(|response| Self::Respond(Box::new(response))),
            2 => Ok(Self::FactorNeeded),
            3 => LoginGranted::get(r).map(|granted| Self::Granted(Box::new(granted))),
            4 => Refused::get(r).map(Self::Refused),
            _ => Err(WireError::BadValue("answer")),
        })
    }
}

impl LoginGranted {
    fn put(&self, w: &mut Writer) {
        w.text(self.token.expose()).i64(self.expires_at.0);
        let (level, until) = match self.level {
            LoginLevel::Password => (0, 0),
            LoginLevel::SecondFactor => (1, 0),
            LoginLevel::StepUp { until } => (2, until.0),
        };
        w.u8(level).i64(until).raw(&self.subject).u64(self.account.0).u8(self.recovery_left);
        match &self.refresh {
            None => _ = w.u8(0),
            Some(refresh) => _ = w.u8(1).text(refresh.family_key.expose()).text(refresh.secret.expose()),
        }
    }

    fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            token: get_hidden(r, "token", TOKEN_BYTES_MAX)?,
            expires_at: Timestamp(r.i64()?),
            level: match (r.u8()?, r.i64()?) {
                (0, 0) => LoginLevel::Password,
                (1, 0) => LoginLevel::SecondFactor,
                (2, until) => LoginLevel::StepUp { until: Timestamp(until) },
                _ => return Err(WireError::BadValue("level")),
            },
            subject: r.array()?,
            account: AccountId(r.u64()?),
            recovery_left: r.u8()?,
            refresh: match r.u8()? {
                0 => None,
                1 => Some(RefreshGranted {
                    family_key: get_hidden(r, "family key", SECRET_BYTES_MAX)?,
                    secret: get_hidden(r, "refresh secret", SECRET_BYTES_MAX)?,
                }),
                _ => return Err(WireError::BadValue("refresh")),
            },
        })
    }
}
