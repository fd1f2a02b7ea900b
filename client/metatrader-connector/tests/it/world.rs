//! A client's directory, its keys, and the terminal beside it.

use crate::bridge::{Bridge, POLICY};
use aitrading_env::Env;
use aitrading_keystore::{DeviceKeys, KeyStore, SealedFiles};
use aitrading_metatrader_connector::{
    Connector, specs,
    terminal::{Feed, SimSettings, SimTerminal, TickFaults},
    ticks::{SyntheticSettings, TickHistory, synthetic},
};
use aitrading_model::*;
use aitrading_security::{PeerIdentity, Secret, pki::Authority};
use aitrading_settings::{Identity, Limits, Reconnect, Server, Settings, Terminal, Ticks};
use std::{path::Path, time::Duration};

const DAY: Duration = Duration::from_secs(86_400);
pub(crate) const TENANT: TenantId = TenantId(1);
pub(crate) const ACCOUNT: AccountId = AccountId(70_001);
pub(crate) const DEVICE: DeviceId = DeviceId([7; 16]);

pub(crate) fn peer() -> PeerIdentity {
    PeerIdentity::Device { tenant: TENANT, device: DEVICE, account: ACCOUNT }
}

/// One client on a disk of its own.
pub(crate) struct World {
    pub(crate) env: Env,
    pub(crate) bridge: Bridge,
    pub(crate) settings: Settings,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let env = Env::real();
        Self::with_certificate_of(&env.clone()).await
    }

    pub(crate) async fn with_certificate_of(issued_in: &Env) -> Self {
        let env = Env::real();
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::generate(issued_in, DAY * 3650).unwrap();
        let bridge = Bridge::start(&env, &authority, peer(), issued_in).await;
        let dir = folder.path();
        let certificate = authority.issue_device(&env, TENANT, DEVICE, ACCOUNT, DAY).unwrap();
        let keys = DeviceKeys::enrol(&env, certificate).unwrap();
        SealedFiles::new(&env, &dir.join("keys")).create(&keys).unwrap();
        env.fs.write_atomic(&dir.join("ca.pem"), authority.certificate_pem().as_bytes()).unwrap();
        let settings = settings(dir, &bridge);
        Self { env, bridge, settings, folder }
    }

    pub(crate) fn keys(&self) -> DeviceKeys {
        SealedFiles::new(&self.env, &self.settings.keystore).open().unwrap()
    }

    pub(crate) async fn connector(&self) -> Connector {
        Connector::start(&self.env, &self.settings, self.keys()).await.unwrap()
    }

    /// A terminal that replays `histories` to the connector.
    pub(crate) async fn terminal(&self, connector: &Connector, histories: &[(&str, TickHistory)]) -> SimTerminal {
        self.faulty_terminal(connector, histories, TickFaults::default()).await
    }

    /// The same, with faults in its ticks.
    pub(crate) async fn faulty_terminal(
        &self,
        connector: &Connector,
        histories: &[(&str, TickHistory)],
        tick_faults: TickFaults,
    ) -> SimTerminal {
        let secret = Secret::new(self.keys().ea_secret.expose().to_vec());
        let address = connector.ea_address().unwrap();
        let books = self.folder.path().join("broker");
        let usd = "USD".parse().unwrap();
        let symbol = |name: &str| -> Symbol { name.parse().unwrap() };
        let settings = SimSettings {
            specs: histories.iter().map(|(name, _)| specs::find(symbol(name)).unwrap().spec).collect(),
            feeds: histories
                .iter()
                .map(|(name, history)| Feed { symbol: symbol(name), history: history.clone() })
                .collect(),
            tick_faults,
            ..SimSettings::demo(address, secret, ACCOUNT, usd, books)
        };
        SimTerminal::start(self.env.clone(), settings).await.unwrap()
    }
}

pub(crate) fn history(name: &str, seed: u64, count: usize) -> TickHistory {
    let row = specs::find(name.parse().unwrap()).unwrap();
    synthetic(&row.spec, SyntheticSettings::new(seed, row.reference_price), count)
}

fn settings(dir: &Path, bridge: &Bridge) -> Settings {
    Settings {
        server: Server {
            address: bridge.addr,
            name: "localhost".into(),
            policy: POLICY.into(),
            pins: vec![bridge.pin],
            noise_key: bridge.noise.public(),
            ca_file: dir.join("ca.pem"),
            audit_key: Some(bridge.audit_key()),
        },
        identity: Identity { tenant: TENANT.0, account: ACCOUNT.0, device: DEVICE.0 },
        data_dir: dir.join("data"),
        keystore: dir.join("keys"),
        terminal: Terminal {
            listen: "127.0.0.1:0".parse().unwrap(),
            order_timeout: Duration::from_secs(2),
            broker_latency: Duration::from_millis(100),
            lookup_pause: Duration::from_millis(50),
        },
        ticks: Ticks { batch: 256, single: false },
        limits: Limits { lots_max: "1".into(), symbols: Vec::new(), orders_per_minute: 100 },
        reconnect: Reconnect { first: Duration::from_millis(10), most: Duration::from_millis(100) },
    }
}
