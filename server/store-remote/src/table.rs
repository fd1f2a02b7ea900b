//! The table of ports and methods that the door, the client and the document share.

use aitrading_database_link::Role;

/// Where the ports are.
pub const PATH: &str = "/v1/ports/";
/// Header: how many milliseconds the caller waits for the answer.
pub const DEADLINE: &str = "aitrading-deadline-ms";

/// Bytes of the body of a small request.
pub const SMALL_BODY_MAX: usize = 64 * 1024;
/// Bytes of the body of a request with one record.
pub const ROW_BODY_MAX: usize = 5 * 1024 * 1024;
/// Bytes of the body of a request with a page of records.
pub const PAGE_BODY_MAX: usize = 32 * 1024 * 1024;
/// Bytes of the body of a request with a batch: a part of an import with as many ticks and bars as it may have.
pub const BATCH_BODY_MAX: usize = 128 * 1024 * 1024;
/// Bytes of an answer.
pub const ANSWER_MAX: usize = 128 * 1024 * 1024;
/// Most records in one answer. Who asks for more and would get more is refused: no answer is cut short.
pub const ROWS_MAX: usize = 1 << 20;

/// What a method does, and whether it may be called again when its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Changes nothing. The client repeats it.
    Read,
    /// Changes something; the same call again changes nothing more and answers the same. The client repeats it.
    Same,
    /// Changes something; the same call again is recognised, and answered otherwise: stale, done already, known. Not repeated by
    /// the client: its caller is the one to judge.
    Told,
    /// Changes something. Not repeated: look first.
    Once,
    /// A subscription: its own rules.
    Wait,
}

impl Kind {
    /// The name in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Same => "same",
            Self::Told => "told",
            Self::Once => "once",
            Self::Wait => "wait",
        }
    }

    /// May the client repeat it by itself?
    #[must_use]
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Read | Self::Same)
    }

    /// Does it run to its end, whoever waits for it?
    pub(crate) const fn is_write(self) -> bool {
        matches!(self, Self::Same | Self::Told | Self::Once)
    }
}

/// How much a call carries, in its body or its answer: decides the body's limit and how many such calls run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A few arguments.
    Small,
    /// One record.
    Row,
    /// A page of records.
    Page,
    /// A batch.
    Batch,
}

impl Size {
    /// The name in the document.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Row => "row",
            Self::Page => "page",
            Self::Batch => "batch",
        }
    }

    /// Bytes of the body.
    #[must_use]
    pub const fn body_max(self) -> usize {
        match self {
            Self::Small => SMALL_BODY_MAX,
            Self::Row => ROW_BODY_MAX,
            Self::Page => PAGE_BODY_MAX,
            Self::Batch => BATCH_BODY_MAX,
        }
    }
}

/// One method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// As the trait names it.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// How much it carries.
    pub size: Size,
}

/// One port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// As [`Stores`](aitrading_store::Stores) and [`PlatformStores`](aitrading_store::PlatformStores) name it.
    pub name: &'static str,
    /// The trait.
    pub port: &'static str,
    /// The database behind it: when that one is down, calls of other roles go on.
    pub role: Role,
    /// Services that may call it, by the names in their certificates.
    pub who: &'static [&'static str],
    /// Its methods.
    pub methods: &'static [Method],
}

impl Port {
    pub(crate) fn method(&self, name: &str) -> Option<&'static Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

/// Every service that may call any port. Who is not named here is refused whatever it asks for.
pub const SERVICES: [&str; 4] = [BRIDGE, ENGINE, GATEWAY, OPERATOR];
pub(crate) const BRIDGE: &str = "data-bridge";
pub(crate) const ENGINE: &str = "trading-engine";
pub(crate) const GATEWAY: &str = "api-gateway";
pub(crate) const OPERATOR: &str = "operator";
