//! What a terminal does on each of its five connections.

use super::{
    desk::Desk,
    faults::Fault,
    past,
    pump::{Pump, Pumps},
};
use crate::ea_link::framed::{Broken, FrameReader, Incoming, Outgoing};
use aitrading_env::BoxStream;
use aitrading_wire::{
    WireError,
    ea::{Message, OrderRequest, OrderResult, Role, Specs, TransactionKind},
};
use std::sync::Arc;
use tokio::{
    io::ReadHalf,
    sync::{broadcast::error::RecvError, mpsc},
};

type Reader = FrameReader<ReadHalf<BoxStream>>;
type Outbox = mpsc::Sender<Outgoing>;

/// Serves one connection until it breaks.
pub(super) async fn run(desk: &Arc<Desk>, role: Role, reader: Reader, outbox: Outbox) -> Broken {
    let served = match role {
        Role::Commands => commands(desk, reader, outbox).await,
        Role::History => history(desk, reader, outbox).await,
        Role::Ticks => ticks(desk, reader, outbox).await,
        Role::Events => tokio::select! {
            broken = listen(desk, reader) => broken,
            broken = events(desk, outbox) => broken,
        },
        Role::Control => tokio::select! {
            broken = listen(desk, reader) => broken,
            broken = control(desk, outbox) => broken,
        },
    };
    served.err().unwrap_or(Broken::Ended)
}

async fn next(desk: &Desk, reader: &mut Reader) -> Result<Message, Broken> {
    let Incoming { message, .. } = reader.next(&desk.env, desk.settings.times.silence).await?;
    match message {
        Message::Refuse(refuse) => Err(Broken::Refused(refuse)),
        message => Ok(message),
    }
}

fn unexpected() -> Broken {
    Broken::Wire(WireError::BadValue("message kind"))
}

async fn send(outbox: &Outbox, role: Role, message: &Message) -> Result<(), Broken> {
    outbox.send(Outgoing::Frame(message.frame(role as u8))).await.map_err(|_| Broken::Ended)
}

/// A connection on which only we speak.
async fn listen(desk: &Desk, mut reader: Reader) -> Result<(), Broken> {
    loop {
        match next(desk, &mut reader).await? {
            Message::Heartbeat(_) => {}
            _ => return Err(unexpected()),
        }
    }
}

async fn commands(desk: &Arc<Desk>, mut reader: Reader, outbox: Outbox) -> Result<(), Broken> {
    loop {
        match next(desk, &mut reader).await? {
            Message::Heartbeat(_) => {}
            Message::OrderRequest(request) => execute(desk, *request, &outbox).await?,
            _ => return Err(unexpected()),
        }
    }
}

/// One order, one after the other, as a program that calls `OrderSend` handles them.
async fn execute(desk: &Arc<Desk>, request: OrderRequest, outbox: &Outbox) -> Result<(), Broken> {
    let id = request.request_id;
    if let Some(result) = desk.answered(id) {
        // Seen before: the first answer again, and nothing is sent.
        return send(outbox, Role::Commands, &Message::OrderResult(Box::new(result))).await;
    }
    let fault = desk.settings.faults.draw(desk.settings.seed, id);
    if fault == Fault::DropBeforeSend {
        return Err(Broken::Ended);
    }
    let order_send_ns = desk.env.clock.wall_ns();
    if !desk.settings.latency.is_zero() {
        desk.env.clock.sleep(desk.settings.latency).await;
    }
    let done = desk.act(|broker| vec![broker.order(&request, order_send_ns)]).await.ok_or(Broken::Ended)?;
    let Some(execution) = done.into_iter().next() else { return Err(Broken::Ended) };
    let (answers, effects) = execution.transactions.into_iter().partition(|t| t.kind == TransactionKind::Request);
    desk.emit(effects);
    match fault {
        Fault::DropAfterSend => Err(Broken::Ended),
        Fault::LostReply | Fault::DropBeforeSend => Ok(()),
        Fault::LateReply => {
            answer_late(desk, execution.result, outbox.clone());
            Ok(())
        }
        Fault::None => {
            desk.emit(answers);
            send(outbox, Role::Commands, &Message::OrderResult(Box::new(execution.result))).await
        }
    }
}

/// Beyond the bound of late answers, the answer is lost.
fn answer_late(desk: &Arc<Desk>, result: OrderResult, outbox: Outbox) {
    let Ok(permit) = Arc::clone(&desk.late).try_acquire_owned() else { return };
    let pause = desk.env.clock.sleep(desk.settings.faults.late_by);
    let later = async move {
        pause.await;
        // The connection may have gone meanwhile: then the answer is lost.
        send(&outbox, Role::Commands, &Message::OrderResult(Box::new(result))).await.unwrap_or(());
        drop(permit);
    };
    drop(desk.env.spawn.task("late-reply", Box::pin(later)));
}

async fn history(desk: &Desk, mut reader: Reader, outbox: Outbox) -> Result<(), Broken> {
    loop {
        match next(desk, &mut reader).await? {
            Message::Heartbeat(_) => {}
            Message::Lookup(lookup) => {
                let result = desk.lookup(lookup);
                send(&outbox, Role::History, &Message::LookupResult(Box::new(result))).await?;
            }
            Message::HistoryRequest(request) => past::answer(desk, request, &outbox).await?,
            _ => return Err(unexpected()),
        }
    }
}

async fn ticks(desk: &Arc<Desk>, mut reader: Reader, outbox: Outbox) -> Result<(), Broken> {
    let mut pumps = Pumps::default();
    loop {
        match next(desk, &mut reader).await? {
            Message::Heartbeat(_) => {}
            Message::TickSubscribe(subscribe) => {
                let pump = Pump::new(Arc::clone(desk), subscribe, outbox.clone());
                pumps.start(&desk.env, pump)?;
            }
            Message::TickContinue(feed) => pumps.go_on(feed.feed),
            Message::TickStop(feed) => pumps.stop(feed.feed),
            _ => return Err(unexpected()),
        }
    }
}

/// Transactions as they happen, each batch with the account as it is then.
async fn events(desk: &Desk, outbox: Outbox) -> Result<(), Broken> {
    let mut emitted = desk.emitted.subscribe();
    loop {
        match emitted.recv().await {
            Ok(batch) => {
                for transaction in batch.iter() {
                    send(&outbox, Role::Events, &Message::Transaction(*transaction)).await?;
                }
                send(&outbox, Role::Events, &Message::Account(Box::new(desk.account()))).await?;
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return Err(Broken::Ended),
        }
    }
}

/// Snapshots at the beginning, and again when they changed.
async fn control(desk: &Desk, outbox: Outbox) -> Result<(), Broken> {
    send(&outbox, Role::Control, &Message::Specs(Specs(desk.settings.specs.clone()))).await?;
    let mut told = None;
    loop {
        let now = (desk.info(), desk.account());
        if told.as_ref() != Some(&now) {
            send(&outbox, Role::Control, &Message::TerminalInfo(now.0)).await?;
            send(&outbox, Role::Control, &Message::Account(Box::new(now.1.clone()))).await?;
            told = Some(now);
        }
        tokio::select! {
            () = desk.env.clock.sleep(desk.settings.times.heartbeat) => {}
            () = desk.info_changed.notified() => {}
        }
    }
}
