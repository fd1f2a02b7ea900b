//! Settings files, good and bad.

use super::*;
use aitrading_env::{OpenMode, sim::MemFs};
use aitrading_error::Coded;
use std::sync::Arc;

fn sample() -> Settings {
    Settings {
        server: Server {
            address: "127.0.0.1:8001".parse().unwrap(),
            name: "localhost".into(),
            policy: "demo".into(),
            pins: vec![[0xab; 32], [1; 32]],
            noise_key: [2; 32],
            ca_file: "/c/ca.pem".into(),
            audit_key: Some([4; 32]),
        },
        identity: Identity { tenant: 1, account: 70_001, device: [3; 16] },
        data_dir: "/c/data".into(),
        keystore: "/c/key \"store\"".into(),
        terminal: Terminal {
            listen: "127.0.0.1:0".parse().unwrap(),
            order_timeout: Duration::from_secs(5),
            broker_latency: Duration::from_secs(10),
            lookup_pause: Duration::from_millis(500),
        },
        ticks: Ticks { batch: 128, single: true },
        limits: Limits { lots_max: "1.50".into(), symbols: vec!["EURUSD".into()], orders_per_minute: 30 },
        reconnect: Reconnect { first: Duration::from_millis(100), most: Duration::from_secs(2) },
    }
}

/// `text` must be refused with exactly these keys, each in a message that holds the hint.
fn check_refused(text: &str, expected: &[(&str, &str)]) {
    let error = Settings::parse("client.toml", text, Path::new("/c")).unwrap_err();
    let SettingsError::Invalid(violations) = error else { panic!("{error:?}") };
    let found: Vec<_> = violations.0.iter().map(|v| v.key.as_str()).collect();
    assert_eq!(found, expected.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "{violations}");
    for (violation, (_, hint)) in violations.0.iter().zip(expected) {
        assert!(violation.to_string().contains(hint), "{violation} does not say {hint}");
    }
}

/// The sample's file with one line replaced.
fn spoiled(from: &str, to: &str) -> String {
    let text = sample().render();
    assert!(text.contains(from), "{from} is not in {text}");
    text.replace(from, to)
}

#[test]
fn what_is_written_is_read_back() {
    assert_eq!(Settings::parse("t", &sample().render(), Path::new("/elsewhere")).unwrap(), sample());
}

#[test]
fn relative_paths_are_meant_from_the_files_directory() {
    let fs = MemFs::new();
    let env = Env { fs: Arc::new(fs), ..Env::real() };
    env.fs.create_dir_all(Path::new("/etc/desk")).unwrap();
    let text = spoiled("\"/c/data\"", "\"data\"");
    let file = env.fs.open(Path::new("/etc/desk/client.toml"), OpenMode::Create).unwrap();
    file.write_all_at(text.as_bytes(), 0).unwrap();
    let settings = Settings::load(&env, Path::new("/etc/desk/client.toml")).unwrap();
    assert_eq!(settings.data_dir, Path::new("/etc/desk/data"));
    assert_eq!(settings.server.ca_file, Path::new("/c/ca.pem"), "absolute paths stay");
    let missing = Settings::load(&env, Path::new("/etc/desk/clinet.toml")).unwrap_err();
    assert_eq!(missing.dna().code, "SETTINGS_UNREADABLE");
}

#[test]
fn each_wrong_value_names_its_key_and_cure() {
    check_refused(&spoiled("lots_max =", "lot_max ="), &[("limits.lot_max", "did you mean `lots_max`?")]);
    check_refused(&spoiled("\"1.50\"", "\"0.00\""), &[("limits.lots_max", "positive")]);
    check_refused(&spoiled("\"1.50\"", "\"-1\""), &[("limits.lots_max", "positive")]);
    check_refused(&spoiled("batch = 128", "batch = 257"), &[("ticks.batch", "1 to 256")]);
    check_refused(&spoiled("127.0.0.1:0", "0.0.0.0:9300"), &[("terminal.listen", "loopback")]);
    check_refused(&spoiled("127.0.0.1:8001", "bridge:8001"), &[("server.address", "127.0.0.1:8000")]);
    check_refused(&spoiled("account = 70001", ""), &[("identity.account", "MT5 login")]);
    check_refused(&spoiled("version = 1", ""), &[("version", "version = 1")]);
    check_refused(&spoiled("most_ms = 2000", "most_ms = 50"), &[("reconnect.most_ms", "100 to")]);
    check_refused(&spoiled("\"0303", "\"zz03"), &[("identity.device", "32 hexadecimal digits")]);
    check_refused(&spoiled("\"0202", "\"02"), &[("server.noise_key", "64 hexadecimal digits")]);
    check_refused(&spoiled("\"0404", "\"04"), &[("server.audit_key", "64 hexadecimal digits")]);
    check_refused(&spoiled(&"04".repeat(32), ""), &[("server.audit_key", "64 hexadecimal digits")]);
}

#[test]
fn a_file_from_before_there_was_an_audit_key_is_read() {
    let server = Server { audit_key: None, ..sample().server };
    let older = Settings { server, ..sample() };
    assert!(!older.render().contains("audit_key"));
    assert_eq!(Settings::parse("t", &older.render(), Path::new("/c")).unwrap(), older);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let text = sample().render().replace("batch = 128", "batch = 0").replace("\"1.50\"", "\"lots\"");
    check_refused(&text, &[("ticks.batch", "1 to 256"), ("limits.lots_max", "decimal")]);
}

#[test]
fn there_is_no_setting_without_pins() {
    let text = sample().render();
    let start = text.find("pins = ").unwrap();
    let end = text[start..].find('\n').unwrap() + start;
    let bare = format!("{}pins = []{}", &text[..start], &text[end..]);
    check_refused(&bare, &[("server.pins", "1 to 8")]);
}

#[test]
fn broken_toml_is_told_with_its_place() {
    check_refused("version = 1\nserver = [", &[("", "line 2")]);
}

#[test]
fn older_files_are_migrated_and_later_ones_refused() {
    let text = sample().render();
    let old = text
        .replace("version = 1", "version = 0\ndata_dir = \"/c/data\"\nmax_lots = \"1.50\"\nmax_orders_per_minute = 30")
        .replace("\n[storage]\ndata_dir = \"/c/data\"", "\n[storage]")
        .replace("\nlots_max = \"1.50\"", "")
        .replace("\norders_per_minute = 30", "");
    assert_eq!(Settings::parse("t", &old, Path::new("/c")).unwrap(), sample());
    let later = text.replace("version = 1", "version = 2");
    let error = Settings::parse("t", &later, Path::new("/c")).unwrap_err();
    assert_eq!(error.dna().code, "SETTINGS_LATER");
}

#[test]
fn the_file_has_no_place_for_a_secret() {
    for word in ["secret", "password", "private", "token"] {
        assert!(!sample().render().contains(word), "{word}");
    }
}
