//! One connection to the server: where to, as whom, under which bounds, and what the server says of itself.

#[cfg(test)]
mod tests;

use super::error::Doing;
use aitrading_database_link::{Credentials, Link, LinkError, Role};
use aitrading_env::Env;
use aitrading_store::StoreError;
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Executor, PgConnection, Postgres,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::time::Duration;

const CONNECTING: &str = "connecting to the database server";
/// What the administrator sees in the server's list of sessions.
const NAME: &str = "aitrading";
/// The oldest release that the tests run on or that still gets repairs, as the server counts.
const NEEDED: u32 = 140_000;
const NEEDED_TEXT: &str = "14";
/// Prepared statements that one connection keeps; the stores have fewer.
const STATEMENTS_MAX: usize = 256;
/// Who froze inside a transaction holds the turn of all instances: the server ends it after this many deadlines.
const IDLE_DEADLINES: u32 = 2;
const VERSION_CHARS_MAX: usize = 64;

/// What the server says of itself to a new connection.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) version: String,
    pub(super) read_only: bool,
    /// 150018 for 15.18.
    number: u32,
}

impl Facts {
    fn check(&self) -> Result<(), StoreError> {
        if self.number < NEEDED {
            return Err(StoreError::too_old("PostgreSQL", &self.version, NEEDED_TEXT));
        }
        Ok(())
    }
}

/// A new connection, logged in.
pub(super) struct Fresh {
    pub(super) raw: PgConnection,
    pub(super) facts: Facts,
    pub(super) generation: u64,
}

/// Connects with the credentials as they are now. If the server refuses them and they have changed meanwhile, once more.
/// `statement_limit` is how long the server works on one statement at most.
pub(super) async fn dial(env: &Env, link: &Link, statement_limit: Duration) -> Result<Fresh, StoreError> {
    let credentials = link.credentials().map_err(|error| error.unavailable(CONNECTING))?;
    match log_in(env, link, &credentials, statement_limit).await {
        Err(refused @ StoreError::Unauthorised { .. }) => {
            let again = link.credentials().map_err(|error| error.unavailable(CONNECTING))?;
            if again.generation == credentials.generation {
                return Err(refused);
            }
            log_in(env, link, &again, statement_limit).await
        }
        done => done,
    }
}

async fn log_in(
    env: &Env,
    link: &Link,
    credentials: &Credentials,
    statement_limit: Duration,
) -> Result<Fresh, StoreError> {
    let limit = link.connect_limit();
    let options = options(link, credentials, statement_limit);
    let opened = env.timeout(limit, async {
        let mut raw = options.connect().await.doing(CONNECTING)?;
        let (facts, hasty) = ask(&mut raw).await.doing(CONNECTING)?;
        facts.check()?;
        if hasty {
            // What is committed here has been acknowledged to somebody. Stronger settings than `on` are left alone.
            raw.execute("SET synchronous_commit = on").await.doing(CONNECTING)?;
        }
        Ok(Fresh { raw, facts, generation: credentials.generation })
    });
    let late = |_| Err(LinkError::Deadline { role: Role::Relational, limit }.unavailable(CONNECTING));
    opened.await.unwrap_or_else(late)
}

fn options(link: &Link, credentials: &Credentials, statement_limit: Duration) -> PgConnectOptions {
    let endpoint = link.endpoint();
    let millis = |limit: Duration| limit.as_millis().to_string();
    let idle = statement_limit.saturating_mul(IDLE_DEADLINES);
    // The driver begins with the variables PGHOST, PGPASSWORD and so on of the process. What it lets us say is said here
    // again; of PGOPTIONS the server takes ours, which come later.
    let options = PgConnectOptions::new_without_pgpass()
        .host(endpoint.dial_host())
        .port(endpoint.port())
        .database(endpoint.database())
        .username(&credentials.user)
        .password(credentials.password.as_ref().map_or("", |password| password.expose_secret()))
        .application_name(NAME)
        .statement_cache_capacity(STATEMENTS_MAX)
        .options([
            ("statement_timeout", millis(statement_limit)),
            ("idle_in_transaction_session_timeout", millis(idle)),
            ("search_path", "public".to_owned()),
            // Quotes in our literals mean what they mean in SQLite.
            ("standard_conforming_strings", "on".to_owned()),
        ])
        .disable_statement_logging();
    let Some(tls) = endpoint.tls() else { return options.ssl_mode(PgSslMode::Disable) };
    // The driver's own list of authorities is empty in this workspace (patches/webpki-roots): ours is the only one.
    let options = options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(tls.ca_pem().to_vec());
    match tls.client_pem() {
        None => options,
        Some((certificate, key)) => {
            options.ssl_client_cert_from_pem(certificate).ssl_client_key_from_pem(key.expose_secret().as_bytes())
        }
    }
}

/// Asks the server who it is, and whether it would call a commit done before the disk has it.
pub(super) async fn ask<'c, E>(executor: E) -> Result<(Facts, bool), sqlx::Error>
where
    E: Executor<'c, Database = Postgres>,
{
    // Not transaction_read_only: the question may be asked in a transaction that is.
    let statement = "SELECT current_setting('server_version'), current_setting('server_version_num'),
         current_setting('default_transaction_read_only') = 'on' OR pg_is_in_recovery(),
         current_setting('synchronous_commit') = 'off'";
    let row = sqlx::query_as::<_, (String, String, bool, bool)>(statement).persistent(false);
    let (version, number, read_only, hasty) = row.fetch_one(executor).await?;
    // "15.18 (Debian 15.18-0+deb12u1)": the packager's part says nothing to us.
    let version = version.split(' ').next().unwrap_or_default().chars().take(VERSION_CHARS_MAX).collect();
    Ok((Facts { version, number: number.parse().unwrap_or(0), read_only }, hasty))
}
