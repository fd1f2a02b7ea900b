//! One call of the interface: what a handler gets, and what it answers.

use crate::{endpoint::Endpoint, error::ApiError, query::Query, router::PathValues};
use aitrading_http::{Bytes, HeaderValue, Response, StatusCode, bytes, from_json};
use aitrading_model::{AccountId, DeviceId, SignalId, Symbol, TenantId, Timestamp, TraceId};
use aitrading_security::access::{Actor, Permit, Subject, permit};
use serde::{Serialize, de::DeserializeOwned};
use std::str::FromStr;

/// One call that has passed the gate.
#[derive(Debug)]
pub(crate) struct Call {
    /// Which operation.
    pub(crate) endpoint: &'static Endpoint,
    /// Values in the path.
    pub(crate) path: PathValues,
    /// Behind the question mark.
    pub(crate) query: Option<String>,
    /// Empty unless the operation takes one.
    pub(crate) body: Bytes,
    /// Who asks; nobody at operations for anybody.
    pub(crate) actor: Option<Actor>,
    /// Joins it to what it causes.
    pub(crate) trace: TraceId,
    /// Now.
    pub(crate) now: Timestamp,
}

impl Call {
    /// Who asks.
    ///
    /// # Errors
    /// [`ApiError::Unknown`]; not behind a gate that recognises.
    pub(crate) fn actor(&self) -> Result<&Actor, ApiError> {
        self.actor.as_ref().ok_or(ApiError::Unknown)
    }

    /// Whose data.
    ///
    /// # Errors
    /// As [`Call::actor`].
    pub(crate) fn tenant(&self) -> Result<TenantId, ApiError> {
        self.actor().map(Actor::tenant)
    }

    /// May the actor do what this operation does, to `subject`?
    ///
    /// # Errors
    /// [`ApiError::Denied`].
    pub(crate) fn permit(&self, subject: Subject) -> Result<Permit, ApiError> {
        let crate::endpoint::Gate::May(permission) = self.endpoint.gate else { return Err(ApiError::Unknown) };
        permit(self.actor()?, permission, subject, self.now).map_err(ApiError::Denied)
    }

    /// The same for an account of the actor's tenant.
    ///
    /// # Errors
    /// As [`Call::permit`].
    pub(crate) fn permit_account(&self, account: AccountId) -> Result<(TenantId, Permit), ApiError> {
        let tenant = self.tenant()?;
        Ok((tenant, self.permit(Subject::Account(tenant, account))?))
    }

    /// The query, taken apart.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub(crate) fn query(&self) -> Result<Query<'_>, ApiError> {
        Query::parse(self.query.as_deref())
    }

    /// The body.
    ///
    /// # Errors
    /// As [`from_json`].
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        from_json(&self.body).map_err(ApiError::Http)
    }

    fn value<T: FromStr>(&self, name: &'static str, cure: &'static str) -> Result<T, ApiError> {
        self.path.get(name).parse().map_err(|_| ApiError::Path { name, cure })
    }

    /// `{account}` in the path.
    ///
    /// # Errors
    /// [`ApiError::Path`].
    pub(crate) fn account(&self) -> Result<AccountId, ApiError> {
        self.value("account", "write the account's number")
    }

    /// `{device}` in the path.
    ///
    /// # Errors
    /// [`ApiError::Path`].
    pub(crate) fn device(&self) -> Result<DeviceId, ApiError> {
        self.value("device", "write the 32 hexadecimal digits of the device")
    }

    /// `{signal}` in the path.
    ///
    /// # Errors
    /// [`ApiError::Path`].
    pub(crate) fn signal(&self) -> Result<SignalId, ApiError> {
        self.value("signal", "write the 32 hexadecimal digits of the signal")
    }

    /// `{user}` in the path.
    ///
    /// # Errors
    /// [`ApiError::Path`].
    pub(crate) fn user(&self) -> Result<[u8; 16], ApiError> {
        // One kind of 16 bytes reads as another.
        let id: SignalId = self.value("user", "write the 32 hexadecimal digits of the user")?;
        Ok(id.0)
    }

    /// `{symbol}` in the path.
    ///
    /// # Errors
    /// [`ApiError::Path`].
    pub(crate) fn symbol(&self) -> Result<Symbol, ApiError> {
        self.value("symbol", "write the symbol as the broker spells it")
    }
}

/// What a call is answered.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// Media type of every reply that has a body.
pub(crate) const KIND: &str = "application/json";

impl Reply {
    /// JSON.
    ///
    /// # Errors
    /// [`ApiError::Unwritable`]: a defect of the type.
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Result<Self, ApiError> {
        Ok(Self { status, body: serde_json::to_vec(body).map_err(ApiError::Unwritable)? })
    }

    /// 200 with JSON.
    ///
    /// # Errors
    /// As [`Reply::json`].
    pub(crate) fn ok(body: &impl Serialize) -> Result<Self, ApiError> {
        Self::json(StatusCode::OK, body)
    }

    /// Done, and nothing to say.
    pub(crate) const fn done() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new() }
    }

    /// As an answer. `replayed`: it was given before, under the same idempotency key.
    pub(crate) fn into_response(self, replayed: bool) -> Response {
        let kind = (!self.body.is_empty()).then_some(KIND);
        let mut answer = bytes(self.status, kind, self.body);
        if replayed {
            answer.headers_mut().insert("idempotent-replay", HeaderValue::from_static("true"));
        }
        answer
    }
}
