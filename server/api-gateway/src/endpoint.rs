//! What the interface offers, as data: the router, the gate, the limits, the audit log and the published description are all
//! made from one table, so that none of them can forget a path.

use crate::{
    api::Api,
    call::{Call, Reply},
    error::ApiError,
};
use aitrading_env::BoxFuture;
#[cfg(test)]
use aitrading_http::Method;
use aitrading_http::StatusCode;
use aitrading_security::{
    access::{Needed, Permission, Reach, Role, rule},
    limits::Action,
};
use schemars::{Schema, SchemaGenerator};
use std::{fmt, sync::Arc};

/// A method, for paths that are known at compile time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    /// As HTTP has it.
    #[cfg(test)]
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }

    /// As the description has it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Delete => "delete",
        }
    }

    /// Does it change something? Such a call names itself with an idempotency key and leaves a leaf in the audit log.
    pub(crate) const fn changes(self) -> bool {
        !matches!(self, Self::Get)
    }
}

/// A value of the query.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// A JSON Schema type: `string` or `integer`.
    pub(crate) kind: &'static str,
    pub(crate) required: bool,
}

/// Makes the schema of a body or an answer.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;
/// Answers a call.
pub(crate) type Handle = fn(Arc<Api>, Call) -> BoxFuture<'static, Result<Reply, ApiError>>;

/// Who gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// Anybody, recognised or not.
    Anybody,
    /// Anybody whom authentication has recognised.
    Recognised,
    /// Whoever has this permission, on the rows that come with it.
    May(Permission),
}

impl Gate {
    /// The permission's name, or who gets in without one.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Anybody => "none",
            Self::Recognised => "recognised",
            Self::May(permission) => permission.name(),
        }
    }

    /// What a person has to prove.
    pub(crate) const fn level(self) -> &'static str {
        match self {
            Self::Anybody => "none",
            Self::Recognised => Needed::Certificate.name(),
            Self::May(permission) => rule(Role::Operator, permission).1.name(),
        }
    }

    /// The roles that get in, with the rows that they reach.
    pub(crate) fn roles(self) -> Vec<(&'static str, &'static str)> {
        let reach = |role| match self {
            Self::Anybody | Self::Recognised => None,
            Self::May(permission) => match rule(role, permission).0 {
                Reach::Nothing => None,
                Reach::Own => Some("own"),
                Reach::Tenant => Some("all"),
            },
        };
        Role::ALL.into_iter().filter_map(|role| Some((role.name(), reach(role)?))).collect()
    }
}

/// One operation of the interface.
pub(crate) struct Endpoint {
    /// Its own name, `area.what`; also in audit leaves.
    pub(crate) id: &'static str,
    pub(crate) verb: Verb,
    /// With values in braces.
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) gate: Gate,
    pub(crate) limit: Action,
    pub(crate) query: &'static [Parameter],
    pub(crate) body: Option<SchemaOf>,
    /// Of a good answer.
    pub(crate) status: StatusCode,
    pub(crate) answer: Option<SchemaOf>,
    pub(crate) handle: Handle,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// The part of the name before the dot.
    pub(crate) fn area(&self) -> &'static str {
        self.id.split_once('.').map_or(self.id, |(area, _)| area)
    }

    /// The statuses with which it may refuse, apart from a missing part of ours.
    pub(crate) fn refusals(&self) -> Vec<u16> {
        let mut all = vec![400, 404, 429, 503];
        if self.gate != Gate::Anybody {
            all.extend([401, 403]);
        }
        if self.verb.changes() {
            all.extend([408, 409, 413, 415, 422]);
        }
        all.sort_unstable();
        all
    }
}

impl Verb {
    /// A place in a set of verbs.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Get => 1,
            Self::Post => 2,
            Self::Put => 4,
            Self::Delete => 8,
        }
    }

    /// A set of verbs as an Allow header has it.
    pub(crate) const fn list(bits: u8) -> &'static str {
        match bits {
            1 => "GET, HEAD",
            2 => "POST",
            3 => "GET, HEAD, POST",
            4 => "PUT",
            5 => "GET, HEAD, PUT",
            6 => "POST, PUT",
            7 => "GET, HEAD, POST, PUT",
            8 => "DELETE",
            9 => "GET, HEAD, DELETE",
            10 => "POST, DELETE",
            11 => "GET, HEAD, POST, DELETE",
            12 => "PUT, DELETE",
            13 => "GET, HEAD, PUT, DELETE",
            14 => "POST, PUT, DELETE",
            _ => "GET, HEAD, POST, PUT, DELETE",
        }
    }
}
