//! The properties of the platform's stores as macros: each makes a `#[test]` of every property of one port.

/// All properties of a [`UserStore`](crate::UserStore) as tests.
#[macro_export]
macro_rules! user_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, users:
            a_new_store_is_empty every_field_of_a_user_survives a_late_writer_is_refused of_raced_writers_one_wins
            t29_of_logins_with_one_code_one_goes_through login_names_are_unique users_are_paged_by_name limits_are_kept);
    };
}

/// All properties of an [`InviteStore`](crate::InviteStore) as tests.
#[macro_export]
macro_rules! invite_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, invites:
            a_new_store_is_empty every_field_of_an_invite_survives t29_an_invite_is_redeemed_once
            t29_of_raced_redeemers_one_wins t29_an_expired_invite_is_refused invites_are_paged_by_id
            old_invites_are_forgotten limits_are_kept);
    };
}

/// All properties of a [`LoginSessionStore`](crate::LoginSessionStore) as tests.
#[macro_export]
macro_rules! login_session_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, login_sessions:
            a_new_store_is_empty every_field_of_a_session_survives t23_of_raced_refreshes_one_wins
            t22_an_ended_session_stays_ended t22_a_session_keeps_its_user_and_device t24_all_sessions_of_a_user_end
            t24_no_refresh_outlives_the_end_of_all_sessions sessions_are_paged_and_forgotten limits_are_kept);
    };
}

/// All properties of a [`RevocationStore`](crate::RevocationStore) as tests.
#[macro_export]
macro_rules! revocation_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, revocations:
            a_new_store_is_empty every_field_of_a_revocation_survives t24_a_revocation_never_goes_back
            t24_of_raced_moments_the_latest_stands t24_who_asks_for_what_is_new_misses_nothing
            old_revocations_are_forgotten limits_are_kept);
    };
}

/// All properties of a [`LockoutStore`](crate::LockoutStore) as tests.
#[macro_export]
macro_rules! lockout_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, lockouts:
            a_new_store_is_empty every_field_of_a_lockout_survives t25_raced_failures_are_all_counted
            t25_the_locked_are_listed old_lockouts_are_forgotten limits_are_kept);
    };
}

/// All properties of an [`IdempotencyStore`](crate::IdempotencyStore) as tests.
#[macro_export]
macro_rules! idempotency_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, idempotency:
            a_change_is_made_once_and_answered_twice of_raced_askers_one_makes_the_change
            another_request_under_the_same_key_is_told actors_and_tenants_do_not_mix
            a_run_that_died_is_taken_over_once an_abandoned_key_is_free old_keys_are_forgotten
            every_field_of_an_answer_survives limits_are_kept);
    };
}

/// All properties of an [`OrderStore`](crate::OrderStore) as tests.
#[macro_export]
macro_rules! order_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, orders:
            a_new_store_is_empty every_field_of_an_order_survives events_make_a_history a_late_writer_is_refused
            of_raced_writers_one_wins open_orders_are_found tenants_and_accounts_do_not_mix limits_are_kept);
    };
}

/// All properties of a [`PositionStore`](crate::PositionStore) as tests.
#[macro_export]
macro_rules! position_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, positions:
            books_are_replaced late_writers_are_refused books_are_paged_by_account limits_are_kept);
    };
}

/// All properties of a [`RiskStore`](crate::RiskStore) as tests.
#[macro_export]
macro_rules! risk_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, risk:
            scopes_and_parts_are_apart limits_keep_their_history late_writers_are_refused
            documents_are_paged_by_scope limits_are_kept);
    };
}

/// All properties of a [`SequenceStore`](crate::SequenceStore) as tests.
#[macro_export]
macro_rules! sequence_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, sequences:
            numbers_follow_each_other raced_numbers_are_given_once sequences_do_not_mix numbers_can_be_skipped
            limits_are_kept);
    };
}

/// All properties of a [`LogStore`](crate::LogStore) as tests.
#[macro_export]
macro_rules! log_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, logs:
            a_new_store_is_empty every_field_of_a_line_survives a_batch_counts_once questions_choose lines_are_paged
            whole_days_are_deleted limits_are_kept);
    };
}

/// All properties of a [`LogPolicyStore`](crate::LogPolicyStore) as tests.
#[macro_export]
macro_rules! log_policy_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, log_policies:
            policies_are_replaced tiers_are_replaced costs_are_kept_by_day limits_are_kept);
    };
}

/// All properties of a [`SecurityEventStore`](crate::SecurityEventStore) as tests.
#[macro_export]
macro_rules! security_event_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, security_events:
            every_field_of_an_event_survives an_id_counts_once questions_choose events_are_paged limits_are_kept);
    };
}

/// All properties of an [`AuditMirror`](crate::AuditMirror) as tests.
#[macro_export]
macro_rules! audit_mirror_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, audit:
            leaves_are_appended_once contradictions_are_refused raced_leaves_are_appended_once leaves_are_paged
            limits_are_kept);
    };
}

/// All properties of a [`ChainStore`](crate::ChainStore) as tests.
#[macro_export]
macro_rules! chain_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, chains:
            chains_are_replaced late_writers_are_refused chains_are_removed chains_are_paged_by_id limits_are_kept);
    };
}

/// All properties of a [`ChainTraceStore`](crate::ChainTraceStore) as tests.
#[macro_export]
macro_rules! chain_trace_store_conformance {
    ($run:path) => {
        $crate::conformance_tests!($run, chain_traces:
            every_field_of_a_step_survives a_step_counts_once questions_choose steps_are_paged
            old_steps_are_forgotten limits_are_kept);
    };
}
