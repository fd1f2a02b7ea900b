//! aitrading-api-gateway
