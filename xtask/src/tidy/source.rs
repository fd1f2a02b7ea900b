//! The source rules: module comments, lengths, names, and the marks that never go in.

use proc_macro2::{Delimiter, Group, Ident, Punct, TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Block, File, ImplItemFn, ItemFn, ItemMod, Meta, Signature, TraitItemFn};

use super::Violation;

/// Names that say "here I put what had no place".
pub(super) const DRAWERS: &[&str] = &["common", "helper", "helpers", "manager", "misc", "shared", "util", "utils"];
/// A file below this length says what it is for by its name.
const COMMENT_FROM_LINES: usize = 30;
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const FORMATTING: &[&str] = &["format", "format_args", "write", "writeln"];
/// Words that a statement begins with. A literal that begins so and has a place for a value is SQL put together from text.
const STATEMENTS: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "WITH", "FOR", "MERGE", "TRUNCATE", "UPSERT"];
/// Parts of a statement. A literal with one of them and a place for a value is SQL too, wherever its beginning stands.
const CLAUSES: &[&str] =
    &[" FROM ", " WHERE ", " AND ", " OR ", " JOIN ", " SET ", " VALUES", " GROUP BY", " ORDER BY", " LIMIT "];
const UNFINISHED: &[&str] = &["todo", "unimplemented", "dbg"];
/// Top folders of the machines that this is developed on; none of them means anything to a reader.
const MACHINE_FOLDERS: &[&str] = &["work", "farm", "root"];

/// Checks one text file, named by its path below the root.
pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let mut found = machine_paths(path, text);
    if path.ends_with(".rs") {
        found.extend(rust(path, text));
    }
    found
}

fn rust(path: &str, text: &str) -> Vec<Violation> {
    let parsed = text.parse::<TokenStream>().map_err(|error| (error.span(), error.to_string()));
    let parsed = parsed.and_then(|tokens| {
        syn::parse2::<File>(tokens.clone())
            .map(|file| (tokens, file))
            .map_err(|error| (error.span(), error.to_string()))
    });
    let (tokens, file) = match parsed {
        Ok(parsed) => parsed,
        Err((span, error)) => {
            let message = format!("this file cannot be read as Rust, so it cannot be checked: {error}");
            return vec![Violation::new(path, span.start().line, "parse", message)];
        }
    };
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines >= COMMENT_FROM_LINES && !file.attrs.iter().any(|attribute| attribute.path().is_ident("doc")) {
        found.push(Violation::new(path, 1, "module-comment", "open the file with a //! sentence on what it is for"));
    }
    if is_core_root(path) && !file.attrs.iter().any(warns_of_missing_docs) {
        found.push(Violation::new(path, 1, "missing-docs", "a core crate says #![warn(missing_docs)]"));
    }
    found.extend(drawer_in_path(path));
    if !is_test(path) {
        formatted_sql(path, tokens.clone(), &mut found);
    }
    marks(path, tokens, &mut found);
    let mut shape = Shape { path, production: !is_test(path), test_lines: 0, found };
    shape.visit_file(&file);
    let production = lines.saturating_sub(shape.test_lines);
    if shape.production && production > FILE_LINES_MAX {
        let message =
            format!("{production} production lines, the limit is {FILE_LINES_MAX}: split the file by subject");
        shape.found.push(Violation::new(path, 1, "file-length", message));
    }
    shape.found
}

/// Tests may be long lists of cases; the lengths bind what is shipped.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "benches" | "examples" | "fuzz" | "testkit"))
}

fn is_core_root(path: &str) -> bool {
    matches!(path.split('/').collect::<Vec<_>>().as_slice(), ["core", _, "src", "lib.rs"])
}

fn warns_of_missing_docs(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let strict = ["warn", "deny", "forbid"].iter().any(|level| list.path.is_ident(level));
    let named = list.tokens.clone().into_iter().any(|token| token.to_string() == "missing_docs");
    strict && named
}

fn drawer_in_path(path: &str) -> Option<Violation> {
    let (_, inside) = path.split_once("src/")?;
    let drawer = inside.split('/').map(|part| part.trim_end_matches(".rs")).find(|part| DRAWERS.contains(part))?;
    Some(Violation::new(path, 1, "drawer-name", format!("'{drawer}' is a drawer, not a name: say what it holds")))
}

/// Finds unfinished and silenced code in the tokens, so comments and strings are never taken for it.
fn marks(path: &str, tokens: TokenStream, found: &mut Vec<Violation>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for pair in tokens.windows(2) {
        let [first, second] = pair else { continue };
        let line = first.span().start().line;
        match (first, second) {
            (TokenTree::Ident(name), TokenTree::Punct(bang)) if bang.as_char() == '!' && unfinished(name) => {
                found.push(Violation::new(path, line, "unfinished", format!("{name}! never goes in: finish it")));
            }
            (TokenTree::Punct(mark), TokenTree::Group(group)) if opens_attribute(mark, group) => {
                found.extend(silenced(path, line, group.stream()));
            }
            _ => {}
        }
    }
    for token in tokens {
        if let TokenTree::Group(group) = token {
            marks(path, group.stream(), found);
        }
    }
}

/// A value never becomes part of a statement's text: it is bound as a parameter.
fn formatted_sql(path: &str, tokens: TokenStream, found: &mut Vec<Violation>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for three in tokens.windows(3) {
        if let [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group)] = three
            && bang.as_char() == '!'
            && FORMATTING.iter().any(|formatting| name == formatting)
            && group.stream().into_iter().take(3).any(|token| is_statement(&token))
        {
            let message = "SQL is put together from text: write the statement out and bind the value as a parameter";
            found.push(Violation::new(path, name.span().start().line, "formatted-sql", message));
        }
    }
    for token in tokens {
        match token {
            TokenTree::Ident(name) if name == "AssertSqlSafe" => {
                let message = "AssertSqlSafe lets text become SQL: write the statement out and bind the value";
                found.push(Violation::new(path, name.span().start().line, "formatted-sql", message));
            }
            TokenTree::Group(group) => formatted_sql(path, group.stream(), found),
            _ => {}
        }
    }
}

fn is_statement(token: &TokenTree) -> bool {
    let TokenTree::Literal(literal) = token else { return false };
    let text = literal.to_string();
    let inside = text.trim_start_matches(['r', '#', '"']);
    let text = inside.trim_start();
    let word = text.split(|c: char| !c.is_ascii_uppercase()).next().unwrap_or_default();
    // A lone word is a word of a sentence, in capitals or not.
    let whole = STATEMENTS.contains(&word) && text.len() > word.len().saturating_add(2);
    whole || (text.contains('{') && CLAUSES.iter().any(|clause| inside.contains(clause)))
}

fn unfinished(name: &Ident) -> bool {
    UNFINISHED.iter().any(|unfinished| name == unfinished)
}

/// Both `#[..]` and the end of `#![..]`.
fn opens_attribute(mark: &Punct, group: &Group) -> bool {
    matches!(mark.as_char(), '#' | '!') && group.delimiter() == Delimiter::Bracket
}

/// Judges the inside of `#[...]`, also behind a `cfg_attr`.
fn silenced(path: &str, line: usize, attribute: TokenStream) -> Vec<Violation> {
    let text = attribute.to_string().replace(' ', "");
    let conditional = text.starts_with("cfg_attr(");
    let is = |name: &str| {
        text == name
            || text.starts_with(&format!("{name}="))
            || text.starts_with(&format!("{name}("))
            || (conditional
                && [format!(",{name}("), format!(",{name})"), format!(",{name}=")]
                    .iter()
                    .any(|part| text.contains(part)))
    };
    let mut found = Vec::new();
    if is("allow") {
        let message = "write #[expect(lint, reason = \"...\")]: it says why, and it fails when it is no longer needed";
        found.push(Violation::new(path, line, "allow", message));
    }
    if is("ignore") {
        found.push(Violation::new(path, line, "ignore", "an ignored test tests nothing: mend it or remove it"));
    }
    found
}

fn machine_paths(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            let full = format!("/{folder}/");
            // `https://example.org/work/` and `./work/` are no machine's folders.
            let within = |c: char| c.is_ascii_alphanumeric() || "._-*}".contains(c);
            let absolute = |before: &str| !before.ends_with(within);
            if line.match_indices(&full).any(|(at, _)| line.get(..at).is_some_and(absolute)) {
                let message = format!("{full} is a folder of one machine: take the path from the caller");
                found.push(Violation::new(path, index + 1, "machine-path", message));
            }
        }
    }
    found
}

/// Measures functions and collects what is only for tests.
struct Shape<'a> {
    path: &'a str,
    production: bool,
    test_lines: usize,
    found: Vec<Violation>,
}

impl Shape<'_> {
    fn measure(&mut self, signature: &Signature, body: &Block) {
        let (start, end) = (signature.fn_token.span.start().line, body.brace_token.span.close().end().line);
        let lines = end + 1 - start;
        if self.production && lines > FUNCTION_LINES_MAX {
            let name = &signature.ident;
            let message = format!(
                "{name} has {lines} lines, the limit is {FUNCTION_LINES_MAX}: keep the flow, move the steps out"
            );
            self.found.push(Violation::new(self.path, start, "function-length", message));
        }
    }
}

impl<'ast> Visit<'ast> for Shape<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let start = item.mod_token.span.start().line;
        if DRAWERS.iter().any(|drawer| item.ident == drawer) {
            let message = format!("'{}' is a drawer, not a name: say what the module holds", item.ident);
            self.found.push(Violation::new(self.path, start, "drawer-name", message));
        }
        match &item.content {
            Some((brace, _)) if item.attrs.iter().any(is_cfg_test) => {
                self.test_lines += brace.span.close().end().line + 1 - start;
            }
            _ => syn::visit::visit_item_mod(self, item),
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.measure(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.measure(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(body) = &item.default {
            self.measure(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string() == "test"
}

#[cfg(test)]
mod tests;
