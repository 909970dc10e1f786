//! OPA image_enforcer's scan policy: refuses images that have a layer in which Clair found a vulnerability. What the
//! original let pass because it could not look it up is a finding here.

use std::collections::BTreeSet;

use touchstone_sdk::data;
use touchstone_sdk::prelude::*;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct VulnerableLayers {
    /// Namespaces in which findings deny.
    #[serde(default = "production")]
    secure_namespaces: BTreeSet<String>,
    /// What findings do elsewhere.
    #[serde(default)]
    elsewhere: Act,
    /// The least severity that counts.
    #[serde(default)]
    min_severity: Grade,
    /// What to do in secure namespaces about an image, or a layer, that there is no scan of.
    #[serde(default = "deny")]
    on_unknown: Act,
    /// What to do in secure namespaces about a name that is no image reference.
    #[serde(default = "deny")]
    on_invalid: Act,
    /// The registry whose images the data describes.
    #[serde(default = "docker_hub")]
    registry: String,
}

/// What a finding does.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Act {
    /// Lets pass, and says so.
    Allow,
    /// Warns.
    #[default]
    Warn,
    /// Denies.
    Deny,
}

/// Clair's severities, in order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Grade {
    /// Clair has none.
    #[default]
    #[serde(alias = "Unknown")]
    Unknown,
    /// Clair's Negligible.
    #[serde(alias = "Negligible")]
    Negligible,
    /// Clair's Low.
    #[serde(alias = "Low")]
    Low,
    /// Clair's Medium.
    #[serde(alias = "Medium")]
    Medium,
    /// Clair's High.
    #[serde(alias = "High")]
    High,
    /// Clair's Critical and Defcon1.
    #[serde(alias = "Critical", alias = "Defcon1")]
    Critical,
}

fn production() -> BTreeSet<String> {
    ["production".to_owned()].into()
}

fn deny() -> Act {
    Act::Deny
}

fn docker_hub() -> String {
    "docker.io".to_owned()
}

/// A manifest, as clair-layer-sync stores it.
#[derive(Deserialize)]
struct Manifest {
    /// Absent for schema 1 images.
    #[serde(default)]
    layers: Vec<LayerReference>,
}

#[derive(Deserialize)]
struct LayerReference {
    digest: String,
}

/// A layer, as Clair v1 answers it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Scan {
    layer: Layer,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Layer {
    #[serde(default)]
    features: Vec<Feature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Feature {
    name: String,
    #[serde(default)]
    version: String,
    /// Absent for clean features.
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability {
    name: String,
    #[serde(default)]
    severity: Grade,
    #[serde(default)]
    fixed_by: String,
}

impl Policy for VulnerableLayers {
    const KINDS: &'static [&'static str] = &["image.review", "pod.review"];
    const NEEDS: &'static [touchstone_sdk::Need] =
        &[("data", "the layers of images, and what Clair found in them")];

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let secure = event
            .namespace
            .as_ref()
            .is_some_and(|namespace| self.secure_namespaces.contains(namespace));
        let images = event.images();
        if images.is_empty() {
            return Err(Undecided::new("the event names no image"));
        }
        let mut findings = Vec::new();
        for image in &images {
            let found = match &image.name {
                Ok(name) => self.check_image(name)?,
                Err(why) => vec![(
                    self.on_invalid,
                    Finding::deny(
                        "invalid-reference",
                        format!("not an image reference: {why}"),
                    ),
                )],
            };
            findings.extend(found.into_iter().map(|(act, finding)| {
                let act = if secure { act } else { self.elsewhere };
                Finding {
                    level: act.level(),
                    ..finding
                }
                .on(&image.text)
            }));
        }
        Ok(findings.into())
    }
}

impl VulnerableLayers {
    fn check_image(&self, name: &ImageName) -> Result<Vec<(Act, Finding)>, Undecided> {
        let Some(layers) = self.layers(name)? else {
            let finding = Finding::deny("image-unknown", "there is no scan of this image")
                .remedy("wait until it is scanned, or name it with the tag that was");
            return Ok(vec![(self.on_unknown, finding)]);
        };
        let mut findings = Vec::new();
        let mut seen = BTreeSet::new();
        for digest in layers {
            let scan: Option<Scan> = data::get(&data::path(["clair", "layers", &digest]))?;
            let Some(scan) = scan else {
                let finding = Finding::deny(
                    "layer-unknown",
                    format!("there is no scan of layer {digest}"),
                );
                findings.push((self.on_unknown, finding.remedy("wait until it is scanned")));
                continue;
            };
            for feature in scan.layer.features {
                for vulnerability in &feature.vulnerabilities {
                    // Clair repeats what a layer inherits from those below it.
                    let key = (vulnerability.name.clone(), feature.name.clone());
                    if vulnerability.severity >= self.min_severity && seen.insert(key) {
                        findings.push((Act::Deny, vulnerability.finding(&feature, &digest)));
                    }
                }
            }
        }
        // The worst first, for the reader who stops early.
        findings.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity as u8));
        Ok(findings)
    }

    /// The layers of an image; nothing when the data does not tell. A digest may be another image than the one whose
    /// tag was scanned, so only tags are looked up; no tag is what a runtime takes for `latest`.
    fn layers(&self, name: &ImageName) -> Result<Option<Vec<String>>, Undecided> {
        if name.registry != self.registry || name.digest.is_some() {
            return Ok(None);
        }
        let tag = name.tag.as_deref().unwrap_or("latest");
        let keys = ["docker", "layers"]
            .into_iter()
            .chain(name.repository.split('/'))
            .chain([tag]);
        let manifest: Option<Manifest> = data::get(&data::path(keys))?;
        let layers = manifest.map(|manifest| manifest.layers).unwrap_or_default();
        Ok((!layers.is_empty()).then(|| layers.into_iter().map(|layer| layer.digest).collect()))
    }
}

impl Vulnerability {
    fn finding(&self, feature: &Feature, layer: &str) -> Finding {
        let severity = self.severity.severity();
        let message = format!(
            "{} ({}) in {} {}, layer {layer}",
            self.name,
            self.severity.name(),
            feature.name,
            feature.version
        );
        let finding = Finding::deny(&self.name, message).severity(severity);
        match self.fixed_by.as_str() {
            "" => finding,
            version => finding.remedy(format!("update {} to {version}", feature.name)),
        }
    }
}

impl Act {
    fn level(self) -> Level {
        match self {
            Act::Allow => Level::Info,
            Act::Warn => Level::Warn,
            Act::Deny => Level::Deny,
        }
    }
}

impl Grade {
    fn severity(self) -> Severity {
        match self {
            Grade::Unknown => Severity::Unknown,
            Grade::Negligible => Severity::Negligible,
            Grade::Low => Severity::Low,
            Grade::Medium => Severity::Medium,
            Grade::High => Severity::High,
            Grade::Critical => Severity::Critical,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Grade::Unknown => "unknown",
            Grade::Negligible => "negligible",
            Grade::Low => "low",
            Grade::Medium => "medium",
            Grade::High => "high",
            Grade::Critical => "critical",
        }
    }
}

touchstone_sdk::export!(VulnerableLayers);

#[cfg(test)]
mod tests {
    use super::*;
    use touchstone_sdk::testing::{Host, TestEvent};

    fn host() -> Host {
        Host::new().grant("data", "docker/*").grant("data", "clair/*").data(json!({
            "docker": {"layers": {"acme": {"web": {
                "clean": {"layers": [{"digest": "sha256:a"}]},
                "bad": {"layers": [{"digest": "sha256:a"}, {"digest": "sha256:b"}]},
                "half": {"layers": [{"digest": "sha256:c"}]},
                "old": {"config": {"digest": ""}},
            }}}},
            "clair": {"layers": {
                "sha256:a": {"Layer": {"Name": "sha256:a", "Features": [{"Name": "bash", "Version": "5"}]}},
                "sha256:b": {"Layer": {"Name": "sha256:b", "Features": [{"Name": "curl", "Version": "7", "Vulnerabilities": [
                    {"Name": "CVE-1", "Severity": "Defcon1", "FixedBy": "8"}, {"Name": "CVE-2", "Severity": "Low"}]}]}},
            }},
        }))
    }

    fn found(settings: Value, namespace: &str, image: &str) -> Vec<(String, Level)> {
        let event = TestEvent::new("image.review")
            .namespace(namespace)
            .image("/spec/containers/0/image", image);
        let outcome = host()
            .evaluate::<VulnerableLayers>(settings, event)
            .unwrap();
        outcome
            .findings
            .into_iter()
            .map(|finding| (finding.id, finding.level))
            .collect()
    }

    #[test]
    fn a_vulnerable_layer_denies_in_a_secure_namespace_and_warns_elsewhere() {
        let both = |level| vec![("CVE-1".to_owned(), level), ("CVE-2".to_owned(), level)];
        assert_eq!(
            found(json!({}), "production", "acme/web:bad"),
            both(Level::Deny)
        );
        assert_eq!(found(json!({}), "test", "acme/web:bad"), both(Level::Warn));
        assert_eq!(found(json!({}), "production", "acme/web:clean"), []);
        assert_eq!(
            found(json!({"minSeverity": "high"}), "production", "acme/web:bad"),
            [("CVE-1".to_owned(), Level::Deny)]
        );
    }

    #[test]
    fn what_the_original_let_pass_is_a_finding() {
        let digest = format!("acme/web:clean@sha256:{}", "ab".repeat(32));
        for (image, expected) in [
            ("acme/web", "image-unknown"),
            ("acme/web:nothing", "image-unknown"),
            ("acme/web:old", "image-unknown"),
            ("registry.example.com:5000/acme/web:clean", "image-unknown"),
            ("a/b/c/d:1", "image-unknown"),
            ("nginx", "image-unknown"),
            (&digest, "image-unknown"),
            ("acme/web:half", "layer-unknown"),
            ("acme/web:clean:x", "invalid-reference"),
        ] {
            assert_eq!(
                found(json!({}), "production", image),
                [(expected.to_owned(), Level::Deny)],
                "{image}"
            );
        }
        assert_eq!(
            found(json!({"onUnknown": "allow"}), "production", "nginx"),
            [("image-unknown".to_owned(), Level::Info)]
        );
    }
}
