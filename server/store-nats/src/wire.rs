//! The connection to the server: made by the first call, kept up by the driver, logged in anew with every reconnection.

use crate::errors::{connecting, refused, unavailable};
use aitrading_database_link::{Link, LinkError, Role};
use aitrading_env::Env;
use aitrading_store::StoreError;
use async_nats::{
    Auth, AuthError, Client, ClientError, ConnectOptions, Event, ServerAddr,
    connection::State,
    jetstream::{Context, ContextBuilder},
};
use secrecy::ExposeSecret;
use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

const DOING: &str = "connecting to the event bus";
/// Requests that wait to be written.
const REQUESTS_MAX: usize = 1_024;
/// Messages that wait to be read on one subscription: more than two batches.
const MESSAGES_MAX: usize = 2_048;
/// How often a quiet connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(5);
/// Between two looks at a connection that is being restored.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// The first and the longest pause before the driver connects again.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often the credentials are looked at while connected.
const ROTATION_LOOK: Duration = Duration::from_secs(5);
/// What the driver says when the server refuses us while it reconnects; it hands that over as text only.
const REFUSED: [&str; 2] = ["authorization violation", "authentication"];

/// What the driver tells about the connection.
#[derive(Debug, Default)]
struct Told {
    refused: AtomicBool,
    /// Generation of the credentials that were last sent.
    generation: AtomicU64,
    looked_ns: AtomicU64,
}

/// A connection. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    told: Arc<Told>,
}

impl Wire {
    /// Dials, checks the server's certificate and logs in.
    pub(crate) async fn open(env: &Env, link: &Arc<Link>) -> Result<Self, StoreError> {
        let told = Arc::new(Told::default());
        let address = link.endpoint().url("nats", "tls");
        let address: ServerAddr = address.parse().map_err(|error| unavailable(DOING, error))?;
        let limit = link.connect_limit();
        let connected = env.timeout(limit, options(link, &told).connect(address)).await;
        let connected = connected.map_err(|_| LinkError::Deadline { role: Role::Events, limit }.unavailable(DOING))?;
        let client = connected.map_err(|error| connecting(DOING, error))?;
        let jetstream = ContextBuilder::new().timeout(answer_limit(link)).build(client.clone());
        Ok(Self { client, jetstream, told })
    }

    /// Waits until the connection is up. What is sent while it is down would wait in a queue and be done after its sender
    /// has given up.
    pub(crate) async fn up(&self, env: &Env) -> Result<(), StoreError> {
        while self.client.connection_state() != State::Connected {
            if self.told.refused.load(Ordering::Relaxed) {
                return Err(refused(DOING));
            }
            env.clock.sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// How often a connection was made: another number means that what was under way may be lost.
    pub(crate) fn connections(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Connects anew if the password was rotated since the last connection. Reads one small file every now and then.
    pub(crate) async fn rotate(&self, env: &Env, link: &Link) -> Result<(), StoreError> {
        let (now, told) = (env.clock.mono_ns(), &self.told);
        let looked = told.looked_ns.load(Ordering::Relaxed);
        let every = u64::try_from(ROTATION_LOOK.as_nanos()).unwrap_or(u64::MAX);
        let due = looked == 0 || now.saturating_sub(looked) >= every;
        if !due || told.looked_ns.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Ok(());
        }
        match link.credentials() {
            Ok(credentials) if credentials.generation > told.generation.load(Ordering::Relaxed) => {
                self.client.force_reconnect().await.map_err(|error| unavailable(DOING, error))
            }
            Ok(_) => Ok(()),
            Err(error) => {
                // The connection was let in; a new one will fail by this and say so.
                tracing::warn!(error = %aitrading_error::chain(&error), "credentials cannot be read");
                Ok(())
            }
        }
    }
}

/// How long one answer is waited for: the driver does not notice by itself that an answer went down with a connection, and
/// what may be repeated needs time for it within the deadline.
fn answer_limit(link: &Link) -> Duration {
    let limits = link.guard().limits();
    limits.deadline / limits.retries.saturating_add(1)
}

fn options(link: &Arc<Link>, told: &Arc<Told>) -> ConnectOptions {
    let (source, logs_in, hears) = (Arc::clone(link), Arc::clone(told), Arc::clone(told));
    let options = ConnectOptions::with_auth_callback(move |_| ready(auth(&source, &logs_in)))
        .name("aitrading")
        .connection_timeout(link.connect_limit())
        .request_timeout(Some(answer_limit(link)))
        .client_capacity(REQUESTS_MAX)
        .subscription_capacity(MESSAGES_MAX)
        .ping_interval(PING_EVERY)
        // A server must not send our password elsewhere.
        .ignore_discovered_servers()
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            hear(&hears, &event);
            ready(())
        });
    match link.endpoint().tls() {
        None => options,
        Some(tls) => options.require_tls(true).tls_client_config((*tls.config()).clone()),
    }
}

/// Fetched for every connection, so that a rotated password is used at once.
fn auth(link: &Link, told: &Told) -> Result<Auth, AuthError> {
    let credentials = link.credentials().map_err(AuthError::new)?;
    told.generation.store(credentials.generation, Ordering::Relaxed);
    let mut auth = Auth::new();
    if let Some(password) = credentials.password {
        auth.username = Some(credentials.user);
        auth.password = Some(password.expose_secret().to_owned());
    }
    Ok(auth)
}

fn hear(told: &Told, event: &Event) {
    match event {
        Event::Connected => told.refused.store(false, Ordering::Relaxed),
        Event::ClientError(ClientError::Other(text)) if REFUSED.iter().any(|said| text.contains(said)) => {
            told.refused.store(true, Ordering::Relaxed);
        }
        Event::ServerError(error) => tracing::warn!(%error, "the event bus complains"),
        _ => tracing::debug!(%event, "event bus"),
    }
}

fn pause(attempts: usize) -> Duration {
    let factor = u32::try_from(attempts.saturating_sub(1)).ok().and_then(|n| 1_u32.checked_shl(n));
    if attempts <= 1 { Duration::ZERO } else { PAUSE_FIRST.saturating_mul(factor.unwrap_or(u32::MAX)).min(PAUSE_MAX) }
}
