//! Each refusal of the server becomes the error that a caller decides on.

use super::refusal;
use aitrading_error::Coded;
use clickhouse::error::Error;

#[test]
fn a_refusal_becomes_the_error_that_a_caller_decides_on() {
    let said = |text: &str| Error::BadResponse(text.to_owned());
    for (error, code) in [
        (said("Code: 516. DB::Exception: aitrading: Authentication failed."), "STORE_UNAUTHORISED"),
        (said("Code: 497. DB::Exception: Not enough privileges."), "STORE_UNAUTHORISED"),
        (said("Code: 194. DB::Exception: Password required."), "STORE_UNAUTHORISED"),
        (said("Code: 164. DB::Exception: Cannot execute query in readonly mode."), "STORE_READ_ONLY"),
        (said("Code: 242. DB::Exception: Table is in readonly mode."), "STORE_READ_ONLY"),
        (said("Code: 243. DB::Exception: Cannot reserve 1.00 MiB."), "STORE_FULL"),
        (
            said("Code: 75. DB::ErrnoException: Cannot write: , errno: 28, strerror: No space left on device"),
            "STORE_FULL",
        ),
        (said("Code: 60. DB::Exception: Table own.ticks does not exist."), "STORE_CORRUPT"),
        (said("Code: 40. DB::Exception: Checksum doesn't match."), "STORE_CORRUPT"),
        (said("Code: 252. DB::Exception: Too many parts."), "STORE_UNAVAILABLE"),
        (said("Code: 159. DB::Exception: Timeout exceeded."), "STORE_UNAVAILABLE"),
        (said("502 Bad Gateway"), "STORE_UNAVAILABLE"),
        (said("Code: "), "STORE_UNAVAILABLE"),
        (Error::SchemaMismatch("bid is a String".into()), "STORE_CORRUPT"),
        (Error::TimedOut, "STORE_UNAVAILABLE"),
    ] {
        let shown = error.to_string();
        let refused = refusal("storing ticks", error);
        assert_eq!(refused.dna().code, code, "{shown}");
        assert!(!refused.to_string().contains("DB::"), "{refused}");
    }
}
