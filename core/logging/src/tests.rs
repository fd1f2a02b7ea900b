//! One event, one line, and no secret in it.

use crate::{escape::is_harmful, time::rfc3339, *};
use aitrading_env::{Env, sim::ManualClock};
use proptest::prelude::*;
use std::{
    io,
    sync::{Arc, Mutex, mpsc},
};

/// 2026-11-22T11:37:05.000123Z
const NOW: i64 = 1_795_347_425_000_123_456;

fn captured(format: Format, filter: &str, body: impl FnOnce()) -> Captured {
    let config = LogConfig { format, filter: filter.to_owned() };
    let (captured, guard) = capture(Arc::new(ManualClock::new(NOW)), &config).unwrap();
    body();
    drop(guard);
    captured
}

/// The event must be written as exactly these two lines.
fn check_line(body: impl Fn(), text: &str, json: serde_json::Value) {
    assert_eq!(captured(Format::Text, "info", &body).lines(), [text]);
    let lines = captured(Format::Json, "info", &body).lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&lines[0]).unwrap(), json);
}

#[test]
fn an_event_is_written_with_its_fields_and_spans() {
    check_line(
        || {
            let outer = tracing::info_span!(target: "t", "session", device = "d-1", late = tracing::field::Empty);
            let _in = outer.enter();
            outer.record("late", 7);
            tracing::info!(target: "t", count = 3, ratio = 0.5, nan = f64::NAN, ok = true, path = "/a b", "ticks stored");
        },
        "2026-11-22T11:37:05.000123Z INFO  t: ticks stored count=3 ratio=0.5 nan=NaN ok=true path=\"/a b\" in session device=d-1 late=7",
        serde_json::json!({
            "time": "2026-11-22T11:37:05.000123Z", "level": "INFO", "target": "t", "message": "ticks stored",
            "fields": { "count": 3, "ratio": 0.5, "nan": "NaN", "ok": true, "path": "/a b" },
            "spans": [{ "name": "session", "fields": { "device": "d-1", "late": 7 } }],
        }),
    );
}

#[test]
fn secrets_are_not_written() {
    let secret = secrecy::SecretString::from("canary");
    let lines = captured(Format::Text, "trace", || {
        let span = tracing::info_span!("login", password = "canary");
        let _in = span.enter();
        tracing::info!(api_token = "canary", Authorization = "canary", signing_key = ?b"canary", "a");
        tracing::info!(auth.jwt = "canary", psk = 42, wrapped = ?secret, "b");
        tracing::info!(key_id = "k-7", config_key = "gateway.listen", "c");
    })
    .lines();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| !line.contains("canary") && !line.contains("42")), "{lines:?}");
    assert!(lines[0].contains("password=[redacted]") && lines[0].contains("api_token=[redacted]"), "{lines:?}");
    assert!(lines[2].contains("key_id=k-7") && lines[2].contains("config_key=gateway.listen"), "{lines:?}");
}

#[test]
fn an_error_is_written_with_its_sources() {
    #[derive(Debug, thiserror::Error)]
    #[error("the journal cannot be synced")]
    struct Outer(#[source] io::Error);
    let lines = captured(Format::Text, "info", || {
        let error = Outer(io::Error::other("EIO"));
        tracing::error!(error = &error as &(dyn std::error::Error + 'static), "x");
    })
    .lines();
    assert!(lines[0].ends_with(r#"error="the journal cannot be synced: EIO""#), "{lines:?}");
}

#[test]
fn a_huge_field_is_cut() {
    let lines = captured(Format::Text, "info", || tracing::info!(big = "ä".repeat(1_000_000), "x")).lines();
    assert!(lines[0].len() < 9000 && lines[0].ends_with("..."), "{}", lines[0].len());
}

#[test]
fn the_filter_chooses_levels_and_modules() {
    let lines = captured(Format::Text, "warn,chosen=debug", || {
        tracing::info!("no");
        tracing::warn!("yes");
        tracing::debug!(target: "chosen", "yes");
        tracing::trace!(target: "chosen", "no");
    })
    .lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn a_bad_filter_is_a_violation_with_its_key() {
    let raw = RawLog { filter: Some("loud".into()), format: None };
    let provenance = aitrading_config::Provenance::default();
    assert!(raw.resolve("log", &provenance).is_ok(), "a lone word is the name of a module");
    let raw = RawLog { filter: Some("info,x=loud".into()), format: None };
    let violations = raw.resolve("log", &provenance).unwrap_err();
    assert_eq!(violations.0[0].key, "log.filter");
}

#[test]
fn dates_are_right_at_the_edges() {
    for (ns, text) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (951_827_696_000_000_000, "2000-02-29T12:34:56.000000Z"),
        (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000000Z"),
        (4_107_542_399_000_000_000, "2100-02-28T23:59:59.000000Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
    ] {
        assert_eq!(rfc3339(ns), text);
    }
}

/// A stream that shows what was written, and that can be stuck.
#[derive(Clone)]
struct Stream(Arc<Mutex<Vec<u8>>>, Arc<Mutex<()>>, mpsc::SyncSender<()>);

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only the first write is waited for.
        self.2.try_send(()).unwrap_or(());
        drop(self.1.lock().unwrap());
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_stuck_stream_drops_lines_says_how_many_and_never_blocks() {
    use crate::layer::Sink;
    let (entered, entering) = mpsc::sync_channel(1);
    let (written, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(())));
    let (sink, guard) =
        crate::init::start(&Env::real(), Box::new(Stream(written.clone(), gate.clone(), entered))).unwrap();
    let closed = gate.lock().unwrap();
    sink.line("first\n".into());
    // The writer holds the first line now; what follows queues up behind it.
    entering.recv().unwrap();
    for _ in 0..10_000 {
        sink.line("more\n".into());
    }
    assert_eq!(guard.dropped(), 10_000 - 8192);
    drop(closed);
    // The queue must have room for the order to flush.
    while String::from_utf8_lossy(&written.lock().unwrap()).lines().count() < 100 {
        std::thread::yield_now();
    }
    drop(guard);
    let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().filter(|l| *l == "more").count(), 8192);
    assert!(text.contains("1808 log lines were dropped\n"));
}

proptest! {
    #[test]
    fn one_event_is_one_line_of_harmless_characters(message in any::<String>(), field in "\\PC*|.*|[\\x00-\\x1f\u{202a}-\u{202e}\u{2066}-\u{2069}\u{1b}\"{}]*") {
        for format in [Format::Text, Format::Json] {
            let raw = captured(format, "info", || tracing::info!(field, text = %message, "{message}")).raw();
            prop_assert_eq!(raw.len(), 1);
            let line = raw[0].strip_suffix('\n').unwrap();
            prop_assert!(!line.contains(is_harmful), "{:?}", line);
            if format == Format::Json {
                let json: serde_json::Value = serde_json::from_str(line).unwrap();
                // Nothing is lost and nothing is forged: what comes out is what went in.
                prop_assert_eq!(json["message"].as_str(), Some(message.as_str()));
                prop_assert_eq!(json["fields"]["field"].as_str(), Some(field.as_str()));
                prop_assert_eq!(json["fields"].as_object().unwrap().len(), 2);
            }
        }
    }
}
