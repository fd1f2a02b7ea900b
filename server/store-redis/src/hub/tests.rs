//! Listeners hear all in order, or know that they did not.

use super::{CHANGES_MAX, Hub, LISTENERS_MAX};
use aitrading_model::TenantId;
use aitrading_store::{Invalidation, Invalidations, StoreError};

fn change(n: usize) -> Invalidation {
    Invalidation::Key { tenant: TenantId(1), space: "s".to_owned(), name: n.to_string() }
}

#[tokio::test]
async fn every_listener_hears_all_in_order_until_the_end() {
    let hub = Hub::default();
    hub.tell(&change(0));
    let mut listeners = [hub.listen("listening").unwrap(), hub.listen("listening").unwrap()];
    for n in 1..=CHANGES_MAX {
        hub.tell(&change(n));
    }
    hub.close();
    for listener in &mut listeners {
        for n in 1..=CHANGES_MAX {
            assert_eq!(listener.next().await, Some(change(n)));
        }
        assert_eq!(listener.next().await, None);
    }
    assert_eq!(hub.listen("listening").unwrap().next().await, None, "a closed hub has nothing to tell");
}

#[tokio::test]
async fn who_falls_behind_is_told_once_to_forget_everything_and_then_hears_what_is_new() {
    for missed in [CHANGES_MAX + 1, 3 * CHANGES_MAX] {
        let hub = Hub::default();
        let mut listener = hub.listen("listening").unwrap();
        (0..missed).for_each(|n| hub.tell(&change(n)));
        assert_eq!(listener.next().await, Some(Invalidation::Everything));
        hub.tell(&change(7));
        assert_eq!(listener.next().await, Some(change(7)));
    }
}

#[tokio::test]
async fn everything_includes_what_waits() {
    let hub = Hub::default();
    let mut listener = hub.listen("listening").unwrap();
    hub.tell(&change(1));
    hub.tell(&Invalidation::Everything);
    hub.tell(&change(2));
    hub.close();
    assert_eq!(listener.next().await, Some(Invalidation::Everything));
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn listeners_are_bounded_and_give_their_place_back() {
    let hub = Hub::default();
    let listeners: Vec<_> = (0..LISTENERS_MAX).map(|_| hub.listen("listening").unwrap()).collect();
    assert!(matches!(hub.listen("listening"), Err(StoreError::Full { .. })));
    drop(listeners);
    assert!(hub.listen("listening").is_ok());
}
