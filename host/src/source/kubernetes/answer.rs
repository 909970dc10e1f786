//! What a Kubernetes API server is answered. It shows the reason and the warnings to the person who deploys, and cuts off
//! warnings of more than 256 characters, or 4096 together (`k8s.io/apiserver`, warnings of admission webhooks).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use crate::model::{Decision, Event, Finding, Level, PolicyDecision, PolicyVerdict, Verdict};

/// Bytes of a reason at most, and characters of what one finding adds to it.
const MAX_REASON: usize = 8 << 10;
const MAX_LINE: usize = 1 << 10;
/// Causes at most.
const MAX_CAUSES: usize = 50;
/// Characters of a warning at most, and of all together.
const MAX_WARNING: usize = 256;
const MAX_WARNINGS: usize = 4096;

/// The ImageReview that answers one.
pub fn image_review_answer(decision: &Decision) -> Value {
    json!({
        "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "kind": "ImageReview",
        "status": {
            "allowed": decision.allowed(),
            "reason": reason(decision),
            "auditAnnotations": annotations(decision),
        },
    })
}

/// Which webhook asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The object stays as it is.
    Validate,
    /// The object may be changed.
    Mutate,
}

/// The AdmissionReview that answers one. `fields` are those of the event's images, `notes` what is to be said besides.
pub fn admission_answer(
    decision: &Decision,
    fields: &[(String, String)],
    notes: &[String],
    phase: Phase,
) -> Value {
    let mut response = json!({
        "uid": decision.event.id,
        "allowed": decision.allowed(),
        "auditAnnotations": annotations(decision),
    });
    let mut insert = |key: &str, value: Value| {
        if let Some(response) = response.as_object_mut() {
            response.insert(key.to_owned(), value);
        }
    };
    let warnings = warnings(decision, notes);
    if !warnings.is_empty() {
        insert("warnings", warnings.into());
    }
    if !decision.allowed() {
        insert("status", status(decision, fields));
    } else if let (Phase::Mutate, Some(patch)) = (phase, &decision.patch) {
        insert("patchType", "JSONPatch".into());
        insert("patch", BASE64_STANDARD.encode(patch.to_string()).into());
    }
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": response,
    })
}

/// Where the images of an event are, as Kubernetes writes places: `spec.containers[0].image`.
pub fn fields(event: &Event) -> Vec<(String, String)> {
    let images = event.images.iter();
    images
        .map(|image| (image.text.clone(), field(&image.pointer)))
        .collect()
}

fn field(pointer: &str) -> String {
    let within = pointer.strip_prefix(super::OBJECT);
    let within = within.or_else(|| pointer.strip_prefix(super::OLD_OBJECT));
    let mut text = String::new();
    for part in within.unwrap_or(pointer).split('/').skip(1) {
        let is_index = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (before, after) = match (is_index, text.is_empty()) {
            (true, _) => ("[", "]"),
            (false, true) => ("", ""),
            (false, false) => (".", ""),
        };
        text.extend([before, part, after]);
    }
    text
}

/// A Status (meta/v1): what, why, and what can be done, for people; the causes for machines.
fn status(decision: &Decision, fields: &[(String, String)]) -> Value {
    let (code, reason_code) = match decision.denied_only_by_faults() {
        true => (500, "InternalError"),
        false => (403, "Forbidden"),
    };
    json!({
        "status": "Failure",
        "code": code,
        "reason": reason_code,
        "message": format!("{} [decision {}]", reason(decision), decision.id),
        "details": {"causes": causes(decision, fields)},
    })
}

fn causes(decision: &Decision, fields: &[(String, String)]) -> Vec<Value> {
    let denying = decision.enforcing().flat_map(|policy| {
        let findings = policy.findings.iter();
        let findings = findings.filter(|finding| counts(finding, Level::Deny));
        findings.map(move |finding| (policy, finding))
    });
    let cause = |(policy, finding): (&PolicyDecision, &Finding)| {
        let at = |image: &String| fields.iter().find(|(text, _)| text == image);
        let field = finding.image.as_ref().or(finding.target.as_ref());
        let mut cause = json!({
            "reason": format!("{}/{}", policy.name, finding.id),
            "message": said(finding),
        });
        if let (Some((_, field)), Some(cause)) = (field.and_then(at), cause.as_object_mut()) {
            cause.insert("field".to_owned(), field.as_str().into());
        }
        cause
    };
    denying.map(cause).take(MAX_CAUSES).collect()
}

/// For the API server's audit log.
fn annotations(decision: &Decision) -> Value {
    let mut annotations = Map::new();
    let mut insert = |key: &str, value: String| annotations.insert(key.to_owned(), value.into());
    insert("decision", decision.id.clone());
    insert("generation", decision.generation.clone());
    insert("verdict", decision.verdict.as_str().to_owned());
    if let Some(exempt) = &decision.exempt {
        insert("exempt", exempt.to_string());
    }
    let broken = decision.enforcing().filter_map(|policy| {
        let fault = policy.fault.as_ref()?;
        Some(format!("{} ({})", policy.name, fault.kind()))
    });
    let monitored = decision.policies.iter().filter(|policy| {
        !decision.enforcing().any(|other| other.name == policy.name)
            && policy.verdict != PolicyVerdict::Allow
    });
    let monitored =
        monitored.map(|policy| format!("{} ({})", policy.name, policy.verdict.as_str()));
    let last_known = decision
        .enforcing()
        .filter(|policy| policy.last_known.is_some());
    let last_known = last_known.map(|policy| policy.name.clone()).collect();
    for (key, names) in [
        ("last-known", last_known),
        ("indeterminate", broken.collect::<Vec<String>>()),
        ("monitored", monitored.collect()),
    ] {
        if !names.is_empty() {
            insert(key, names.join(", "));
        }
    }
    annotations.into()
}

/// What is to be said to whoever deploys all the same.
fn warnings(decision: &Decision, notes: &[String]) -> Vec<String> {
    let mut warnings: Vec<String> = notes
        .iter()
        .map(|note| cut(&plain(note), MAX_WARNING))
        .collect();
    let (mut room, mut left_out) = (MAX_WARNINGS - (1 + warnings.len()) * MAX_WARNING, 0);
    for policy in decision.enforcing() {
        let broken = policy
            .fault
            .as_ref()
            .filter(|_| policy.counts_as == Verdict::Warn);
        let broken = broken.map(|fault| plain(&fault.to_string()));
        let last_known = policy.last_known.as_ref();
        let last_known = last_known.map(|last| plain(&last.to_string()));
        let findings = policy.findings.iter();
        let findings =
            findings.filter(|finding| finding.level == Level::Warn && !finding.is_waived());
        for text in broken
            .into_iter()
            .chain(last_known)
            .chain(findings.map(said))
        {
            let text = cut(&format!("{}: {text}", policy.name), MAX_WARNING);
            match room.checked_sub(text.chars().count()) {
                Some(rest) if left_out == 0 => {
                    room = rest;
                    warnings.push(text);
                }
                _ => left_out += 1,
            }
        }
    }
    if left_out > 0 {
        warnings.push(format!("{left_out} more, see decision {}", decision.id));
    }
    warnings
}

/// So many characters at most.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let start: String = text.chars().take(most - 1).collect();
    format!("{start}…")
}

/// What stands in the way, or is to be said, in words.
pub fn reason(decision: &Decision) -> String {
    let least = if decision.allowed() {
        Level::Warn
    } else {
        Level::Deny
    };
    let mut lines = Vec::new();
    for policy in decision.enforcing() {
        if let Some(fault) = &policy.fault {
            lines.push(format!(
                "{}: {} (counts as {})",
                policy.name,
                plain(&fault.to_string()),
                policy.counts_as
            ));
        }
        let findings = policy.findings.iter();
        let findings = findings.filter(|finding| counts(finding, least));
        lines.extend(findings.map(|finding| format!("{}: {}", policy.name, said(finding))));
    }
    let mut text = String::new();
    let total = lines.len();
    for (index, line) in lines.iter().enumerate() {
        let line = cut(line, MAX_LINE);
        if text.len() + line.len() > MAX_REASON {
            text.push_str(&format!(
                "; and {} more, see decision {}",
                total - index,
                decision.id
            ));
            break;
        }
        if index > 0 {
            text.push_str("; ");
        }
        text.push_str(&line);
    }
    text
}

/// Without control characters, for which API servers drop warnings.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn counts(finding: &Finding, least: Level) -> bool {
    finding.level >= least && !finding.is_waived()
}

/// What was found, on what, and what can be done.
fn said(finding: &Finding) -> String {
    let target = finding.target.as_ref().or(finding.image.as_ref());
    let target = target.map(|target| format!("{target}: "));
    let remedy = finding.remedy.as_ref();
    let remedy = remedy.map(|remedy| format!(" ({remedy})"));
    let text = format!(
        "{}{}{}",
        target.unwrap_or_default(),
        finding.message,
        remedy.unwrap_or_default()
    );
    plain(&text)
}
