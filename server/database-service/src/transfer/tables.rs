//! The tables of rows.

/// A table and its statements, the same for both databases where both use them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// All rows in an order that does not depend on the database.
    pub(super) read: &'static str,
    /// PostgreSQL: is there a row?
    pub(super) filled: &'static str,
    /// SQLite: is there a row that a move would take along?
    pub(super) held: &'static str,
    /// PostgreSQL: nobody else changes it until the end of the transaction.
    pub(super) lock: &'static str,
    /// PostgreSQL: adds rows, given as a JSON array of objects.
    pub(super) write: &'static str,
}

/// The names of all tables of rows.
pub(crate) fn table_names() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.name)
}

macro_rules! tables {
    ($($name:literal by $order:literal $(if $which:literal)?;)*) => {
        /// Every table of rows, those that others refer to first. What the tick store keeps in SQLite is not among them.
        pub(super) const TABLES: &[Table] = &[$(Table {
            name: $name,
            read: concat!("SELECT * FROM ", $name, $(" WHERE ", $which,)? " ORDER BY ", $order),
            filled: concat!("SELECT EXISTS (SELECT 1 FROM ", $name, ")"),
            held: concat!("SELECT EXISTS (SELECT 1 FROM ", $name, $(" WHERE ", $which,)? ")"),
            lock: concat!("LOCK TABLE ", $name, " IN EXCLUSIVE MODE"),
            // Rows keep the numbers that they have: others refer to them.
            write: concat!(
                "INSERT INTO ", $name, " OVERRIDING SYSTEM VALUE SELECT * FROM json_populate_recordset(NULL::", $name,
                ", CAST(CAST($1 AS TEXT) AS JSON))"
            ),
        },)*];
    };
}

tables! {
    "meta" by "key" if "key NOT LIKE 'moved.%'";
    "marks" by "feed" if "feed <> 'ticks'";
    "signals" by "id";
    "denials" by "id";
    "reports" by "id";
    "deals" by "report, place";
    "subscriptions" by "tenant, account";
    "subscription_symbols" by "tenant, account, place";
    "account_states" by "tenant, account";
    "symbol_specs" by "tenant, account, symbol";
    "devices" by "tenant, account, device";
    "users" by "tenant, id";
    "places" by "tenant, feed";
    "invites" by "tenant, id";
    "login_sessions" by "tenant, id";
    "revocations" by "tenant, kind, subject";
    "lockouts" by "tenant, key";
    "idempotency_keys" by "tenant, actor, key";
    "orders" by "tenant, account, id";
    "order_events" by "tenant, account, place";
    "position_books" by "tenant, account";
    "risk_documents" by "tenant, part, scope, scope_number, scope_symbol";
    "risk_limits" by "tenant, scope, scope_number, scope_symbol, version";
    "sequences" by "tenant, name";
    "log_lines" by "tenant, level, at, batch, place";
    "log_batches" by "tenant, batch";
    "log_partitions" by "tenant, day, level";
    "log_policies" by "log_level";
    "log_tiers" by "tier_name";
    "log_costs" by "day";
    "security_events" by "tenant, id";
    "audit_leaves" by "place";
    "chains" by "tenant, id";
    "chain_nodes" by "tenant, chain_id, node_name";
    "chain_edges" by "tenant, chain_id, source_node, target_node, edge_type";
    "chain_dependencies" by "tenant, chain_id, depends_on, dependency_type";
    "chain_spans" by "tenant, trace, span";
}

/// PostgreSQL: the next number of a table that gives its rows numbers is the one after its last.
pub(super) const NUMBERS: [&str; 3] = [
    "SELECT setval(pg_get_serial_sequence('signals', 'id'), COALESCE(MAX(id), 0) + 1, FALSE) FROM signals",
    "SELECT setval(pg_get_serial_sequence('denials', 'id'), COALESCE(MAX(id), 0) + 1, FALSE) FROM denials",
    "SELECT setval(pg_get_serial_sequence('reports', 'id'), COALESCE(MAX(id), 0) + 1, FALSE) FROM reports",
];
