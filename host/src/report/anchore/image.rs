//! The images of a decision, and what the gates say of each.

use serde_json::Value;

use super::row::{Action, EVALUATION, gate_row};
use crate::image::ImageName;
use crate::model::{Decision, Finding, Mode};

pub(super) struct Image<'a> {
    /// As the event has it; absent when the event names none.
    name: Option<&'a str>,
    /// Whether it is the only one: what names no image is about it.
    alone: bool,
    /// What the gates tell of it.
    evaluation: Option<&'a Value>,
    /// The policy that tells it.
    pub gates: Option<&'a str>,
    /// Whether that only monitors.
    pub monitored: bool,
    pub id: String,
    pub tag: String,
    pub digest: String,
    /// The id of the bundle.
    pub bundle: String,
}

/// Every image that the event or a finding names; if none does, what the event is about.
pub(super) fn images<'a>(document: &'a str, decision: &'a Decision) -> Vec<Image<'a>> {
    let mut names: Vec<&str> = Vec::new();
    let of_event = decision.event.images.iter();
    let of_findings = decision.policies.iter().flat_map(|policy| &policy.findings);
    for name in of_event.chain(of_findings.filter_map(|finding| finding.image.as_ref())) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if names.is_empty() {
        let subject = decision.event.subject.as_deref().unwrap_or(document);
        return vec![image(decision, None, subject, true)];
    }
    let alone = names.len() == 1;
    names
        .into_iter()
        .map(|name| image(decision, Some(name), name, alone))
        .collect()
}

fn image<'a>(
    decision: &'a Decision,
    name: Option<&'a str>,
    called: &str,
    alone: bool,
) -> Image<'a> {
    let mut image = Image {
        name,
        alone,
        evaluation: None,
        gates: None,
        monitored: false,
        id: String::new(),
        tag: String::new(),
        digest: String::new(),
        bundle: String::new(),
    };
    let findings = || {
        let policies = decision.policies.iter();
        policies.flat_map(|policy| policy.findings.iter().map(move |finding| (policy, finding)))
    };
    let evaluated = findings().find(|(_, one)| one.id == EVALUATION && image.is_meant_by(one));
    if let Some((policy, finding)) = evaluated {
        image.gates = Some(&policy.name);
        image.monitored = policy.mode == Mode::Monitor;
        let details = finding.details.as_ref();
        image.evaluation = details.and_then(|details| details.pointer("/anchore/evaluation"));
    }
    let row = findings()
        .filter(|(_, one)| image.is_meant_by(one))
        .find_map(|(_, one)| gate_row(one));
    let in_row = |index: usize| Some(row?.get(index)?.as_str()?.to_owned());
    let digest = image
        .text("digest")
        .or_else(|| digest(decision, name, called));
    image.tag = image
        .text("tag")
        .or_else(|| in_row(1))
        .unwrap_or_else(|| tag(called));
    image.id = image
        .text("image_id")
        .or_else(|| in_row(0))
        .or_else(|| Some(digest.as_ref()?.split_once(':')?.1.to_owned()))
        .unwrap_or_else(|| "unknown".to_owned());
    image.digest = digest.unwrap_or_else(|| "unknown".to_owned());
    image.bundle = image
        .text("bundle_id")
        .unwrap_or_else(|| "touchstone".to_owned());
    image
}

/// As it is written in the reference, or else as reports tell.
fn digest(decision: &Decision, name: Option<&str>, called: &str) -> Option<String> {
    let written = ImageName::parse(called).ok().and_then(|name| name.digest);
    let known = || {
        let mut evidence = decision.evidence.iter();
        let known = evidence.find(|known| known.image == name.unwrap_or_default())?;
        known.digests.first().cloned()
    };
    written.or_else(known)
}

/// In full, as the engine has it: `docker.io/library/nginx:1.27`.
fn tag(called: &str) -> String {
    match ImageName::parse(called) {
        Ok(name) => ImageName {
            digest: None,
            ..name
        }
        .to_string(),
        Err(_) => called.to_owned(),
    }
}

/// The tag that the gates tell in a finding.
fn told_tag(finding: &Finding) -> Option<&str> {
    let evaluation = || finding.details.as_ref()?.pointer("/anchore/evaluation/tag");
    let row = gate_row(finding).and_then(|row| row.get(1));
    row.or_else(evaluation)?.as_str()
}

impl Image<'_> {
    /// Whether a finding is about this image. One about no image in particular is about each; the gates name theirs in
    /// what they tell.
    pub(super) fn is_meant_by(&self, finding: &Finding) -> bool {
        let Some(name) = self.name.filter(|_| !self.alone) else {
            return true;
        };
        match (&finding.image, told_tag(finding)) {
            (Some(named), _) => named == name,
            (None, Some(told)) => tag(told) == tag(name),
            (None, None) => true,
        }
    }

    /// A part of the evaluation; `false`, as the engine has it, where there is none.
    pub(super) fn told(&self, key: &str) -> Value {
        let told = self.evaluation.and_then(|evaluation| evaluation.get(key));
        told.filter(|told| !told.is_null())
            .cloned()
            .unwrap_or(Value::Bool(false))
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.evaluation?.get("final_action_reason")?.as_str()
    }

    pub(super) fn final_action(&self) -> Option<Action> {
        Action::parse(self.evaluation?.get("final_action")?.as_str()?)
    }

    fn text(&self, key: &str) -> Option<String> {
        let text = self.evaluation?.get(key)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    }
}
