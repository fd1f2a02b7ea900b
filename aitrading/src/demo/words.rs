//! Numbers as people read them.

use std::fmt::{Display, Write as _};

/// `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len().saturating_sub(index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time in microseconds: `850 us`, `1.9 ms`, `12.3 s`.
pub(super) fn micros(us: f64) -> String {
    match us {
        ..1_000.0 => format!("{us:.0} us"),
        ..1_000_000.0 => format!("{:.1} ms", us / 1_000.0),
        _ => format!("{:.1} s", us / 1_000_000.0),
    }
}

/// ` (CROSSED 3, BAD_PRICE 1)`; nothing if there are none.
pub(super) fn codes<K: Display>(counts: impl Iterator<Item = (K, u64)>) -> String {
    let mut out = String::new();
    for (code, n) in counts {
        // Writing to a String cannot fail.
        write!(out, "{}{code} {}", if out.is_empty() { " (" } else { ", " }, grouped(n)).unwrap_or(());
    }
    if !out.is_empty() {
        out.push(')');
    }
    out
}

/// `12.3 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    let kib = bytes as f64 / 1_024.0;
    if kib < 1_000.0 { format!("{kib:.0} KiB") } else { format!("{:.1} MiB", kib / 1_024.0) }
}
