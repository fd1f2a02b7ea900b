//! Is a server new enough?

use aitrading_store::StoreError;

/// Refuses a server that is older than `needed`, or whose version cannot be read.
pub(crate) fn check(
    server: &'static str,
    found: &str,
    needed: (u32, u32),
    needed_text: &'static str,
) -> Result<(), StoreError> {
    let mut numbers = found.split(['.', '-', '+']).map(str::parse::<u32>);
    let version = (numbers.next(), numbers.next());
    match version {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= needed => Ok(()),
        _ => Err(StoreError::too_old(server, found, needed_text)),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn older_and_unreadable_versions_are_refused() {
        for (found, good) in [
            ("3.12.4", true),
            ("3.12", true),
            ("3.12-devel", true),
            ("4.0.1", true),
            ("3.11.14", false),
            ("2.99.0", false),
            ("", false),
            ("3", false),
            ("3.x", false),
            ("newest", false),
            ("99999999999.0", false),
        ] {
            assert_eq!(check("a", found, (3, 12), "3.12").is_ok(), good, "{found:?}");
        }
    }
}
