//! One account's state on the link: its connections, what the terminal said last, and who waits for what.

use super::{
    FeedEvent, LinkEvent, LinkPhase, LinkStatus, OrderLinkError,
    framed::{Outgoing, WriteRules},
};
use aitrading_env::Env;
use aitrading_model::{AccountId, AccountState, HistoryFault, Symbol, SymbolSpec, Tick};
use aitrading_security::Secret;
use aitrading_wire::{
    WireError,
    ea::{Hello, HistoryEnd, HistoryTicks, LookupResult, OrderResult, Refuse, Role, TerminalInfo},
    limits::HISTORY_TICKS_MAX,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, broadcast, mpsc, oneshot, watch};

/// Events that a slow listener may be behind before it misses some.
const EVENTS: usize = 1024;
/// Orders that may wait for their answer at the same time.
pub(super) const ORDERS_MAX: usize = 256;

/// An answer to an order, or why there is none.
pub(super) type OrderAnswer = Result<OrderResult, OrderLinkError>;

pub(super) struct Slot {
    pub(super) env: Env,
    pub(super) account: AccountId,
    pub(super) secret: Secret<Vec<u8>>,
    pub(super) times: super::LinkTimes,
    pub(super) status: watch::Sender<LinkStatus>,
    pub(super) state: watch::Sender<Option<Arc<AccountState>>>,
    pub(super) specs: watch::Sender<Arc<[SymbolSpec]>>,
    pub(super) info: watch::Sender<Option<TerminalInfo>>,
    pub(super) events: broadcast::Sender<LinkEvent>,
    inner: Mutex<Inner>,
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("account", &self.account).field("status", &*self.status.borrow()).finish()
    }
}

#[derive(Default)]
pub(super) struct Inner {
    instance: Option<[u8; 16]>,
    connections: BTreeMap<Role, Connection>,
    next_connection: u64,
    /// Snapshots that came since the control connection stands.
    has_account: bool,
    has_specs: bool,
    has_info: bool,
    pub(super) feeds: BTreeMap<u32, Feed>,
    pub(super) next_feed: u32,
    pub(super) orders: BTreeMap<u64, PendingOrder>,
    pub(super) lookups: BTreeMap<u64, oneshot::Sender<LookupResult>>,
    pub(super) next_lookup: u64,
    /// The request for history that is open, with what came of its answer.
    pub(super) collecting: Option<Collecting>,
    pub(super) next_history: u64,
}

/// An answer from the history under way. It is gathered here and not handed on piece by piece: whoever waits for it may be
/// slow, and lookups come over the same connection.
pub(super) struct Collecting {
    pub(super) request_id: u64,
    pub(super) ticks: Vec<Tick>,
    pub(super) answer: oneshot::Sender<Result<Vec<Tick>, HistoryFault>>,
}

struct Connection {
    id: u64,
    outbox: mpsc::Sender<Outgoing>,
    close: Arc<Notify>,
}

pub(super) struct Feed {
    pub(super) symbol: Symbol,
    pub(super) out: mpsc::Sender<FeedEvent>,
}

pub(super) struct PendingOrder {
    /// Its bytes have left, or may have.
    pub(super) sent: bool,
    pub(super) answer: oneshot::Sender<OrderAnswer>,
}

/// A place on the link, kept by the task that runs the connection.
pub(super) struct Place {
    pub(super) id: u64,
    pub(super) role: Role,
    pub(super) queue: mpsc::Receiver<Outgoing>,
    pub(super) close: Arc<Notify>,
}

impl Slot {
    pub(super) fn new(env: Env, account: super::EaAccount, times: super::LinkTimes) -> Self {
        Self {
            env,
            account: account.account,
            secret: account.secret,
            times,
            status: watch::Sender::default(),
            state: watch::Sender::default(),
            specs: watch::Sender::new(Arc::from([])),
            info: watch::Sender::default(),
            events: broadcast::Sender::new(EVENTS),
            inner: Mutex::default(),
        }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write_rules(&self, role: Role) -> WriteRules {
        WriteRules { role: role as u8, heartbeat: self.times.heartbeat, stall: Some(self.times.silence) }
    }

    /// Takes a proven hello in. A second connection of the same run for the same role replaces the first, which must be dead.
    pub(super) fn register(&self, hello: &Hello, role: Role) -> Result<Place, Refuse> {
        let mut inner = self.inner();
        if !inner.connections.is_empty() && inner.instance != Some(hello.instance) {
            return Err(Refuse {
                code: "ALREADY_CONNECTED".into(),
                text: "another Expert Advisor is connected for this account; remove it from its chart first".into(),
            });
        }
        inner.instance = Some(hello.instance);
        if let Some(old) = inner.connections.remove(&role) {
            old.close.notify_one();
            inner.forget(role);
        }
        let (outbox, queue) = mpsc::channel(super::framed::OUTBOX);
        let close = Arc::new(Notify::new());
        inner.next_connection += 1;
        let id = inner.next_connection;
        inner.connections.insert(role, Connection { id, outbox, close: Arc::clone(&close) });
        self.publish(&inner);
        Ok(Place { id, role, queue, close })
    }

    /// The connection is over. A place that was taken over by a newer connection changes nothing.
    pub(super) fn unregister(&self, role: Role, id: u64) {
        let mut inner = self.inner();
        if inner.connections.get(&role).is_some_and(|connection| connection.id == id) {
            inner.connections.remove(&role);
            inner.forget(role);
            if role == Role::Control {
                self.info.send_replace(None);
            }
            self.publish(&inner);
        }
    }

    /// Recomputes the status and tells it if it changed.
    fn publish(&self, inner: &Inner) {
        let roles = inner.connections.keys().fold(0, |bits, role| bits | 1_u8 << *role as u8);
        let before = *self.status.borrow();
        let whole = inner.connections.len() == Role::ALL.len();
        let phase = if whole && inner.has_account && inner.has_specs && inner.has_info {
            LinkPhase::Ready
        } else if roles != 0 {
            LinkPhase::Connecting
        } else {
            LinkPhase::Lost
        };
        self.status.send_replace(LinkStatus { phase, roles });
        let ready = (before.phase == LinkPhase::Ready, phase == LinkPhase::Ready);
        match ready {
            (false, true) => self.tell(LinkEvent::Ready),
            (true, false) => self.tell(LinkEvent::Lost),
            _ => {}
        }
    }

    /// Nobody may be listening.
    pub(super) fn tell(&self, event: LinkEvent) {
        drop(self.events.send(event));
    }

    pub(super) fn take_account(&self, state: AccountState) {
        let state = Arc::new(state);
        self.state.send_replace(Some(Arc::clone(&state)));
        self.tell(LinkEvent::Account(state));
        let mut inner = self.inner();
        inner.has_account = true;
        self.publish(&inner);
    }

    pub(super) fn take_specs(&self, specs: Vec<SymbolSpec>) {
        self.specs.send_replace(specs.into());
        let mut inner = self.inner();
        inner.has_specs = true;
        self.publish(&inner);
    }

    pub(super) fn take_info(&self, info: TerminalInfo) {
        self.info.send_if_modified(|old| old.replace(info) != Some(info));
        let mut inner = self.inner();
        inner.has_info = true;
        self.publish(&inner);
    }

    pub(super) fn take_result(&self, result: OrderResult) {
        let pending = self.inner().orders.remove(&result.request_id);
        let late = match pending {
            Some(pending) => pending.answer.send(Ok(result)).err().and_then(Result::ok),
            None => Some(result),
        };
        if let Some(result) = late {
            self.tell(LinkEvent::LateResult(Box::new(result)));
        }
    }

    pub(super) fn take_lookup(&self, result: LookupResult) {
        if let Some(waiting) = self.inner().lookups.remove(&result.lookup_id) {
            // Whoever asked may have given up.
            drop(waiting.send(result));
        }
    }

    /// Ticks of the past. Those of a request that nobody waits for any more go nowhere.
    pub(super) fn take_history(&self, part: HistoryTicks) {
        let mut inner = self.inner();
        let Some(collecting) = inner.collecting.as_mut().filter(|open| open.request_id == part.request_id) else {
            return;
        };
        collecting.ticks.extend(part.ticks);
        if collecting.ticks.len() > HISTORY_TICKS_MAX
            && let Some(collecting) = inner.collecting.take()
        {
            // Whoever asked may have given up.
            drop(collecting.answer.send(Err(HistoryFault::TooMany)));
        }
    }

    pub(super) fn end_history(&self, end: HistoryEnd) -> Result<(), WireError> {
        let open = self.inner().collecting.take_if(|open| open.request_id == end.request_id);
        let Some(Collecting { ticks, answer, .. }) = open else { return Ok(()) };
        let whole = u64::try_from(ticks.len()).ok() == Some(end.total);
        let answered = match end.error {
            0 if whole => Ok(ticks),
            0 => return Err(WireError::BadValue("total")),
            HistoryEnd::UNKNOWN_SYMBOL => Err(HistoryFault::Refused),
            _ => Err(HistoryFault::Incomplete),
        };
        drop(answer.send(answered));
        Ok(())
    }

    /// Is the order still wanted? From here on its bytes count as sent.
    pub(super) fn leaves(&self, request_id: u64) -> bool {
        self.inner().orders.get_mut(&request_id).map(|order| order.sent = true).is_some()
    }
}

impl Inner {
    pub(super) fn outbox(&self, role: Role) -> Option<&mpsc::Sender<Outgoing>> {
        self.connections.get(&role).map(|connection| &connection.outbox)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.connections.len() == Role::ALL.len() && self.has_account && self.has_specs && self.has_info
    }

    /// A role's connection is gone: whoever waits on it is told.
    fn forget(&mut self, role: Role) {
        match role {
            Role::Commands => {
                for (_, order) in std::mem::take(&mut self.orders) {
                    let why = "the connection to the terminal was lost";
                    let error = if order.sent { OrderLinkError::Unknown(why) } else { OrderLinkError::NotSent(why) };
                    drop(order.answer.send(Err(error)));
                }
            }
            Role::Ticks => self.feeds.clear(),
            Role::History => {
                self.lookups.clear();
                self.collecting = None;
            }
            Role::Control => (self.has_account, self.has_specs, self.has_info) = (false, false, false),
            Role::Events => {}
        }
    }
}
