//! The connector beside MetaTrader 5: link to the Expert Advisor, order ledger, signal checks, execution, tick pump, session
//! with the server; and the simulated terminal that tests and the demo use.

mod connector;
pub mod ea_link;
mod error;
pub mod execution;
mod history;
pub mod latency;
pub mod ledger;
pub mod line;
pub mod port;
pub mod pump;
pub mod reports;
pub mod server_time;
mod session;
pub mod specs;
pub mod status;
pub mod terminal;
pub mod ticks;
pub mod validator;
mod witness;

pub use connector::Connector;
pub use error::{AuthoritySource, ConnectorError};
pub use status::Status;
pub use witness::{EVIDENCE as WITNESS_EVIDENCE, WitnessError};
