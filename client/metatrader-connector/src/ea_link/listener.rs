//! Listening, and letting in whoever proves the account's secret.

use super::{
    EaAccount, EaLink, EaLinkError, LinkTimes,
    framed::{Broken, FrameReader, write},
    session,
    slot::{Place, Slot},
};
use aitrading_env::{BoxListener, BoxStream, Env, RngExt, Task};
use aitrading_model::AccountId;
use aitrading_security::mac::{hmac_sha256, hmac_sha256_verify};
use aitrading_wire::{
    WireError,
    ea::{Accept, Challenge, Hello, Message, ProofSide, Refuse, Role, proof_input},
};
use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{ReadHalf, WriteHalf},
    sync::{Semaphore, watch},
};

/// Connections that may be in their handshake at the same time; more wait in the operating system's queue.
const HANDSHAKES_MAX: usize = 32;
/// Pause after a failed accept, so that a lack of file handles does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Slots = BTreeMap<AccountId, Arc<Slot>>;

/// A bound port, not yet served.
pub struct EaListener {
    env: Env,
    listener: BoxListener,
    slots: Arc<Slots>,
}

impl fmt::Debug for EaListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EaListener").field("accounts", &self.slots.keys()).finish_non_exhaustive()
    }
}

/// A served port. Dropping it ends the accept loop and all connections.
#[derive(Debug)]
pub struct EaServer {
    accepting: Task,
    stop: watch::Sender<bool>,
}

impl Drop for EaServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.accepting.abort();
    }
}

impl EaListener {
    /// Binds `addr` (loopback; port 0 lets the system choose) for the terminals of `accounts`.
    ///
    /// # Errors
    /// [`EaLinkError::Bind`] if the port cannot be had.
    pub async fn bind(
        env: Env,
        addr: SocketAddr,
        accounts: Vec<EaAccount>,
        times: LinkTimes,
    ) -> Result<Self, EaLinkError> {
        let listener =
            env.net.listen(addr).await.map_err(|source| EaLinkError::Bind { addr, source: Arc::new(source) })?;
        let slot = |account: EaAccount| (account.account, Arc::new(Slot::new(env.clone(), account, times)));
        let slots = Arc::new(accounts.into_iter().map(slot).collect());
        Ok(Self { env, listener, slots })
    }

    /// The address with the port that was chosen.
    ///
    /// # Errors
    /// [`EaLinkError::Lost`] if the socket is gone.
    pub fn local_addr(&self) -> Result<SocketAddr, EaLinkError> {
        self.listener.local_addr().map_err(|_| EaLinkError::Lost)
    }

    /// The link of an account; `None` if it was not named when binding.
    #[must_use]
    pub fn link(&self, account: AccountId) -> Option<EaLink> {
        self.slots.get(&account).map(|slot| EaLink { slot: Arc::clone(slot) })
    }

    /// Starts to accept.
    #[must_use]
    pub fn serve(self) -> EaServer {
        let (stop, stopped) = watch::channel(false);
        let env = self.env.clone();
        let accepting = env.spawn.task("ea-accept", Box::pin(self.accept_loop(stopped)));
        EaServer { accepting, stop }
    }

    async fn accept_loop(self, stopped: watch::Receiver<bool>) {
        let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, peer)) = self.listener.accept().await else {
                self.env.clock.sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let (env, slots, stopped) = (self.env.clone(), Arc::clone(&self.slots), stopped.clone());
            let task = async move {
                let entered = enter(&env, &slots, stream).await;
                drop(permit);
                match entered {
                    Ok(entered) => {
                        let Entered { slot, place, reader, write } = entered;
                        session::run(&slot, place, reader, write, stopped).await;
                    }
                    Err(cause) => tracing::warn!(%peer, %cause, "a connection to the terminal's port was refused"),
                }
            };
            drop(self.env.spawn.task("ea-connection", Box::pin(task)));
        }
    }
}

/// A connection that was let in.
struct Entered {
    slot: Arc<Slot>,
    place: Place,
    reader: FrameReader<ReadHalf<BoxStream>>,
    write: WriteHalf<BoxStream>,
}

/// The handshake. Whoever is refused is told why, unless it does not speak the protocol at all.
async fn enter(env: &Env, slots: &Slots, stream: BoxStream) -> Result<Entered, Broken> {
    let (read, mut write_half) = tokio::io::split(stream);
    let mut reader = FrameReader::new(read);
    let limit = slots.values().next().map_or_else(LinkTimes::default, |slot| slot.times).handshake;
    let challenge = Challenge { nonce: env.rng.bytes() };
    write(env, &mut write_half, &Message::Challenge(challenge.clone()).frame(0), Some(limit)).await?;
    // One limit for the whole hello: a peer that drips bytes gets no more time than one that is silent.
    let answer = env.timeout(limit, reader.next(env, limit)).await.unwrap_or(Err(Broken::Silent));
    let judged = match answer {
        Ok(incoming) => match incoming.message {
            Message::Hello(hello) => judge(slots, &challenge, &hello).map(|entered| (hello, entered)),
            _ => Err(refuse("UNEXPECTED_MESSAGE", "a hello was expected; update the older side")),
        },
        Err(Broken::Wire(WireError::Version(_))) => {
            Err(refuse("VERSION", "the Expert Advisor and the connector have different versions; update the older one"))
        }
        Err(broken) => return Err(broken),
    };
    match judged {
        Ok((hello, (slot, place))) => {
            let proof = hmac_sha256(secret(&slot), &proof_input(ProofSide::Connector, &challenge, &hello));
            let accept = Message::Accept(Accept { proof }).frame(hello.role);
            if let Err(broken) = write(env, &mut write_half, &accept, Some(limit)).await {
                slot.unregister(place.role, place.id);
                return Err(broken);
            }
            Ok(Entered { slot, place, reader, write: write_half })
        }
        Err(refused) => {
            let frame = Message::Refuse(refused.clone()).frame(0);
            write(env, &mut write_half, &frame, Some(limit)).await?;
            Err(Broken::Refused(refused))
        }
    }
}

fn judge(slots: &Slots, challenge: &Challenge, hello: &Hello) -> Result<(Arc<Slot>, Place), Refuse> {
    let bad_proof = || {
        refuse(
            "BAD_PROOF",
            "login or secret are not the ones that this connector expects; compare them with the Expert Advisor's inputs",
        )
    };
    let slot = slots.get(&hello.account).ok_or_else(bad_proof)?;
    if !hmac_sha256_verify(secret(slot), &proof_input(ProofSide::Terminal, challenge, hello), &hello.proof) {
        return Err(bad_proof());
    }
    let role = Role::from_number(hello.role)
        .ok_or_else(|| refuse("UNKNOWN_ROLE", "this connector does not know the connection's role; update it"))?;
    let place = slot.register(hello, role)?;
    Ok((Arc::clone(slot), place))
}

fn secret(slot: &Slot) -> &[u8] {
    slot.secret.expose()
}

fn refuse(code: &str, text: &str) -> Refuse {
    Refuse { code: code.into(), text: text.into() }
}
