//! Moving embedded stores to servers: all of it, once, proved; and what does not fit is refused before anything is changed.

mod rows;
mod ticks;

use aitrading_database_link::{Role, Secrets};
use aitrading_database_service::{Database, Servers, TransferError, Transferred, transfer};
use aitrading_env::Env;
use aitrading_error::Coded;
use std::sync::atomic::{AtomicU64, Ordering};

/// Moves a part, and sees that it is told how far it is.
async fn to(from: &Database, role: Role, servers: &Servers) -> Result<Transferred, TransferError> {
    let heard = AtomicU64::new(0);
    let mut hear = |_: &str, records: u64| {
        heard.fetch_max(records, Ordering::Relaxed);
    };
    let done = transfer(&Env::real(), from, role, servers, &Secrets::default(), &mut hear).await?;
    assert!(heard.load(Ordering::Relaxed) > 0, "nobody was told how far it is");
    Ok(done.expect("the server is named"))
}

fn code<T>(answer: Result<T, TransferError>) -> &'static str {
    answer.map_or_else(|error| error.dna().code, |_| "done")
}
