//! Settings as a file for a human to read and change.

use crate::{Settings, VERSION};
use std::path::Path;
use toml::Value;

pub(crate) fn render(s: &Settings) -> String {
    let pins: Vec<_> = s.server.pins.iter().map(|pin| quoted(&hex(pin))).collect();
    let symbols: Vec<_> = s.limits.symbols.iter().map(|symbol| quoted(symbol)).collect();
    [
        format!("version = {VERSION}"),
        "\n# The server: address, the name in its certificate, and the keys by which it is recognised.\n[server]"
            .to_owned(),
        line("address", quoted(&s.server.address.to_string())),
        line("name", quoted(&s.server.name)),
        line("policy", quoted(&s.server.policy)),
        line("pins", format!("[{}]", pins.join(", "))),
        line("noise_key", quoted(&hex(&s.server.noise_key))),
        line("ca_file", path(&s.server.ca_file)),
        // Absent rather than empty: an empty key would be a wrong one.
        s.server.audit_key.map_or_else(String::new, |key| line("audit_key", quoted(&hex(&key)))),
        "\n# Who this client is; its certificate says the same.\n[identity]".to_owned(),
        line("tenant", s.identity.tenant),
        line("account", s.identity.account),
        line("device", quoted(&hex(&s.identity.device))),
        "\n[storage]".to_owned(),
        line("data_dir", path(&s.data_dir)),
        line("keystore", path(&s.keystore)),
        "\n# Where the Expert Advisor connects to, and how patient the connector is with the broker.\n[terminal]"
            .to_owned(),
        line("listen", quoted(&s.terminal.listen.to_string())),
        line("order_timeout_ms", s.terminal.order_timeout.as_millis()),
        line("broker_latency_ms", s.terminal.broker_latency.as_millis()),
        line("lookup_pause_ms", s.terminal.lookup_pause.as_millis()),
        "\n[ticks]".to_owned(),
        line("batch", s.ticks.batch),
        line("single", s.ticks.single),
        "\n# Your own limits: whatever the server says, nothing beyond them is sent to the broker.\n[limits]"
            .to_owned(),
        line("lots_max", quoted(&s.limits.lots_max)),
        line("symbols", format!("[{}]", symbols.join(", "))),
        line("orders_per_minute", s.limits.orders_per_minute),
        "\n[reconnect]".to_owned(),
        line("first_ms", s.reconnect.first.as_millis()),
        line("most_ms", s.reconnect.most.as_millis()),
        String::new(),
    ]
    .join("\n")
}

fn line(key: &str, value: impl std::fmt::Display) -> String {
    format!("{key} = {value}")
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
