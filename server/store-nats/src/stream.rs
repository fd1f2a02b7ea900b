//! The stream of all events: made if it is not there, checked if it is.

use crate::{
    EventLimits, Names,
    codec::HEADERS_MAX,
    errors::{code, told, unavailable},
};
use aitrading_store::{Event, StoreError};
use async_nats::jetstream::{
    Context, ErrorCode,
    context::{CreateStreamErrorKind, GetStreamErrorKind},
    stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType, Stream},
};

const DOING: &str = "opening the stream of events";
/// Consumers of all topics of all tenants at most.
const CONSUMERS_MAX: i32 = 16_384;

/// The stream, ready to be used.
pub(crate) async fn open(jetstream: &Context, names: &Names, limits: &EventLimits) -> Result<Stream, StoreError> {
    let stream = match jetstream.get_stream(names.stream()).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                create(jetstream, names, limits).await?
            }
            _ => return Err(told(DOING, error)),
        },
    };
    let info = stream.get_info().await.map_err(|error| told(DOING, error))?;
    check(&info.config, names, limits)?;
    raise(jetstream, &info, limits).await?;
    Ok(stream)
}

/// Is the stream on files?
pub(crate) fn is_on_files(info: &Info) -> bool {
    info.config.storage == StorageType::File
}

async fn create(jetstream: &Context, names: &Names, limits: &EventLimits) -> Result<Stream, StoreError> {
    let created = jetstream.create_stream(wanted(names, limits)).await;
    match created {
        Ok(_) => {}
        // Another instance was faster.
        Err(error) if is_taken(&error.kind()) => {}
        Err(error) => {
            let full =
                matches!(&error.kind(), CreateStreamErrorKind::JetStream(said) if code(said).is_some_and(is_full));
            let source = Box::new(error);
            return Err(if full { StoreError::Full { doing: DOING, source } } else { unavailable(DOING, source) });
        }
    }
    jetstream.get_stream(names.stream()).await.map_err(|error| told(DOING, error))
}

fn is_taken(kind: &CreateStreamErrorKind) -> bool {
    matches!(kind, CreateStreamErrorKind::JetStream(said) if said.error_code() == ErrorCode::STREAM_NAME_EXIST)
}

fn is_full(code: ErrorCode) -> bool {
    [
        ErrorCode::STORAGE_RESOURCES_EXCEEDED,
        ErrorCode::INSUFFICIENT_RESOURCES,
        ErrorCode::STREAM_MAX_STREAM_BYTES_EXCEEDED,
    ]
    .contains(&code)
}

fn wanted(names: &Names, limits: &EventLimits) -> Config {
    Config {
        name: names.stream(),
        subjects: vec![names.subjects()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        // Full means that publishing is refused; nothing that was acknowledged makes room.
        discard: DiscardPolicy::New,
        max_bytes: limits.bytes(),
        max_messages: -1,
        max_messages_per_subject: -1,
        max_age: limits.age(),
        max_consumers: CONSUMERS_MAX,
        max_message_size: i32::try_from(Event::BODY_MAX.saturating_add(HEADERS_MAX)).unwrap_or(i32::MAX),
        duplicate_window: EventLimits::DEDUPLICATED,
        num_replicas: usize::from(limits.replicas.max(1)),
        ..Config::default()
    }
}

/// A stream that an operator has made may be larger or in memory, but it must keep what the port promises: nothing that was
/// acknowledged goes before the settings say so, and every consumer finds its place again.
fn check(config: &Config, names: &Names, limits: &EventLimits) -> Result<(), StoreError> {
    let rules = takes_our_events(config, names).into_iter().chain(keeps_them(config, limits));
    match rules.into_iter().find(|(good, _)| !good) {
        Some((_, what)) => Err(StoreError::Conflict { what }),
        None => Ok(()),
    }
}

fn takes_our_events(config: &Config, names: &Names) -> [(bool, &'static str); 3] {
    let copies = config.mirror.is_some() || config.sources.as_ref().is_some_and(|sources| !sources.is_empty());
    [
        (config.subjects.contains(&names.subjects()), "the stream of events on the server does not take our subjects"),
        (!config.no_ack && !config.sealed, "the stream of events on the server acknowledges nothing or takes nothing"),
        (
            !copies && config.subject_transform.is_none(),
            "the stream of events copies other streams or renames subjects; remove mirror, sources and subject_transform",
        ),
    ]
}

fn keeps_them(config: &Config, limits: &EventLimits) -> [(bool, &'static str); 7] {
    let aged = config.max_age.is_zero() || (!limits.age().is_zero() && config.max_age >= limits.age());
    let forgets_consumers = config.consumer_limits.as_ref().is_some_and(|limits| !limits.inactive_threshold.is_zero());
    [
        (
            config.retention == RetentionPolicy::Limits,
            "the stream of events on the server has another retention than limits",
        ),
        (
            config.discard == DiscardPolicy::New,
            "the stream of events on the server discards old events; set discard to new",
        ),
        (
            config.max_messages <= 0 && config.max_messages_per_subject <= 0,
            "the stream of events limits the number of events",
        ),
        (aged, "the stream of events drops events by their age, read or not; set max_age to 0"),
        (
            config.num_replicas >= usize::from(limits.replicas),
            "the stream of events has fewer replicas than are asked for; raise num_replicas",
        ),
        (
            !forgets_consumers,
            "the stream of events forgets idle consumers and their places; set inactive_threshold to 0",
        ),
        (
            config.duplicate_window >= EventLimits::DEDUPLICATED,
            "the stream of events recognises ids for less than 120 s",
        ),
    ]
}

/// Gives an existing stream the configured size, if that is more.
async fn raise(jetstream: &Context, info: &Info, limits: &EventLimits) -> Result<(), StoreError> {
    if info.config.max_bytes <= 0 || info.config.max_bytes >= limits.bytes() {
        return Ok(());
    }
    let config = Config { max_bytes: limits.bytes(), ..info.config.clone() };
    jetstream.update_stream(config).await.map_err(|error| told(DOING, error))?;
    Ok(())
}
