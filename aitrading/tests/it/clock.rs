//! A wall clock that is set back: the product is given another clock through the system library, so that nothing in it knows.

use crate::{
    tick_files::{self, ROWS, SYMBOL},
    world::World,
};
use std::process::Command;

/// Shifts the wall clock by the whole seconds in the file that `CLOCK_SHIFT` names, read anew each time.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static long shift(void) {
    const char *name = getenv("CLOCK_SHIFT");
    char text[32] = {0};
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got > 0 ? strtol(text, 0, 10) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, clock, now);
    if (!failed && clock == CLOCK_REALTIME) now->tv_sec += shift();
    return failed;
}
"#;

/// Environment variables that give a process the shifted clock; `None`, with the reason told, without a C compiler.
fn shim(world: &World) -> Option<[(&'static str, String); 2]> {
    let source = world.write("clock.c", SHIM);
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(world.path("clock.so")).arg(source).output();
    if !cfg!(target_os = "linux") || !built.as_ref().is_ok_and(|b| b.status.success()) {
        println!("skipped: the clock cannot be replaced here: {built:?}");
        return None;
    }
    world.write("shift", "0");
    Some([("LD_PRELOAD", world.arg("clock.so")), ("CLOCK_SHIFT", world.arg("shift"))])
}

async fn demo(world: &World, variables: &[(&str, String)], rows: u64) -> crate::world::Outcome {
    world.write("ticks.csv", &tick_files::time_msc(rows));
    let offset = world.offset.to_string();
    let arguments = ["demo", "--headless", "--ticks", "ticks.csv", "--symbol", SYMBOL, "--data-dir", "desk"];
    let mut command = world.command(&arguments);
    command.args(["--port-offset", &offset, "--report", &world.arg("report.json")]);
    command.envs(variables.iter().cloned());
    world.end(command).await
}

fn report(world: &World) -> serde_json::Value {
    serde_json::from_str(&world.read("report.json")).unwrap()
}

#[tokio::test]
async fn after_a_small_step_back_ticks_go_on_and_decisions_wait() {
    let world = World::new();
    let Some(variables) = shim(&world) else { return };
    demo(&world, &variables, ROWS / 2).await.succeeded();
    let issued = report(&world)["signals"]["issued"].clone();
    // Less than certificates are dated back, more than a clock is corrected by.
    world.write("shift", "-200");
    demo(&world, &variables, ROWS).await.succeeded();
    let report = report(&world);
    assert_eq!(report["ticks"]["acknowledged"], ROWS, "{report:#}");
    assert_eq!(report["signals"]["issued"], issued, "a decision before the last one: {report:#}");
    assert!(report["signals"]["denied"]["CLOCK_BEHIND"].as_u64().unwrap_or(0) > 0, "{report:#}");
    world.audit("desk").await;
}

#[tokio::test]
async fn a_step_back_before_the_certificates_is_told_as_such() {
    let world = World::new();
    let Some(variables) = shim(&world) else { return };
    demo(&world, &variables, ROWS / 2).await.succeeded();
    world.write("shift", "-86400");
    let told = demo(&world, &variables, ROWS).await;
    assert!(!told.err.contains("panicked"), "{told:#?}");
    assert_ne!(told.code, Some(0), "{told:#?}");
    assert!(told.err.contains("clock"), "the clock is not named: {told:#?}");
    // Once the clock is right again, everything goes on.
    world.write("shift", "0");
    demo(&world, &variables, ROWS).await.succeeded();
    assert_eq!(report(&world)["ticks"]["acknowledged"], ROWS);
    world.audit("desk").await;
}

#[tokio::test]
async fn a_clock_set_back_under_a_running_server_harms_nothing() {
    let world = World::new();
    let Some(variables) = shim(&world) else { return };
    world.init().await;
    world.write("ticks.csv", &tick_files::time_msc(ROWS));
    let mut server = world.up_with("server", &[], &variables).await;
    let mut client = world.client(&["--symbol", SYMBOL, "--ticks", "ticks.csv", "--speed", "10000"]);
    client.until_acknowledged(&world, 500).await;
    world.write("shift", "-3600");
    client.until_feed_ends(&world).await;
    assert!(server.is_alive() && world.is_ready().await, "{}", server.log(&world));
    let last = client.stop(&world).await;
    let log = server.stop(&world).await;
    assert_eq!(last["acknowledged"], ROWS, "{last}");
    assert!(log.contains("CLOCK_SET_BACK"), "the step has no code: {log}");
    assert!(log.contains("set back"), "neither cause nor cure: {log}");
    let compared = world.compare("server", "client", "ticks.csv").await;
    assert_eq!((&compared["same"], &compared["twice"]), (&true.into(), &0.into()), "{compared}");
    world.audit("server").await;
}
