//! Keeps the facts of accounts fresh, and asks the store as seldom as that allows.

use super::{
    AccountKey, Denied, Entitled, Facts, Need,
    cache::{ACCOUNTS_MAX, Cache, Flight, Found},
    judge, judge_again,
};
use aitrading_env::Clock;
use aitrading_model::{PolicyHash, Timestamp};
use async_trait::async_trait;
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// How often the store is asked again because something changed while it answered.
const ASKS_MAX: usize = 3;
/// What was read so long ago is good enough for a reconnect: a client that comes and goes does not become the store's load.
const RECONNECT_AGE: Duration = Duration::from_secs(1);

/// The store cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// Whoever knows what accounts are entitled to.
#[async_trait]
pub trait EntitlementSource: Send + Sync {
    /// The facts of an account, read now and not from any cache; `None`: it has no subscription.
    ///
    /// # Errors
    /// [`Unreadable`], whatever the reason: down, slow, or facts that make no sense.
    async fn entitlement(&self, key: AccountKey) -> Result<Option<Facts>, Unreadable>;
}

/// When an account's rights are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// A signal is about to be decided, or to be sent.
    BeforeSignal,
    /// A session is open; every [`Moment::SESSION_PACE`].
    InSession,
    /// An execution was reported.
    AfterExecution,
    /// A client has come back.
    OnReconnect,
}

impl Moment {
    /// How often an open session is looked at.
    pub const SESSION_PACE: Duration = Duration::from_secs(60);
}

/// How long facts are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidatorSettings {
    /// Facts as old as this are read again, and are good meanwhile.
    pub refresh_after: Duration,
    /// Facts as old as this are no facts any more: an unreadable store ends here.
    pub stale_after: Duration,
    /// Longest wait for the store.
    pub source_timeout: Duration,
    /// Pause after a store that did not answer, for an account whose facts are still good.
    pub pause_after_failure: Duration,
    /// Most accounts that are remembered.
    pub accounts_max: usize,
}

impl Default for ValidatorSettings {
    fn default() -> Self {
        Self {
            refresh_after: Duration::from_secs(30),
            stale_after: Duration::from_secs(60),
            source_timeout: Duration::from_secs(2),
            pause_after_failure: Duration::from_secs(1),
            accounts_max: ACCOUNTS_MAX,
        }
    }
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Questions to the validator.
    pub asked: u64,
    /// Those answered without the store.
    pub hits: u64,
    /// Questions to the store.
    pub source_asked: u64,
    /// Those that it did not answer.
    pub source_failed: u64,
}

impl Figures {
    /// The part of the questions that the store was spared, 0 to 1; `None` before the first.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio for a graph; it is exact up to 2^53 questions")]
    pub fn hit_rate(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.hits as f64 / self.asked as f64)
    }
}

#[derive(Debug, Default)]
struct Counters {
    asked: AtomicU64,
    hits: AtomicU64,
    source_asked: AtomicU64,
    source_failed: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Answers what accounts are entitled to. One for the process; share it in an `Arc`.
pub struct Validator {
    source: Arc<dyn EntitlementSource>,
    clock: Arc<dyn Clock>,
    settings: ValidatorSettings,
    cache: Mutex<Cache>,
    counters: Counters,
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator")
            .field("settings", &self.settings)
            .field("figures", &self.figures())
            .finish_non_exhaustive()
    }
}

impl Validator {
    /// Knows nothing yet.
    #[must_use]
    pub fn new(source: Arc<dyn EntitlementSource>, clock: Arc<dyn Clock>, settings: ValidatorSettings) -> Self {
        Self { source, clock, settings, cache: Mutex::default(), counters: Counters::default() }
    }

    /// Is the account entitled to `need`?
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn check(&self, moment: Moment, key: AccountKey, need: &Need) -> Result<Entitled, Denied> {
        let facts = self.facts(moment, key).await?;
        judge(facts.as_deref(), need, self.now())
    }

    /// May what was decided under `decided` be sent? Asked when it is about to leave, however long it waited.
    ///
    /// # Errors
    /// [`Denied`]; [`Denied::PolicyChanged`] if the rights are others than they were.
    pub async fn check_again(&self, key: AccountKey, need: &Need, decided: PolicyHash) -> Result<Entitled, Denied> {
        let facts = self.facts(Moment::BeforeSignal, key).await?;
        judge_again(facts.as_deref(), need, self.now(), decided)
    }

    /// The facts themselves, for an engine that records them as its input and calls [`judge`] on its own.
    ///
    /// # Errors
    /// [`Denied::Unknown`].
    pub async fn facts(&self, moment: Moment, key: AccountKey) -> Result<Option<Arc<Facts>>, Denied> {
        count(&self.counters.asked);
        let came_ns = self.clock.mono_ns();
        let refresh = if moment == Moment::OnReconnect { RECONNECT_AGE } else { self.settings.refresh_after };
        let aging = match self.find(key, came_ns, refresh) {
            Found::Fresh(read) => {
                count(&self.counters.hits);
                return Ok(read);
            }
            Found::Aging(read) => Some(read),
            Found::Nothing => None,
        };
        let pass = Pass::new(self, key);
        let flight = Arc::clone(&pass.flight);
        let _turn = match (flight.try_lock(), aging) {
            (Ok(turn), _) => turn,
            (Err(_), Some(read)) => {
                // Somebody asks already, and what is here is good until then.
                count(&self.counters.hits);
                return Ok(read);
            }
            (Err(_), None) => flight.lock().await,
        };
        if let Found::Fresh(read) = self.find(key, self.clock.mono_ns(), refresh) {
            count(&self.counters.hits);
            return Ok(read);
        }
        if !self.cache().failed_since(key, came_ns)
            && let Some(read) = self.ask(key).await
        {
            return Ok(read);
        }
        match self.find(key, self.clock.mono_ns(), refresh) {
            Found::Fresh(read) | Found::Aging(read) => Ok(read),
            Found::Nothing => Err(Denied::Unknown),
        }
    }

    /// The account's rights have changed, or may have: what is remembered of it is void at once, and counts for nothing even
    /// if the store cannot be asked.
    pub fn invalidate(&self, key: AccountKey) {
        self.cache().invalidate(key);
    }

    /// Changes may have been missed: everything is void. To be called when the feed of changes begins, and after every
    /// interruption of it.
    pub fn invalidate_all(&self) {
        self.cache().invalidate_all();
    }

    /// Every change that the store had made by `mono_ns` was handed to [`Validator::invalidate`], without an interruption since
    /// the last [`Validator::invalidate_all`]. What was not touched is then as good as if it had been read at `mono_ns`, and
    /// the store is spared the question. Without this each account is read every half minute.
    pub fn confirm(&self, mono_ns: u64) {
        self.cache().confirm(mono_ns.min(self.clock.mono_ns()));
    }

    /// What was counted.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counters;
        Figures {
            asked: read(&c.asked),
            hits: read(&c.hits),
            source_asked: read(&c.source_asked),
            source_failed: read(&c.source_failed),
        }
    }

    /// Accounts that are remembered.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.cache().len()
    }

    /// Asks the store; `None` if it gave nothing that may be believed.
    async fn ask(&self, key: AccountKey) -> Option<Option<Arc<Facts>>> {
        for _ in 0..ASKS_MAX {
            let mark = self.cache().mark(key);
            let asked_at_ns = self.clock.mono_ns();
            count(&self.counters.source_asked);
            let answer = tokio::select! {
                biased;
                answer = self.source.entitlement(key) => answer,
                () = self.clock.sleep(self.settings.source_timeout) => Err(Unreadable),
            };
            let mut cache = self.cache();
            match answer {
                Ok(facts) => {
                    let read = facts.map(Arc::new);
                    if cache.put(key, mark, read.clone(), asked_at_ns, self.settings.accounts_max) {
                        return Some(read);
                    }
                }
                Err(Unreadable) => {
                    count(&self.counters.source_failed);
                    cache.failed(key, self.clock.mono_ns());
                    return None;
                }
            }
        }
        None
    }

    fn find(&self, key: AccountKey, now_ns: u64, refresh: Duration) -> Found {
        let ValidatorSettings { stale_after, pause_after_failure, .. } = self.settings;
        self.cache().find(key, now_ns, (refresh, stale_after, pause_after_failure))
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.clock.wall_ns())
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue for an account's answer, given back however the question ends.
struct Pass<'a> {
    validator: &'a Validator,
    key: AccountKey,
    flight: Flight,
}

impl<'a> Pass<'a> {
    fn new(validator: &'a Validator, key: AccountKey) -> Self {
        let flight = validator.cache().flight(key);
        Self { validator, key, flight }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.validator.cache().land(self.key);
    }
}
