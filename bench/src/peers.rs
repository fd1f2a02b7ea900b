//! The peers: DuckDB on the files that our store wrote, and the ClickHouse engine behind our own adapter.

use crate::{
    figures::Report,
    machine::{cache_folder, on_path},
    quotes::commit,
    world::{World, settings},
};
use aitrading_database_link::{Link, Role, Secrets};
use aitrading_env::Env;
use aitrading_model::{Source, Tick};
use aitrading_store::TickStore;
use aitrading_store_clickhouse::{ClickHouseSettings, ClickHouseTicks};
use aitrading_testkit::servers::{ClickHouse, Door};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

const SCRIPT: &str = include_str!("../peers/duckdb_ticks.py");
const DUCKDB: &str = "duckdb==2.0.0";
/// Below the project's cache folder.
const VENV: &str = "tools/peers-venv";

/// A Python that has DuckDB.
#[derive(Debug)]
pub(crate) struct DuckDb {
    python: PathBuf,
}

/// How fast DuckDB wrote, and how much.
#[derive(Debug)]
pub(crate) struct Wrote {
    pub(crate) parquet_per_s: Vec<f64>,
    pub(crate) parquet_bytes: u64,
    pub(crate) table_per_s: Vec<f64>,
}

/// How fast DuckDB made bars, and their sums.
#[derive(Debug)]
pub(crate) struct Bars {
    pub(crate) ms: Vec<f64>,
    pub(crate) sums: Vec<f64>,
}

impl DuckDb {
    /// The first Python that has it; without one, the report says how to get it.
    pub(crate) fn find(report: &mut Report) -> Option<Self> {
        let venv = cache_folder().map(|cache| cache.join(VENV));
        let in_venv = venv.as_ref().map(|venv| venv.join("bin/python"));
        let found = in_venv.into_iter().chain(on_path("python3")).find(has_duckdb);
        if found.is_none() {
            let venv = venv.unwrap_or_else(|| VENV.into());
            report.skip(format!(
                "DuckDB is not installed: `python3 -m venv {0} && {0}/bin/pip install {DUCKDB}`",
                venv.display()
            ));
        }
        found.map(|python| Self { python })
    }

    /// Writes the store's ticks again, from memory: as Parquet, and into a file of its own.
    pub(crate) async fn write(&self, world: &World, runs: u16) -> Result<Wrote> {
        let said = self.ask("write", world, runs).await?;
        let parquet_bytes = said.get("parquet_bytes").and_then(Value::as_u64).context("no bytes")?;
        Ok(Wrote {
            parquet_per_s: numbers(&said, "parquet_per_s")?,
            parquet_bytes,
            table_per_s: numbers(&said, "table_per_s")?,
        })
    }

    /// Makes one-minute bars of the store's ticks.
    pub(crate) async fn bars(&self, world: &World, runs: u16) -> Result<Bars> {
        let said = self.ask("bars", world, runs).await?;
        Ok(Bars { ms: numbers(&said, "ms")?, sums: numbers(&said, "sums")? })
    }

    /// Reads and sums every value of the store's ticks: milliseconds, and how many ticks there were.
    pub(crate) async fn scan(&self, world: &World, runs: u16) -> Result<(Vec<f64>, u64)> {
        let said = self.ask("scan", world, runs).await?;
        let rows = said.get("rows").and_then(Value::as_u64).context("no rows")?;
        Ok((numbers(&said, "ms")?, rows))
    }

    async fn ask(&self, what: &str, world: &World, runs: u16) -> Result<Value> {
        let script = world.folder().join("duckdb_ticks.py");
        std::fs::write(&script, SCRIPT).context("the peer's script cannot be written")?;
        let list = world.folder().join("files.txt");
        let files = world.database.tick_files().await?;
        let lines: Vec<_> = files.iter().map(|file| world.folder().join(file).display().to_string()).collect();
        std::fs::write(&list, lines.join("\n")).context("the list of files cannot be written")?;
        let mut command = Command::new(&self.python);
        command.arg(&script).arg(what).arg(runs.to_string()).arg(world.folder()).arg(&list);
        let output = command.stderr(Stdio::inherit()).output().context("Python does not start")?;
        ensure!(output.status.success(), "the DuckDB script failed ({})", output.status);
        serde_json::from_slice(&output.stdout).context("the DuckDB script did not answer in JSON")
    }
}

fn has_duckdb(python: &PathBuf) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", "import duckdb"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn numbers(said: &Value, key: &str) -> Result<Vec<f64>> {
    let list = said.get(key).and_then(Value::as_array).with_context(|| format!("no {key} in {said}"))?;
    list.iter().map(|value| value.as_f64().with_context(|| format!("{value} is no number"))).collect()
}

/// The ClickHouse engine, with our adapter in front of it.
pub(crate) struct ClickHousePeer {
    ticks: ClickHouseTicks,
    // Ends with this.
    _server: ClickHouse,
}

impl ClickHousePeer {
    pub(crate) async fn start(report: &mut Report) -> Result<Option<Self>> {
        if let Some(why) = ClickHouse::lacking() {
            report.skip(why);
            return Ok(None);
        }
        let Some(server) = ClickHouse::start(Door::Password) else { return Ok(None) };
        let link =
            Link::open(&Env::real(), Role::Ticks, ClickHouseTicks::BACKEND, &settings(&server)?, &Secrets::default())?;
        let ticks = ClickHouseTicks::new(&Env::real(), link, ClickHouseSettings::default());
        ticks.prepare().await?;
        Ok(Some(Self { ticks, _server: server }))
    }

    pub(crate) fn store(&self) -> &dyn TickStore {
        &self.ticks
    }

    /// Takes a day in, as a source of its own.
    pub(crate) async fn take(&self, source: Source, ticks: &[Tick]) -> Result<Source> {
        let source = Source { tenant: aitrading_model::TenantId(3), ..source };
        let mark = self.ticks.mark().await?;
        self.ticks.commit(commit(mark.offset + 1, vec![(source, 0, ticks.to_vec())])).await?;
        Ok(source)
    }

    /// Bytes that one more source's ticks take, as the server counts them.
    pub(crate) async fn bytes_of(&self, source: Source, ticks: &[Tick]) -> Result<u64> {
        // Another tenant, so that nothing else is counted with it.
        let source = Source { tenant: aitrading_model::TenantId(2), ..source };
        let mark = self.ticks.mark().await?;
        self.ticks.commit(commit(mark.offset + 1, vec![(source, 0, ticks.to_vec())])).await?;
        Ok(self.ticks.counts(source.tenant).await?.bytes)
    }
}
