//! The port for what was seen of requests on their way through chains.

use crate::{
    ChainId, GraphName, StoreError,
    bounds::{is_word, require},
};
use aitrading_model::{TenantId, Timestamp, TraceId};
use async_trait::async_trait;

/// One step of one request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainSpan {
    /// Whose.
    pub tenant: TenantId,
    /// Of which request.
    pub trace: TraceId,
    /// Which step of it: the same step again is left as it was.
    #[serde(with = "crate::hex")]
    pub span: [u8; 8],
    /// The step that it belongs to.
    #[serde(with = "crate::hex::optional")]
    pub parent: Option<[u8; 8]>,
    /// Along which chain.
    pub chain: ChainId,
    /// From where; `None`: from outside.
    pub source: Option<GraphName>,
    /// To where.
    pub target: GraphName,
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in nanoseconds.
    pub took_ns: u64,
    /// The code of the error that it ended with; `None`: it went well.
    pub code: Option<String>,
}

impl ChainSpan {
    /// Most bytes of a code.
    pub const CODE_MAX: usize = 64;
    /// Most steps in one call.
    pub const AT_ONCE_MAX: usize = 1_000;
    /// Longest step: what a signed 64-bit number of nanoseconds can say.
    pub const TOOK_MAX_NS: u64 = i64::MAX as u64;

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(self.took_ns <= Self::TOOK_MAX_NS, "a step takes at most 292 years")?;
        let good = |code: &String| is_word(&code.to_ascii_lowercase(), Self::CODE_MAX);
        require(
            self.code.as_ref().is_none_or(good),
            "a step's code has 1 to 64 ASCII letters, digits, '_', '-' and '.'",
        )
    }

    /// Its place among the steps of its tenant.
    #[must_use]
    pub const fn place(&self) -> SpanPlace {
        SpanPlace { at: self.at, trace: self.trace, span: self.span }
    }
}

/// The rule for what is written at once.
///
/// # Errors
/// [`StoreError::Invalid`].
pub fn check_spans(spans: &[ChainSpan]) -> Result<(), StoreError> {
    require(spans.len() <= ChainSpan::AT_ONCE_MAX, "write at most 1,000 steps at once")?;
    spans.iter().try_for_each(ChainSpan::check)
}

/// A step's place: by time, then by request and step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpanPlace {
    /// When it began.
    pub at: Timestamp,
    /// Of which request.
    pub trace: TraceId,
    /// Which step.
    #[serde(with = "crate::hex")]
    pub span: [u8; 8],
}

/// Keeps steps of requests.
#[async_trait]
pub trait ChainTraceStore: Send + Sync {
    /// Writes steps: all of them or none. A step that is known is left as it was.
    async fn append(&self, spans: Vec<ChainSpan>) -> Result<(), StoreError>;
    /// Up to `limit` steps of a request behind the place `after`, in the order of their places.
    async fn of_trace(
        &self,
        tenant: TenantId,
        trace: TraceId,
        after: Option<SpanPlace>,
        limit: usize,
    ) -> Result<Vec<ChainSpan>, StoreError>;
    /// Up to `limit` steps along a chain that began at or after `from` and before `to`, behind the place `after`, in the
    /// order of their places.
    async fn of_chain(
        &self,
        tenant: TenantId,
        chain: &ChainId,
        (from, to): (Timestamp, Timestamp),
        after: Option<SpanPlace>,
        limit: usize,
    ) -> Result<Vec<ChainSpan>, StoreError>;
    /// Forgets a tenant's steps that began before `before`; answers how many there were.
    async fn forget(&self, tenant: TenantId, before: Timestamp) -> Result<u64, StoreError>;
}
