//! What a database's history means to this release.

use super::{AppliedStep, SchemaState, SchemaStatus};
use aitrading_model::Timestamp;
use aitrading_store::StoreError;
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

fn known() -> Migrator {
    let step = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(vec![step(1, "first", "SELECT 1"), step(2, "second", "SELECT 2")])
}

/// A row for each version: with the known step's checksum unless `foreign`.
fn row(version: i64, success: bool, foreign: bool) -> AppliedStep {
    let step = known().iter().find(|step| step.version == version).map(|step| step.checksum.to_vec());
    let checksum = step.filter(|_| !foreign).unwrap_or_default();
    AppliedStep { version, description: "from the table".to_owned(), success, checksum, at: 7 }
}

fn states(rows: Vec<AppliedStep>) -> (Vec<SchemaState>, Result<(), StoreError>) {
    let status = SchemaStatus::new("test", &known(), rows);
    (status.steps.iter().map(|step| step.state).collect(), status.check())
}

#[test]
fn steps_are_pending_until_they_are_taken() {
    let empty = SchemaStatus::new("test", &known(), vec![]);
    assert_eq!((empty.known(), empty.applied(), empty.pending()), (2, 0, 2));
    empty.check().unwrap();
    let half = SchemaStatus::new("test", &known(), vec![row(1, true, false)]);
    assert_eq!((half.known(), half.applied(), half.pending()), (2, 1, 1));
    assert_eq!((half.steps[0].applied_at, half.steps[1].applied_at), (Some(Timestamp(7_000_000_000)), None));
    half.check().unwrap();
}

#[test]
fn a_newer_schema_is_told_from_a_damaged_one() {
    let (seen, checked) = states(vec![row(1, true, false), row(2, true, false), row(9, true, false)]);
    assert_eq!(seen, [SchemaState::Applied, SchemaState::Applied, SchemaState::Unknown]);
    assert!(matches!(checked, Err(StoreError::SchemaNewer { found: 9, known: 2, .. })), "{checked:?}");
    for (rows, state, told) in [
        (vec![row(1, true, false), row(2, false, false)], SchemaState::HalfDone, "begun and not finished"),
        (vec![row(1, true, false), row(2, true, true)], SchemaState::Changed, "not the one"),
    ] {
        let (seen, checked) = states(rows);
        assert_eq!(seen, [SchemaState::Applied, state]);
        assert!(matches!(&checked, Err(StoreError::SchemaBroken { what, .. }) if what.contains(told)), "{checked:?}");
    }
}

/// The cure names what has to be restored or replaced: a directory here, a database on a server there.
#[test]
fn a_refusal_names_the_database_that_it_is_about() {
    for (backend, place) in [("sqlite", "the data directory"), ("postgresql", "the PostgreSQL database")] {
        for rows in [vec![row(9, true, false)], vec![row(2, false, false)], vec![row(2, true, true)]] {
            let refused = SchemaStatus::new(backend, &known(), rows).check().unwrap_err().to_string();
            assert!(refused.contains(place), "{refused}");
            assert_eq!(refused.contains("directory"), backend == "sqlite", "{refused}");
        }
    }
}
