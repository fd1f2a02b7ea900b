//! One client session: its frames sorted by stream, ticks pipelined into the journal, everything else to the desk.

use crate::{
    BridgeError,
    bridge::Core,
    desk::{Desk, Errand, refusal},
    gaps::{Asker, Hearing},
    publish::{Outgoing, Settled},
    pulse,
    seats::{Connected, Stop},
    sources::Slot,
};
use aitrading_channel::{ChannelError, CloseReason, Event, Receiver, Sender, Session as ChannelSession, StreamId};
use aitrading_env::RngExt;
use aitrading_error::Coded;
use aitrading_model::{Cursor, Source, Symbol, TraceId};
use aitrading_wire::{
    ReportEnvelope,
    limits::SYMBOLS_PER_SESSION_MAX,
    link::{Control, History, KIND_DEFAULT, Pacing, decode_ticks, stream},
    services::{AuditEvent, AuditEventKind, Seat},
};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{Semaphore, mpsc, watch};

const CONTROL: StreamId = StreamId(stream::CONTROL);
const TICKS: StreamId = StreamId(stream::TICKS);
const SIGNALS: StreamId = StreamId(stream::SIGNALS);
const REPORTS: StreamId = StreamId(stream::REPORTS);
const HISTORY: StreamId = StreamId(stream::HISTORY);
/// Messages that may wait for the engine.
const ERRANDS_MAX: usize = 256;
/// Settled ticks that may wait to be told.
const SETTLED_MAX: usize = 1024;

/// Questions about sources that may wait for the disk.
const WAITING_OPENS_MAX: usize = 8;

/// A session at work.
struct Client {
    core: Arc<Core>,
    seat: Seat,
    trace: TraceId,
    sender: Sender,
    session: Arc<Connected>,
    errands: mpsc::Sender<Errand>,
    failures: mpsc::Sender<BridgeError>,
    settled: mpsc::Sender<Settled>,
    slots: BTreeMap<Symbol, Arc<Slot>>,
    /// Where answers from the terminal's history go.
    hearing: Hearing,
    greeted: bool,
    /// Places for questions about sources that wait for the disk.
    waiting_opens: Arc<Semaphore>,
}

/// Why the loop ended.
enum End {
    /// The channel ended.
    Channel(ChannelError),
    /// The peer closed.
    Peer(CloseReason),
    /// We end it.
    Own(BridgeError),
}

impl From<BridgeError> for End {
    fn from(error: BridgeError) -> Self {
        Self::Own(error)
    }
}

/// Runs an accepted session to its end. `true`: what the peer sent was not worked off in full, it must start afresh.
pub(crate) async fn run(core: Arc<Core>, seat: Seat, device_key: [u8; 32], channel: ChannelSession) -> bool {
    let ChannelSession { sender, mut receiver, resumed, .. } = channel;
    let trace = TraceId(core.env.rng.bytes());
    if let Err(error) = admit(&core, seat, device_key).await {
        turn_away(&core, &sender, seat, (trace, &error)).await;
        return true;
    }
    let Some((session, alive)) = enter(&core, seat, &sender, resumed).await else { return true };
    let (errands, waiting) = mpsc::channel(ERRANDS_MAX);
    let (failures, mut failed) = mpsc::channel(1);
    let (settled, to_tell) = mpsc::channel(SETTLED_MAX);
    let (close_code, closed) = watch::channel("");
    let desk = Desk {
        core: Arc::clone(&core),
        seat,
        device_key,
        trace,
        sender: sender.clone(),
        session: Arc::clone(&session),
        alive: alive.clone(),
        failures: failures.clone(),
    };
    let desk = core.env.spawn.task("bridge-desk", Box::pin(desk.run(waiting, closed)));
    // Before the hello is answered: a client that then asks for a heartbeat gets the whole of it.
    pulse::refresh(&core, seat, &sender).await;
    let beating = core.env.spawn.task("bridge-pulse", Box::pin(pulse::run(Arc::clone(&core), seat, sender.clone())));
    let (asker, hearing) = Asker::new(&core, (seat, trace), &sender, &failures);
    let asking = core.env.spawn.task("bridge-asker", Box::pin(asker.run()));
    tracing::info!(%trace, account = %seat.account, device = %seat.device, resumed, "session begins");
    let mut client = Client {
        core: Arc::clone(&core),
        seat,
        trace,
        sender: sender.clone(),
        session: Arc::clone(&session),
        errands,
        failures,
        settled,
        slots: BTreeMap::new(),
        hearing,
        greeted: false,
        waiting_opens: Arc::new(Semaphore::new(WAITING_OPENS_MAX)),
    };
    let end = client.serve(&mut receiver, &mut failed, to_tell).await;
    let (code, mut fresh) = client.part(end).await;
    for task in [beating, asking] {
        task.abort();
        // Aborted or ended: it asks nothing more, and plans are back.
        task.join().await.unwrap_or(());
    }
    // Not earlier: without a receiver the channel closes, and nothing more can be said.
    drop(receiver);
    close_code.send_replace(code);
    // The desk ends with its last errand, and the session with the desk.
    drop(client);
    desk.join().await.unwrap_or(());
    // Batches under way hold the other ends: when the last one is answered, everything that was taken in is worked off.
    while failed.recv().await.is_some() {
        fresh = true;
    }
    core.seats.leave(&seat, &session);
    drop(alive);
    tracing::info!(%trace, code, "session ended");
    fresh
}

/// Takes the device's seat; without one the device is told why, and the session closed.
async fn enter(
    core: &Core,
    seat: Seat,
    sender: &Sender,
    resumed: bool,
) -> Option<(Arc<Connected>, watch::Receiver<()>)> {
    let entering = core.seats.enter(seat, sender.clone(), resumed, core.settings.sessions_max);
    let entered = core.env.timeout(core.settings.hello_timeout, entering).await;
    match entered.unwrap_or(Err(BridgeError::SeatBusy)) {
        Ok(entered) => Some(entered),
        Err(error) => {
            say(sender, &refusal(&error)).await;
            sender.close(CloseReason::Capacity).await;
            None
        }
    }
}

/// Tells a device that it may not come in, and notes that it tried.
async fn turn_away(core: &Core, sender: &Sender, seat: Seat, (trace, error): (TraceId, &BridgeError)) {
    say(sender, &refusal(error)).await;
    sender.close(CloseReason::Policy).await;
    let event = AuditEvent { kind: AuditEventKind::PeerRefused, seat: Some(seat), trace, code: Some(error.dna().code) };
    if let Err(unheard) = core.ports.audit.append(event).await {
        tracing::warn!(%trace, code = unheard.dna.code, "a refused peer was not noted");
    }
}

/// A certificate of our authority says who a device is; the registry says that it may come in. An unreadable registry admits
/// nobody.
async fn admit(core: &Core, seat: Seat, device_key: [u8; 32]) -> Result<(), BridgeError> {
    let found = core.ports.devices.get(seat.tenant, seat.account, seat.device).await;
    match found.map_err(|error| BridgeError::Store(Arc::new(error)))? {
        Some(device) if device.revoked => Err(BridgeError::Revoked),
        Some(device) if device.public_key == device_key => Ok(()),
        Some(_) | None => Err(BridgeError::NotEnrolled),
    }
}

async fn say(sender: &Sender, message: &Control) -> bool {
    sender.send(CONTROL, message.kind(), Bytes::from(message.encode())).await.is_ok()
}

impl Client {
    async fn serve(
        &mut self,
        receiver: &mut Receiver,
        failed: &mut mpsc::Receiver<BridgeError>,
        mut to_tell: mpsc::Receiver<Settled>,
    ) -> End {
        let mut stop = self.session.stop.subscribe();
        let env = self.core.env.clone();
        let mut hello_limit = env.clock.sleep(self.core.settings.hello_timeout);
        loop {
            let step = tokio::select! {
                biased;
                error = stopped(&mut stop) => return End::Own(error),
                Some(error) = failed.recv() => return End::Own(error),
                () = &mut hello_limit, if !self.greeted => {
                    return End::Own(BridgeError::Protocol { what: "no hello in time" });
                }
                Some(settled) = to_tell.recv() => self.tell(settled).await,
                event = receiver.recv() => match event {
                    Ok(event) => self.take(event).await,
                    Err(error) => return End::Channel(error),
                },
            };
            if let Err(end) = step {
                // A desk that failed stops listening; its reason is the better one.
                return failed.try_recv().map_or(end, End::Own);
            }
        }
    }

    async fn tell(&self, settled: Settled) -> Result<(), End> {
        let Settled { symbol, epoch, seq } = settled;
        self.say(&Control::Settled { symbol, epoch, seq }).await
    }

    async fn say(&self, message: &Control) -> Result<(), End> {
        let body = Bytes::from(message.encode());
        self.sender.send(CONTROL, message.kind(), body).await.map(drop).map_err(End::Channel)
    }

    async fn take(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Frame { stream, seq, kind, body } => match stream {
                TICKS => self.ticks(seq, kind, &body).await,
                CONTROL => self.control(seq, kind, &body).await,
                HISTORY => {
                    let said = History::decode(kind, &body).map_err(malformed)?;
                    self.hearing.hear(seq, said).await.map_err(End::Own)
                }
                REPORTS => {
                    let envelope = ReportEnvelope::decode(&body).map_err(malformed)?;
                    self.errand(Errand::Report(seq, envelope)).await
                }
                _ => Err(End::Own(BridgeError::Protocol { what: "a frame on a stream that clients do not send on" })),
            },
            Event::Acked { stream, through } => {
                if stream == SIGNALS {
                    for signal in self.session.acknowledged(through) {
                        self.errand(Errand::Delivered(signal)).await?;
                    }
                }
                Ok(())
            }
            // A client has nothing to say in it.
            Event::Heartbeat { .. } => Ok(()),
            Event::Closed { reason } => Err(End::Peer(reason)),
        }
    }

    async fn errand(&self, errand: Errand) -> Result<(), End> {
        // The desk is gone only if it failed, which `failed` tells with its reason.
        self.errands.send(errand).await.map_err(|_| End::Own(BridgeError::Background))
    }

    fn source(&self, symbol: Symbol) -> Source {
        Source { tenant: self.seat.tenant, account: self.seat.account, symbol }
    }

    fn slot(&mut self, symbol: Symbol) -> Result<Arc<Slot>, BridgeError> {
        if let Some(slot) = self.slots.get(&symbol) {
            return Ok(Arc::clone(slot));
        }
        if self.slots.len() >= SYMBOLS_PER_SESSION_MAX {
            return Err(BridgeError::Protocol { what: "more symbols than a session may send" });
        }
        let slot = self.core.ingest.sources.find_or_add(&self.source(symbol))?;
        self.slots.insert(symbol, Arc::clone(&slot));
        self.hearing.opened(slot.source, slot.state().cursor);
        Ok(slot)
    }

    async fn ticks(&mut self, seq: u64, kind: u8, body: &[u8]) -> Result<(), End> {
        if kind != KIND_DEFAULT {
            return Err(End::Own(BridgeError::Protocol { what: "an unknown kind on the tick stream" }));
        }
        let batch = decode_ticks(body).map_err(malformed)?;
        let symbol = batch.source.symbol;
        if batch.source != self.source(symbol) {
            return Err(End::Own(BridgeError::Protocol { what: "ticks of another account" }));
        }
        let slot = self.slot(symbol)?;
        let outgoing = match self.core.settings.pacing {
            Pacing::Live => Outgoing::none(),
            Pacing::LockStep => {
                let last = batch.first_seq.saturating_add(batch.ticks.len() as u64).saturating_sub(1);
                Outgoing::settle(batch.source, batch.epoch, last, self.settled.clone())
            }
        };
        let (sender, failures) = (self.sender.clone(), self.failures.clone());
        let answer = move |fate: Result<_, BridgeError>| match fate {
            Ok(_) => sender.ack(TICKS, seq),
            // The first failure ends the session; later ones say nothing new.
            Err(error) => failures.try_send(error).unwrap_or(()),
        };
        match self.core.ingest.submit(&slot, batch, outgoing, Box::new(answer)).await {
            Err(BridgeError::OutOfStep { cursor }) => {
                // Not acknowledged and not taken. The client is told where the source stands, and starts afresh.
                self.say(&Control::TickCursors(vec![(symbol, cursor)])).await?;
                Err(End::Own(BridgeError::OutOfStep { cursor }))
            }
            other => Ok(other?),
        }
    }

    async fn control(&mut self, seq: u64, kind: u8, body: &[u8]) -> Result<(), End> {
        match Control::decode(kind, body).map_err(malformed)? {
            Control::Hello(hello) => {
                if hello.state.account != self.seat.account {
                    return Err(End::Own(BridgeError::NotAdmitted));
                }
                self.greeted = true;
                return self.errand(Errand::Hello(seq, hello)).await;
            }
            Control::Account(state) => return self.errand(Errand::Account(seq, state)).await,
            Control::Specs(specs) => return self.errand(Errand::Specs(seq, specs)).await,
            Control::TickOpen(symbols) => return self.tick_open(seq, symbols).await,
            Control::EpochStart { symbol, epoch, from } => {
                if let Err(cursor) = self.slot(symbol)?.start_epoch(epoch, from) {
                    self.say(&Control::TickCursors(vec![(symbol, cursor)])).await?;
                }
            }
            Control::FeedEnd { symbol, total } => self.core.note_feed_end(self.source(symbol), total),
            Control::Welcome(_) | Control::Refused { .. } | Control::TickCursors(_) | Control::Settled { .. } => {
                return Err(End::Own(BridgeError::Protocol { what: "a control message that only the bridge sends" }));
            }
        }
        self.sender.ack(CONTROL, seq);
        Ok(())
    }

    /// Answers where sources stand once nothing of them is on its way to the disk: an earlier session may still be working.
    /// Other messages do not wait for that.
    async fn tick_open(&self, seq: u64, symbols: Vec<Symbol>) -> Result<(), End> {
        let sources = &self.core.ingest.sources;
        let asked: Vec<_> = symbols.into_iter().map(|symbol| (symbol, sources.find(&self.source(symbol)))).collect();
        // Here and not in the task: an announcement that comes after the question stands.
        asked.iter().filter_map(|(_, slot)| slot.as_ref()).for_each(|slot| slot.withdraw());
        for (symbol, cursor) in cursors(&asked) {
            self.hearing.opened(self.source(symbol), cursor);
        }
        let at_rest = asked.iter().all(|(_, slot)| slot.as_ref().is_none_or(|slot| slot.at_rest().is_some()));
        let place = if at_rest { None } else { Arc::clone(&self.waiting_opens).try_acquire_owned().ok() };
        let Some(place) = place else {
            // A client that asks too often gets what is known; an epoch that starts there too early is refused.
            self.say(&Control::TickCursors(cursors(&asked))).await?;
            self.sender.ack(CONTROL, seq);
            return Ok(());
        };
        let (env, sender, limit) = (self.core.env.clone(), self.sender.clone(), self.core.settings.hello_timeout);
        let answer = async move {
            let rest = async {
                for slot in asked.iter().filter_map(|(_, slot)| slot.as_ref()) {
                    slot.settled().await;
                }
            };
            // Too late: then with what is known.
            env.timeout(limit, rest).await.unwrap_or(());
            // A session that is gone asks again.
            if say(&sender, &Control::TickCursors(cursors(&asked))).await {
                sender.ack(CONTROL, seq);
            }
            drop(place);
        };
        drop(self.core.env.spawn.task("bridge-tick-open", Box::pin(answer)));
        Ok(())
    }

    /// Says good-bye. Returns the code of the end, and whether the peer has to start afresh.
    async fn part(&self, end: End) -> (&'static str, bool) {
        let error = match end {
            End::Peer(reason) => return (reason.code(), false),
            End::Channel(error) => return (error.dna().code, false),
            End::Own(error) => error,
        };
        let code = error.dna().code;
        let (reason, fresh) = match &error {
            BridgeError::Superseded => (CloseReason::Superseded, false),
            BridgeError::Stopping => (CloseReason::GoingAway, false),
            BridgeError::OutOfStep { .. } => (CloseReason::Policy, true),
            _ => {
                tracing::warn!(trace = %self.trace, code, "session refused");
                // Gone already? Then nobody has to be told.
                drop(self.say(&refusal(&error)).await);
                (CloseReason::Policy, true)
            }
        };
        self.sender.close(reason).await;
        (code, fresh)
    }
}

/// Where sources stand durably.
fn cursors(asked: &[(Symbol, Option<Arc<Slot>>)]) -> Vec<(Symbol, Cursor)> {
    asked
        .iter()
        .map(|(symbol, slot)| (*symbol, slot.as_ref().map_or_else(Cursor::default, |s| s.state().cursor)))
        .collect()
}

fn malformed(error: aitrading_wire::WireError) -> End {
    tracing::debug!(code = error.dna().code, "a client's frame could not be read");
    End::Own(BridgeError::Protocol { what: "a frame that cannot be read" })
}

/// Waits until the session is asked to end.
async fn stopped(stop: &mut watch::Receiver<Option<Stop>>) -> BridgeError {
    match stop.wait_for(Option::is_some).await.map(|stop| *stop) {
        Ok(Some(Stop::Superseded)) => BridgeError::Superseded,
        _ => BridgeError::Stopping,
    }
}
