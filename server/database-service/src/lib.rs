//! aitrading-database-service
