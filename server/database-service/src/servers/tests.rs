//! Which servers play which parts: what may be written, and what is refused.

use super::{RawServers, Servers};
use aitrading_config::{Collector, Provenance};

fn resolve(text: &str) -> Result<Servers, String> {
    let raw: RawServers = toml::from_str(text).map_err(|error| error.to_string())?;
    let provenance = Provenance::default();
    let mut collector = Collector::new(&provenance);
    let resolved = raw.resolve(&mut collector);
    collector.finish(resolved).map_err(|violations| violations.to_string())
}

#[test]
fn without_a_word_everything_is_embedded() {
    assert_eq!(resolve(""), Ok(Servers::default()));
}

#[test]
fn one_line_moves_a_part_to_a_server() {
    let servers = resolve("cache.dragonfly = { host = '127.0.0.1', plaintext = true, port = 6400 }").unwrap();
    let cache = servers.cache.clone().unwrap();
    assert_eq!((cache.host.as_str(), cache.port), ("127.0.0.1", 6_400));
    assert_eq!(Servers { cache: None, ..servers }, Servers::default(), "and no other part");
}

#[test]
fn every_part_has_its_server_and_its_usual_port() {
    let text = "
        relational.postgresql = { host = 'localhost', plaintext = true }
        ticks.clickhouse = { host = 'localhost', plaintext = true }
        ticks.retention_days = 400
        ticks.bars_retention_days = 4_000
        cache.redis = { host = 'localhost', plaintext = true }
        patterns.weaviate = { host = 'localhost', plaintext = true }
        graph.arangodb = { host = 'localhost', plaintext = true }
        events.nats = { host = 'localhost', plaintext = true }";
    let servers = resolve(text).unwrap();
    let port = |server: Option<aitrading_database_link::ServerSettings>| server.unwrap().port;
    assert_eq!(servers.retention_days.map(std::num::NonZeroU32::get), Some(400));
    assert_eq!(servers.bars_retention_days.map(std::num::NonZeroU32::get), Some(4_000));
    let ports =
        [servers.relational, servers.ticks, servers.cache, servers.patterns, servers.graph, servers.events].map(port);
    assert_eq!(ports, [5_432, 8_443, 6_379, 443, 8_529, 4_222]);
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let cases = [
        ("ticks.clickhouse = {}", "ticks.clickhouse.host"),
        ("ticks.retention_days = 30", "ticks.retention_days"),
        ("ticks.bars_retention_days = 30", "ticks.bars_retention_days"),
        ("ticks.clickhouse = { host = 'a', plaintext = true }\nticks.retention_days = 0", "retention_days"),
        ("ticks.clickhouse = { host = 'a', plaintext = true }\nticks.bars_retention_days = 0", "bars_retention_days"),
        ("cache.redis = { host = 'a' }\ncache.dragonfly = { host = 'b' }", "not both"),
        ("events.nats = { host = 'a', pasword = 'env:X' }", "pasword"),
        ("events.kafka = { host = 'a' }", "kafka"),
        ("cache.redis = { host = 'a', ca_file = '/x', password = 'hunter2' }", "never the secret itself"),
    ];
    for (text, told) in cases {
        let error = resolve(text).unwrap_err();
        assert!(error.contains(told), "{text}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
