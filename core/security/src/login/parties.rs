//! Who logs in where: names with one spelling, and what a login is bound to.

use super::LoginError;
use super::stretch::SUITE;
use aitrading_model::TenantId;
use std::fmt;

const NAME_MAX: usize = 128;
const DEPLOYMENT_MAX: usize = 253;
/// Begins the context; the number changes with the meaning of any message.
const PRODUCT: &[u8] = b"aitrading/login/1\0";

/// A login name, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginName(String);

impl LoginName {
    /// From what somebody typed: spaces around it go, capitals become small.
    ///
    /// # Errors
    /// [`LoginError::BadName`] unless 1 to 128 of `a-z`, `0-9` and `. _ - + @` remain: names that look alike must be
    /// alike.
    pub fn new(typed: &str) -> Result<Self, LoginError> {
        let name = typed.trim().to_ascii_lowercase();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-+@".contains(&b);
        let fits = !name.is_empty() && name.len() <= NAME_MAX && name.bytes().all(plain);
        if fits { Ok(Self(name)) } else { Err(LoginError::BadName) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of one deployment: passwords that were registered with another mean nothing to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment(String);

impl Deployment {
    /// From the configuration; it cannot change without every user registering again.
    ///
    /// # Errors
    /// [`LoginError::BadDeployment`] unless it is 1 to 253 of `a-z`, `0-9`, `.` and `-`.
    pub fn new(name: &str) -> Result<Self, LoginError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
        let fits = !name.is_empty() && name.len() <= DEPLOYMENT_MAX && name.bytes().all(plain);
        if fits { Ok(Self(name.to_owned())) } else { Err(LoginError::BadDeployment) }
    }
}

/// The hash of the Noise handshake that a login runs inside: both ends of one channel have the same, two channels
/// never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelHash(pub [u8; 32]);

/// The two ends of a registration or a login.
#[derive(Debug, Clone)]
pub struct Parties {
    tenant: TenantId,
    name: LoginName,
    deployment: Deployment,
}

impl Parties {
    /// Who, of which tenant, where.
    #[must_use]
    pub const fn new(tenant: TenantId, name: LoginName, deployment: Deployment) -> Self {
        Self { tenant, name, deployment }
    }

    /// The user's name.
    #[must_use]
    pub const fn name(&self) -> &LoginName {
        &self.name
    }

    pub(super) fn bound(&self) -> Bound {
        // Neither part can hold a slash, so two users never share an identity.
        let client = format!("aitrading/tenant/{}/login/{}", self.tenant, self.name).into_bytes();
        let server = format!("aitrading/deployment/{}", self.deployment.0).into_bytes();
        Bound { credential: client.clone(), client, server, context: Vec::new() }
    }

    pub(super) fn bound_to(&self, channel: &ChannelHash) -> Bound {
        Bound { context: context(channel), ..self.bound() }
    }
}

/// The names as OPAQUE takes them.
#[derive(Debug, Clone)]
pub(crate) struct Bound {
    /// What the user's OPRF key is derived for.
    pub(crate) credential: Vec<u8>,
    pub(crate) client: Vec<u8>,
    pub(crate) server: Vec<u8>,
    pub(crate) context: Vec<u8>,
}

impl Bound {
    pub(super) fn identifiers(&self) -> opaque_ke::Identifiers<'_> {
        opaque_ke::Identifiers { client: Some(&self.client), server: Some(&self.server) }
    }
}

/// Product, version, suite, channel: a login that is relayed from one channel into another has two contexts and fails.
fn context(channel: &ChannelHash) -> Vec<u8> {
    [PRODUCT, SUITE, b"\0", &channel.0].concat()
}
