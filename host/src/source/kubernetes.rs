//! What a Kubernetes API server asks: ImageReview (imagepolicy.k8s.io/v1alpha1) and AdmissionReview
//! (admission.k8s.io/v1).

mod answer;

use crate::document::{Document, Node};
use crate::model::{Event, EventImage, MAX_IMAGES};
use crate::source::{Attributes, Defaults, SourceError, event, form_name};

pub use self::answer::{Phase, admission_answer, fields, image_review_answer, reason};

/// Where the object of an AdmissionReview is, and where it is when it is to be deleted.
const OBJECT: &str = "/request/object";
const OLD_OBJECT: &str = "/request/oldObject";

/// Where a pod's specification may be: in pods, pod templates, cron jobs, and all other workloads. Every place is looked
/// at whatever the object's kind, since other kinds make pods, too.
const POD_SPECS: &[&[&str]] = &[
    &["spec"],
    &["template", "spec"],
    &["spec", "jobTemplate", "spec", "template", "spec"],
    &["spec", "template", "spec"],
];

/// The built-in kinds that make pods, and the groups that they are in.
const WORKLOADS: &[&str] = &[
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "ReplicationController",
    "PodTemplate",
];
const GROUPS: &[&str] = &["", "apps", "batch", "extensions"];

const OPERATIONS: &[&str] = &["CREATE", "UPDATE", "DELETE", "CONNECT"];

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
    // More are refused anyway.
    let mut images = 0..count.min(MAX_IMAGES);
    if let Some(index) = images.find(|index| {
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
    event(attributes, document, defaults)
}

/// An AdmissionReview as an event: of kind `pod.review`, where pods are to run that did not before, else `object.review`.
pub(super) fn admission_review(
    document: Document,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    let Some(uid) = document.str_at("/request/uid") else {
        return Err(invalid("AdmissionReview", "request.uid is not a string"));
    };
    let kind = if makes_pods(&document) {
        "pod.review"
    } else {
        "object.review"
    };
    let attributes = Attributes {
        id: Some(uid.to_owned()),
        kind: Some(kind.to_owned()),
        namespace: document.str_at("/request/namespace").map(str::to_owned),
        ..Attributes::default()
    };
    event(attributes, document, defaults)
}

/// A whole AdmissionReview of version 1, as an API server sends it; anything else is refused.
pub fn whole_admission_review(
    document: Document,
    defaults: &Defaults,
) -> Result<Event, SourceError> {
    if !is_admission_review(&document) {
        return Err(SourceError::WrongForm {
            found: form_name(&document),
            wanted: "AdmissionReview",
        });
    }
    let wrong = |reason: &str| Err(invalid("AdmissionReview", reason));
    let text = |pointer: &str| document.str_at(pointer).unwrap_or_default();
    if text("/apiVersion") != "admission.k8s.io/v1" {
        return wrong("apiVersion is not admission.k8s.io/v1: name v1 in admissionReviewVersions");
    }
    if text("/request/uid").is_empty() {
        return wrong("request.uid is not a string with something in it");
    }
    let operation = text("/request/operation");
    if !OPERATIONS.contains(&operation) {
        return wrong("request.operation is not CREATE, UPDATE, DELETE or CONNECT");
    }
    if matches!(operation, "CREATE" | "UPDATE") && !document.is_object(OBJECT) {
        return wrong("request.object is not an object, as what is created or updated is");
    }
    let dry_run = document.node("/request/dryRun");
    if dry_run.is_some_and(|dry_run| dry_run.as_bool().is_none() && !dry_run.is_null()) {
        return wrong("request.dryRun is neither true nor false");
    }
    admission_review(document, defaults)
}

/// Whether an AdmissionReview only asks what would happen.
pub fn is_dry_run(event: &Event) -> bool {
    let dry_run = event.document.node("/request/dryRun");
    dry_run.and_then(Node::as_bool) == Some(true)
}

/// Whether pods come of it: a new or changed object that has some, or whose kind is there for it. Parts of an object that
/// others write (its status, its scale) make none; ephemeral containers and new sizes do.
fn makes_pods(document: &Document) -> bool {
    let text = |pointer: &str| document.str_at(pointer).unwrap_or_default();
    let is_written = matches!(text("/request/operation"), "" | "CREATE" | "UPDATE");
    let is_whole = matches!(
        text("/request/subResource"),
        "" | "ephemeralcontainers" | "resize"
    );
    let has_pods = is_workload(document) || pod_images(document, OBJECT).next().is_some();
    is_written && is_whole && has_pods
}

/// Whether it is about an object of a built-in kind that makes pods, whose places are all known.
pub fn is_workload(document: &Document) -> bool {
    let text = |pointer: &str| document.str_at(pointer).unwrap_or_default();
    WORKLOADS.contains(&text("/request/kind/kind")) && GROUPS.contains(&text("/request/kind/group"))
}

fn invalid(form: &'static str, reason: &str) -> SourceError {
    SourceError::Invalid {
        form,
        reason: reason.to_owned(),
    }
}

/// The images of an ImageReview's containers, or of a pod within an AdmissionReview: of the old object, where there is no
/// new one. A container without an image is listed, too: its name is the empty text, which is no reference. One more than
/// may be is the last.
pub(super) fn images(document: &Document) -> Vec<EventImage> {
    let most = MAX_IMAGES + 1;
    if is_image_review(document) {
        let list = "/spec/containers";
        let containers = document.node(list).into_iter();
        let images = containers.flat_map(|containers| images_of(containers, list.to_owned()));
        return images.take(most).collect();
    }
    if !is_admission_review(document) {
        return Vec::new();
    }
    let object = match document.is_object(OBJECT) {
        true => OBJECT,
        false => OLD_OBJECT,
    };
    pod_images(document, object).take(most).collect()
}

/// Where what policies may patch is in a document.
pub(super) fn object(document: &Document) -> &'static str {
    match is_admission_review(document) {
        true => OBJECT,
        false => "",
    }
}

/// What lies on a way from a value.
fn below<'a>(value: Node<'a>, way: &[&str]) -> Option<Node<'a>> {
    way.iter().try_fold(value, |value, key| value.get(key))
}

fn pod_images<'a>(
    document: &'a Document,
    object: &'a str,
) -> impl Iterator<Item = EventImage> + 'a {
    let ways = document.node(object).into_iter().flat_map(|root| {
        let specs = POD_SPECS.iter();
        specs.filter_map(move |way| Some((way, below(root, way)?)))
    });
    ways.flat_map(move |(way, spec)| {
        let place = move |list: &str| format!("{object}/{}/{list}", way.join("/"));
        let lists = CONTAINERS.iter().filter_map(move |list| {
            let containers = spec.get(list)?;
            Some(images_of(containers, place(list)))
        });
        let volumes = spec.get("volumes").into_iter();
        let volumes = volumes.flat_map(move |list| volumes_of(list, place("volumes")));
        lists.flatten().chain(volumes)
    })
}

/// Volumes that are images.
fn volumes_of(list: Node<'_>, place: String) -> impl Iterator<Item = EventImage> {
    list.items().enumerate().filter_map(move |(index, volume)| {
        let image = volume.get("image").filter(|image| image.is_object())?;
        let text = image.get("reference").and_then(Node::as_str);
        let pointer = format!("{place}/{index}/image/reference");
        Some(EventImage::new(text.unwrap_or_default(), pointer))
    })
}

fn images_of(containers: Node<'_>, place: String) -> impl Iterator<Item = EventImage> {
    containers
        .items()
        .enumerate()
        .map(move |(index, container)| {
            let text = container.get("image").and_then(Node::as_str);
            EventImage::new(text.unwrap_or_default(), format!("{place}/{index}/image"))
        })
}
