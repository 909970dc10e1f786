//! Bad practice that scanners reported, passed through.

use std::collections::BTreeMap;

use touchstone_sdk::evidence::{Evidence, Misconfiguration};
use touchstone_sdk::prelude::*;

use crate::settings::Reported;

/// How many lines a finding names.
const NAMED: usize = 10;

/// What scanners reported and what counts: one finding for each id and file.
pub fn findings(evidence: &Evidence, settings: &Reported) -> Result<Vec<Finding>, Undecided> {
    let mut found: BTreeMap<(String, Option<String>), (Misconfiguration, Vec<u32>)> =
        BTreeMap::new();
    let except = |id: &str| settings.except.iter().any(|pattern| pattern.matches(id));
    for one in evidence.misconfigurations()? {
        if one.passed || except(&one.id) || settings.level(one.severity).is_none() {
            continue;
        }
        let key = (one.id.clone(), one.path.clone());
        let line = one.line;
        let (worst, lines) = found
            .entry(key)
            .or_insert_with(|| (one.clone(), Vec::new()));
        lines.extend(line);
        if one.severity as u8 > worst.severity as u8 {
            *worst = one;
        }
    }
    let findings = found.into_values();
    Ok(findings
        .filter_map(|(one, lines)| finding(one, lines, settings))
        .collect())
}

fn finding(one: Misconfiguration, mut lines: Vec<u32>, settings: &Reported) -> Option<Finding> {
    let level = settings.level(one.severity)?;
    let what = one
        .message
        .or(one.title)
        .unwrap_or_else(|| "a scanner reported it".to_owned());
    let mut message = format!("{}: {}", one.id, what.trim_end_matches('.'));
    lines.sort_unstable();
    lines.dedup();
    let all: Vec<String> = lines.iter().take(NAMED).map(u32::to_string).collect();
    match all.as_slice() {
        [] => {}
        [only] => message.push_str(&format!(", line {only}")),
        several if lines.len() > NAMED => {
            message.push_str(&format!(", lines {}, …", several.join(", ")))
        }
        several => message.push_str(&format!(", lines {}", several.join(", "))),
    }
    let mut finding = Finding::new(level, one.id, message)
        .severity(one.severity)
        .links(one.links);
    finding.remedy = one.remedy;
    finding.path = one.path;
    Some(finding)
}
