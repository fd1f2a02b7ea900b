//! Why a query is refused, or ends early.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_store::StoreError;
use std::time::Duration;

/// What a library said; only ever logged.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// A query's refusal or failure.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The text is longer than a statement may be.
    #[error("the statement is longer than {limit} {unit}; shorten it, or put long lists into a join")]
    TooLong {
        /// The bound.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// Short, but large when it is written out.
    #[error(
        "the statement has more than {limit} {unit} when all that it names is written out; name WITH queries, subqueries and \
         computed columns fewer times, or ask in steps"
    )]
    TooLarge {
        /// The bound.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// Not SQL, or names what is not there.
    #[error(
        "the statement is not valid: {what}; the tables are ticks, bars and logs, SHOW TABLES and DESCRIBE say more"
    )]
    Invalid {
        /// What is wrong with the statement, in the planner's words.
        what: String,
    },
    /// SQL, but nothing that only reads the three tables.
    #[error(
        "{what} is not allowed; allowed is one SELECT, WITH, EXPLAIN, SHOW TABLES or DESCRIBE over ticks, bars and logs"
    )]
    NotAllowed {
        /// What was asked for.
        what: String,
    },
    /// As many queries run as may.
    #[error("{limit} queries are running, which is the most; try again when one has ended")]
    Busy {
        /// The bound.
        limit: usize,
    },
    /// The query took too long.
    #[error("the query took longer than {limit:?} and was stopped; narrow account, symbol or time in WHERE")]
    TimedOut {
        /// The bound.
        limit: Duration,
    },
    /// The query needs more memory than it may have.
    #[error("the query needs more than {limit} bytes of memory; sort or group less, or narrow the WHERE")]
    OutOfMemory {
        /// The bound.
        limit: usize,
    },
    /// The result has too many rows; those up to the limit were delivered.
    #[error("the result has more than {limit} rows; add a LIMIT, or group them")]
    TooManyRows {
        /// The bound.
        limit: u64,
    },
    /// The result is too large; the part up to the limit was delivered.
    #[error("the result has more than {limit} bytes; select fewer columns or rows")]
    TooManyBytes {
        /// The bound.
        limit: u64,
    },
    /// A file is not as it was written.
    #[error("the tick file {file} is damaged; the query was stopped rather than answered without it; restore the file")]
    DamagedFile {
        /// Which: its symbol and name, not its place.
        file: String,
        /// What the reader said, if it did.
        source: Option<Source>,
    },
    /// Another server has the ticks and bars.
    #[error("ticks and bars are kept on {place}; ask it with its own client, and only logs here")]
    KeptElsewhere {
        /// Which server.
        place: &'static str,
    },
    /// The store behind the tables failed.
    #[error("the store could not show its ticks, bars or logs; see its own error, then try again")]
    Store(#[source] StoreError),
    /// A value broke the calculation while the query ran.
    #[error("the query failed on a value: {what}; guard it with CASE or NULLIF, or cast it to a wider type")]
    BadValue {
        /// What happened, in the words of the calculation.
        what: String,
    },
    /// A defect of the engine or of the machine.
    #[error("the SQL engine failed while {doing}; the log has the cause")]
    Engine {
        /// What was being done.
        doing: &'static str,
        /// What the library said.
        source: Source,
    },
}

impl SqlError {
    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::NotAllowed { what: what.into() }
    }
}

impl Coded for SqlError {
    fn dna(&self) -> Dna {
        let new = |code, category| Dna::new("sql-engine", code, category);
        let caller = |code, category| new(code, category).side(FaultSide::Caller).severity(Severity::Info);
        match self {
            Self::TooLong { .. } => caller("SQL_TOO_LONG", Category::Input),
            Self::TooLarge { .. } => caller("SQL_TOO_LARGE", Category::Input),
            Self::Invalid { .. } => caller("SQL_INVALID", Category::Input),
            Self::NotAllowed { .. } => caller("SQL_NOT_ALLOWED", Category::Access),
            Self::Busy { .. } => caller("SQL_BUSY", Category::Capacity).retry(Retry::Later),
            Self::TimedOut { .. } => caller("SQL_TIMED_OUT", Category::Capacity),
            Self::OutOfMemory { .. } => caller("SQL_OUT_OF_MEMORY", Category::Capacity),
            Self::TooManyRows { .. } => caller("SQL_TOO_MANY_ROWS", Category::Capacity),
            Self::TooManyBytes { .. } => caller("SQL_TOO_MANY_BYTES", Category::Capacity),
            Self::BadValue { .. } => caller("SQL_BAD_VALUE", Category::Input),
            Self::DamagedFile { .. } => {
                new("SQL_DAMAGED_FILE", Category::Storage).side(FaultSide::Dependency).severity(Severity::Critical)
            }
            Self::KeptElsewhere { .. } => caller("SQL_KEPT_ELSEWHERE", Category::Input),
            Self::Store(_) => new("SQL_STORE", Category::Storage).side(FaultSide::Dependency).retry(Retry::Later),
            Self::Engine { .. } => new("SQL_ENGINE", Category::Internal),
        }
    }
}
