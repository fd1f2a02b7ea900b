//! A file that is not what was listed stops the query, by name, and the store is told.

use crate::{
    layout::{encode, quotes},
    world::{DAY, MONDAY, World, source},
};
use aitrading_sql_engine::ListedFile;

/// Lists a good file and one that `spoil` has worked on.
async fn check_named(what: &str, spoil: impl FnOnce(&mut Vec<u8>, &mut ListedFile)) {
    let world = World::new();
    let owner = source(1, 7, "EURUSD");
    let ticks = quotes(MONDAY, 2_000, 1_000, 41);
    world.add_file(owner, &quotes(MONDAY + DAY, 500, 1_000, 42), 2_001);
    let file = world.add_file(owner, &ticks, 1);
    let (mut bytes, mut listed) = (encode(&owner, &ticks, 1), file.clone());
    spoil(&mut bytes, &mut listed);
    aitrading_env::Fs::write_atomic(&world.fs, &file.path, &bytes).unwrap();
    if let Some(last) = world.store.files.lock().unwrap().last_mut() {
        *last = listed;
    }
    let (code, message) = world.code("SELECT sum(bid), sum(last), sum(volume), sum(flags), max(seq) FROM ticks").await;
    assert_eq!(code, "SQL_DAMAGED_FILE", "{what}: {message}");
    assert!(message.contains("EURUSD/1-1.parquet") && !message.contains("/ticks/"), "{what}: {message}");
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.store.damaged.lock().unwrap().as_slice(), std::slice::from_ref(&file.path), "{what}");
    let rest = "SELECT count(bid) FROM ticks WHERE time >= '2024-01-02'";
    assert_eq!(world.rows(rest).await, ["500"], "{what}: what does not need the file is answered");
}

/// Makes the list agree with the bytes, as if the file had been written like that.
fn relist(bytes: &[u8], listed: &mut ListedFile) {
    (listed.bytes, listed.crc) = (bytes.len() as u64, crc32c::crc32c(bytes));
}

#[tokio::test]
async fn damage_of_every_kind_is_named_and_reported() {
    check_named("a flipped bit", |bytes, _| bytes[1_000] ^= 1).await;
    check_named("cut off", |bytes, _| bytes.truncate(900)).await;
    check_named("empty", |bytes, _| bytes.clear()).await;
    check_named("a footer that is none", |bytes, listed| {
        let end = bytes.len();
        bytes[end - 200..].fill(0x5a);
        relist(bytes, listed);
    })
    .await;
    check_named("pages that are none", |bytes, listed| {
        let end = bytes.len();
        let footer = u32::from_le_bytes(bytes[end - 8..end - 4].try_into().unwrap()) as usize;
        bytes[10..end - 8 - footer].fill(0x5a);
        relist(bytes, listed);
    })
    .await;
    check_named("another source's file", |bytes, listed| {
        *bytes = encode(&source(2, 7, "EURUSD"), &quotes(MONDAY, 2_000, 1_000, 41), 1);
        relist(bytes, listed);
    })
    .await;
    check_named("another number of rows", |bytes, listed| {
        *bytes = encode(&source(1, 7, "EURUSD"), &quotes(MONDAY, 1_999, 1_000, 41), 1);
        relist(bytes, listed);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_gone_is_named() {
    let world = World::new();
    let file = world.add_file(source(1, 7, "EURUSD"), &quotes(MONDAY, 10, 1_000, 43), 1);
    aitrading_env::Fs::remove_file(&world.fs, &file.path).unwrap();
    assert_eq!(world.code("SELECT max(bid) FROM ticks").await.0, "SQL_DAMAGED_FILE");
}
