//! `ARCHITECTURE.md` holds: its tables of modules are compared with what the sources name, and the size budget with
//! what they measure.
//!
//! The table itself is the rule. A module that needs another one needs a change of the table first, and with it the
//! reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Most lines of production code in one file.
const MOST_LINES: usize = 400;

/// A line of the module table.
struct Row {
    /// The modules of ours that it may name: `plan`, or `plan::Features` for one item of it.
    may_use: BTreeSet<String>,
    /// Foreign crates (`tokio`) and paths (`Instant::now`) that it must not name.
    never: BTreeSet<String>,
}

/// A source file of production code.
struct Source {
    /// Below `src`, as in `plan/rank.rs`.
    path: String,
    /// As it is written.
    text: String,
    /// Without comments, texts and tests.
    code: String,
}

impl Source {
    /// The top-level module it belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

#[test]
fn every_module_has_its_row_and_every_row_its_module() {
    let modules: BTreeSet<String> = sources()
        .iter()
        .map(|source| source.module().to_owned())
        .collect();
    let rows: BTreeSet<String> = table().into_keys().collect();

    let expected: BTreeSet<String> = modules
        .into_iter()
        .filter(|name| name != "main" && name != "lib")
        .collect();
    assert_eq!(rows, expected, "the module table of ARCHITECTURE.md against src/");
}

#[test]
fn modules_use_only_what_the_table_lets_them() {
    let table = table();

    let mut broken = Vec::new();
    for source in sources() {
        let Some(row) = table.get(source.module()) else {
            continue;
        };
        for path in own_paths(&source.code) {
            let module = path.split("::").next().unwrap_or_default();
            let is_allowed =
                module == source.module() || row.may_use.contains(module) || row.may_use.contains(&path);
            if !is_allowed {
                broken.push(format!("src/{} uses crate::{path}", source.path));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "against the module table of ARCHITECTURE.md:\n{}",
        broken.join("\n")
    );
}

#[test]
fn modules_do_not_know_what_the_table_keeps_from_them() {
    let table = table();

    let mut broken = Vec::new();
    for source in sources() {
        let Some(row) = table.get(source.module()) else {
            continue;
        };
        let own = own_paths(&source.code);
        for never in &row.never {
            let path = if never.contains("::") {
                never.clone()
            } else {
                format!("{never}::")
            };
            if names(&source.code, &path) || own.contains(never) {
                broken.push(format!("src/{} names {never}", source.path));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "against the module table of ARCHITECTURE.md:\n{}",
        broken.join("\n")
    );
}

/// A language that knew another would be the first of many that do.
#[test]
fn parts_of_dialect_use_only_what_their_table_lets_them() {
    let table = parts_of_dialect();
    let sources: Vec<Source> = sources()
        .into_iter()
        .filter(|source| source.path.starts_with("dialect/"))
        .collect();

    let parts: BTreeSet<String> = sources
        .iter()
        .map(|source| inside_dialect(source).remove(0))
        .collect();
    assert_eq!(
        table.keys().cloned().collect::<BTreeSet<_>>(),
        parts,
        "the parts of `dialect` in ARCHITECTURE.md against src/dialect/"
    );
    let mut broken = Vec::new();
    for source in &sources {
        let own = inside_dialect(source).remove(0);
        let is_allowed = |part: &&String| **part == own || table[&own].contains(*part);
        let named = named_parts(source);
        let known = named.iter().filter(|name| table.contains_key(*name));
        for part in known.filter(|part| !is_allowed(part)) {
            broken.push(format!("src/{} uses dialect::{part}", source.path));
        }
    }
    assert!(
        broken.is_empty(),
        "against the table of `dialect` in ARCHITECTURE.md:\n{}",
        broken.join("\n")
    );
    for language in ["openai", "anthropic", "gemini", "bedrock"] {
        for other in [
            "openai",
            "anthropic",
            "gemini",
            "bedrock",
            "messages",
            "responses",
            "carry",
        ] {
            assert!(!table[language].contains(other), "{language} may know {other}");
        }
    }
}

/// Were they not looked at, a table without a row's last columns would permit everything.
#[test]
fn the_table_forbids_something_to_every_part_of_the_core() {
    let table = table();

    for module in [
        "config", "catalog", "dialect", "outcome", "breaker", "plan", "attempt", "session",
    ] {
        let never = &table[module].never;
        for foreign in ["tokio", "tonic", "understudy_proto", "Instant::now"] {
            // `session` and `extproc` share the words of the protocol, and nothing else of it.
            let excepted = module == "session" && foreign == "understudy_proto";
            assert!(excepted || never.contains(foreign), "{module} may know {foreign}");
        }
    }
    for (module, row) in &table {
        assert!(
            module == "app" || module == "cli" || module == "extproc" || !row.may_use.contains("telemetry"),
            "{module}"
        );
    }
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn no_file_is_longer_than_can_be_read_at_once() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|source| (without_tests(&source.text).lines().count(), source.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path}: {lines}"))
        .collect();
    assert!(
        long.is_empty(),
        "more than {MOST_LINES} lines of production code: {long:?}"
    );
}

#[test]
fn a_module_is_a_file_beside_its_folder() {
    let old: Vec<PathBuf> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|path| path.ends_with("mod.rs"))
        .collect();
    assert!(old.is_empty(), "`mod.rs` is not used here: {old:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The module table: rows of four columns whose first is a module in backticks.
fn table() -> BTreeMap<String, Row> {
    let rows = rows("| module |", 4).into_iter().map(|cells| {
        let row = Row {
            may_use: backticked(&cells[2]).into_iter().collect(),
            never: backticked(&cells[3]).into_iter().collect(),
        };
        (backticked(&cells[0]).pop().expect("a module in backticks"), row)
    });
    rows.collect()
}

/// What each part of `dialect` may name of the others.
fn parts_of_dialect() -> BTreeMap<String, BTreeSet<String>> {
    let rows = rows("| part of `dialect` |", 3).into_iter().map(|cells| {
        let part = backticked(&cells[0]).pop().expect("a part in backticks");
        (part, backticked(&cells[2]).into_iter().collect())
    });
    rows.collect()
}

/// The rows of the table that begins so, cell by cell.
fn rows(head: &str, columns: usize) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let rows = text.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows: Vec<Vec<String>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::to_owned).collect())
        .collect();
    assert!(
        !rows.is_empty(),
        "ARCHITECTURE.md has no table that begins with `{head}`"
    );
    for cells in &rows {
        assert_eq!(cells.len(), columns, "a row of the table `{head}`: {cells:?}");
    }
    rows
}

/// Where a source of `dialect` stands in it: `[anthropic, request]` for `dialect/anthropic/request.rs`.
fn inside_dialect(source: &Source) -> Vec<String> {
    let inside = source.path.strip_prefix("dialect/").unwrap_or(&source.path);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    inside.split('/').map(str::to_owned).collect()
}

/// Whatever it names directly below `dialect`, by `crate::dialect::` or by as many `super::` as lead there.
fn named_parts(source: &Source) -> BTreeSet<String> {
    let depth = inside_dialect(source).len();
    let absolute = own_paths(&source.code);
    let absolute = absolute.iter().filter_map(|path| path.strip_prefix("dialect::"));
    let mut named: BTreeSet<String> = absolute.map(str::to_owned).collect();
    let mut rest = source.code.as_str();
    while let Some((_, after)) = rest.split_once("super::") {
        let mut levels = 1;
        rest = after;
        while let Some(higher) = rest.strip_prefix("super::") {
            levels += 1;
            rest = higher;
        }
        if levels == depth {
            let mut paths = BTreeSet::new();
            spread("", rest, &mut paths);
            named.extend(
                paths
                    .iter()
                    .filter_map(|path| Some(path.split("::").next()?.to_owned())),
            );
        }
    }
    named
}

fn backticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Every file of production code below `src`.
fn sources() -> Vec<Source> {
    let src = root().join("src");
    rust_files(&src)
        .into_iter()
        .map(|path| {
            let below = path
                .strip_prefix(&src)
                .expect("found below it")
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&path).expect("a readable source");
            let code = without_texts(without_tests(&text));
            Source {
                path: below,
                text,
                code,
            }
        })
        .filter(|source| {
            let is_test = |part: &str| matches!(part, "tests" | "tests.rs" | "properties.rs" | "golden.rs");
            !source.path.split('/').any(is_test)
        })
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What precedes the tests, which stand last in a file.
fn without_tests(text: &str) -> &str {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text.split_at(end).0
}

/// Code alone: comments and the insides of texts are left out, so that nothing in prose counts as a use.
fn without_texts(text: &str) -> String {
    text.lines()
        .map(|line| {
            let mut code = String::new();
            let mut is_text = false;
            let mut characters = line.chars().peekable();
            while let Some(character) = characters.next() {
                match character {
                    '\\' if is_text => {
                        characters.next();
                    }
                    '"' => is_text = !is_text,
                    '/' if !is_text && characters.peek() == Some(&'/') => break,
                    _ if is_text => {}
                    _ => code.push(character),
                }
            }
            code + "\n"
        })
        .collect()
}

/// Every `crate::a::b` as `a::b`, with the members of a `use crate::a::{b, c}` or `use crate::{a::b, c}` one by one.
fn own_paths(code: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (start, _) in code.match_indices("crate::") {
        let before = code.split_at(start).0.chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || matches!(character, '_' | '$')) {
            continue;
        }
        spread("", code.split_at(start + "crate::".len()).1, &mut paths);
    }
    paths
}

/// Follows a path or a tree of paths to its leaves, no deeper than two names.
fn spread<'c>(prefix: &str, code: &'c str, paths: &mut BTreeSet<String>) -> &'c str {
    let code = code.trim_start();
    if let Some(mut inside) = code.strip_prefix('{') {
        loop {
            inside = spread(prefix, inside, paths).trim_start();
            match inside.strip_prefix(',') {
                Some(rest) if !rest.trim_start().starts_with('}') => inside = rest,
                Some(rest) => return rest.trim_start().strip_prefix('}').unwrap_or(rest),
                None => return inside.strip_prefix('}').unwrap_or(inside),
            }
        }
    }
    let end = code
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let path = match (prefix, name) {
        ("", name) => name.to_owned(),
        (prefix, "" | "self") => prefix.to_owned(),
        (prefix, _) if prefix.contains("::") => prefix.to_owned(),
        (prefix, name) => format!("{prefix}::{name}"),
    };
    if let Some(rest) = rest.strip_prefix("::") {
        spread(&path, rest, paths)
    } else {
        paths.insert(path);
        rest
    }
}

/// The code names `path`, and not just something that ends like it.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(start, _)| {
        let before = code.split_at(start).0.chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
    })
}

#[test]
fn paths_are_found_in_every_form_of_use() {
    let code = "use crate::plan::{self, Ask, order::{by, price}};\nuse crate::{breaker::Board, xds};\n\
                fn f(x: crate::catalog::Target) {} // crate::sim\n let t = \"crate::admin\"; $crate::no::no;";

    let found: Vec<String> = own_paths(&without_texts(code)).into_iter().collect();

    assert_eq!(
        found,
        [
            "breaker::Board",
            "catalog::Target",
            "plan",
            "plan::Ask",
            "plan::order",
            "xds"
        ]
    );
}
