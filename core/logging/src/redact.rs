//! Which fields are not written.

/// Stands in place of what is not written.
pub const REDACTED: &str = "[redacted]";

/// A field is not written if its name holds one of these words.
const DENIED: [&str; 18] = [
    "secret",
    "password",
    "passwd",
    "passphrase",
    "token",
    "authorization",
    "cookie",
    "credential",
    "private",
    "apikey",
    "psk",
    "seed",
    "otp",
    "jwt",
    "exporter",
    "entropy",
    "plaintext",
    "key",
];

/// Names that hold such a word and are harmless all the same.
const ALLOWED: [&str; 9] = [
    "key_id",
    "token_id",
    "key_count",
    "config_key",
    "cache_key",
    "public_key",
    "key_epoch",
    "idempotency_key",
    "pubkey",
];

/// Must the value of this field be kept out?
pub(crate) fn is_denied(field: &str) -> bool {
    let name = field.rsplit('.').next().unwrap_or(field).to_ascii_lowercase();
    !ALLOWED.contains(&name.as_str()) && DENIED.iter().any(|word| name.contains(word))
}
