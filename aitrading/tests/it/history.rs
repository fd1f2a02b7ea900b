//! Import and export: real files in, the same history out, once, whatever is in the way.

use crate::{
    tick_files::{self, SYMBOL},
    world::World,
};
use serde_json::Value;
use std::{fmt::Write, path::PathBuf};

/// A prepared directory without clients.
async fn desk(world: &World) {
    let offset = world.offset.to_string();
    world.run(&["init", "--data-dir", "desk", "--port-offset", &offset]).await.succeeded();
}

/// `import ticks|bars --data-dir desk --json MORE`.
async fn import(world: &World, what: &str, more: &[&str]) -> Value {
    let done = world.run(&[&["import", what, "--data-dir", "desk", "--json"], more].concat()).await;
    done.succeeded().json()
}

/// New, known and refused records of all files.
fn figures(told: &Value) -> (u64, u64, u64) {
    let figure = |name: &str| told[name].as_u64().unwrap_or_else(|| panic!("no {name}: {told}"));
    (figure("new"), figure("known"), figure("refused"))
}

async fn exported(world: &World, what: &str, more: &[&str]) -> String {
    let done = world.run(&[&["export", what, "--data-dir", "desk", "--symbol", SYMBOL], more].concat()).await;
    done.succeeded().out.clone()
}

/// Rows of a time_msc file that a server may store.
fn good(rows: u64) -> u64 {
    let (crossed, priced) = tick_files::refused(rows);
    rows - crossed - priced
}

fn shared(name: &str) -> Option<PathBuf> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = here.ancestors().map(|dir| dir.join("shared/data/ticks").join(name)).find(|path| path.is_file());
    if found.is_none() {
        println!("{name} is not beside the repository: left out");
    }
    found
}

#[tokio::test]
async fn what_is_imported_is_exported_equal_and_never_twice() {
    let world = World::new();
    desk(&world).await;
    world.write("day.csv", &tick_files::time_msc(3_000));
    let into = ["--symbol", SYMBOL, "day.csv"];
    let dry = import(&world, "ticks", &[&into[..], &["--dry-run"]].concat()).await;
    assert_eq!(figures(&dry), (good(3_000), 0, 6), "{dry}");
    world.run(&["export", "ticks", "--data-dir", "desk", "--symbol", SYMBOL]).await.refused(66, &["nothing is stored"]);

    let first = import(&world, "ticks", &into).await;
    assert_eq!(figures(&first), (good(3_000), 0, 6), "{first}");
    let refusals = &first["files"][0]["refusals"];
    let (code, lines, line) = (&refusals[1]["code"], &refusals[1]["lines"], &refusals[1]["first_line"]);
    assert_eq!((code, lines, line), (&"CROSSED".into(), &3.into(), &502.into()), "{first}");
    assert!(first["files"][0]["bars_made"].as_u64().unwrap() > 300, "{first}");
    let second = import(&world, "ticks", &into).await;
    assert_eq!(figures(&second), (0, good(3_000), 6), "{second}");
    assert_eq!(second["files"][0]["imported_before"], true, "{second}");

    let csv = exported(&world, "ticks", &[]).await;
    assert_eq!(csv.lines().count() as u64, good(3_000) + 1);
    world.write("again.csv", &csv);
    let again = import(&world, "ticks", &["--symbol", SYMBOL, "again.csv"]).await;
    assert_eq!(figures(&again), (0, good(3_000), 0), "other bytes, the same ticks: {again}");
    let elsewhere = import(&world, "ticks", &["--symbol", SYMBOL, "--account", "7", "again.csv"]).await;
    assert_eq!(figures(&elsewhere), (good(3_000), 0, 0), "{elsewhere}");
    assert_eq!(exported(&world, "ticks", &["--account", "7"]).await, csv);
    let which = world.run(&["export", "ticks", "--data-dir", "desk", "--symbol", SYMBOL]).await;
    which.refused(2, &["accounts 0, 7", "--account"]);

    let mt5 = ["--account", "7", "--format", "mt5", "--zone", "eu+2", "--output", "mt5.csv"];
    let told = exported(&world, "ticks", &mt5).await;
    assert!(told.contains("exported") && world.read("mt5.csv").starts_with("<DATE>\t<TIME>"), "{told}");
    let back = import(&world, "ticks", &["--symbol", SYMBOL, "--account", "7", "--zone", "eu+2", "mt5.csv"]).await;
    assert_eq!(figures(&back), (0, good(3_000), 0), "{back}");
    let words = ["is there already", "choose another"];
    let over = [&["export", "ticks", "--data-dir", "desk", "--symbol", SYMBOL], &mt5[..]].concat();
    world.run(&over).await.refused(73, &words);
    assert!(world.env.fs.metadata(&world.path("mt5.csv.partial")).unwrap().is_none());
}

#[tokio::test]
async fn bars_are_imported_as_they_are_and_a_different_one_refuses_the_file() {
    let world = World::new();
    desk(&world).await;
    world.write("day.csv", &tick_files::time_msc(3_000));
    import(&world, "ticks", &["--symbol", SYMBOL, "day.csv"]).await;
    for timeframe in ["M1", "M5", "H1"] {
        let csv = exported(&world, "bars", &["--timeframe", timeframe, "--account", "0"]).await;
        world.write("bars.csv", &csv);
        let rows = csv.lines().count() as u64 - 1;
        let into = ["--symbol", SYMBOL, "--digits", "3", "--timeframe", timeframe, "bars.csv"];
        let known = import(&world, "bars", &into).await;
        assert_eq!(figures(&known), (0, rows, 0), "bars made of ticks: {known}");
        let account = [&into[..], &["--account", "9"]].concat();
        assert_eq!(figures(&import(&world, "bars", &account).await), (rows, 0, 0));
        assert_eq!(exported(&world, "bars", &["--timeframe", timeframe, "--account", "9"]).await, csv);
        assert_eq!(figures(&import(&world, "bars", &account).await), (0, rows, 0));
        let changed = csv.replacen(".4", ".5", 1).replacen(".1", ".0", 1);
        world.write("changed.csv", &changed);
        let differs = ["import", "bars", "--data-dir", "desk", "--symbol", SYMBOL, "--digits", "3", "changed.csv"];
        let refused = world.run(&differs).await;
        assert_eq!(refused.code, Some(65), "{refused:#?}");
    }
    let ticks = ["import", "ticks", "--data-dir", "desk", "--symbol", SYMBOL, "bars.csv"];
    world.run(&ticks).await.refused(65, &["holds bars", "aitrading import bars", "IMPORT_CONTENT"]);
}

#[tokio::test]
async fn an_import_that_is_killed_goes_on_where_it_stopped() {
    let world = World::new();
    desk(&world).await;
    let rows = 20_000;
    world.write("year.csv", &tick_files::time_msc(rows));
    let into = ["--symbol", SYMBOL, "--part", "100", "year.csv"];
    let arguments = [&["import", "ticks", "--data-dir", "desk"], &into[..]].concat();
    let folder = world.path(&format!("desk/store/ticks/tenant=1/account=0/symbol={SYMBOL}"));
    let stored = || world.env.fs.list(&folder).unwrap_or_default();
    let mut cut = 0;
    for _ in 0..4 {
        let before = stored();
        let mut child = world.command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
        let moved = async || (stored() != before || child.try_wait().unwrap().is_some()).then_some(());
        world.until("the first parts", std::time::Duration::from_secs(60), moved).await;
        world.env.clock.sleep(std::time::Duration::from_millis(world.draw(300))).await;
        cut += u32::from(child.try_wait().unwrap().is_none());
        child.kill().await.unwrap();
    }
    assert!(cut > 0, "at least one of them was cut short");
    let told = import(&world, "ticks", &into).await;
    let (new, known, refused) = figures(&told);
    assert_eq!((new + known, refused), (good(rows), rows - good(rows)), "{told}");
    assert!(known > 0, "an earlier one had stored something: {told}");
    world.write("clean.csv", &tick_files::time_msc(rows));
    import(&world, "ticks", &["--symbol", SYMBOL, "--account", "5", "clean.csv"]).await;
    for what in [&["ticks"][..], &["bars", "--timeframe", "M1"], &["bars", "--timeframe", "H1"]] {
        let of = async |account| exported(&world, what[0], &[&what[1..], &["--account", account]].concat()).await;
        assert!(of("0").await == of("5").await, "{what:?} are other ones after all the kills");
    }
}

#[tokio::test]
async fn a_second_file_continues_the_first_and_nothing_goes_between() {
    let world = World::new();
    desk(&world).await;
    let all = tick_files::time_msc(2_000);
    let lines: Vec<&str> = all.lines().collect();
    let part = |name: &str, rows: std::ops::Range<usize>| {
        world.write(name, &[&lines[..1], &lines[1 + rows.start..1 + rows.end]].concat().join("\n"));
    };
    part("early.csv", 0..400);
    part("middle.csv", 700..1_200);
    part("on.csv", 1_000..2_000);
    let first = import(&world, "ticks", &["--symbol", SYMBOL, "middle.csv"]).await;
    let before = exported(&world, "ticks", &[]).await;
    let early = ["import", "ticks", "--data-dir", "desk", "--symbol", SYMBOL, "early.csv"];
    let words = ["early.csv", "line 2", "is not in the stored history", "--account", "IMPORT_OVERLAP"];
    world.run(&early).await.refused(65, &words);
    assert_eq!(exported(&world, "ticks", &[]).await, before, "nothing of it is stored");
    let second = import(&world, "ticks", &["--symbol", SYMBOL, "on.csv"]).await;
    assert_eq!(second["known"], 200, "{second}");
    // Bars over the seam are whole: the same as of one file.
    part("whole.csv", 700..2_000);
    let whole = import(&world, "ticks", &["--symbol", SYMBOL, "--account", "3", "whole.csv"]).await;
    let sum = |name: &str| first[name].as_u64().unwrap() + second[name].as_u64().unwrap();
    assert_eq!(whole["new"].as_u64().unwrap(), sum("new"));
    for what in [&["ticks"][..], &["bars", "--timeframe", "H1"]] {
        let of = async |account| exported(&world, what[0], &[&what[1..], &["--account", account]].concat()).await;
        assert!(of("0").await == of("3").await, "{what:?} differ over the seam");
    }
}

#[tokio::test]
async fn bad_files_are_refused_with_line_and_cure() {
    let world = World::new();
    desk(&world).await;
    let utf16: Vec<u8> = tick_files::time_msc(50).bytes().flat_map(|byte| [byte, 0]).collect();
    world.env.fs.write_atomic(&world.path("utf16.csv"), &utf16).unwrap();
    let mt5 = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n2012.12.03\t00:00:00.017\t1.5\t1.6\t\t\t6\n";
    world.write("mt5.csv", mt5);
    world.write("columns.csv", "time_msc,bid\n1354492801883,132.1\n");
    world.write("empty.csv", "");
    world.write(
        "zones.csv",
        "time,bid,ask\n2012-12-03T00:00:00Z,1.5,1.6\n2012-12-03T00:00:01,1.5,1.6\n2012-12-03T00:00:02Z,1.5,1.6\n",
    );
    world.write(
        "first.csv",
        "time,bid,ask\n2012-12-03T05:00:00+05:00,1.5,1.6\n2012-12-03T00:00:01Z,1.5,1.6\n2012-12-03T00:00:02Z,1.5,1.6\n",
    );
    world.write(
        "broken.csv",
        "time_msc,bid,ask\n1354492801883,1.51,1.61\n1354492801884,1.51,1.62\n1354492801885,1.51,1.6",
    );
    world.write("crossed.csv", "time_msc,bid,ask\n1354492801883,1.5,1.6\n1354492801884,1.6,1.5\n");
    let folder = world.path("GBPJPY/2012/11/03");
    world.env.fs.create_dir_all(&folder).unwrap();
    world.write("GBPJPY/2012/11/03/14h_ticks.bi5", "]\u{0}\u{0}@\u{0}<\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}cut");
    world.write("GBPJPY/2012/11/03/15h_ticks.bi5", "");
    for (file, more, code, words) in [
        ("nowhere.csv", &[][..], 66, &["cannot read", "check the path"][..]),
        ("columns.csv", &[], 65, &["MARKET_FILE_", "--format"]),
        ("empty.csv", &[], 65, &["MARKET_FILE_EMPTY", "holds no records"]),
        ("utf16.csv", &[], 65, &["UTF-16 without a byte-order mark", "save it as UTF-8"]),
        ("mt5.csv", &[], 65, &["IMPORT_ZONE_UNKNOWN", "--zone us+2", "--zone utc"]),
        ("mt5.csv", &["--zone", "mars"], 2, &["unknown zone", "eu+2"]),
        ("crossed.csv", &["--strict"], 65, &["line 3, column 19: CROSSED", "--strict", "IMPORT_STRICT"]),
        ("crossed.csv", &["--format", "histdata-bars"], 65, &["holds bars"]),
        ("GBPJPY/2012/11/03/14h_ticks.bi5", &[], 65, &["--digits"]),
        ("GBPJPY/2012/11/03/14h_ticks.bi5", &["--digits", "3", "--format", "bi5"], 65, &["MARKET_FILE_DAMAGED"]),
    ] {
        let arguments = [&["import", "ticks", "--data-dir", "desk", "--symbol", SYMBOL, file], more].concat();
        world.run(&arguments).await.refused(code, words);
    }
    world
        .run(&["import", "ticks", "--data-dir", "desk", "crossed.csv"])
        .await
        .refused(65, &["--symbol", "IMPORT_SYMBOL"]);
    world.run(&["import", "ticks", "--data-dir", "none", "crossed.csv"]).await.refused(78, &["aitrading init"]);
    let crossed = import(&world, "ticks", &["--symbol", "A", "crossed.csv"]).await;
    assert_eq!(figures(&crossed), (1, 0, 1), "{crossed}");
    let zones = import(&world, "ticks", &["--symbol", "B", "zones.csv"]).await;
    assert_eq!(figures(&zones), (2, 0, 1), "{zones}");
    assert_eq!(zones["files"][0]["refusals"][0]["code"], "MIXED_ZONES", "{zones}");
    for (file, symbol, code, line) in [("first.csv", "D", "MIXED_ZONES", 2), ("broken.csv", "E", "CUT_OFF", 4)] {
        let told = import(&world, "ticks", &["--symbol", symbol, file]).await;
        assert_eq!(figures(&told), (2, 0, 1), "{file}: {told}");
        let refusal = &told["files"][0]["refusals"][0];
        assert_eq!((&refusal["code"], &refusal["first_line"]), (&code.into(), &line.into()), "{file}: {told}");
    }
    let hour = import(&world, "ticks", &["--digits", "3", "GBPJPY/2012/11/03/15h_ticks.bi5"]).await;
    assert_eq!(figures(&hour), (0, 0, 0), "an hour without ticks is good: {hour}");
    let shown = world.run(&["import", "ticks", "--data-dir", "desk", "--symbol", "C", "crossed.csv"]).await;
    for word in ["new     1 ticks", "refused 1 lines", "1 CROSSED, first in line 3, column 19"] {
        assert!(shown.succeeded().out.contains(word), "{word:?}: {}", shown.out);
    }
}

#[tokio::test]
async fn a_running_server_is_named_and_a_terminal_goes_on_behind_an_import() {
    let world = World::new();
    world.init_at("desk").await;
    world.write("day.csv", &tick_files::time_msc(1_000));
    let server = world.up_with("desk", &[], &[]).await;
    let commands: [&[&str]; 2] = [
        &["import", "ticks", "--data-dir", "desk", "--symbol", SYMBOL, "day.csv"],
        &["export", "ticks", "--data-dir", "desk", "--symbol", SYMBOL],
    ];
    for command in commands {
        world.run(command).await.refused(75, &["another process is using", "stop the server"]);
    }
    server.stop(&world).await;
    let told = import(&world, "ticks", &["--symbol", SYMBOL, "--account", "70001", "day.csv"]).await;
    assert_eq!(told["new"], good(1_000));
    // The account's terminal then goes on behind the import.
    world.write("later.csv", &tick_files::time_msc(1_500));
    let server = world.up_with("desk", &[], &[]).await;
    let mut client = world.client(&["--symbol", SYMBOL, "--ticks", "later.csv", "--speed", "5000"]);
    client.until_feed_ends(&world).await;
    client.stop(&world).await;
    server.stop(&world).await;
    let csv = exported(&world, "ticks", &["--account", "70001"]).await;
    let times: Vec<&str> = csv.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert!(times.is_sorted(), "what was imported and what was streamed keep the order of time");
    assert_eq!(times.len() as u64, good(1_500), "the terminal went on where the import ended");
}

#[tokio::test]
async fn nothing_is_imported_before_ticks_that_wait_in_the_journal() {
    let world = World::new();
    world.init_at("desk").await;
    world.write("ticks.csv", &tick_files::time_msc(3_000));
    world.write("day.csv", &tick_files::time_msc(10));
    let import = ["import", "ticks", "--data-dir", "desk", "--symbol", SYMBOL, "day.csv"];
    let mut client = world.client(&["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "5000"]);
    let mut refused = false;
    for _ in 0..8 {
        let server = world.up_with("desk", &[], &[]).await;
        let goal = client.acknowledged() + 60;
        client.until_acknowledged(&world, goal).await;
        server.kill().await;
        let told = world.run(&import).await;
        if told.code != Some(0) {
            told.refused(75, &["wait in the journal", "aitrading up", "IMPORT_JOURNAL_WAITS"]);
            refused = true;
            break;
        }
    }
    assert!(refused, "a server that is killed under load leaves ticks in its journal");
    client.kill().await;
    world.up_with("desk", &[], &[]).await.stop(&world).await;
    world.run(&import).await.succeeded();
}

#[tokio::test]
async fn real_files_are_recognised_and_their_zones_found() {
    let world = World::new();
    desk(&world).await;
    if let Some(gbpjpy) = shared("gbpjpy-ticks-2012-12-03.csv") {
        let told = import(&world, "ticks", &["--symbol", SYMBOL, gbpjpy.to_str().unwrap()]).await;
        assert_eq!(figures(&told), (58_953, 0, 0), "{told}");
        world.write("back.csv", &exported(&world, "ticks", &[]).await);
        let again = import(&world, "ticks", &["--symbol", SYMBOL, "back.csv"]).await;
        assert_eq!(figures(&again), (0, 58_953, 0), "{again}");
        let minutes = exported(&world, "bars", &["--timeframe", "M1"]).await;
        assert!(
            !minutes.contains(&format!("\n{},", 1_354_547_700_000_u64 + 600_000)),
            "no bar over the hole of 15:15 to 15:32"
        );
    }
    if let Some(gold) = shared("xauusd-h1-2012-2022.csv") {
        let gold = gold.to_str().unwrap();
        let told = import(&world, "bars", &["--symbol", "XAUUSD", "--point", "0.01", gold]).await;
        assert_eq!(figures(&told), (57_600, 0, 0), "{told}");
        let zone = told["files"][0]["zone"].as_str().unwrap();
        assert!(zone.starts_with("eu+2, inferred: 480 of 497"), "{zone}");
        let text = String::from_utf8(world.env.fs.read(gold.as_ref(), 8 << 20).unwrap()).unwrap();
        let summer = |line: &&str| ("2019-05-01".."2019-09-01").contains(&line.get(..10).unwrap_or(""));
        let mut slice = "Date,open,high,low,close,tick_volume\n".to_owned();
        text.lines().filter(summer).for_each(|line| writeln!(slice, "{line}").unwrap());
        world.write("summer.csv", &slice);
        let arguments = ["import", "bars", "--data-dir", "desk", "--symbol", "GOLD", "--point", "0.01", "summer.csv"];
        let words = ["IMPORT_ZONE_AMBIGUOUS", "--zone eu+2", "--zone us+2"];
        world.run(&arguments).await.refused(65, &words);
    }
    if let Some(usdjpy) = shared("usdjpy-ticks-2013-01-01.csv") {
        let told = import(&world, "ticks", &["--symbol", "USDJPY", usdjpy.to_str().unwrap()]).await;
        let (new, _, refused) = figures(&told);
        assert_eq!(new + refused, 1_000, "{told}");
    }
}
