//! SARIF 2.1.0 (OASIS, with errata 01), for code scanning: one run, a rule for each id that a policy finds something under,
//! a result for each finding.
//!
//! A finding that does not count is a note, so that no check fails by it: GitHub knows levels, but not `kind`, and
//! suppressions only where a repository asks for that.

mod place;

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::place::{locations, uri};
use super::Judged;
use super::plain::{self, NAME, SENTENCE};
use super::view::{self, Row, Standing};
use crate::image::ImageName;
use crate::model::{Level, Mode, PolicyDecision, Verdict, Waived};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn write(out: &mut dyn Write, judged: &[Judged]) -> std::io::Result<()> {
    let rules = Rules::of(judged);
    let mut seen = BTreeMap::new();
    let results: Vec<Value> = view::rows(judged)
        .map(|row| result(&row, rules.index(&row), &mut seen))
        .collect();
    let decisions: Vec<Value> = view::decisions(judged)
        .map(|(document, decision)| {
            json!({
                "document": plain::line(document, NAME),
                "decision": decision.id,
                "generation": decision.generation,
                "verdict": decision.verdict,
            })
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "touchstone",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.written(),
                }
            },
            "invocations": [invocation(judged)],
            "columnKind": "utf16CodeUnits",
            "results": results,
            "properties": { "decisions": decisions },
        }]
    });
    let mut text = serde_json::to_vec_pretty(&log)?;
    text.push(b'\n');
    out.write_all(&text)
}

/// A rule is an id and the policy that finds things under it.
type Key<'a> = (&'a str, &'a str);

/// The findings of each rule, and its place among the rules.
struct Rules<'a> {
    rows: BTreeMap<Key<'a>, Vec<Row<'a>>>,
    places: BTreeMap<Key<'a>, usize>,
}

impl<'a> Rules<'a> {
    fn of(judged: &'a [Judged]) -> Rules<'a> {
        let mut rows: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        for row in view::worst_first(judged) {
            rows.entry(key(&row)).or_default().push(row);
        }
        let places = rows.keys().enumerate();
        let places = places.map(|(place, key)| (*key, place)).collect();
        Rules { rows, places }
    }

    fn index(&self, row: &Row<'a>) -> Option<usize> {
        self.places.get(&key(row)).copied()
    }

    fn written(&self) -> Vec<Value> {
        self.rows.values().filter_map(|rows| rule(rows)).collect()
    }
}

fn key<'a>(row: &Row<'a>) -> Key<'a> {
    (&row.policy.name, &row.finding.id)
}

/// What is told of a rule is what its worst finding tells.
fn rule(rows: &[Row<'_>]) -> Option<Value> {
    let worst = rows.first()?;
    let severity = rows.iter().map(|row| row.finding.severity).max()?;
    let (id, policy) = (id(&worst.finding.id), id(&worst.policy.name));
    let remedy = rows.iter().find_map(|row| row.finding.remedy.as_deref());
    let link = rows
        .iter()
        .flat_map(|row| &row.finding.links)
        .find_map(|link| plain::web_link(link));
    let short = format!("{id} (policy {policy})");
    let full = message(&worst.finding.message);
    let fix = remedy.map_or_else(
        || "No remedy is known.".to_owned(),
        |remedy| format!("Fix: {}", message(remedy)),
    );
    let see = link
        .map(|link| format!("\n\nSee {link}"))
        .unwrap_or_default();
    let mut rule = json!({
        "id": rule_id(worst),
        "name": id,
        "shortDescription": { "text": short },
        "fullDescription": { "text": full },
        "help": {
            "text": format!("{full}\n\n{fix}{see}"),
            "markdown": format!("**{}**\n\n{}\n\n{}{see}", marked(&short), marked(&full), marked(&fix)),
        },
        "defaultConfiguration": { "level": level(worst.level()) },
        "properties": {
            "tags": ["security", format!("policy/{policy}"), format!("severity/{}", severity.as_str())],
            "security-severity": format!("{:.1}", view::score(severity)),
        },
    });
    if let (Some(link), Some(rule)) = (link, rule.as_object_mut()) {
        rule.insert("helpUri".to_owned(), link.into());
    }
    Some(rule)
}

fn rule_id(row: &Row<'_>) -> String {
    format!("{}/{}", id(&row.policy.name), id(&row.finding.id))
}

fn id(text: &str) -> String {
    plain::line(text, NAME)
}

/// A text without what SARIF makes links of (§3.11.6): the brackets are moved apart, since not every viewer knows the
/// escapes. Placeholders (§3.11.5) are left: they mean nothing in a message without arguments.
fn message(text: &str) -> String {
    let text = plain::lines(text, SENTENCE).replace("](", "] (");
    // A message must have a text, and not every reader takes an empty one.
    if text.is_empty() {
        "(no message)".to_owned()
    } else {
        text
    }
}

/// A text in Markdown: punctuation is escaped, as CommonMark (§2.4) has it.
fn marked(text: &str) -> String {
    let mut marked = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            marked.push('\\');
        }
        marked.push(c);
    }
    marked
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Info => "note",
    }
}

fn result(row: &Row<'_>, rule: Option<usize>, seen: &mut BTreeMap<String, usize>) -> Value {
    let finding = row.finding;
    let mut text = message(&finding.message);
    if let Some(remedy) = &finding.remedy {
        text.push_str(&format!("\nFix: {}", message(remedy)));
    }
    let print = fingerprint(row);
    let nth = seen.entry(print.clone()).or_default();
    *nth += 1;
    let suppressions: Vec<Value> = finding
        .waiver
        .iter()
        .filter(|_| row.standing() == Standing::Waived)
        .map(suppression)
        .collect();
    json!({
        "ruleId": rule_id(row),
        "ruleIndex": rule,
        "level": level(row.level()),
        "kind": "fail",
        "message": { "text": text },
        "locations": locations(row),
        "partialFingerprints": {
            "touchstoneFinding/v1": format!("{print}:{nth}"),
            // The one that GitHub looks at.
            "primaryLocationLineHash": format!("{}:{nth}", print.get(..16).unwrap_or_default()),
        },
        // Not there at all, it would mean that nobody knows (§3.27.23).
        "suppressions": suppressions,
        "properties": properties(row),
    })
}

/// The same finding on another build of the image is the same finding: tag, digest and the words of the message, which
/// tell of versions, are no part of it.
fn fingerprint(row: &Row<'_>) -> String {
    let image = row.image().unwrap_or(row.document);
    let image = match ImageName::parse(image) {
        Ok(name) => format!("{}/{}", name.registry, name.repository),
        Err(_) => image.to_owned(),
    };
    let finding = row.finding;
    let parts = json!([
        row.policy.name,
        finding.id,
        image,
        finding.package,
        finding.path,
        finding.target,
    ]);
    let hash = Sha256::digest(parts.to_string());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn suppression(waiver: &Waived) -> Value {
    json!({
        "kind": "external",
        "status": "accepted",
        "justification": plain::line(&view::waiver_line(waiver), SENTENCE),
        "properties": { "waiver": waiver },
    })
}

fn properties(row: &Row<'_>) -> Value {
    let (finding, line) = (row.finding, |text: &String| plain::line(text, SENTENCE));
    let optional = [
        ("image", row.image().map(|image| plain::line(image, NAME))),
        ("package", finding.package.as_ref().map(line)),
        ("path", finding.path.as_ref().map(line)),
        ("target", finding.target.as_ref().map(line)),
        ("remedy", finding.remedy.as_ref().map(line)),
        // A suppression, though rejected, is taken for one by some; so the expired waiver is told here.
        ("expiredWaiver", row.expired().map(view::waiver_line)),
    ];
    let mut properties = json!({
        "policy": row.policy.name,
        "mode": row.policy.mode,
        "level": finding.level,
        "severity": finding.severity,
        "document": plain::line(row.document, NAME),
        "decision": row.decision.id,
        "generation": row.decision.generation,
    });
    if let Some(object) = properties.as_object_mut() {
        let there = optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        object.extend(there.map(|(name, value)| (name.to_owned(), value.into())));
    }
    properties
}

/// What could not be judged. The exit code is the command line's matter.
fn invocation(judged: &[Judged]) -> Value {
    let errors = view::errors(judged).map(|(document, error)| {
        json!({
            "descriptor": { "id": "not-judged" },
            "level": "error",
            "message": { "text": format!("{}: {}", plain::line(document, NAME), message(error)) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(document) } } }],
        })
    });
    let faults = view::faults(judged).map(|(document, policy, fault)| {
        json!({
            "descriptor": { "id": plain::line(fault.kind(), NAME) },
            "level": fault_level(policy),
            "message": { "text": message(&fault.to_string()) },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(document) } } }],
            "properties": { "policy": policy.name, "mode": policy.mode, "countsAs": policy.counts_as },
        })
    });
    let all_decided = view::faults(judged).all(|(_, policy, _)| policy.mode == Mode::Monitor);
    json!({
        "executionSuccessful": all_decided && view::errors(judged).next().is_none(),
        "toolExecutionNotifications": errors.chain(faults).collect::<Vec<Value>>(),
    })
}

fn fault_level(policy: &PolicyDecision) -> &'static str {
    match view::counts_as(policy) {
        Verdict::Deny => "error",
        Verdict::Warn => "warning",
        Verdict::Allow => "note",
    }
}

#[cfg(test)]
mod tests;
