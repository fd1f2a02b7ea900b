//! Dialling, proving, and dialling again: one connection, kept as long as the terminal runs.

use super::{desk::Desk, faults::dice, roles};
use crate::ea_link::framed::{Broken, FrameReader, OUTBOX, WriteRules, write, write_loop};
use aitrading_env::{BoxStream, RngExt};
use aitrading_security::mac::{hmac_sha256, hmac_sha256_verify};
use aitrading_wire::{
    WireError,
    ea::{Challenge, Hello, Message, ProofSide, Role, proof_input},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::mpsc,
};

/// The first pause before dialling again; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// What the terminal calls its program.
const PROGRAM: &str = "aitrading simulated terminal 1";

/// Keeps the connection for `role` until the terminal stops.
pub(super) async fn keep(desk: Arc<Desk>, role: Role) {
    let mut stop = desk.stop.subscribe();
    let mut pause = FIRST_PAUSE;
    for attempt in 0_u64.. {
        let mut accepted = false;
        let broken = tokio::select! {
            broken = connect(&desk, role, &mut accepted) => broken,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        tracing::debug!(role = role.name(), cause = %broken, "the terminal's connection ended; dialling again");
        if let Broken::Refused(refuse) = broken {
            desk.refusal.send_replace(Some(refuse));
        }
        if accepted {
            pause = FIRST_PAUSE;
        }
        // Up to half as long again, so that five connections do not knock in step.
        let jitter = dice(desk.settings.seed, attempt, role as u64) % 500;
        let jittered =
            pause.saturating_mul(1_000_u32.saturating_add(u32::try_from(jitter).unwrap_or_default())) / 1_000;
        tokio::select! {
            () = desk.env.clock.sleep(jittered) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        pause = pause.saturating_mul(2).min(LAST_PAUSE);
    }
}

async fn connect(desk: &Arc<Desk>, role: Role, accepted: &mut bool) -> Broken {
    let limit = desk.settings.times.handshake;
    let stream = match desk.env.timeout(limit, desk.env.net.connect(desk.settings.addr)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Broken::Io(error),
        Err(_) => return Broken::Silent,
    };
    let (reader, half) = match handshake(desk, role, stream).await {
        Ok(halves) => halves,
        Err(broken) => return broken,
    };
    *accepted = true;
    let (outbox, queue) = mpsc::channel(OUTBOX);
    // No limit on a single write: a connector that does not read is slow, one that says nothing is gone.
    let rules = WriteRules { role: role as u8, heartbeat: desk.settings.times.heartbeat, stall: None };
    tokio::select! {
        broken = write_loop(&desk.env, half, queue, rules, |_| true) => broken,
        broken = roles::run(desk, role, reader, outbox) => broken,
    }
}

type Halves = (FrameReader<ReadHalf<BoxStream>>, WriteHalf<BoxStream>);

async fn handshake(desk: &Desk, role: Role, stream: BoxStream) -> Result<Halves, Broken> {
    let (read, mut half) = tokio::io::split(stream);
    let mut reader = FrameReader::new(read);
    let limit = desk.settings.times.handshake;
    let Message::Challenge(challenge) = reader.next(&desk.env, limit).await?.message else { return Err(unexpected()) };
    let hello = hello(desk, role, &challenge);
    write(&desk.env, &mut half, &Message::Hello(Box::new(hello.clone())).frame(role as u8), Some(limit)).await?;
    match reader.next(&desk.env, limit).await?.message {
        Message::Accept(accept) => {
            let input = proof_input(ProofSide::Connector, &challenge, &hello);
            if hmac_sha256_verify(desk.settings.secret.expose(), &input, &accept.proof) {
                Ok((reader, half))
            } else {
                Err(Broken::Wire(WireError::BadValue("proof")))
            }
        }
        Message::Refuse(refuse) => Err(Broken::Refused(refuse)),
        _ => Err(unexpected()),
    }
}

fn hello(desk: &Desk, role: Role, challenge: &Challenge) -> Hello {
    let mut hello = Hello {
        role: role as u8,
        account: desk.settings.account,
        instance: desk.instance,
        nonce: desk.env.rng.bytes(),
        server: desk.settings.server.clone(),
        program: PROGRAM.into(),
        proof: [0; 32],
    };
    hello.proof = hmac_sha256(desk.settings.secret.expose(), &proof_input(ProofSide::Terminal, challenge, &hello));
    hello
}

fn unexpected() -> Broken {
    Broken::Wire(WireError::BadValue("message kind"))
}
