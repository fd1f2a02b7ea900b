//! What the interface offers, as data: the router, the gate, the limits, the audit log and the published description are all
//! made from one table, so that none of them can forget a path.

use crate::{call::{Api, Call}, error::ApiError};
use aitrading_env::BoxFuture;
use aitrading_http::{Method, Response};
use schemars::{Schema, SchemaGenerator};
use std::fmt;

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
pub(crate) type Handle = for<'a> fn(&'a Api, Call) -> BoxFuture<'a, Result<Response, ApiError>>;

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
