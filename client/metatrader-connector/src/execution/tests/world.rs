//! One client on files in memory, with a broker that outlives its crashes.

use super::broker::Broker;
use crate::{
    execution::{Desk, DeskParts, Patience, Quotes, Received, Terms},
    ledger::{Ledger, LedgerError},
    reports::{Owner, Reports},
    server_time::ServerClock,
    status::Board,
    validator::OwnLimits,
};
use aitrading_channel::ClockEstimate;
use aitrading_env::{
    Env, Fs,
    sim::{ManualClock, MemFs, SeededRng},
};
use aitrading_model::*;
use aitrading_security::signing::{KeyRing, SigningKey};
use aitrading_wire::{REPORT_DOMAIN, SIGNAL_DOMAIN, SignalEnvelope, decode_report, encode_signal};
use std::{path::Path, sync::Arc, time::Duration};

pub(super) const NOW: i64 = 1_700_000_000_000_000_000;
pub(super) const LIFE: Duration = Duration::from_secs(180);
pub(super) const LATENCY: Duration = Duration::from_secs(10);

pub(super) const OWNER: Owner = Owner { tenant: TenantId(1), account: AccountId(7), device: DeviceId([2; 16]) };

pub(super) fn server_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

pub(super) fn device_key() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

pub(super) fn terms() -> Terms {
    Terms { fence: Fence(3), policy: PolicyHash([9; 32]), keys: KeyRing::new(server_key().verifying_key()) }
}

pub(super) fn signal(seq: u64) -> Signal {
    let mut id = [5; 16];
    id[..8].copy_from_slice(&(seq << 8).to_be_bytes());
    Signal {
        tenant: OWNER.tenant,
        account: OWNER.account,
        device: OWNER.device,
        fence: Fence(3),
        seq,
        id: SignalId(id),
        previous: SignalId([0; 16]),
        trace: TraceId([6; 16]),
        kind: SignalKind::Open,
        order_type: OrderType::Market,
        symbol: "USDJPY".parse().unwrap(),
        side: Side::Buy,
        position: PositionTicket(0),
        lots_min: "0.50".parse().unwrap(),
        lots_max: "0.50".parse().unwrap(),
        price_min: "86.6".parse().unwrap(),
        price_max: "86.8".parse().unwrap(),
        deviation: 0,
        stop_loss: "86.4".parse().unwrap(),
        take_profit: "87.2".parse().unwrap(),
        issued_at: Timestamp(NOW),
        not_before: Timestamp(NOW),
        expires_at: Timestamp(NOW).plus(LIFE),
        policy: PolicyHash([9; 32]),
    }
}

pub(super) fn frame(signal: &Signal) -> Vec<u8> {
    let bytes = encode_signal(signal);
    let signature = server_key().sign_detached(SIGNAL_DOMAIN, &bytes);
    SignalEnvelope { key_id: server_key().verifying_key().id().0, bytes, signature }.encode()
}

fn spec() -> SymbolSpec {
    let usd: Currency = "USD".parse().unwrap();
    SymbolSpec {
        symbol: "USDJPY".parse().unwrap(),
        digits: 3,
        contract_size: "100000".parse().unwrap(),
        tick_size: "0.001".parse().unwrap(),
        tick_value: "0.6".parse().unwrap(),
        tick_value_loss: "0.6".parse().unwrap(),
        volume_min: "0.01".parse().unwrap(),
        volume_max: "80".parse().unwrap(),
        volume_step: "0.01".parse().unwrap(),
        volume_limit: Volume::ZERO,
        stops_level: 0,
        freeze_level: 0,
        trade_mode: TradeMode::Full,
        execution: ExecutionMode::Market,
        filling: FillingModes(FillingModes::IOC),
        order_mode: 127,
        calc_mode: CalcMode::Forex,
        currency_base: usd,
        currency_profit: "JPY".parse().unwrap(),
        currency_margin: usd,
        margin_conversion: Price::ONE,
        profit_conversion: Price::ONE,
        sessions: None,
    }
}

fn account() -> AccountState {
    AccountState {
        account: OWNER.account,
        server: "Demo".into(),
        currency: "USD".parse().unwrap(),
        margin_mode: MarginMode::RetailHedging,
        leverage: 100,
        balance: Money::ONE,
        equity: Money::ONE,
        margin: Money::ZERO,
        free_margin: Money::ONE,
        stop_out_percent: 50,
        permissions: Permissions::ALL,
        time: MarketTime(0),
        positions: Vec::new(),
    }
}

/// The world outside the client: it stays when the client crashes.
pub(super) struct World {
    pub(super) fs: MemFs,
    pub(super) time: ManualClock,
    pub(super) broker: Arc<Broker>,
    pub(super) env: Env,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let (fs, time) = (MemFs::new(), ManualClock::new(NOW + 1_000_000));
        fs.create_dir_all(Path::new("/c")).unwrap();
        let env = Env {
            fs: Arc::new(fs.clone()),
            clock: Arc::new(time.clone()),
            rng: Arc::new(SeededRng::new(seed)),
            ..Env::real()
        };
        Self { fs, time, broker: Broker::new(account(), spec()), env }
    }

    /// The program starts.
    pub(super) fn client(&self) -> Client {
        let env = self.env.clone();
        // Opening blocks on the journal's thread, which a runtime's thread must not.
        let ledger = std::thread::scope(|threads| {
            threads.spawn(move || Ledger::open(&env, Path::new("/c/ledger")).unwrap()).join().unwrap()
        });
        let (ledger, board) = (Arc::new(ledger), Arc::new(Board::default()));
        let reports = Arc::new(Reports::new(OWNER, device_key(), Arc::clone(&ledger), Arc::clone(&board)));
        let clock = Arc::new(ServerClock::new(Arc::clone(&self.env.clock)));
        clock.follow(|| ClockEstimate { offset_ns: NOW, err_ns: 500_000 });
        let quotes = Arc::new(Quotes::default());
        quotes.set("USDJPY".parse().unwrap(), "86.700".parse().unwrap(), "86.710".parse().unwrap());
        let desk = Arc::new(Desk::new(DeskParts {
            env: self.env.clone(),
            terminal: self.broker.clone(),
            ledger: Arc::clone(&ledger),
            reports,
            clock,
            quotes,
            board: Arc::clone(&board),
            limits: OwnLimits { lots_max: Volume::ONE, symbols: Vec::new(), orders_per_minute: 1000 },
            patience: Patience {
                order: Duration::from_secs(10),
                broker_latency: LATENCY,
                lookup_pause: Duration::from_secs(1),
            },
        }));
        Client { desk, ledger, board }
    }
}

/// One run of the program.
pub(super) struct Client {
    pub(super) desk: Arc<Desk>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) board: Arc<Board>,
}

impl Client {
    /// Takes a signal and executes it; lets time pass while it waits.
    pub(super) async fn run(&self, world: &World, signal: &Signal) -> Result<(), LedgerError> {
        match self.desk.receive(&frame(signal), &terms()).await? {
            Received::Execute(intended) => passing(world, self.desk.execute(*intended)).await,
            Received::Done => Ok(()),
            Received::Hostile(refusal) => panic!("{refusal:?}"),
        }
    }

    /// What a start does with what is open.
    pub(super) async fn recover(&self, world: &World) -> Result<(), LedgerError> {
        for entry in self.ledger.view().unsettled() {
            passing(world, self.desk.settle_after_restart(&entry)).await?;
        }
        Ok(())
    }

    /// The reports in the ledger, each checked to be signed by the device, oldest first.
    pub(super) fn reports(&self) -> Vec<Report> {
        let check = |(_, envelope): (u64, aitrading_wire::ReportEnvelope)| {
            let key = device_key().verifying_key();
            key.verify_detached(REPORT_DOMAIN, &envelope.bytes, &envelope.signature).unwrap();
            decode_report(&envelope.bytes).unwrap()
        };
        self.ledger.unconfirmed().into_iter().map(check).collect()
    }

    pub(super) fn states(&self) -> Vec<ReportState> {
        self.reports().iter().map(|report| report.state).collect()
    }
}

/// Runs `work`, and moves the clock whenever it only waits.
pub(super) async fn passing<T>(world: &World, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = idle() => world.time.advance(Duration::from_secs(5)),
        }
    }
}

/// The journal answers from its own thread: it gets its turn first.
async fn idle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}
