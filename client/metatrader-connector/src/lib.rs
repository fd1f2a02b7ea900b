//! The connector beside MetaTrader 5: link to the Expert Advisor, order ledger, signal checks, execution, tick pump, session
//! with the server; and the simulated terminal that tests and the demo use.

pub mod ea_link;
pub mod ledger;
pub mod specs;
pub mod terminal;
pub mod ticks;
pub mod validator;
