//! One JSON object: the decisions in full, by document.

use std::io::Write;

use serde::Serialize;

use super::Judged;
use crate::model::Decision;

#[derive(Serialize)]
struct Report<'a> {
    documents: Vec<Document<'a>>,
}

#[derive(Serialize)]
struct Document<'a> {
    document: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a Decision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let documents = judged
        .iter()
        .map(|judged| Document {
            document: &judged.name,
            decision: judged.result.as_ref().ok(),
            error: judged.result.as_ref().err().map(String::as_str),
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &Report { documents })?;
    writeln!(out)
}
