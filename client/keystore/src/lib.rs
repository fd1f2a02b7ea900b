//! aitrading-keystore
