//! `aitrading demo`: what it shows, what it reports, and that it goes on where it stopped.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::{Outcome, World},
};
use serde_json::Value;

/// Runs the demo headless with a report; hands out both.
async fn demo(world: &World, more: &[&str]) -> (Outcome, Value) {
    let (offset, report) = (world.offset.to_string(), world.arg("report.json"));
    let mut command = world.command(&["demo", "--headless", "--port-offset", &offset, "--report", &report]);
    command.args(more);
    let done = world.end(command).await;
    done.succeeded();
    let report = serde_json::from_str(&world.read("report.json")).unwrap();
    check_report(&report);
    (done, report)
}

fn replay<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ["--ticks", "ticks.csv", "--symbol", SYMBOL].iter().chain(more).copied().collect()
}

fn sum(map: &Value) -> u64 {
    map.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum()
}

/// Every field that a report must have, with its type, and the equations that must hold between them.
#[track_caller]
fn check_report(report: &Value) {
    let at = |pointer: &str| report.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing: {report:#}"));
    let counts = ["sent", "acknowledged", "stored", "duplicates"].map(|name| format!("/ticks/{name}"));
    let fates =
        ["issued", "delivered", "executed", "rejected", "refused_by_client", "unknown", "expired", "not_executed"];
    let fates = fates.map(|name| format!("/signals/{name}"));
    let others = ["/executions_per_signal_max", "/audit/entries"].map(str::to_owned);
    for pointer in counts.iter().chain(&fates).chain(&others) {
        assert!(at(pointer).is_u64(), "{pointer}: {report:#}");
    }
    for codes in ["/ticks/rejected", "/signals/denied", "/signals/refused"] {
        assert!(at(codes).as_object().unwrap().values().all(Value::is_u64), "{codes}: {report:#}");
    }
    for what in ["tick_to_ack", "signal_to_ordersend", "signal_to_report"] {
        check_quantiles(what, at(&format!("/latency_us/{what}")));
    }
    for store in ["tick_file", "journal", "audit", "database"] {
        assert!(at(&format!("/storage/{store}_bytes")).is_u64(), "{store}: {report:#}");
    }
    for figure in ["/startup_ms", "/rss_mib", "/wall_s"] {
        assert!(at(figure).as_f64().unwrap() > 0.0, "{figure}: {report:#}");
    }
    let root = at("/audit/root").as_str().unwrap();
    assert!(root.len() == 64 && root.bytes().all(|b| b.is_ascii_hexdigit()), "{root}");
    assert!(at("/synthetic").is_boolean());
    assert_eq!(at("/audit/verified"), true, "{report:#}");
    assert!(at("/executions_per_signal_max").as_u64() <= Some(1), "{report:#}");
    let count = |name: &str| at(&format!("/ticks/{name}")).as_u64().unwrap();
    assert_eq!(count("sent"), count("acknowledged"), "{report:#}");
    assert_eq!(count("acknowledged"), count("stored") + sum(at("/ticks/rejected")), "{report:#}");
    let fate = |name: &str| at(&format!("/signals/{name}")).as_u64().unwrap();
    assert_eq!(sum(at("/signals/refused")), fate("rejected") + fate("refused_by_client"), "{report:#}");
}

/// Each tick of all runs and all terminals is in the latencies, once.
#[track_caller]
fn check_whole_life(report: &Value) {
    let latency = &report["latency_us"];
    assert_eq!(latency["tick_to_ack"]["count"], report["ticks"]["acknowledged"], "{report:#}");
    assert_eq!(latency["signal_to_ordersend"]["count"], report["signals"]["executed"], "{report:#}");
}

/// What was counted has quantiles in order; what never happened is `null`, never a row of zeros.
#[track_caller]
fn check_quantiles(what: &str, latency: &Value) {
    if latency.is_null() {
        return;
    }
    let quantiles = ["p50", "p90", "p99", "p999", "max"].map(|q| latency[q].as_f64().unwrap());
    assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{what}: {latency:#}");
    assert!(latency["count"].as_u64().unwrap() > 0, "{what}: {latency:#}");
}

/// A recorded file, each row counted once, refused rows by their code, decisions executed.
#[track_caller]
fn check_recorded(report: &Value, rows: u64) {
    let (crossed, priceless) = tick_files::refused(rows);
    let (ticks, signals) = (&report["ticks"], &report["signals"]);
    assert_eq!(report["synthetic"], false);
    assert_eq!(report["symbol"], SYMBOL);
    assert_eq!(ticks["sent"], rows, "{report:#}");
    assert_eq!(ticks["stored"], rows - crossed - priceless, "{report:#}");
    assert_eq!(ticks["rejected"]["CROSSED"], crossed, "{report:#}");
    assert_eq!(ticks["rejected"]["BAD_PRICE"], priceless, "{report:#}");
    for name in ["issued", "delivered", "executed"] {
        assert!(signals[name].as_u64().unwrap() > 0, "no signal was {name}: {report:#}");
    }
    assert!(report["latency_us"]["signal_to_report"]["p50"].as_f64().unwrap() > 0.0, "{report:#}");
}

#[tokio::test]
async fn recorded_ticks_are_counted_decided_executed_and_proved() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let (done, report) = demo(&world, &replay(&[])).await;
    check_recorded(&report, ROWS);
    assert!(!done.out.contains("synthetic"), "{}", done.out);
    for word in ["What happened on GBPJPY", "Everything holds", "Try next", "verified"] {
        assert!(done.out.contains(word), "{word:?} is missing: {}", done.out);
    }
}

#[tokio::test]
async fn histdata_is_recognised_and_gives_the_same_counts() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::histdata(ROWS));
    let (_, recognised) = demo(&world, &replay(&[])).await;
    check_recorded(&recognised, ROWS);
    let (_, named) = demo(&world, &replay(&["--format", "histdata"])).await;
    for part in ["sent", "stored", "rejected"] {
        assert_eq!(named["ticks"][part], recognised["ticks"][part], "{part}");
    }
}

#[tokio::test]
async fn a_second_run_adds_nothing_twice_and_goes_on_with_a_longer_file() {
    let world = World::new();
    let again = replay(&["--data-dir", "desk"]);
    let mut entries = 0;
    for rows in [ROWS / 2, ROWS / 2, ROWS] {
        world.write("ticks.csv", &tick_files::time_msc(rows));
        let (_, report) = demo(&world, &again).await;
        check_recorded(&report, rows);
        check_whole_life(&report);
        let grown = report["audit"]["entries"].as_u64().unwrap();
        assert!(grown > entries, "the audit log of the directory's whole life grows: {grown} after {entries}");
        entries = grown;
        let compared = world.compare("desk", "desk/clients/terminal-1", "ticks.csv").await;
        assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
        assert_eq!(compared["executions_per_signal_max"], 1, "{compared}");
        assert_eq!(compared["orders"], report["signals"]["executed"], "the broker knows the same executions");
    }
    world.audit("desk").await;
}

#[tokio::test]
async fn a_limited_time_ends_the_demo_in_good_order() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let (_, report) = demo(&world, &replay(&["--speed", "60", "--for", "3s"])).await;
    let wall = report["wall_s"].as_f64().unwrap();
    assert!((3.0..20.0).contains(&wall), "{report:#}");
    let sent = report["ticks"]["sent"].as_u64().unwrap();
    assert!(sent > 0 && sent < ROWS, "{report:#}");
}

/// Ctrl-C in a terminal goes to the whole group: the demo and its clients.
#[tokio::test]
async fn ctrl_c_ends_the_demo_with_its_summary() {
    let world = World::new();
    let offset = world.offset.to_string();
    let mut command = world.command(&["demo", "--headless", "--speed", "10", "--port-offset", &offset]);
    command.stdout(std::process::Stdio::piped()).process_group(0);
    let child = command.spawn().unwrap();
    let group = format!("-{}", child.id().unwrap());
    let limit = std::time::Duration::from_secs(90);
    world.until("the demo to be ready", limit, async || world.is_ready().await.then_some(())).await;
    assert!(tokio::process::Command::new("kill").args(["-INT", "--", &group]).status().await.unwrap().success());
    let output = world.env.timeout(limit, child.wait_with_output()).await.expect("the demo ends").unwrap();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{out}");
    assert!(out.contains("What happened"), "{out}");
}

#[tokio::test]
async fn of_two_terminals_only_the_subscriber_gets_signals() {
    let world = World::new();
    let rows = ROWS / 2;
    world.write("ticks.csv", &tick_files::time_msc(rows));
    let (_, report) = demo(&world, &replay(&["--terminals", "2", "--subscribers", "1"])).await;
    assert_eq!((&report["terminals"], &report["subscribers"]), (&2.into(), &1.into()));
    assert_eq!(report["ticks"]["sent"], 2 * rows, "{report:#}");
    check_whole_life(&report);
    let signals = &report["signals"];
    let denied = signals["denied"]["ENTITLEMENT_ABSENT"].as_u64().unwrap_or(0);
    assert!(denied > 0, "{report:#}");
    assert!(signals["issued"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(denied, signals["issued"].as_u64().unwrap() + sum(&signals["denied"]) - denied, "both saw one market");
}

#[tokio::test]
async fn a_subscription_that_was_withdrawn_denies() {
    let world = World::new();
    for (rows, subscribers, code) in [(ROWS / 2, "1", None), (ROWS, "0", Some("ENTITLEMENT_LAPSED"))] {
        world.write("ticks.csv", &tick_files::time_msc(rows));
        let (_, report) = demo(&world, &replay(&["--data-dir", "desk", "--subscribers", subscribers])).await;
        let denied = code.map_or(1, |code| report["signals"]["denied"][code].as_u64().unwrap_or(0));
        assert!(denied > 0, "{report:#}");
    }
}

#[tokio::test]
async fn made_up_ticks_are_called_synthetic_wherever_they_are_shown() {
    let world = World::new();
    let (done, report) = demo(&world, &["--for", "3s", "--seed", "7"]).await;
    assert_eq!(report["synthetic"], true);
    assert!(report["ticks"]["stored"].as_u64().unwrap() > 0, "{report:#}");
    let line = |start: &str| done.out.lines().find(|l| l.starts_with(start)).unwrap_or_default().to_owned();
    for start in ["ticks ", "[", "What happened"] {
        assert!(line(start).contains("synthetic"), "{start:?}: {}", done.out);
    }
}

#[tokio::test]
async fn faulty_brokers_never_cause_a_second_execution() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let faults = "lost=200,late=100,before=100,after=100";
    let (_, report) = demo(&world, &replay(&["--data-dir", "desk", "--faults", faults])).await;
    check_recorded(&report, ROWS);
    let compared = world.compare("desk", "desk/clients/terminal-1", "ticks.csv").await;
    assert_eq!(compared["executions_per_signal_max"], 1, "at the broker: {compared}");
}

#[tokio::test]
async fn a_report_may_have_a_bare_file_name() {
    let world = World::new();
    let offset = world.offset.to_string();
    let arguments = ["demo", "--headless", "--for", "1s", "--port-offset", &offset, "--report", "bare.json"];
    world.run(&arguments).await.succeeded();
    check_report(&serde_json::from_str(&world.read("bare.json")).unwrap());
}

#[tokio::test]
async fn progress_names_rates_latencies_signals_stores_and_health_in_lines_that_fit() {
    let world = World::new();
    // More than the time is enough for.
    world.write("ticks.csv", &tick_files::time_msc(20 * ROWS));
    let offset = world.offset.to_string();
    let arguments = replay(&["--for", "3s", "--terminals", "2", "--port-offset", &offset]);
    let done = world.run(&[&["demo", "--headless"][..], &arguments].concat()).await;
    let lines: Vec<_> = done.succeeded().out.lines().collect();
    let heads: Vec<_> = (0..lines.len()).filter(|at| lines[*at].starts_with('[')).collect();
    assert!((1..=3).contains(&heads.len()), "a bounded rate: {}", done.out);
    let [head, ticks, signals, stores, last, ..] = lines[heads[heads.len() - 1]..] else { panic!("{}", done.out) };
    for (line, words) in [
        (head, &["] GBPJPY: ", "2 of 2 terminals connected", "healthy"][..]),
        (ticks, &["  ticks  ", "durable", "/s, to acknowledgement p50 ", "p99 ", "slowest"]),
        (signals, &["  signals  ", " executed, decision to OrderSend p50 ", "p99 "]),
        (stores, &["  stores  ", "tick files ", "journal ", "audit log ", "database "]),
        (last, &["  last  ", "terminal-", "executed"]),
    ] {
        for word in words {
            assert!(line.contains(word), "{word:?} is missing in {line:?}: {}", done.out);
        }
        assert!(line.chars().count() <= 100, "too wide: {line:?}");
    }
    assert!(!done.out.contains('\u{1b}'), "plain lines: {}", done.out);
}

#[tokio::test]
async fn what_never_happened_has_no_latency() {
    let world = World::new();
    // Too few for a decision.
    world.write("ticks.csv", &tick_files::time_msc(3));
    let (done, report) = demo(&world, &replay(&[])).await;
    let latency = &report["latency_us"];
    assert!(latency["tick_to_ack"].is_object(), "{report:#}");
    assert!(latency["signal_to_ordersend"].is_null() && latency["signal_to_report"].is_null(), "{report:#}");
    for start in ["  decision to OrderSend", "  decision to report"] {
        let line = done.out.lines().find(|l| l.starts_with(start)).unwrap_or_default();
        assert!(line.ends_with(" none"), "{line:?}: {}", done.out);
    }
}

#[tokio::test]
async fn signals_that_the_client_refuses_are_told_by_their_code() {
    let world = World::new();
    // Too few for a decision: the settings are written, and nothing has happened.
    world.write("ticks.csv", &tick_files::time_msc(3));
    let run = replay(&["--data-dir", "desk"]);
    demo(&world, &run).await;
    let settings = "desk/clients/terminal-1/settings.toml";
    world.edit(settings, "symbols = []", "symbols = [\"EURUSD\"]");
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let (done, report) = demo(&world, &run).await;
    let signals = &report["signals"];
    let refused = signals["refused"]["SYMBOL_NOT_ALLOWED"].as_u64().unwrap_or(0);
    assert!(refused > 0 && signals["refused_by_client"] == refused, "{report:#}");
    assert_eq!(signals["rejected"], 0, "{report:#}");
    let line = done.out.lines().find(|l| l.starts_with("  refused ")).unwrap_or_default();
    assert!(line.contains(&format!("(SYMBOL_NOT_ALLOWED {refused})")), "{line:?}: {}", done.out);
}

/// The equations hold over the directory's whole life, whatever this run leaves out of what the last one had.
async fn check_two_runs(first: &[&str], second: &[&str], sent: u64) {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS / 2));
    demo(&world, &[&["--ticks", "ticks.csv", "--data-dir", "desk"], first].concat()).await;
    let (_, report) = demo(&world, &[&["--ticks", "ticks.csv", "--data-dir", "desk"], second].concat()).await;
    assert_eq!(report["ticks"]["sent"], sent, "{report:#}");
    world.audit("desk").await;
}

#[tokio::test]
async fn a_second_run_with_fewer_terminals_still_counts_all_of_them() {
    check_two_runs(&["--symbol", SYMBOL, "--terminals", "2"], &["--symbol", SYMBOL], ROWS).await;
}

#[tokio::test]
async fn a_directory_goes_on_with_what_it_began() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS / 2));
    demo(&world, &["--ticks", "ticks.csv", "--data-dir", "desk", "--symbol", SYMBOL]).await;
    let offset = world.offset.to_string();
    for other in [&["--ticks", "ticks.csv", "--symbol", "EURJPY"][..], &["--symbol", SYMBOL], &["--seed", "9"]] {
        let mut command = world.command(&["demo", "--headless", "--data-dir", "desk", "--port-offset", &offset]);
        command.args(other);
        world.end(command).await.refused(65, &["holds a demo of", "choose another --data-dir"]);
    }
    world.audit("desk").await;
}

#[tokio::test]
async fn a_copied_directory_works_on_its_own_files_alone() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS / 2));
    demo(&world, &replay(&["--data-dir", "desk"])).await;
    let (from, to) = (world.path("desk"), world.path("copy"));
    copy(&world, &from, &to);
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    for dir in ["desk", "copy"] {
        let (_, report) = demo(&world, &replay(&["--data-dir", dir])).await;
        check_whole_life(&report);
        let compared = world.compare(dir, &format!("{dir}/clients/terminal-1"), "ticks.csv").await;
        assert_eq!(compared["orders"], report["signals"]["executed"], "{dir}: its own broker has its orders");
    }
}

fn copy(world: &World, from: &std::path::Path, to: &std::path::Path) {
    let fs = world.env.fs.as_ref();
    fs.create_dir_all(to).unwrap();
    for entry in fs.list(from).unwrap() {
        let (from, to) = (from.join(&entry.name), to.join(&entry.name));
        if entry.is_dir {
            copy(world, &from, &to);
        } else {
            fs.write_atomic(&to, &fs.read(&from, 1 << 30).unwrap()).unwrap();
        }
    }
}

#[tokio::test]
async fn an_enrolment_that_was_cut_short_begins_anew() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS / 2));
    world.init_at("desk").await;
    let dir = "desk/clients/terminal-1";
    world.env.fs.create_dir_all(&world.path(&format!("{dir}/keystore"))).unwrap();
    // As a kill leaves it: the marker, the keystore whole, the settings or not.
    for name in ["enrolling", "keystore/seal.key", "keystore/noise.sealed", "settings.toml"] {
        world.write(&format!("{dir}/{name}"), "remains");
    }
    let (_, report) = demo(&world, &replay(&["--data-dir", "desk"])).await;
    check_recorded(&report, ROWS / 2);
    assert!(world.env.fs.metadata(&world.path(&format!("{dir}/enrolling"))).unwrap().is_none());
}

#[tokio::test]
async fn ticks_that_cannot_be_read_back_are_not_called_stored() {
    let world = World::new();
    world.write("ticks.csv", &tick_files::time_msc(ROWS / 2));
    demo(&world, &replay(&["--data-dir", "desk"])).await;
    let fs = world.env.fs.as_ref();
    let mut folders = vec![world.path("desk/store/ticks")];
    let mut hurt = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs.list(&folder).unwrap() {
            let path = folder.join(&entry.name);
            if entry.is_dir {
                folders.push(path);
            } else if entry.name.ends_with(".parquet") {
                let mut bytes = fs.read(&path, 1 << 30).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs.write_atomic(&path, &bytes).unwrap();
                hurt += 1;
            }
        }
    }
    assert!(hurt > 0);
    let offset = world.offset.to_string();
    let mut command = world.command(&["demo", "--headless", "--port-offset", &offset]);
    command.args(replay(&["--data-dir", "desk"]));
    let done = world.end(command).await;
    assert_ne!(done.code, Some(0), "{done:#?}");
    assert!(!done.out.contains("Everything holds"), "{done:#?}");
}
