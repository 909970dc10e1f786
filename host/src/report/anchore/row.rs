//! Rows of the table: what was found on an image, and what it asks for.

use serde_json::{Value, json};

use super::super::plain::{self, NAME, SENTENCE};
use super::super::view;
use super::image::Image;
use crate::model::{Decision, Finding, Level, Mode, PolicyDecision, Verdict, Waived};

/// Under this id the gates tell of an evaluation as a whole.
pub(super) const EVALUATION: &str = "anchore-evaluation";
/// Where in a row they stand.
const GATE_ACTION: usize = 6;
const WHITELISTED: usize = 7;

/// What a row asks for; the least is what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Stop,
    Warn,
    Go,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Action::Stop => "stop",
            Action::Warn => "warn",
            Action::Go => "go",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Action> {
        [Action::Stop, Action::Warn, Action::Go]
            .into_iter()
            .find(|action| text.eq_ignore_ascii_case(action.as_str()))
    }

    fn of(verdict: Verdict) -> Action {
        match verdict {
            Verdict::Deny => Action::Stop,
            Verdict::Warn => Action::Warn,
            Verdict::Allow => Action::Go,
        }
    }
}

pub(super) struct Row {
    pub cells: Vec<Value>,
    pub action: Action,
    /// Whether it counts: neither the bundle nor the host excuses it.
    pub counts: bool,
    /// Whether the host excuses it.
    pub waived: bool,
    /// Whether it is of the policy that evaluates the gates.
    pub of_gates: bool,
}

/// The worst that counts.
pub(super) fn worst<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Action {
    rows.into_iter()
        .filter(|row| row.counts)
        .map(|row| row.action)
        .min()
        .unwrap_or(Action::Go)
}

/// Everything that was found on an image, or on no image in particular.
pub(super) fn rows(decision: &Decision, image: &Image<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for policy in &decision.policies {
        let findings = policy.findings.iter();
        let findings = findings.filter(|one| one.id != EVALUATION && image.is_meant_by(one));
        let mut of_policy: Vec<Row> = findings
            .map(|finding| row(policy, finding, image))
            .collect();
        of_policy.extend(policy.fault.as_ref().map(|fault| {
            let action = Action::of(view::counts_as(policy));
            let kind = fault.kind();
            let told = Told {
                id: kind,
                trigger: kind,
                output: &fault.to_string(),
            };
            made(policy, image, &told, action)
        }));
        for row in &mut of_policy {
            row.of_gates = image.gates == Some(policy.name.as_str());
        }
        rows.extend(of_policy);
    }
    rows
}

/// Whether a policy evaluates Anchore's gates.
pub(super) fn is_of_gates(policy: &PolicyDecision) -> bool {
    let mut findings = policy.findings.iter();
    findings.any(|finding| finding.id == EVALUATION || gate_row(finding).is_some())
}

/// The row that the gates put into a finding.
pub(super) fn gate_row(finding: &Finding) -> Option<&Vec<Value>> {
    let row = finding
        .details
        .as_ref()?
        .pointer("/anchore/row")?
        .as_array()?;
    (row.len() == super::HEADER.len()).then_some(row)
}

fn row(policy: &PolicyDecision, finding: &Finding, image: &Image<'_>) -> Row {
    let mut row = match gate_row(finding) {
        Some(cells) => told_by_gates(policy, cells.clone()),
        None => {
            let id = match &finding.package {
                Some(package) => format!("{}+{package}", finding.id),
                None => finding.id.clone(),
            };
            let told = Told {
                id: &id,
                trigger: &finding.id,
                output: &finding.message,
            };
            made(policy, image, &told, level(policy, finding.level))
        }
    };
    if let Some(waiver) = finding.waiver.as_ref().filter(|_| finding.is_waived()) {
        row.counts = false;
        row.waived = true;
        if let Some(cell) = row
            .cells
            .get_mut(WHITELISTED)
            .filter(|cell| !cell.is_object())
        {
            *cell = whitelisted(waiver);
        }
    }
    row
}

/// As the gates have it, but that in monitor mode nothing stops.
fn told_by_gates(policy: &PolicyDecision, mut cells: Vec<Value>) -> Row {
    let told = cells.get(GATE_ACTION).and_then(Value::as_str);
    let mut action = told.and_then(Action::parse).unwrap_or(Action::Stop);
    if policy.mode == Mode::Monitor {
        action = Action::Go;
    }
    if let Some(cell) = cells.get_mut(GATE_ACTION) {
        *cell = action.as_str().into();
    }
    let counts = !cells.get(WHITELISTED).is_some_and(Value::is_object);
    Row {
        cells,
        action,
        counts,
        waived: false,
        of_gates: false,
    }
}

/// What a row of the host's own tells.
struct Told<'a> {
    id: &'a str,
    trigger: &'a str,
    output: &'a str,
}

fn made(policy: &PolicyDecision, image: &Image<'_>, told: &Told<'_>, action: Action) -> Row {
    let cells = vec![
        json!(image.id),
        json!(image.tag),
        json!(plain::line(told.id, NAME)),
        json!(plain::line(&policy.name, NAME)),
        json!(plain::line(told.trigger, NAME)),
        json!(plain::lines(told.output, SENTENCE)),
        json!(action.as_str()),
        json!(false),
        json!(plain::line(&policy.name, NAME)),
    ];
    Row {
        cells,
        action,
        counts: true,
        waived: false,
        of_gates: false,
    }
}

fn level(policy: &PolicyDecision, level: Level) -> Action {
    match policy.mode {
        Mode::Enforce => Action::of(level.verdict()),
        Mode::Monitor => Action::Go,
    }
}

fn whitelisted(waiver: &Waived) -> Value {
    json!({
        "whitelist_name": "touchstone waivers",
        "whitelist_id": waiver.id,
        "matched_rule_id": waiver.id,
    })
}
