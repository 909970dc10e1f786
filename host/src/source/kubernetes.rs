//! What a Kubernetes API server asks: ImageReview (imagepolicy.k8s.io/v1alpha1) and AdmissionReview
//! (admission.k8s.io/v1).

use serde_json::{Value, json};

use crate::document::Document;
use crate::model::{Decision, Event, EventImage, Level};
use crate::source::{Attributes, Defaults, SourceError, event, form_name};

/// What a reason may hold at most; the API server shows it to the person who deploys.
const MAX_REASON: usize = 8 << 10;

/// Where a pod's specification may be: in pods, pod templates, cron jobs, and all other workloads. Every place is looked
/// at whatever the object's kind, since other kinds make pods, too.
const POD_SPECS: &[&str] = &[
    "/spec",
    "/template/spec",
    "/spec/jobTemplate/spec/template/spec",
    "/spec/template/spec",
];

const CONTAINERS: &[&str] = &["initContainers", "containers", "ephemeralContainers"];

fn is(document: &Document, kind: &str, group: &str) -> bool {
    document.str_at("/kind") == Some(kind)
        && document
            .str_at("/apiVersion")
            .is_some_and(|version| version.split('/').next() == Some(group))
}

pub(super) fn is_image_review(document: &Document) -> bool {
    is(document, "ImageReview", "imagepolicy.k8s.io")
}

pub(super) fn is_admission_review(document: &Document) -> bool {
    is(document, "AdmissionReview", "admission.k8s.io")
}

/// An ImageReview as an event of kind `image.review`; anything else is refused.
pub fn image_review(document: Document, defaults: &Defaults) -> Result<Event, SourceError> {
    if !is_image_review(&document) {
        return Err(SourceError::WrongForm {
            found: form_name(&document),
            wanted: "ImageReview",
        });
    }
    let count = document.array_len("/spec/containers");
    if count == 0 {
        return Err(invalid(
            "ImageReview",
            "spec.containers is no list of containers",
        ));
    }
    let images = 0..count;
    if let Some(index) = images.into_iter().find(|index| {
        document
            .str_at(&format!("/spec/containers/{index}/image"))
            .is_none()
    }) {
        return Err(invalid(
            "ImageReview",
            &format!("spec.containers[{index}].image is not a string"),
        ));
    }
    let attributes = Attributes {
        kind: Some("image.review".to_owned()),
        namespace: document.str_at("/spec/namespace").map(str::to_owned),
        ..Attributes::default()
    };
    Ok(event(attributes, document, defaults))
}

/// An AdmissionReview as an event of kind `pod.review`.
pub(super) fn admission_review(
    document: Document,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    let Some(uid) = document.str_at("/request/uid") else {
        return Err(invalid("AdmissionReview", "request.uid is not a string"));
    };
    let attributes = Attributes {
        id: Some(uid.to_owned()),
        kind: Some("pod.review".to_owned()),
        namespace: document.str_at("/request/namespace").map(str::to_owned),
        ..Attributes::default()
    };
    Ok(event(attributes, document, defaults))
}

fn invalid(form: &'static str, reason: &str) -> SourceError {
    SourceError::Invalid {
        form,
        reason: reason.to_owned(),
    }
}

/// The images of an ImageReview's containers, or of a pod within an AdmissionReview. A container without an image is
/// listed, too: its name is the empty text, which is no reference.
pub(super) fn images(document: &Document) -> Vec<EventImage> {
    if is_image_review(document) {
        return containers(document, "/spec/containers");
    }
    if !is_admission_review(document) {
        return Vec::new();
    }
    let places = POD_SPECS
        .iter()
        .flat_map(|place| CONTAINERS.iter().map(move |list| (place, list)));
    places
        .flat_map(|(place, list)| containers(document, &format!("/request/object{place}/{list}")))
        .collect()
}

fn containers(document: &Document, list: &str) -> Vec<EventImage> {
    let pointers = (0..document.array_len(list)).map(|index| format!("{list}/{index}/image"));
    pointers
        .map(|pointer| EventImage::new(document.str_at(&pointer).unwrap_or_default(), pointer))
        .collect()
}

/// The ImageReview that answers one.
pub fn image_review_answer(decision: &Decision) -> Value {
    json!({
        "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "kind": "ImageReview",
        "status": {
            "allowed": decision.allowed(),
            "reason": reason(decision),
            "auditAnnotations": {
                "decision": decision.id,
                "generation": decision.generation,
                "verdict": decision.verdict.as_str(),
            },
        },
    })
}

/// What stands in the way, or is to be said, in words.
fn reason(decision: &Decision) -> String {
    let least = if decision.allowed() {
        Level::Warn
    } else {
        Level::Deny
    };
    let mut lines = Vec::new();
    for policy in decision.enforcing() {
        if let Some(fault) = &policy.fault {
            lines.push(format!(
                "{}: {fault} (counts as {})",
                policy.name, policy.counts_as
            ));
        }
        for finding in policy
            .findings
            .iter()
            .filter(|finding| finding.level >= least && !finding.is_waived())
        {
            let target = finding
                .target
                .as_ref()
                .or(finding.image.as_ref())
                .map(|target| format!("{target}: "))
                .unwrap_or_default();
            let remedy = finding
                .remedy
                .as_ref()
                .map(|remedy| format!(" ({remedy})"))
                .unwrap_or_default();
            lines.push(format!(
                "{}: {target}{}{remedy}",
                policy.name, finding.message
            ));
        }
    }
    let mut text = String::new();
    let total = lines.len();
    for (index, line) in lines.iter().enumerate() {
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
        text.push_str(line);
    }
    text
}
