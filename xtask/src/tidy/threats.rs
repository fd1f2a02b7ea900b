//! docs/THREAT-MODEL.md: the threats are written by people, the list of the tests that prove their controls is made from the
//! tests themselves, so that a row never claims a test that is gone.

use super::Violation;
use std::collections::BTreeMap;
use std::fmt::Write as _;

pub(super) const FILE: &str = "docs/THREAT-MODEL.md";
const RULE: &str = "threat-model";
/// Everything behind this line is made here.
const MADE: &str = "## Tests by row";

/// A row's number, `T08` as 8.
type Row = u8;
/// Where tests of a row are: path and name, in order.
type Tests = BTreeMap<Row, Vec<(String, String)>>;

/// Compares the document with the tests.
pub(super) fn check(texts: &[(String, String)]) -> Vec<Violation> {
    let Some((_, document)) = texts.iter().find(|(path, _)| path == FILE) else {
        return vec![Violation::new(FILE, 1, RULE, "the threat model is missing")];
    };
    let tests = tests(texts);
    let rows = rows(document);
    let line = document.lines().position(|line| line == MADE).map_or(1, |line| line.saturating_add(1));
    let mut found: Vec<_> = tests
        .keys()
        .filter(|row| !rows.contains(row))
        .map(|row| {
            Violation::new(FILE, 1, RULE, format!("tests prove T{row:02}, which is no row of the model: write the row"))
        })
        .collect();
    if made(document, &tests) != *document {
        let message = "the list of tests is not the one of the tests: run `cargo xtask tidy --write`";
        found.push(Violation::new(FILE, line, RULE, message));
    }
    found
}

/// The document with its list made anew.
pub(super) fn written(document: &str, texts: &[(String, String)]) -> String {
    made(document, &tests(texts))
}

fn made(document: &str, tests: &Tests) -> String {
    let head = document.split_once(MADE).map_or(document, |(head, _)| head).trim_end();
    let mut out = format!(
        "{head}\n\n{MADE}\n\nMade by `cargo xtask tidy --write` from the tests' names.\n\n| row | tests |\n|---|---|\n"
    );
    for row in rows(document) {
        let names = tests.get(&row).map_or_else(
            || "*open*".to_owned(),
            |tests| tests.iter().map(|(path, name)| format!("`{name}` ({path})")).collect::<Vec<_>>().join("<br>"),
        );
        // Writing into a String does not fail.
        writeln!(out, "| T{row:02} | {names} |").unwrap_or(());
    }
    out
}

/// The rows of the table that people write.
fn rows(document: &str) -> Vec<Row> {
    let head = document.split_once(MADE).map_or(document, |(head, _)| head);
    head.lines().filter_map(|line| line.strip_prefix("| T")?.split_once(' ')?.0.parse().ok()).collect()
}

fn tests(texts: &[(String, String)]) -> Tests {
    let mut found = Tests::new();
    for (path, text) in texts.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let mut is_test = false;
        for line in text.lines().map(str::trim_start) {
            if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                continue;
            }
            // The attribute is the next line's, whatever that is.
            let name = std::mem::take(&mut is_test).then(|| name(line)).flatten();
            if let Some((name, row)) = name.and_then(|name| Some((name, name.get(1..3)?.parse().ok()?))) {
                found.entry(row).or_default().push((folder(path), name.to_owned()));
            }
        }
    }
    found.values_mut().for_each(|tests| tests.sort());
    found
}

/// The name of a test function of a row: `fn t08_wrong_server_key(`.
fn name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let name = line.strip_prefix("fn ")?.split_once('(')?.0;
    let mut bytes = name.bytes();
    let numbered = bytes.next() == Some(b't') && bytes.by_ref().take(2).all(|b| b.is_ascii_digit());
    (numbered && name.len() > 4 && bytes.next() == Some(b'_')).then_some(name)
}

/// The crate's folder.
fn folder(path: &str) -> String {
    let inside = path.split_once("/src/").or_else(|| path.split_once("/tests/"));
    inside.map_or(path, |(folder, _)| folder).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "# Threats\n\n| row | threat | control |\n|---|---|---|\n| T08 | a key | a pin |\n| T09 | b | c |\n";

    fn texts(document: &str, code: &str) -> Vec<(String, String)> {
        vec![(FILE.to_owned(), document.to_owned()), ("core/channel/src/tls/tests.rs".to_owned(), code.to_owned())]
    }

    const CODE: &str = "#[tokio::test(flavor = \"multi_thread\")]\n#[expect(a, reason = \"b\")]\nasync fn t08_wrong_server_key() {}\n    \
         #[test]\n    fn t08_a_backup_pin() {}\nfn t08_no_test() {}\n#[test]\nfn t1_x() {}\nfn t09_take() {}\n";

    #[test]
    fn the_list_is_made_from_the_tests() {
        let whole = written(HEAD, &texts(HEAD, CODE));
        assert!(whole.starts_with(HEAD) && whole.contains("| T09 | *open* |"), "{whole}");
        assert!(
            whole.contains("| T08 | `t08_a_backup_pin` (core/channel)<br>`t08_wrong_server_key` (core/channel) |"),
            "{whole}"
        );
        assert_eq!(check(&texts(&whole, CODE)), []);
        assert_eq!(written(&whole, &texts(&whole, CODE)), whole, "writing again changes nothing");
    }

    #[test]
    fn a_test_that_goes_or_has_no_row_is_found() {
        let whole = written(HEAD, &texts(HEAD, CODE));
        let gone = check(&texts(&whole, "#[test]\nfn t08_a_backup_pin() {}\n"));
        assert!(gone.len() == 1 && gone[0].message.contains("tidy --write"), "{gone:?}");
        let unknown = check(&texts(&whole, &format!("{CODE}#[test]\nfn t77_new() {{}}\n")));
        assert!(unknown.iter().any(|violation| violation.message.contains("T77")), "{unknown:?}");
        assert_eq!(check(&texts("", "").split_off(1)).len(), 1, "without the document");
    }
}
