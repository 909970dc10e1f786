//! One JSON object: the decisions in full, by document.

use std::io::Write;

use serde_json::{Value, json};

use super::Judged;

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let documents: Vec<Value> = judged
        .iter()
        .map(|judged| match &judged.result {
            Ok(decision) => json!({"document": judged.name, "decision": decision}),
            Err(error) => json!({"document": judged.name, "error": error}),
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &json!({ "documents": documents }))?;
    writeln!(out)
}
