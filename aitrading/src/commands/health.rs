//! `aitrading health`: asks the loopback listener of a running server.

use crate::{
    cli,
    exit::{Exit, Failure},
    print,
};
use aitrading_env::Env;
use serde_json::Value;
use std::{io::Write, net::SocketAddr, time::Duration};

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Prints the health of all components; fails if the server is not ready.
pub(crate) async fn run(
    env: &Env,
    out: &mut dyn Write,
    address: SocketAddr,
    args: &cli::Health,
) -> Result<(), Failure> {
    let answer = aitrading_http::get(env, address, "/health/ready", ANSWER_WITHIN).await.map_err(|e| {
        let told = Failure::coded(&e);
        Failure { message: format!("{told}; is `aitrading up` running, with the same --port-offset?"), ..told }
    })?;
    let text = String::from_utf8_lossy(&answer.body);
    if args.json {
        print(out, format_args!("{text}"))?;
    } else {
        let value: Value = serde_json::from_str(&text).map_err(|_| {
            Failure::new(Exit::Unavailable, format!("{address} answers, but it is not an aitrading server"))
        })?;
        table(out, &value)?;
    }
    if answer.status.is_success() {
        Ok(())
    } else {
        Err(Failure::new(Exit::CheckFailed, "the server is not ready; the lines above say which part and why"))
    }
}

fn table(out: &mut dyn Write, health: &Value) -> Result<(), Failure> {
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or("?").to_owned();
    print(out, format_args!("{:<22} {:<10} {:<10} DETAIL", "COMPONENT", "STATE", "STATUS"))?;
    let empty = Vec::new();
    for component in health.get("components").and_then(Value::as_array).unwrap_or(&empty) {
        let reason = component.get("reason").and_then(Value::as_str).unwrap_or_default();
        let (name, state, status) = (text(component, "name"), text(component, "state"), text(component, "status"));
        print(out, format_args!("{name:<22} {state:<10} {status:<10} {reason}"))?;
        for part in component.get("parts").and_then(Value::as_array).unwrap_or(&empty) {
            let (name, status, detail) = (text(part, "name"), text(part, "status"), text(part, "detail"));
            print(out, format_args!("  {name:<20} {:<10} {status:<10} {detail}", ""))?;
        }
    }
    let ready = if health.get("ready").and_then(Value::as_bool) == Some(true) { "ready" } else { "NOT READY" };
    print(out, format_args!("{ready}"))
}
