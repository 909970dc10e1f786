//! What no policy is asked about: a cluster has to come up before anything can be asked.

use std::path::Path;

use crate::grants::{ImagePattern, Pattern};
use crate::model::{Event, EventImage, Exemption};

/// Where Kubernetes tells a pod its namespace, unless a variable does.
const OWN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const VARIABLE: &str = "TOUCHSTONE_NAMESPACE";

/// Namespaces and images of Kubernetes requests that are let pass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exempt {
    /// By name; the host's own is among them.
    pub namespaces: Vec<Pattern>,
    /// An event is exempt when these cover all its images, and it has some.
    pub images: Vec<ImagePattern>,
}

impl Exempt {
    /// Why an event is exempt, if it is; by its images only if all that it may have are known.
    pub fn reason(&self, event: &Event, knows_images: bool) -> Option<Exemption> {
        let is_exempt = |name: &&String| {
            let mut patterns = self.namespaces.iter();
            patterns.any(|pattern| pattern.matches(name.split('/')))
        };
        if let Some(namespace) = event.namespace.as_ref().filter(is_exempt) {
            return Some(Exemption {
                by: "namespace".into(),
                reason: namespace.clone(),
            });
        }
        let covered = |image: &EventImage| {
            let name = image.name.as_ref().ok();
            name.is_some_and(|name| self.images.iter().any(|pattern| pattern.matches(name)))
        };
        let is_covered =
            knows_images && !event.images.is_empty() && event.images.iter().all(covered);
        is_covered.then(|| {
            let images = event.images.iter().map(|image| image.text.as_str());
            Exemption {
                by: "images".into(),
                reason: images.collect::<Vec<_>>().join(", "),
            }
        })
    }
}

/// The namespace that this process runs in, if it does in any.
pub fn own_namespace() -> Option<Pattern> {
    let told = std::env::var(VARIABLE).or_else(|_| std::fs::read_to_string(Path::new(OWN)));
    Pattern::parse(told.ok()?.trim()).ok()
}
