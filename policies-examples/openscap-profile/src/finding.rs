//! What a finding says about a rule that failed.

use touchstone_sdk::evidence::{RuleOutcome, RuleResult};
use touchstone_sdk::prelude::*;

/// Links that a finding has at most.
const LINKS: usize = 3;
/// Bytes of a remedy; scripts that mend something may have thousands.
const REMEDY: usize = 600;

/// The level is still to be set.
pub fn describe(result: &RuleResult) -> Finding {
    let severity = result.severity.as_str();
    let (outcome, what) = match result.outcome {
        RuleOutcome::Error => ("error", "could not be checked"),
        RuleOutcome::Unknown => ("unknown", "could not be checked"),
        _ => ("fail", "failed"),
    };
    let title = result.title.as_deref().unwrap_or(&result.id);
    let message = format!("a rule of severity {severity} {what}: {title}");
    let finding = Finding::info(&result.id, message)
        .severity(result.severity)
        .links(links(result))
        .details(&details(result, outcome));
    // Where nothing says how to mend it, the description says what ought to be.
    match result.fix.as_deref().or(result.description.as_deref()) {
        Some(remedy) => finding.remedy(shorten(remedy)),
        None => finding,
    }
}

/// Of the CVEs that a patch is for, and what else has a page of its own.
fn links(result: &RuleResult) -> impl Iterator<Item = String> {
    let identifiers = result.identifiers.iter().map(|(_, id)| id);
    let vulnerabilities = identifiers.filter(|id| id.starts_with("CVE-"));
    let vulnerabilities =
        vulnerabilities.map(|id| format!("https://nvd.nist.gov/vuln/detail/{id}"));
    let pages = result
        .references
        .iter()
        .filter(|page| page.starts_with("http"));
    vulnerabilities.chain(pages.cloned()).take(LINKS)
}

fn details(result: &RuleResult, outcome: &str) -> Value {
    let identifiers = result.identifiers.iter().map(|(_, id)| id.as_str());
    let identifiers: Vec<&str> = identifiers.collect();
    let mut details = json!({
        "benchmark": result.benchmark,
        "profile": result.profile,
        "result": outcome,
        "identifiers": identifiers,
    });
    if let Some(details) = details.as_object_mut() {
        details.retain(|_, value| !value.is_null() && *value != json!([]));
    }
    details
}

/// Whole lines, as many as there is room for; of a single long one, the beginning.
fn shorten(text: &str) -> String {
    if text.len() <= REMEDY {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(REMEDY);
    let begin = text.get(..end).unwrap_or_default();
    let begin = begin.rsplit_once('\n').map_or(begin, |(lines, _)| lines);
    format!("{begin}\n… (the rest is in the report)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_remedies_are_cut_at_a_line() {
        let lines = format!("{}\n{}", "a".repeat(400), "b".repeat(400));
        let cut = format!("{}\n… (the rest is in the report)", "a".repeat(400));
        for (text, expected) in [
            ("short".to_owned(), "short".to_owned()),
            ("x".repeat(600), "x".repeat(600)),
            (lines, cut),
            (
                "ä".repeat(400),
                format!("{}\n… (the rest is in the report)", "ä".repeat(300)),
            ),
        ] {
            assert_eq!(shorten(&text), expected);
        }
    }
}
