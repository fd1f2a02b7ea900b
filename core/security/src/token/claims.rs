//! What a token says: the typed claims, and their one written form.

pub use crate::{access::Role, login::Level};

use super::{FamilyId, SECOND_NS, Subject, TokenFault, TokenId, TokenRefused};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize};

/// Longest audience and issuer, in bytes.
pub const AUDIENCE_MAX: usize = 64;

/// What a token grants, to whom, and to which certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose data.
    pub tenant: TenantId,
    /// Who.
    pub subject: Subject,
    /// May do what.
    pub role: Role,
    /// Recognised how surely. Ask [`Claims::level`] for what still holds.
    pub level: Level,
    /// The login that it grew out of.
    pub family: FamilyId,
    /// The installation, if it is one.
    pub device: Option<DeviceId>,
    /// The only account that it may speak for, if there is one.
    pub account: Option<AccountId>,
    /// SHA-256 of the DER client certificate that it has to be presented with.
    pub certificate: [u8; 32],
    /// The door that it opens: 1 to [`AUDIENCE_MAX`] visible ASCII characters.
    pub audience: String,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// What it grants.
    pub grant: Grant,
    /// Which token.
    pub id: TokenId,
    /// When it was issued; whole seconds, as all times in a token.
    pub issued_at: Timestamp,
    /// Not good before.
    pub not_before: Timestamp,
    /// Not good from then on.
    pub expires_at: Timestamp,
}

impl Claims {
    /// How surely the bearer is recognised at `now`: a step-up ends by itself, without any leeway.
    #[must_use]
    pub fn level(&self, now: Timestamp) -> Level {
        match self.grant.level {
            Level::StepUp { until } if now >= until => Level::SecondFactor,
            level => level,
        }
    }
}

/// The claims as JSON, in the order in which they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaims {
    iss: String,
    aud: String,
    sub: Subject,
    tenant: String,
    role: Role,
    level: RawLevel,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    stp: Option<u64>,
    fam: FamilyId,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: TokenId,
    cnf: RawBinding,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawLevel {
    Password,
    SecondFactor,
    StepUp,
}

/// RFC 8705: the certificate that the token is bound to.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBinding {
    #[serde(rename = "x5t#S256")]
    certificate: String,
}

/// A claim that is there has a value: `null` is not a way to leave it out.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl RawClaims {
    /// What an issuer writes.
    ///
    /// # Errors
    /// [`TokenFault::Grant`] or [`TokenFault::Clock`] for what a verifier would refuse.
    pub(super) fn write(claims: &Claims, issuer: &str) -> Result<Self, TokenFault> {
        let grant = &claims.grant;
        if !is_name(&grant.audience) {
            return Err(TokenFault::Grant("the audience needs 1 to 64 visible ASCII characters"));
        }
        let (level, stp) = match grant.level {
            Level::Password => (RawLevel::Password, None),
            Level::SecondFactor => (RawLevel::SecondFactor, None),
            Level::StepUp { until } => {
                if until < claims.issued_at || until > claims.expires_at {
                    return Err(TokenFault::Grant("the step-up has to end within the life of the token"));
                }
                (RawLevel::StepUp, Some(seconds(until)?))
            }
        };
        Ok(Self {
            iss: issuer.to_owned(),
            aud: grant.audience.clone(),
            sub: grant.subject,
            tenant: grant.tenant.to_string(),
            role: grant.role,
            level,
            stp,
            fam: grant.family,
            device: grant.device.map(|device| device.to_string()),
            account: grant.account.map(|account| account.to_string()),
            iat: seconds(claims.issued_at)?,
            nbf: seconds(claims.not_before)?,
            exp: seconds(claims.expires_at)?,
            jti: claims.id,
            cnf: RawBinding { certificate: URL_SAFE_NO_PAD.encode(grant.certificate) },
        })
    }

    /// The encoded bytes, exactly as an issuer writes them; `None` if they cannot be written.
    pub(super) fn encoded(&self) -> Option<String> {
        serde_json::to_vec(self).ok().map(|json| URL_SAFE_NO_PAD.encode(json))
    }

    /// The issuer that it names.
    pub(super) fn issuer(&self) -> &str {
        &self.iss
    }

    /// The typed claims.
    ///
    /// # Errors
    /// [`TokenRefused::Malformed`].
    pub(super) fn read(self) -> Result<Claims, TokenRefused> {
        self.typed().ok_or(TokenRefused::Malformed)
    }

    fn typed(self) -> Option<Claims> {
        let level = match (self.level, self.stp) {
            (RawLevel::Password, None) => Level::Password,
            (RawLevel::SecondFactor, None) => Level::SecondFactor,
            (RawLevel::StepUp, Some(until)) if until >= self.iat && until <= self.exp => {
                Level::StepUp { until: timestamp(until)? }
            }
            _ => return None,
        };
        let certificate = URL_SAFE_NO_PAD.decode(&self.cnf.certificate).ok()?.try_into().ok()?;
        if !is_name(&self.aud) {
            return None;
        }
        let grant = Grant {
            tenant: spelled(&self.tenant)?,
            subject: self.sub,
            role: self.role,
            level,
            family: self.fam,
            device: optional(self.device.as_deref())?,
            account: optional(self.account.as_deref())?,
            certificate,
            audience: self.aud,
        };
        let (issued_at, not_before) = (timestamp(self.iat)?, timestamp(self.nbf)?);
        Some(Claims { grant, id: self.jti, issued_at, not_before, expires_at: timestamp(self.exp)? })
    }
}

/// An id in the one spelling that it is written in: no sign, no leading zero, no capitals.
fn spelled<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|id: &T| id.to_string() == text)
}

/// An id that may be left out; the outer `None` is a wrong one.
#[expect(clippy::option_option, reason = "left out and wrong are different answers")]
fn optional<T: std::str::FromStr + ToString>(text: Option<&str>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| spelled(text).map(Some))
}

/// Names of issuers and audiences.
pub(super) fn is_name(name: &str) -> bool {
    (1..=AUDIENCE_MAX).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

fn timestamp(seconds: u64) -> Option<Timestamp> {
    i64::try_from(seconds).ok()?.checked_mul(SECOND_NS).map(Timestamp)
}

fn seconds(at: Timestamp) -> Result<u64, TokenFault> {
    u64::try_from(at.0.div_euclid(SECOND_NS)).map_err(|_| TokenFault::Clock)
}
