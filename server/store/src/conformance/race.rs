//! Runs futures at the same time on whatever runtime the property runs on, and says what must come of it.

use crate::{StoreError, Version};
use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// What [`join_all`] joins.
pub type Racer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Begins all, waits for all, and answers in their order.
pub async fn join_all<T: Unpin>(racers: impl IntoIterator<Item = Racer<'_, T>>) -> Vec<T> {
    let mut racers: Vec<(Option<T>, Racer<'_, T>)> = racers.into_iter().map(|racer| (None, racer)).collect();
    poll_fn(|context| {
        for (done, racer) in racers.iter_mut().filter(|(done, _)| done.is_none()) {
            if let Poll::Ready(value) = racer.as_mut().poll(context) {
                *done = Some(value);
            }
        }
        if racers.iter().all(|(done, _)| done.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    racers.into_iter().filter_map(|(done, _)| done).collect()
}

/// Looks at a future once: its value, if it is there already.
pub async fn look<T>(future: &mut Racer<'_, T>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Of writers who had all read the same version, one wins, and the others are told that they are late.
///
/// # Errors
/// What a writer was told beside that.
///
/// # Panics
/// If none or several win.
pub async fn one_wins<T: Unpin>(
    writers: impl IntoIterator<Item = Racer<'_, Result<T, StoreError>>>,
) -> Result<(), StoreError> {
    let mut winners = 0;
    for ended in join_all(writers).await {
        match ended {
            Ok(_) => winners += 1,
            Err(StoreError::Stale { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    assert_eq!(winners, 1, "of writers who had read the same version");
    Ok(())
}

/// What breaks a rule is refused as such.
///
/// # Panics
/// If it is not.
pub fn check_refused<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Invalid { .. })), "{answer:?}");
}

/// What contradicts what is stored is refused as such.
///
/// # Panics
/// If it is not.
pub fn check_conflict<T: std::fmt::Debug>(answer: Result<T, StoreError>) {
    assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
}

/// A writer who had read another version is told which one stands.
///
/// # Panics
/// If not.
pub fn check_stale<T: std::fmt::Debug>(answer: Result<T, StoreError>, stands: u64) {
    let told = matches!(answer, Err(StoreError::Stale { stored, .. }) if stored == Version(stands));
    assert!(told, "{answer:?} instead of version {stands}");
}
