//! A row as both databases give it: values by the names of their columns, without the dialect.

use super::tables::Table;
use aitrading_store::StoreError;
use sqlx::{Column, Row, TypeInfo, ValueRef, postgres::PgRow, sqlite::SqliteRow};
use std::collections::BTreeMap;

/// A value. Truth is a number, as in SQLite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Number(i64),
    Bytes(Vec<u8>),
    Text(String),
}

/// A row: its values by the names of their columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line(pub(super) BTreeMap<String, Cell>);

fn damaged(table: &Table) -> impl Fn(sqlx::Error) -> StoreError {
    let what = format!("a row of table {}", table.name);
    move |error| StoreError::Corrupt { what: what.clone(), source: Some(error.into()) }
}

fn unknown(table: &Table, column: &str, kind: &str) -> StoreError {
    let table = table.name;
    StoreError::corrupt(format!("column {column} of table {table} has the type {kind}, which no table of ours has"))
}

impl Line {
    pub(super) fn of_sqlite(table: &Table, row: &SqliteRow) -> Result<Self, StoreError> {
        let mut line = Self::default();
        for column in row.columns() {
            let at = column.ordinal();
            let (null, kind) = {
                let value = row.try_get_raw(at).map_err(damaged(table))?;
                (value.is_null(), value.type_info().name().to_owned())
            };
            let cell = match kind.as_str() {
                _ if null => Cell::Null,
                "INTEGER" => Cell::Number(row.try_get_unchecked(at).map_err(damaged(table))?),
                "BLOB" => Cell::Bytes(row.try_get_unchecked(at).map_err(damaged(table))?),
                "TEXT" => Cell::Text(row.try_get_unchecked(at).map_err(damaged(table))?),
                other => return Err(unknown(table, column.name(), other)),
            };
            line.0.insert(column.name().to_owned(), cell);
        }
        Ok(line)
    }

    pub(super) fn of_postgres(table: &Table, row: &PgRow) -> Result<Self, StoreError> {
        let mut line = Self::default();
        for column in row.columns() {
            let (at, damaged) = (column.ordinal(), damaged(table));
            let cell = match column.type_info().name() {
                "INT8" => row.try_get::<Option<i64>, _>(at).map_err(damaged)?.map(Cell::Number),
                "BOOL" => row.try_get::<Option<bool>, _>(at).map_err(damaged)?.map(|yes| Cell::Number(yes.into())),
                "BYTEA" => row.try_get::<Option<Vec<u8>>, _>(at).map_err(damaged)?.map(Cell::Bytes),
                "TEXT" => row.try_get::<Option<String>, _>(at).map_err(damaged)?.map(Cell::Text),
                other => return Err(unknown(table, column.name(), other)),
            };
            line.0.insert(column.name().to_owned(), cell.unwrap_or(Cell::Null));
        }
        Ok(line)
    }

    /// As PostgreSQL takes it from JSON.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let value = |cell: &Cell| match cell {
            Cell::Null => serde_json::Value::Null,
            Cell::Number(number) => (*number).into(),
            Cell::Bytes(bytes) => format!("\\x{}", super::digest::hex(bytes)).into(),
            Cell::Text(text) => text.as_str().into(),
        };
        self.0.iter().map(|(name, cell)| (name.clone(), value(cell))).collect()
    }
}
