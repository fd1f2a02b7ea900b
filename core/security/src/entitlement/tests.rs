//! Rights that end, stores that do not answer, and clients that all come at the same time.

use super::*;
use aitrading_env::{Clock, RngExt, sim::ManualClock, sim::SeededRng};
use aitrading_error::Coded;
use aitrading_model::{AccountId, PolicyHash, TenantId, Timestamp};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, task::JoinSet};

const START_NS: i64 = 1_767_225_600_000_000_000;
const SPEC: &str = include_str!("../../../../docs/specs/limits.md");
const KEY: AccountKey = (TenantId(1), AccountId(42));
const SECOND: u64 = 1_000_000_000;

fn facts() -> Facts {
    Facts {
        user: UserState::Active,
        subscription: SubscriptionState::Active,
        payment: Payment::Settled,
        tier: Tier(2),
        features: [Feature::Signals, Feature::Api].into_iter().collect(),
        regions: Regions::Only(["DE", "FR"].map(|code| code.parse().unwrap()).into()),
        symbols: Symbols::Only(["EURUSD", "USDJPY"].map(|name| name.parse().unwrap()).into()),
        auto_trading: true,
        valid_until: Timestamp(i64::MAX),
        policy: PolicyHash([7; 32]),
    }
}

fn need() -> Need {
    Need {
        feature: Feature::Signals,
        tier: Tier(1),
        symbol: Some("EURUSD".parse().unwrap()),
        unasked: true,
        region: Some("DE".parse().unwrap()),
    }
}

/// A store that can be changed, broken, and made to wait.
#[derive(Debug)]
struct Store {
    facts: Mutex<BTreeMap<AccountKey, Facts>>,
    down: AtomicBool,
    hangs: AtomicBool,
    asked: AtomicU64,
    /// One answer for each permit.
    answers: Semaphore,
}

impl Store {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            facts: Mutex::new(BTreeMap::from([(KEY, facts())])),
            down: AtomicBool::new(false),
            hangs: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(self.facts.lock().unwrap().get_mut(&KEY).unwrap());
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl EntitlementSource for Store {
    async fn entitlement(&self, key: AccountKey) -> Result<Option<Facts>, Unreadable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let facts = self.facts.lock().unwrap().get(&key).cloned();
        self.answers.acquire().await.unwrap().forget();
        if self.down.load(Ordering::SeqCst) { Err(Unreadable) } else { Ok(facts) }
    }
}

fn world(settings: ValidatorSettings) -> (Arc<Store>, ManualClock, Arc<Validator>) {
    let (store, clock) = (Store::new(), ManualClock::new(START_NS));
    let source = Arc::clone(&store) as Arc<dyn EntitlementSource>;
    let validator = Validator::new(source, Arc::new(clock.clone()), settings);
    (store, clock, Arc::new(validator))
}

async fn check(validator: &Validator) -> Result<Entitled, Denied> {
    validator.check(Moment::BeforeSignal, KEY, &need()).await
}

/// The same facts with one change give this code.
#[test]
fn every_reason_has_its_code_and_the_first_one_counts() {
    let now = Timestamp(START_NS);
    let check = |change: fn(&mut Facts), expected: Denied| {
        let mut changed = facts();
        change(&mut changed);
        assert_eq!(judge(Some(&changed), &need(), now), Err(expected));
        // Something that comes later in the list does not hide it.
        changed.auto_trading = false;
        assert_eq!(judge(Some(&changed), &need(), now), Err(expected));
    };
    check(|f| f.user = UserState::Invited, Denied::UserNotEnrolled);
    check(|f| f.user = UserState::Locked, Denied::UserLocked);
    check(|f| f.user = UserState::Closed, Denied::UserClosed);
    check(|f| f.subscription = SubscriptionState::Suspended, Denied::Suspended);
    check(|f| f.subscription = SubscriptionState::Lapsed, Denied::Lapsed);
    check(|f| f.valid_until = Timestamp(START_NS), Denied::Lapsed);
    check(|f| f.payment = Payment::Overdue, Denied::PaymentOverdue);
    check(|f| f.payment = Payment::Grace { until: Timestamp(START_NS) }, Denied::PaymentOverdue);
    check(|f| f.regions = Regions::Only(BTreeSet::new()), Denied::RegionDenied);
    check(|f| f.tier = Tier(0), Denied::TierTooLow);
    check(|f| f.features = [Feature::Api].into_iter().collect(), Denied::FeatureOff);
    check(|f| f.symbols = Symbols::Only(BTreeSet::new()), Denied::SymbolNotCovered);
    check(|f| f.auto_trading = false, Denied::AutoTradingOff);
    assert_eq!(judge(None, &need(), now), Err(Denied::Absent));
    let nowhere = Need { region: None, ..need() };
    assert_eq!(
        judge(Some(&facts()), &nowhere, now),
        Err(Denied::RegionDenied),
        "a region that nobody knows is not there"
    );
    let mut fine = facts();
    fine.payment = Payment::Grace { until: Timestamp(START_NS + 1) };
    fine.valid_until = Timestamp(START_NS + 1);
    assert_eq!(judge(Some(&fine), &need(), now).unwrap().features, facts().features);
}

#[test]
fn t35_the_hash_changes_with_every_right_and_not_with_time_or_money() {
    let changes: [fn(&mut Facts); 10] = [
        |_| {},
        |f| f.tier = Tier(3),
        |f| f.features = [Feature::Signals].into_iter().collect(),
        |f| f.regions = Regions::All,
        |f| f.regions = Regions::Only(BTreeSet::from(["DE".parse().unwrap()])),
        |f| f.symbols = Symbols::All,
        |f| f.symbols = Symbols::Only(["EURUSD", "USDJP", "Y"].map(|n| n.parse().unwrap()).into()),
        |f| f.auto_trading = false,
        |f| f.policy = PolicyHash([8; 32]),
        |f| f.subscription = SubscriptionState::Lapsed,
    ];
    let hash = |change: &fn(&mut Facts)| {
        let mut changed = facts();
        change(&mut changed);
        changed.policy_hash().0
    };
    assert_eq!(changes.iter().map(hash).collect::<BTreeSet<_>>().len(), changes.len());
    let mut renewed = facts();
    (renewed.valid_until, renewed.payment) = (Timestamp(START_NS), Payment::Overdue);
    assert_eq!(renewed.policy_hash(), facts().policy_hash());
}

/// What changes between the decision and the sending.
async fn check_queued(change: fn(&mut Facts), expected: Denied) {
    let (store, _clock, validator) = world(ValidatorSettings::default());
    let decided = check(&validator).await.unwrap().policy_hash;
    assert!(validator.check_again(KEY, &need(), decided).await.is_ok());
    store.change(change);
    validator.invalidate(KEY);
    assert_eq!(validator.check_again(KEY, &need(), decided).await, Err(expected));
}

#[tokio::test]
async fn t35_a_signal_that_waited_is_not_sent_under_other_rights() {
    check_queued(|f| f.tier = Tier(3), Denied::PolicyChanged).await;
    check_queued(|f| f.tier = Tier(0), Denied::TierTooLow).await;
    check_queued(|f| f.regions = Regions::Only(BTreeSet::from(["FR".parse().unwrap()])), Denied::RegionDenied).await;
    check_queued(|f| f.regions = Regions::All, Denied::PolicyChanged).await;
    check_queued(|f| f.subscription = SubscriptionState::Suspended, Denied::Suspended).await;
    check_queued(|f| f.policy = PolicyHash([8; 32]), Denied::PolicyChanged).await;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feed {
    /// Changes are pushed within a second, and the feed is confirmed every second.
    Pushes,
    /// Nothing is ever pushed.
    Silent,
    /// Nothing is pushed, and the store is down from before the lapse on.
    StoreDown,
}

/// A subscription lapses at a random instant while signals are decided at random instants. Answers the last permitted one,
/// nanoseconds after the lapse.
async fn last_permitted(seed: u64, feed: Feed) -> Option<i64> {
    let rng = SeededRng::new(seed);
    let (store, clock, validator) = world(ValidatorSettings::default());
    validator.invalidate_all();
    let lapse_ns = rng.below(70 * SECOND);
    let (down_ns, push_ns) = (lapse_ns - rng.below(lapse_ns.min(20 * SECOND) + 1), lapse_ns + rng.below(SECOND));
    let (mut lapsed, mut pushed, mut confirmed_ns, mut last) = (false, false, 0, None);
    let mut now_ns = 0;
    while now_ns < lapse_ns + 75 * SECOND {
        let step_ns = 1 + rng.below(3 * SECOND);
        clock.advance(Duration::from_nanos(step_ns));
        now_ns += step_ns;
        store.down.store(feed == Feed::StoreDown && now_ns >= down_ns, Ordering::SeqCst);
        if now_ns >= lapse_ns && !lapsed {
            store.change(|f| f.subscription = SubscriptionState::Lapsed);
            lapsed = true;
        }
        if feed == Feed::Pushes {
            if now_ns >= push_ns && !pushed {
                validator.invalidate(KEY);
                pushed = true;
            }
            // Up to the newest second of which every change was delivered.
            let whole_ns = if pushed { now_ns } else { now_ns.min(lapse_ns.saturating_sub(1)) };
            if whole_ns > confirmed_ns + SECOND {
                confirmed_ns = whole_ns;
                validator.confirm(whole_ns + 1);
            }
        }
        if check(&validator).await.is_ok() {
            last = Some(now_ns as i64 - lapse_ns as i64);
        }
    }
    last
}

async fn check_lapses(feed: Feed, within: Duration) {
    let mut latest = i64::MIN;
    for seed in 0..10_000 {
        let last = last_permitted(seed, feed).await.unwrap_or(i64::MIN);
        assert!(last <= within.as_nanos() as i64, "seed {seed}: {last} ns after the lapse");
        latest = latest.max(last);
    }
    // The simulation comes near its bound, or it would prove nothing.
    assert!(latest > within.as_nanos() as i64 * 9 / 10, "{latest}");
}

#[tokio::test]
async fn t33_a_lapse_that_is_pushed_takes_effect_within_a_second() {
    check_lapses(Feed::Pushes, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn t33_a_lapse_that_nobody_pushes_takes_effect_within_half_a_minute() {
    check_lapses(Feed::Silent, Duration::from_secs(30)).await;
}

#[tokio::test]
async fn t33_a_lapse_while_the_store_is_down_takes_effect_within_a_minute() {
    check_lapses(Feed::StoreDown, Duration::from_secs(60)).await;
}

#[tokio::test]
async fn t33_nothing_is_permitted_after_a_suspension_was_pushed_even_if_the_store_is_down() {
    let (store, clock, validator) = world(ValidatorSettings::default());
    assert!(check(&validator).await.is_ok());
    store.down.store(true, Ordering::SeqCst);
    assert!(check(&validator).await.is_ok(), "what is known is good for a minute");
    validator.invalidate(KEY);
    for _ in 0..100 {
        assert_eq!(check(&validator).await, Err(Denied::Unknown));
        clock.advance(Duration::from_millis(100));
    }
}

#[tokio::test]
async fn t34_an_unreadable_store_stops_signals_at_sixty_seconds_and_a_readable_one_lets_them_go_on() {
    for hangs in [false, true] {
        let (store, clock, validator) = world(ValidatorSettings::default());
        assert!(check(&validator).await.is_ok());
        let (broken, flag) = (Arc::clone(&store), if hangs { &store.hangs } else { &store.down });
        flag.store(true, Ordering::SeqCst);
        let mut last = 0;
        while clock.mono_ns() < 120 * SECOND {
            let at = clock.mono_ns();
            let asked = settle(&clock, check(&validator)).await;
            if asked.is_ok() {
                last = clock.mono_ns();
            } else {
                assert_eq!(asked, Err(Denied::Unknown));
                let dna = Denied::Unknown.dna();
                assert_eq!((dna.code, dna.retry), ("ENTITLEMENT_UNKNOWN", aitrading_error::Retry::Later));
            }
            clock.advance(Duration::from_millis(500));
            assert!(clock.mono_ns() - at <= 3 * SECOND, "nobody waits longer than the store's time");
        }
        assert!((57 * SECOND..=60 * SECOND).contains(&last), "hangs: {hangs}, last at {last}");
        flag.store(false, Ordering::SeqCst);
        assert!(check(&validator).await.is_ok());
        assert!(broken.asked() < 200, "{}", broken.asked());
    }
}

/// Lets time pass until `future` is there.
async fn settle<T>(clock: &ManualClock, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            biased;
            out = &mut future => return out,
            () = tokio::task::yield_now() => clock.advance(Duration::from_millis(50)),
        }
    }
}

#[tokio::test]
async fn a_stampede_asks_the_store_once_and_shares_its_failure() {
    let (store, _clock, validator) = world(ValidatorSettings::default());
    for down in [false, true] {
        validator.invalidate(KEY);
        store.down.store(down, Ordering::SeqCst);
        let before = store.asked();
        store.answers.forget_permits(Semaphore::MAX_PERMITS);
        let mut all = JoinSet::new();
        for _ in 0..1_000 {
            let validator = Arc::clone(&validator);
            all.spawn(async move { check(&validator).await });
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        store.answers.add_permits(1);
        let answers = all.join_all().await;
        assert!(answers.iter().all(|answer| answer.is_ok() != down), "down: {down}");
        assert_eq!(store.asked() - before, 1, "down: {down}");
    }
    assert_eq!(validator.figures().source_failed, 1);
}

#[tokio::test]
async fn when_the_one_who_asks_goes_away_the_next_one_asks() {
    let (store, _clock, validator) = world(ValidatorSettings::default());
    store.answers.forget_permits(Semaphore::MAX_PERMITS);
    let mut first = Box::pin(check(&validator));
    let mut second = Box::pin(check(&validator));
    assert!(futures_poll(first.as_mut()).is_none() && futures_poll(second.as_mut()).is_none());
    drop(first);
    store.answers.add_permits(1);
    assert!(second.await.is_ok());
    assert_eq!(store.asked(), 2);
    // Nothing of the one who left is kept: a later change is not counted against a question that nobody asks.
    validator.invalidate(KEY);
    store.answers.add_permits(1);
    assert!(check(&validator).await.is_ok());
}

fn futures_poll<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut cx) {
        std::task::Poll::Ready(out) => Some(out),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn t33_an_answer_that_was_overtaken_by_a_change_counts_for_nothing() {
    for everything in [false, true] {
        let (store, _clock, validator) = world(ValidatorSettings::default());
        store.answers.forget_permits(Semaphore::MAX_PERMITS);
        let mut asking = Box::pin(check(&validator));
        assert!(futures_poll(asking.as_mut()).is_none(), "the store has read, and answers slowly");
        store.change(|f| f.subscription = SubscriptionState::Suspended);
        if everything {
            validator.invalidate_all()
        } else {
            validator.invalidate(KEY)
        }
        store.answers.add_permits(2);
        assert_eq!(asking.await, Err(Denied::Suspended));
        assert_eq!(store.asked(), 2);
    }
}

/// Twenty signals a minute for an hour, each looked at before, when sent, and after; and the session's own pace.
async fn hit_rate(feed: bool) -> f64 {
    let (store, clock, validator) = world(ValidatorSettings::default());
    let rng = SeededRng::new(11);
    for second in 0..3_600_u64 {
        clock.advance(Duration::from_secs(1));
        if feed {
            validator.confirm(clock.mono_ns());
        }
        if second % 60 == 0 {
            assert!(validator.check(Moment::InSession, KEY, &need()).await.is_ok());
        }
        if second % 600 == 0 {
            validator.invalidate(KEY);
        }
        if rng.below(3) == 0 {
            let entitled = check(&validator).await.unwrap();
            assert!(validator.check_again(KEY, &need(), entitled.policy_hash).await.is_ok());
            assert!(validator.check(Moment::AfterExecution, KEY, &need()).await.is_ok());
        }
    }
    let figures = validator.figures();
    assert_eq!(figures.asked, figures.hits + figures.source_asked);
    assert_eq!(figures.source_asked, store.asked());
    figures.hit_rate().unwrap()
}

#[tokio::test]
async fn the_store_is_spared_98_of_100_questions() {
    let (with, without) = (hit_rate(true).await, hit_rate(false).await);
    assert!(with >= 0.995, "with a feed of changes: {with}");
    assert!(without >= 0.96, "without one: {without}");
}

#[tokio::test]
async fn a_reconnect_asks_the_store_but_not_twice_in_a_second() {
    let (store, clock, validator) = world(ValidatorSettings::default());
    for (pause_ms, asked) in [(0, 1), (500, 1), (500, 2), (999, 2), (1, 3)] {
        clock.advance(Duration::from_millis(pause_ms));
        assert!(validator.check(Moment::OnReconnect, KEY, &need()).await.is_ok());
        assert_eq!(store.asked(), asked, "{pause_ms} ms later");
    }
}

#[tokio::test]
async fn the_cache_is_bounded_and_absence_is_remembered_too() {
    let settings = ValidatorSettings { accounts_max: 100, ..ValidatorSettings::default() };
    let (store, clock, validator) = world(settings);
    for n in 0..1_000 {
        clock.advance(Duration::from_nanos(1));
        let key = (TenantId(1), AccountId(1_000 + n));
        assert_eq!(validator.check(Moment::BeforeSignal, key, &need()).await, Err(Denied::Absent));
        assert!(validator.accounts() <= 100);
    }
    let newest = (TenantId(1), AccountId(1_999));
    assert_eq!(validator.check(Moment::BeforeSignal, newest, &need()).await, Err(Denied::Absent));
    assert_eq!(store.asked(), 1_000, "the newest was still there");
}

#[tokio::test]
async fn a_confirmation_from_the_future_is_worth_no_more_than_now() {
    let (store, clock, validator) = world(ValidatorSettings::default());
    assert!(check(&validator).await.is_ok());
    validator.confirm(u64::MAX);
    store.down.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(60));
    assert_eq!(check(&validator).await, Err(Denied::Unknown));
}

#[test]
fn the_specification_has_the_codes_in_their_order() {
    let mut at = SPEC.find("## 5").unwrap();
    for denied in Denied::ALL {
        let row = format!("| `{}` |", denied.dna().code);
        at += SPEC[at..].find(&row).unwrap_or_else(|| panic!("docs/specs/limits.md has to have {row} in its place"));
    }
}
