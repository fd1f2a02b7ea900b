//! The inventory of cryptography: every implementation that gets into something we ship, by package and version, with
//! its reason.
//!
//! A second implementation of a primitive is twice the code to trust and one more that nobody watches. It does not come
//! in with an update of some dependency: it is written down here first.

use std::collections::BTreeSet;

use super::Violation;
use super::edges::ring;
use super::graph::{Graph, Member};

/// The packages that implement a primitive. A trailing `*` stands for any ending.
#[derive(Debug)]
struct Primitive {
    what: &'static str,
    packages: &'static [&'static str],
}

const PRIMITIVES: &[Primitive] = &[
    Primitive { what: "AES-GCM", packages: &["aes", "aes-gcm", "aes-gcm-siv", "ghash"] },
    Primitive { what: "ChaCha20-Poly1305", packages: &["chacha20poly1305", "poly1305"] },
    Primitive { what: "SHA-2", packages: &["sha2", "sha256", "hmac-sha256", "sha2-const*"] },
    Primitive { what: "SHA-1", packages: &["sha1", "sha-1", "sha1_smol"] },
    Primitive { what: "SHA-3", packages: &["sha3", "tiny-keccak", "keccak"] },
    Primitive { what: "MD5", packages: &["md5", "md-5"] },
    Primitive { what: "HMAC", packages: &["hmac"] },
    Primitive { what: "HKDF", packages: &["hkdf"] },
    Primitive { what: "BLAKE2", packages: &["blake2", "blake2b_simd", "blake2s_simd"] },
    Primitive { what: "Argon2", packages: &["argon2", "rust-argon2"] },
    // Not fiat-crypto, which is a part of curve25519-dalek and comes and goes with it.
    Primitive { what: "Curve25519", packages: &["curve25519-dalek", "x25519-dalek"] },
    Primitive { what: "Ed25519", packages: &["ed25519-dalek", "ed25519-compact", "ed25519-zebra"] },
    Primitive { what: "a NIST curve", packages: &["p256", "p384", "p521", "k256", "ecdsa"] },
    Primitive { what: "RSA", packages: &["rsa"] },
    Primitive { what: "OPAQUE", packages: &["opaque-ke"] },
    Primitive { what: "Noise", packages: &["snow"] },
    Primitive {
        what: "a whole library of cryptography",
        packages: &[
            "ring",
            "aws-lc-*",
            "boring*",
            "openssl",
            "openssl-sys",
            "native-tls",
            "libsodium-sys*",
            "mbedtls*",
        ],
    },
];

/// What is admitted. The version is a beginning that ends with a dot or the whole.
#[derive(Debug)]
pub(super) struct Admitted {
    package: &'static str,
    version: &'static str,
    /// Why it is here; read by people.
    #[expect(dead_code, reason = "an entry without a reason cannot be written")]
    reason: &'static str,
}

const fn admitted(package: &'static str, version: &'static str, reason: &'static str) -> Admitted {
    Admitted { package, version, reason }
}

pub(super) const ADMITTED: &[Admitted] = &[
    // what our code calls
    admitted("ring", "0.17.", "TLS, AES-GCM, HMAC, HKDF, and SHA-1 inside one-time codes"),
    admitted("sha2", "0.11.", "SHA-256 of everything of ours"),
    admitted("ed25519-dalek", "3.", "signatures"),
    admitted("curve25519-dalek", "5.", "X25519 of the channel, and below ed25519-dalek"),
    admitted("snow", "0.10.", "the Noise handshake, over a resolver of our primitives"),
    admitted("opaque-ke", "4.0.1", "passwords"),
    admitted("argon2", "0.6.", "the stretching of passwords"),
    admitted("blake2", "0.11.", "below argon2"),
    // the older generation of RustCrypto, below opaque-ke, which has not moved
    admitted("curve25519-dalek", "4.1.", "ristretto255 of OPAQUE"),
    admitted("sha2", "0.10.", "SHA-512 of OPAQUE; sqlx-core hashes migration files with it"),
    admitted("hmac", "0.12.", "below opaque-ke"),
    admitted("hkdf", "0.12.", "below opaque-ke"),
    // what drivers speak with their servers
    admitted("hmac", "0.13.", "sqlx-postgres, for SCRAM"),
    admitted("hkdf", "0.13.", "sqlx-postgres names it"),
    admitted("md-5", "0.11.", "sqlx-postgres, for servers that still ask for MD5"),
    admitted("blake2", "0.10.", "snow names it; our handshakes do not use it"),
    // what cargo resolves and no binary holds
    admitted("sha1", "0.11.", "sqlx-mysql, which sqlx names and no feature of ours builds"),
    admitted("tiny-keccak", "2.", "const-random-macro, when parquet is compiled"),
];

/// Rings that are built and never shipped.
const UNSHIPPED: &[&str] = &["bench", "xtask", "tests"];
const TESTKIT: &str = "core/testkit";

/// Checks what every shipped crate reaches against [`ADMITTED`].
pub(super) fn check(graph: &Graph) -> Vec<Violation> {
    against(graph, ADMITTED)
}

fn against(graph: &Graph, inventory: &[Admitted]) -> Vec<Violation> {
    let shipped: Vec<&Member> = graph
        .members
        .iter()
        .filter(|member| !UNSHIPPED.contains(&ring(&member.folder)) && member.folder != TESTKIT)
        .collect();
    let mut met = BTreeSet::new();
    let mut found = Vec::new();
    for (id, name, version) in graph.packages() {
        let Some(primitive) = implements(name) else { continue };
        let Some((member, way)) = shipped.iter().find_map(|member| Some((member, graph.reach_package(member, id)?)))
        else {
            continue;
        };
        if let Some(at) = inventory.iter().position(|known| known.package == name && fits(known.version, version)) {
            met.insert(at);
        } else {
            let message = format!(
                "{name} {version} implements {primitive} and is not in the inventory, reached by {}: use what is there, \
                 or add it to xtask/src/tidy/inventory.rs with its reason",
                way.join(" -> ")
            );
            found.push(Violation::new(format!("{}/Cargo.toml", member.folder), 1, "inventory", message));
        }
    }
    let gone = inventory.iter().enumerate().filter(|(at, _)| !met.contains(at)).map(|(_, known)| {
        let message =
            format!("nothing that is shipped reaches {} {} any more: remove it", known.package, known.version);
        Violation::new("xtask/src/tidy/inventory.rs", 1, "inventory", message)
    });
    found.extend(gone);
    found
}

fn implements(name: &str) -> Option<&'static str> {
    let is = |pattern: &&str| pattern.strip_suffix('*').map_or(name == *pattern, |start| name.starts_with(start));
    PRIMITIVES.iter().find(|primitive| primitive.packages.iter().any(is)).map(|found| found.what)
}

fn fits(admitted: &str, version: &str) -> bool {
    if admitted.ends_with('.') { version.starts_with(admitted) } else { version == admitted }
}

#[cfg(test)]
mod tests;
