//! Who is connected: one session per seat, and the way of a signal to it.

use crate::{BridgeError, meters};
use aitrading_channel::{Sender, StreamId};
use aitrading_model::{Fence, SignalId};
use aitrading_wire::{
    SignalEnvelope,
    link::{KIND_DEFAULT, stream},
    services::{Seat, ServiceError, SignalDelivery},
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

const SIGNALS: StreamId = StreamId(stream::SIGNALS);

/// Why a session is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A newer session of the same seat.
    Superseded,
    /// The bridge ends.
    Stopping,
}

/// Signals under way: the device's acknowledgements name frames, the engine wants signals.
#[derive(Debug, Default)]
struct Outbox {
    fence: Option<Fence>,
    sent: BTreeMap<u64, SignalId>,
}

/// One connected session, as others see it.
pub(crate) struct Connected {
    sender: Sender,
    outbox: Mutex<Outbox>,
    /// Filled once: the session ends when it sees it.
    pub(crate) stop: watch::Sender<Option<Stop>>,
    /// Closed when nothing of the session works any more.
    ended: watch::Sender<()>,
}

impl Connected {
    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signals may be delivered from now on.
    pub(crate) fn open(&self, fence: Fence) {
        self.outbox().fence = Some(fence);
    }

    pub(crate) fn fence(&self) -> Option<Fence> {
        self.outbox().fence
    }

    fn send(&self, signal: SignalId, body: &Bytes) -> Result<(), BridgeError> {
        let mut outbox = self.outbox();
        if outbox.fence.is_none() {
            return Err(BridgeError::Offline);
        }
        // Under the lock, so that the acknowledgement cannot be worked off before the frame is noted.
        match self.sender.try_send(SIGNALS, KIND_DEFAULT, body) {
            Ok(Some(seq)) => drop(outbox.sent.insert(seq, signal)),
            Ok(None) => return Err(BridgeError::DeviceBusy),
            Err(_) => return Err(BridgeError::Offline),
        }
        Ok(())
    }

    /// Signals that the device has, now that it acknowledged everything up to `through`.
    pub(crate) fn acknowledged(&self, through: u64) -> Vec<SignalId> {
        let mut outbox = self.outbox();
        let later = outbox.sent.split_off(&through.saturating_add(1));
        std::mem::replace(&mut outbox.sent, later).into_values().collect()
    }
}

/// All seats. The engine gets it as its [`SignalDelivery`]; it can be made before the bridge is.
pub struct Seats {
    connected: Mutex<BTreeMap<Seat, Arc<Connected>>>,
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seats").field("connected", &self.len()).finish()
    }
}

impl Seats {
    /// Nobody is connected yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self { connected: Mutex::new(BTreeMap::new()) })
    }

    /// Connected sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Nobody connected?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a seat. An older session of it is asked to end, and is waited for: what it took in must be worked off first.
    /// The session lasts as long as the returned receiver and its clones.
    pub(crate) async fn enter(
        &self,
        seat: Seat,
        sender: Sender,
        resumed: bool,
        max: usize,
    ) -> Result<(Arc<Connected>, watch::Receiver<()>), BridgeError> {
        loop {
            let old = self.find(&seat);
            if let Some(old) = &old {
                old.stop.send_replace(Some(Stop::Superseded));
                old.ended.closed().await;
            }
            let mut connected = self.lock();
            if connected.get(&seat).is_some_and(|now| old.as_ref().is_none_or(|old| !Arc::ptr_eq(now, old))) {
                // Another one was faster: it is the older session now.
                continue;
            }
            if connected.len() >= max && !connected.contains_key(&seat) {
                return Err(BridgeError::SessionsMax { max });
            }
            // The stream goes on, and with it the frames that are not acknowledged yet.
            let sent = old.filter(|_| resumed).map(|old| std::mem::take(&mut old.outbox().sent)).unwrap_or_default();
            let (ended, alive) = watch::channel(());
            let session = Arc::new(Connected {
                sender,
                outbox: Mutex::new(Outbox { fence: None, sent }),
                stop: watch::Sender::new(None),
                ended,
            });
            connected.insert(seat, Arc::clone(&session));
            meters::sessions().set(connected.len() as f64);
            return Ok((session, alive));
        }
    }

    /// Gives the seat back, unless a newer session has it.
    pub(crate) fn leave(&self, seat: &Seat, session: &Arc<Connected>) {
        let mut connected = self.lock();
        if connected.get(seat).is_some_and(|held| Arc::ptr_eq(held, session)) {
            connected.remove(seat);
            meters::sessions().set(connected.len() as f64);
        }
    }

    /// Asks all sessions to end and waits until they have.
    pub(crate) async fn stop_all(&self) {
        let all: Vec<_> = self.lock().values().cloned().collect();
        for session in &all {
            session.stop.send_if_modified(|stop| stop.is_none() && stop.replace(Stop::Stopping).is_none());
        }
        for session in all {
            session.ended.closed().await;
        }
    }

    fn find(&self, seat: &Seat) -> Option<Arc<Connected>> {
        self.lock().get(seat).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Seat, Arc<Connected>>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait::async_trait]
impl SignalDelivery for Seats {
    async fn deliver(&self, seat: Seat, signal: SignalId, envelope: SignalEnvelope) -> Result<(), ServiceError> {
        let body = Bytes::from(envelope.encode());
        let sent = self.find(&seat).ok_or(BridgeError::Offline).and_then(|session| session.send(signal, &body));
        sent.map_err(|error| ServiceError::from_coded(&error))
    }
}
