//! aitrading
fn main() {}
