//! The written expressions: `conformance/corpus/*.txt`, an expression a line. Empty lines and lines that begin with `##`
//! are skipped, `@json "…"` is an expression with line breaks or odd characters, and `@settings {…}` holds for the
//! expressions below it.

use std::path::PathBuf;

use rule_engine::Compat;

use crate::case::Case;
use crate::original;
use crate::outcome::Outcome;

pub struct File {
    pub name: String,
    pub cases: Vec<Case>,
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("conformance")
        .join(name)
}

pub fn files() -> Vec<File> {
    let entries = std::fs::read_dir(folder("corpus")).expect("the corpus");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths.iter().map(read).collect()
}

fn read(path: &PathBuf) -> File {
    let text = std::fs::read_to_string(path).expect("a file of the corpus");
    let name = path
        .file_stem()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let mut settings = serde_json::json!({});
    let mut cases = Vec::new();
    for line in text.split('\n') {
        if line.is_empty() || line.starts_with("##") {
            continue;
        }
        if let Some(json) = line.strip_prefix("@settings ") {
            settings = serde_json::from_str(json).expect(line);
            continue;
        }
        let expression = match line.strip_prefix("@json ") {
            Some(json) => serde_json::from_str(json).expect(line),
            None => line.to_owned(),
        };
        cases.push(Case {
            expression,
            settings: settings.clone(),
        });
    }
    File { name, cases }
}

fn golden(file: &File, version: Compat) -> PathBuf {
    let folder = folder("golden").join(format!("{version:?}").to_lowercase());
    std::fs::create_dir_all(&folder).expect("a folder for golden outcomes");
    folder.join(format!("{}.jsonl", file.name))
}

pub fn read_golden(file: &File, version: Compat) -> Vec<Outcome> {
    let path = golden(file, version);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("no golden outcomes {path:?}: BLESS=1"));
    text.lines().map(original::parse).collect()
}

pub fn write_golden(file: &File, version: Compat, outcomes: &[Outcome]) {
    let lines: Vec<String> = outcomes
        .iter()
        .map(|outcome| format!("{}\n", outcome.0))
        .collect();
    std::fs::write(golden(file, version), lines.concat()).expect("golden outcomes");
}
