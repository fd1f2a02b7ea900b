//! The promises of the ports as properties: one asynchronous function each, that an adapter's tests run on an empty store.
//!
//! [`tick_store_conformance`](crate::tick_store_conformance) and its sisters make a `#[test]` of each, so that no adapter can
//! forget one. A property panics when the promise is broken.
#![expect(
    clippy::indexing_slicing,
    reason = "a property that looks behind the end of an answer has found a broken promise"
)]

pub mod accounts;
pub mod sample;
pub mod signals;
pub mod ticks;

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
    };
}

/// All properties of a [`SignalStore`](crate::SignalStore) as tests.
#[macro_export]
macro_rules! signal_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, signals:
            a_new_store_is_empty a_signals_life_is_counted changes_are_all_or_nothing a_mark_is_taken_once
            the_same_report_counts_once two_orders_of_one_signal_are_seen tenants_do_not_see_each_other
            open_signals_are_found_again reports_are_paged expiry_without_a_report_counts);
    };
}

/// All properties of the smaller stores, each on a whole set of empty [`Stores`](crate::Stores), as tests.
#[macro_export]
macro_rules! other_stores_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, accounts:
            subscriptions_are_replaced too_wide_a_scope_is_refused an_older_snapshot_does_not_replace_a_newer_one
            specifications_are_kept_by_symbol revocation_is_final facts_are_kept);
    };
}
