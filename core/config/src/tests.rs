//! Configurations, good and bad.

use crate::*;
use aitrading_env::{Fs, OpenMode, sim::MemFs};
use aitrading_error::Coded;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    data_dir: Option<String>,
    gateway: RawGateway,
    log: RawLog,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct RawGateway {
    listen: Option<String>,
    connections: Option<u32>,
    origins: Vec<String>,
    token: Option<SecretRef>,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct RawLog {
    format: Format,
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Text,
    Json,
}

fn variables(all: &[(&str, &str)]) -> Environment {
    all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Loading must fail with exactly these lines.
fn check_refused(layers: Layers, expected: &[&str]) {
    let violations = load::<Raw>(layers).unwrap_err();
    let lines: Vec<_> = violations.0.iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected);
}

#[test]
fn later_layers_win_and_every_origin_is_known() {
    #[derive(Serialize)]
    struct Flags {
        data_dir: Option<&'static str>,
        gateway: FlagsGateway,
    }
    #[derive(Serialize)]
    struct FlagsGateway {
        connections: Option<u32>,
        listen: Option<&'static str>,
    }
    let file = "data_dir = \"/file\"\n[gateway]\nlisten = \"127.0.0.1:1\"\nconnections = 1\n[log]\nformat = \"json\"";
    let environment = variables(&[
        ("AITRADING_GATEWAY__CONNECTIONS", "2"),
        ("AITRADING_GATEWAY__ORIGINS", r#"["a", "b"]"#),
        ("AITRADING_DATA_DIR", "/from/environment"),
        ("AITRADING_SHARED_DATA", "not a setting"),
        ("PATH", "/bin"),
    ]);
    let flags = Flags { data_dir: None, gateway: FlagsGateway { connections: Some(3), listen: None } };
    let layers = Layers::new().text("a.toml", file).environment(&environment, &["AITRADING_SHARED_DATA"]).flags(&flags);
    let Loaded { value, provenance } = load::<Raw>(layers).unwrap();
    assert_eq!(value.data_dir.as_deref(), Some("/from/environment"));
    assert_eq!((value.gateway.connections, value.gateway.listen.as_deref()), (Some(3), Some("127.0.0.1:1")));
    assert_eq!((value.gateway.origins.len(), value.log.format), (2, Format::Json));
    for (key, origin) in [
        ("data_dir", Origin::Variable("AITRADING_DATA_DIR".into())),
        ("gateway.connections", Origin::Flag),
        ("gateway.listen", Origin::File("a.toml".into())),
        ("gateway.token", Origin::Default),
    ] {
        assert_eq!(provenance.of(key), origin, "{key}");
    }
}

#[test]
fn all_violations_are_reported_together() {
    let file = "dat_dir = 1\n[gateway]\nlisten = 7\nconnections = \"many\"\n[log]\nformat = \"jsno\"\n[gatway]\nx = 1";
    let environment = variables(&[
        ("AITRADING_GATEWAY__ORIGIN", "x"),
        ("AITRADING___", "x"),
        ("AITRADING_GATEWAY__TOKEN", "hunter2"),
    ]);
    check_refused(
        Layers::new().text("a.toml", file).environment(&environment, &[]),
        &[
            "environment variable AITRADING___: it names no key; write AITRADING_SECTION__KEY",
            "a.toml: dat_dir = \"1\": there is no such key; did you mean `data_dir`?",
            "a.toml: gateway.connections = \"many\": it is string \"many\"; write u32",
            "a.toml: gateway.listen = \"7\": it is signed int `7`; write a string (in quotes)",
            "environment variable AITRADING_GATEWAY__ORIGIN: gateway.origin = \"x\": there is no such key; did you mean `origins`?",
            "environment variable AITRADING_GATEWAY__TOKEN: gateway.token: it is not a reference to a secret; write env:NAME, file:PATH or sealed:TEXT, never the secret itself; correct it",
            "a.toml: gatway: there is no such key; did you mean `gateway`?",
            "a.toml: log.format = \"jsno\": `jsno` is not known; did you mean `json`?",
        ],
    );
}

#[test]
fn what_the_settings_refuse_is_told_beside_what_cannot_be_read() {
    let file = "dat_dir = 1\n[gateway]\nlisten = 7\nconnections = 9";
    let resolve = |raw: Raw, provenance: &Provenance| -> Result<(), Violations> {
        let mut c = Collector::new(provenance);
        c.required("gateway.listen", raw.gateway.listen, "write an address");
        c.within("gateway.connections", raw.gateway.connections.unwrap_or(0), 1..=4);
        c.finish(None)
    };
    let told = load_with::<Raw, ()>(Layers::new().text("a.toml", file), resolve).unwrap_err();
    let keys: Vec<_> = told.0.iter().map(|v| v.key.as_str()).collect();
    assert_eq!(keys, ["dat_dir", "gateway.listen", "gateway.connections"], "each once: {told}");
}

#[test]
fn what_may_be_a_secret_is_never_shown() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Secrets {
        pin: Option<SecretRef>,
        api_token: Option<SecretRef>,
    }
    let text = "pin = \"424242\"\napi_token = 424242\npasswort_secret = \"424242\"";
    let violations = load::<Secrets>(Layers::new().text("a.toml", text)).unwrap_err();
    assert_eq!(violations.0.len(), 3, "{violations}");
    assert!(!violations.to_string().contains("424242"), "{violations}");
}

#[test]
fn bad_syntax_names_line_and_column() {
    let violations = load::<Raw>(Layers::new().text("a.toml", "data_dir = \"x\"\n[gateway\n")).unwrap_err();
    let text = violations.to_string();
    assert!(text.starts_with("the configuration has 1 error\n  a.toml: line 2, column 9: "), "{text}");
    assert_eq!(violations.dna().code, "CONFIG_INVALID");
}

#[test]
fn a_missing_file_is_a_violation_unless_it_may_be_absent() {
    let fs = MemFs::new();
    let path = Path::new("/etc/aitrading.toml");
    let text = load::<Raw>(Layers::new().file(&fs, path)).unwrap_err().to_string();
    assert!(text.contains("/etc/aitrading.toml: it cannot be read"), "{text}");
    assert_eq!(load::<Raw>(Layers::new().optional_file(&fs, path)).unwrap().value, Raw::default());
    fs.create_dir_all(Path::new("/etc")).unwrap();
    fs.write_atomic(path, b"\xff").unwrap();
    let text = load::<Raw>(Layers::new().optional_file(&fs, path)).unwrap_err().to_string();
    assert!(text.contains("not UTF-8"), "{text}");
}

#[test]
fn a_required_key_is_named() {
    #[derive(Debug, Deserialize)]
    struct Strict {
        #[expect(dead_code, reason = "only its absence matters")]
        must: u8,
    }
    let violations = load::<Strict>(Layers::new()).unwrap_err();
    assert_eq!(violations.0[0].to_string(), "default: must: this key is required; set it");
    // A wrong value is not reported a second time as missing.
    let violations = load::<Strict>(Layers::new().text("a.toml", "must = \"x\"")).unwrap_err();
    assert_eq!(violations.0.len(), 1, "{violations}");
}

#[test]
fn resolution_goes_on_after_the_first_refusal() {
    let layers = Layers::new().text("a.toml", "[gateway]\nlisten = \"here\"\nconnections = 0");
    let loaded = load::<Raw>(layers).unwrap();
    let mut check = Collector::new(&loaded.provenance);
    let gateway = check.section("gateway", |check| {
        let listen = check.address("listen", loaded.value.gateway.listen.as_deref().unwrap_or("127.0.0.1:8000"));
        let connections = check.within("connections", loaded.value.gateway.connections.unwrap_or(10), 1..=1000);
        let secret = check.secret("password", "hunter2");
        let data_dir = check.required("data_dir", loaded.value.data_dir.as_deref(), "name a directory");
        Some((listen?, connections?, secret?, data_dir?))
    });
    let violations = check.finish(gateway).unwrap_err();
    let lines: Vec<_> = violations.0.iter().map(ToString::to_string).collect();
    let expected = [
        "a.toml: gateway.listen = \"here\": it has the wrong form; write an address like 127.0.0.1:8000",
        "a.toml: gateway.connections = \"0\": it is out of bounds; write a number from 1 to 1000",
        "default: gateway.password: it is not a reference to a secret; write env:NAME, file:PATH or sealed:TEXT, never the secret itself",
        "default: gateway.data_dir: this key is required; name a directory",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn finish_without_a_violation_and_without_a_value_still_refuses() {
    let provenance = Provenance::default();
    assert!(Collector::new(&provenance).finish(None::<()>).is_err());
    assert_eq!(Collector::new(&provenance).finish(Some(1)).unwrap(), 1);
}

struct Reversed;

impl Unseal for Reversed {
    fn unseal(
        &self,
        key: &str,
        sealed: &str,
    ) -> Result<secrecy::SecretString, Box<dyn std::error::Error + Send + Sync>> {
        match sealed.strip_prefix(key) {
            Some(text) => Ok(text.chars().rev().collect::<String>().into()),
            None => Err("sealed for another key".into()),
        }
    }
}

/// A reference must lead to this secret, or to an error of this code.
fn check_secret(reference: &str, expected: Result<&str, &str>) {
    let fs = MemFs::new();
    fs.create_dir_all(Path::new("/s")).unwrap();
    fs.write_atomic(Path::new("/s/good"), b"from file\r\n").unwrap();
    fs.write_atomic(Path::new("/s/empty"), b"\n").unwrap();
    fs.open(Path::new("/s/long"), OpenMode::CreateNew).unwrap().set_len(1 << 20).unwrap();
    let variables = variables(&[("SECRET", "from variable"), ("EMPTY", "")]);
    let got = reference.parse::<SecretRef>().and_then(|r| r.fetch("db.password", &variables, &fs, &Reversed));
    let got = got.as_ref().map(|s| s.expose_secret()).map_err(|e| e.dna().code);
    assert_eq!(got, expected, "{reference}");
}

#[test]
fn secrets_are_fetched_from_where_they_are_and_nowhere_else() {
    check_secret("env:SECRET", Ok("from variable"));
    check_secret("env:EMPTY", Err("SECRET_VARIABLE"));
    check_secret("env:NONE", Err("SECRET_VARIABLE"));
    check_secret("file:/s/good", Ok("from file"));
    check_secret("file:/s/empty", Err("SECRET_CONTENT"));
    check_secret("file:/s/none", Err("SECRET_FILE"));
    check_secret("file:/s/long", Err("SECRET_FILE"));
    check_secret("sealed:db.passwordterces", Ok("secret"));
    check_secret("sealed:other.keyterces", Err("SECRET_SEALED"));
    check_secret("hunter2", Err("SECRET_FORM"));
    check_secret("env:", Err("SECRET_FORM"));
    check_secret("vault:x", Err("SECRET_FORM"));
}

#[test]
fn a_sealed_reference_does_not_show_itself() {
    let reference: SecretRef = "sealed:c2VjcmV0".parse().unwrap();
    assert_eq!(format!("{reference:?}"), "sealed:...");
}

#[cfg(unix)]
#[test]
fn a_secret_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    aitrading_env::RealFs.write_atomic(&path, b"x").unwrap();
    let reference = SecretRef::File(path.clone());
    let fetch = || reference.fetch("k", &Environment::new(), &aitrading_env::RealFs, &NoUnseal);
    assert!(fetch().is_ok());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(fetch().unwrap_err().dna().code, "SECRET_EXPOSED");
}
