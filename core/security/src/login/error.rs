//! Why a login, a code, an invitation or an action is refused.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};

/// What can go wrong with names, passwords and the messages of OPAQUE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The login name is not one.
    #[error("the login name is not usable: 1 to 128 of a-z, 0-9 and . _ - + @ are expected; choose another")]
    BadName,
    /// The deployment's name is not one.
    #[error("the deployment's name is not usable: 1 to 253 of a-z, 0-9, '.' and '-' are expected; correct the setting")]
    BadDeployment,
    /// Too short to be guessed seldom enough.
    #[error("the password has fewer than 12 characters; choose a longer one, several words will do")]
    PasswordShort,
    /// Nothing was typed.
    #[error("the password is empty; type it")]
    PasswordEmpty,
    /// Longer than anybody types.
    #[error("the password has more than 1,024 bytes; choose a shorter one")]
    PasswordLong,
    /// The first thing that anybody tries.
    #[error("the password is the login name, or little more; choose one that has nothing to do with it")]
    PasswordIsLogin,
    /// A message of another size than its kind has.
    #[error("the {what} has {got} bytes where {expected} are expected; both sides must run the same version")]
    MessageLength {
        /// Which message.
        what: &'static str,
        /// Its fixed size in bytes.
        expected: usize,
        /// What came, in bytes.
        got: usize,
    },
    /// A message whose content cannot come from an honest peer.
    #[error("the {0} is malformed: it holds no valid group element; the peer is faulty or hostile, begin anew")]
    MessageMalformed(&'static str),
    /// The one answer to a wrong password, an unknown user, another channel and another deployment.
    #[error("the login is refused: name or password is wrong, or the login came over another channel; try again")]
    Refused,
    /// This build does not stretch the password as the suite demands.
    #[error("this program does not stretch passwords with Argon2id as it must; install an unaltered release")]
    WeakStretching,
    /// The stretching could not be computed.
    #[error("the password could not be stretched: 64 MiB of free memory are needed; close something and try again")]
    StretchingFailed,
    /// The deployment's login secret does not read.
    #[error("the login setup is damaged or of an unknown version; restore it from its escrow, or nobody can log in")]
    SetupDamaged,
    /// A stored password record does not read.
    #[error("the stored password record is damaged or of an unknown version; restore it or invite the user again")]
    RecordDamaged,
}

impl Coded for LoginError {
    fn dna(&self) -> Dna {
        let input = |code| Dna::new("security", code, Category::Input).side(FaultSide::Caller);
        match self {
            Self::BadName => input("LOGIN_NAME"),
            Self::BadDeployment => Dna::new("security", "LOGIN_DEPLOYMENT", Category::Config),
            Self::PasswordShort => input("PASSWORD_SHORT"),
            Self::PasswordEmpty => input("PASSWORD_EMPTY"),
            Self::PasswordLong => input("PASSWORD_LONG"),
            Self::PasswordIsLogin => input("PASSWORD_IS_LOGIN"),
            Self::MessageLength { .. } => input("LOGIN_MESSAGE_LENGTH"),
            Self::MessageMalformed(_) => input("LOGIN_MESSAGE_MALFORMED").severity(Severity::Warning),
            Self::Refused => access("LOGIN_REFUSED"),
            Self::WeakStretching => {
                Dna::new("security", "LOGIN_STRETCHING_WEAK", Category::Crypto).severity(Severity::Critical)
            }
            Self::StretchingFailed => {
                Dna::new("security", "LOGIN_STRETCHING_FAILED", Category::Capacity).retry(Retry::Later)
            }
            Self::SetupDamaged => {
                Dna::new("security", "LOGIN_SETUP_DAMAGED", Category::Crypto).severity(Severity::Critical)
            }
            Self::RecordDamaged => Dna::new("security", "LOGIN_RECORD_DAMAGED", Category::Storage),
        }
    }

    /// To a peer, a damaged record is a refused login: only users that exist have one.
    fn public_message(&self) -> String {
        match self {
            Self::RecordDamaged => Self::Refused.to_string(),
            other => other.to_string(),
        }
    }
}

/// Why the second factor is refused. A peer is told "refused" for all but [`FactorRefused::Damaged`] and
/// [`FactorRefused::NotConfirmed`]; the code goes to the security events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FactorRefused {
    /// Not six digits, or no recovery code.
    #[error("the code is not one: six digits, or a recovery code of 16 characters, are expected; look again")]
    Malformed,
    /// It fits no step of the window.
    #[error("the code is wrong or too old; wait for the next one and check the clock of the device that shows it")]
    Wrong,
    /// It fits a step that is used up.
    #[error("this code was used before; wait for the next one")]
    Used,
    /// The user never proved that the authenticator works.
    #[error("the second factor was never confirmed with a first code; set it up again")]
    NotConfirmed,
    /// It is confirmed already.
    #[error("the second factor is set up already; remove it first to set up another")]
    AlreadyConfirmed,
    /// No step can be computed.
    #[error("the clock stands before 1970, so no code can be checked; set the clock")]
    Clock,
    /// Stored bytes do not read.
    #[error("the stored second factor is damaged or of an unknown version; restore it or set it up again")]
    Damaged,
}

impl Coded for FactorRefused {
    fn dna(&self) -> Dna {
        match self {
            Self::Malformed => access("FACTOR_MALFORMED"),
            Self::Wrong => access("FACTOR_WRONG"),
            Self::Used => access("FACTOR_USED"),
            Self::NotConfirmed => access("FACTOR_NOT_CONFIRMED"),
            Self::AlreadyConfirmed => access("FACTOR_ALREADY_CONFIRMED"),
            Self::Clock => Dna::new("security", "FACTOR_CLOCK", Category::Config).severity(Severity::Critical),
            Self::Damaged => Dna::new("security", "FACTOR_DAMAGED", Category::Storage),
        }
    }
}

/// Why an enrolment code or an invitation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteRefused {
    /// Not 26 characters and a check symbol, or the check symbol does not fit.
    #[error("the enrolment code was mistyped: 27 characters in groups of four are expected; compare it with the paper")]
    Mistyped,
    /// Its 15 minutes are over.
    #[error("the enrolment code has expired; ask the operator for a new one")]
    Expired,
    /// The clock stands before the time of issue, or the invitation lasts longer than any may.
    #[error("the invitation's times do not fit the clock; set the clock and ask for a new code")]
    Clock,
    /// It was used.
    #[error("the enrolment code was used before; ask for a new one, and if nobody of yours used it, tell the operator")]
    Used,
    /// Stored bytes do not read.
    #[error("the stored invitation is damaged or of an unknown version; ask the operator for a new code")]
    Damaged,
}

impl Coded for InviteRefused {
    fn dna(&self) -> Dna {
        match self {
            Self::Mistyped => Dna::new("security", "INVITE_MISTYPED", Category::Input)
                .side(FaultSide::Caller)
                .severity(Severity::Info),
            Self::Expired => access("INVITE_EXPIRED"),
            Self::Clock => access("INVITE_CLOCK"),
            Self::Used => access("INVITE_USED"),
            Self::Damaged => Dna::new("security", "INVITE_DAMAGED", Category::Storage),
        }
    }
}

/// Why the session's level does not do. Each says what the user has to prove next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LevelRefused {
    /// A password alone.
    #[error("this needs the second factor; enter the code of your authenticator")]
    NeedsSecondFactor,
    /// No step-up yet.
    #[error("this needs a fresh proof of who you are; enter password and code again")]
    NeedsStepUp,
    /// A step-up that is over, or reaches further than any may.
    #[error("the fresh proof is older than 5 minutes; enter password and code again")]
    StepUpOver,
}

impl Coded for LevelRefused {
    fn dna(&self) -> Dna {
        match self {
            Self::NeedsSecondFactor => access("LEVEL_SECOND_FACTOR"),
            Self::NeedsStepUp => access("LEVEL_STEP_UP"),
            Self::StepUpOver => access("LEVEL_STEP_UP_OVER"),
        }
    }
}

fn access(code: &'static str) -> Dna {
    Dna::new("security", code, Category::Access).side(FaultSide::Caller).severity(Severity::Warning)
}
