//! Each source rule on a few lines of text, seen to pass and seen to fail.

use super::{FILE_LINES_MAX, FUNCTION_LINES_MAX, check};

const PRODUCTION: &str = "server/risk/src/limits.rs";
const TEST: &str = "server/risk/src/limits/tests.rs";

fn check_clean(path: &str, text: &str) {
    assert_eq!(check(path, text), [], "{path}: {text}");
}

fn check_broken(path: &str, text: &str, place_and_rule: &str) {
    let found: Vec<String> = check(path, text).iter().map(ToString::to_string).collect();
    let expected = format!("{path}:{place_and_rule}: ");
    assert!(found.iter().any(|line| line.starts_with(&expected)), "{expected} not in {found:?}");
}

fn file_of(lines: usize) -> String {
    format!("//! Says why.\n{}", "const _: () = ();\n".repeat(lines - 1))
}

fn function_of(lines: usize) -> String {
    format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
}

#[test]
fn long_files_open_with_a_comment() {
    check_clean(PRODUCTION, &file_of(30));
    check_clean(PRODUCTION, &"const _: () = ();\n".repeat(29));
    check_clean(PRODUCTION, &format!("#![expect(dead_code, reason = \"x\")]\n{}", file_of(30)));
    check_broken(PRODUCTION, &"const _: () = ();\n".repeat(30), "1: module-comment");
}

#[test]
fn production_files_end_in_time() {
    check_clean(PRODUCTION, &file_of(FILE_LINES_MAX));
    check_clean(TEST, &file_of(FILE_LINES_MAX + 1));
    check_clean("core/testkit/src/orders.rs", &file_of(FILE_LINES_MAX + 1));
    check_broken(PRODUCTION, &file_of(FILE_LINES_MAX + 1), "1: file-length");
    let with_tests = format!("{}#[cfg(test)]\nmod cases {{\n    fn a() {{}}\n}}\n", file_of(FILE_LINES_MAX - 1));
    check_clean(PRODUCTION, &with_tests);
    let with_more = format!("{}#[cfg(unix)]\nmod cases {{\n    fn a() {{}}\n}}\n", file_of(FILE_LINES_MAX - 1));
    check_broken(PRODUCTION, &with_more, "1: file-length");
}

#[test]
fn functions_end_in_time_wherever_they_stand() {
    let (fits, long) = (function_of(FUNCTION_LINES_MAX), function_of(FUNCTION_LINES_MAX + 1));
    let doc = "//! Says why.\n";
    check_clean(PRODUCTION, &format!("{doc}{fits}"));
    check_clean(TEST, &format!("{doc}{long}"));
    check_clean(PRODUCTION, &format!("{doc}#[cfg(test)]\nmod cases {{\n{long}}}\n"));
    check_broken(PRODUCTION, &format!("{doc}{long}"), "2: function-length");
    check_broken(PRODUCTION, &format!("{doc}impl A {{\n{long}}}\n"), "3: function-length");
    check_broken(PRODUCTION, &format!("{doc}trait A {{\n{long}}}\n"), "3: function-length");
    check_broken(PRODUCTION, &format!("{doc}mod a {{\n{long}}}\n"), "3: function-length");
}

#[test]
fn unfinished_code_never_goes_in() {
    for name in ["todo", "unimplemented", "dbg"] {
        check_broken(PRODUCTION, &format!("fn a() {{\n    if b {{ {name}!() }}\n}}\n"), "2: unfinished");
        check_broken(TEST, &format!("select! {{ a => {name}!(1) }}\n"), "1: unfinished");
        check_clean(PRODUCTION, &format!("/// Never {name}!() here.\nfn a() {{ say(\"{name}!()\") }}\n"));
    }
}

#[test]
fn lints_are_expected_with_a_reason_and_not_allowed() {
    check_clean(PRODUCTION, "#[expect(dead_code, reason = \"allow(this) is text\")]\nfn a() {}\n");
    check_clean(PRODUCTION, "#[serde(allow_extra)]\nfn allow() { allow(1) }\n");
    check_broken(PRODUCTION, "#[allow(dead_code)]\nfn a() {}\n", "1: allow");
    check_broken(PRODUCTION, "#![allow(dead_code)]\nfn a() {}\n", "1: allow");
    check_broken(TEST, "mod a {\n    #[allow(dead_code)]\n    fn a() {}\n}\n", "2: allow");
    check_broken(PRODUCTION, "#[cfg_attr(test, allow(dead_code))]\nfn a() {}\n", "1: allow");
}

#[test]
fn tests_are_not_ignored() {
    check_broken(TEST, "#[test]\n#[ignore]\nfn a() {}\n", "2: ignore");
    check_broken(TEST, "#[ignore = \"slow\"]\nfn a() {}\n", "1: ignore");
    check_broken(TEST, "#[cfg_attr(windows, ignore)]\nfn a() {}\n", "1: ignore");
    check_clean(TEST, "#[ignored_fields]\nfn ignore() {}\n");
}

#[test]
fn paths_of_one_machine_stay_out_of_every_text() {
    for folder in super::MACHINE_FOLDERS {
        check_broken("docs/notes.md", &format!("\nsee /{folder}/data\n"), "2: machine-path");
        check_broken(PRODUCTION, &format!("const A: &str = \"/{folder}/data\";\n"), "1: machine-path");
        check_clean("docs/notes.md", &format!("https://example.org/{folder}/data and a/{folder}/b\n"));
    }
}

#[test]
fn drawers_are_no_names() {
    check_broken(PRODUCTION, "mod utils;\n", "1: drawer-name");
    check_broken(PRODUCTION, "\nmod helpers {\n}\n", "2: drawer-name");
    check_broken("server/risk/src/common.rs", "fn a() {}\n", "1: drawer-name");
    check_broken("server/risk/src/misc/limits.rs", "fn a() {}\n", "1: drawer-name");
    check_clean(PRODUCTION, "mod manager_bands;\n");
}

#[test]
fn core_crates_warn_of_missing_docs() {
    check_clean("core/model/src/lib.rs", "#![warn(missing_docs)]\n");
    check_clean("core/model/src/lib.rs", "#![deny(unused, missing_docs)]\n");
    check_clean("server/risk/src/lib.rs", "fn a() {}\n");
    check_broken("core/model/src/lib.rs", "fn a() {}\n", "1: missing-docs");
    check_broken("core/model/src/lib.rs", "#![expect(missing_docs)]\n", "1: missing-docs");
}

#[test]
fn a_file_that_cannot_be_read_fails() {
    check_broken(PRODUCTION, "fn a() {\n", "1: parse");
    check_broken(PRODUCTION, "fn a() -> {}\nlet x = 1;\n", "1: parse");
}

#[test]
fn values_are_bound_and_not_formatted_into_sql() {
    check_broken(PRODUCTION, "fn a() {\n    format!(\"SELECT x FROM t WHERE y = {y}\");\n}\n", "2: formatted-sql");
    check_broken(PRODUCTION, "fn a() { b(&format!(r#\"  DELETE FROM t WHERE y = {}\"#, y)) }\n", "1: formatted-sql");
    check_broken(PRODUCTION, "fn a() { write!(out, \"INSERT INTO {table} (a)\") }\n", "1: formatted-sql");
    check_broken(PRODUCTION, "fn a() { query(AssertSqlSafe(text)) }\n", "1: formatted-sql");
    check_broken(PRODUCTION, "fn a() { format!(\"{HEAD} AND time >= '{}'{TAIL}\", b) }\n", "1: formatted-sql");
    check_broken(PRODUCTION, "fn a() { write!(sql, \" ORDER BY {column}\") }\n", "1: formatted-sql");
    check_clean(PRODUCTION, "fn a() { format!(\"{a} and {b} from {c}\"); query(\"{x} WHERE y = $1\") }\n");
    check_clean(PRODUCTION, "fn a() { format!(\"Select a file: {y}\"); format!(\"WITH\"); query(\"SELECT {}\") }\n");
    check_clean(TEST, "fn a() { format!(\"SELECT x FROM {t}\") }\n");
}
