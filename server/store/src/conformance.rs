//! The promises of the ports as properties: one asynchronous function each, that an adapter's tests run on an empty store.
//!
//! [`tick_store_conformance`](crate::tick_store_conformance) and its sisters make a `#[test]` of each, so that no adapter can
//! forget one. A property panics when the promise is broken.
#![expect(
    clippy::indexing_slicing,
    reason = "a property that looks behind the end of an answer has found a broken promise"
)]

pub mod accounts;
pub mod audit;
pub mod chain_traces;
pub mod chains;
pub mod devices;
pub mod events;
pub mod graph;
pub mod idempotency;
pub mod imports;
pub mod invites;
pub mod late;
pub mod lockouts;
pub mod log_policies;
pub mod login_sessions;
pub mod logs;
pub mod orders;
pub mod patterns;
mod platform;
pub mod positions;
pub mod race;
pub mod revocations;
pub mod risk;
pub mod sample;
pub mod security_events;
pub mod sequences;
pub mod shared_cache;
pub mod signals;
pub mod subscriptions;
pub mod ticks;
pub mod users;

use std::{future::Future, pin::Pin, time::Duration};

/// Lets a store's time pass: a test with a clock of its own moves it, a test with a real server waits.
pub type Advance = Box<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Makes one `#[test]` per property. `$run` is called as `run(property)` and must call the property with an empty
/// store (an `Arc` of the port) and wait for it to end without an error.
#[macro_export]
#[doc(hidden)]
macro_rules! conformance_tests {
    ($run:path, $module:ident: $($property:ident)*) => {$(
        #[test]
        fn $property() {
            $run($crate::conformance::$module::$property);
        }
    )*};
}

/// All properties of a [`TickStore`](crate::TickStore) as tests.
#[macro_export]
macro_rules! tick_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, ticks:
            a_new_store_is_empty a_commit_is_read_back_in_order a_mark_is_taken_once tenants_do_not_see_each_other
            refusals_and_duplicates_add_up a_bad_commit_leaves_nothing_behind ranges_are_half_open_and_bounded
            bars_are_kept_by_timeframe gaps_are_kept_once every_field_of_a_tick_survives
            a_day_in_many_commits_is_one_history);
        $crate::conformance_tests!($run, imports:
            an_import_is_read_back_and_leaves_the_mark_alone a_part_is_imported_once an_import_continues_a_live_history
            an_import_never_goes_back_in_time a_bad_part_leaves_nothing_behind imports_are_kept_apart
            a_journal_goes_on_after_an_import);
        $crate::conformance_tests!($run, late:
            late_ticks_come_into_their_place late_ticks_stand_behind_those_of_their_millisecond
            a_history_filled_from_behind_is_one_history bad_late_ticks_leave_nothing_behind
            a_gap_is_told_what_became_of_it open_gaps_are_found_in_order counted_days_are_kept_and_replaced
            imported_days_are_not_counted);
    };
}

/// All properties of a [`SignalStore`](crate::SignalStore) as tests.
#[macro_export]
macro_rules! signal_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, signals:
            a_new_store_is_empty a_signals_life_is_counted changes_are_all_or_nothing a_mark_is_taken_once
            the_same_report_counts_once two_orders_of_one_signal_are_seen tenants_do_not_see_each_other
            open_signals_are_found_again reports_are_paged expiry_without_a_report_counts
            denials_keep_their_verdict denials_are_paged);
    };
}

/// All properties of the smaller stores, each on a whole set of empty [`Stores`](crate::Stores), as tests.
#[macro_export]
macro_rules! other_stores_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, accounts:
            an_older_snapshot_does_not_replace_a_newer_one specifications_are_kept_by_symbol facts_are_kept);
        $crate::conformance_tests!($run, subscriptions:
            subscriptions_are_replaced every_field_of_an_entitlement_survives
            t33_a_change_is_found_behind_the_last_place t33_who_asks_for_changes_misses_none
            too_wide_a_subscription_is_refused);
        $crate::conformance_tests!($run, devices:
            every_field_of_a_device_survives revocation_is_final a_certificate_is_renewed_in_two_steps
            raced_changes_of_a_device_are_all_kept an_unknown_device_is_refused);
    };
}

/// All properties of a [`SharedCache`](crate::SharedCache), each on an empty
/// [`SharedWorld`](crate::conformance::shared_cache::SharedWorld), as tests.
#[macro_export]
macro_rules! shared_cache_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, shared_cache:
            a_new_cache_is_empty values_are_replaced_and_removed keys_do_not_mix values_expire
            compare_and_set_wants_the_expected_value compare_and_set_keeps_time of_raced_compare_and_sets_one_wins
            a_raced_counter_counts_every_step listeners_are_told_of_changes a_slow_listener_knows_what_it_missed
            limits_are_kept);
    };
}

/// All properties of an [`EventBus`](crate::EventBus), each on an empty
/// [`EventWorld`](crate::conformance::events::EventWorld), as tests.
#[macro_export]
macro_rules! event_bus_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, events:
            events_come_in_order every_field_of_an_event_survives an_id_counts_once a_raced_id_counts_once
            tenants_and_topics_do_not_mix consumers_are_independent a_consumer_that_comes_back_goes_on
            giving_up_a_wait_loses_nothing raced_events_all_arrive limits_are_kept);
    };
}

/// All properties of a [`PatternIndex`](crate::PatternIndex) as tests.
#[macro_export]
macro_rules! pattern_index_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, patterns:
            a_new_index_is_empty the_nearest_comes_first questions_are_bounded dimensions_do_not_mix
            patterns_are_replaced_and_removed tenants_do_not_see_each_other every_field_of_a_pattern_survives
            limits_are_kept);
    };
}

/// All properties of a [`ChainGraph`](crate::ChainGraph) as tests.
#[macro_export]
macro_rules! chain_graph_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, graph:
            a_new_graph_is_empty shapes_come_back_in_order the_walk_goes_through_all_chains
            chains_are_replaced_and_removed tenants_do_not_see_each_other limits_are_kept);
    };
}
