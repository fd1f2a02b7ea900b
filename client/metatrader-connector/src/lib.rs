//! aitrading-metatrader-connector
