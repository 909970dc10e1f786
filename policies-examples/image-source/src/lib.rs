//! Where images come from and what they are called: naming conventions, version pinning, registries per namespace.

use std::collections::BTreeMap;

use touchstone_sdk::prelude::*;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageSource {
    /// Regular expressions over the repository without its registry (`library/nginx`); one has to match. Empty: any name.
    #[serde(default)]
    names: Vec<Regex>,
    /// How exactly an image has to be named.
    #[serde(default)]
    pinning: Pinning,
    /// Allowed registries by namespace; `*` is for the namespaces that are not listed and for events without one.
    /// Empty: any registry.
    #[serde(default)]
    registries: BTreeMap<String, Vec<String>>,
}

/// How exactly an image has to be named.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Pinning {
    /// Anything goes.
    None,
    /// A tag other than `latest`, or a digest.
    #[default]
    Tag,
    /// A digest.
    Digest,
}

impl Policy for ImageSource {
    const KINDS: &'static [&'static str] = &["image.review", "pod.review", "image.pushed"];

    fn check(&self) -> Vec<Problem> {
        let empty = |(namespace, allowed): (&String, &Vec<String>)| {
            allowed.is_empty().then(|| Problem {
                path: format!("/registries/{namespace}"),
                message: "allows no registry at all: list at least one".to_owned(),
            })
        };
        self.registries.iter().filter_map(empty).collect()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let images = event.images();
        if images.is_empty() {
            return Err(Undecided::new("the event names no image"));
        }
        let mut findings = Vec::new();
        for image in &images {
            match &image.name {
                Ok(name) => {
                    findings.extend(self.check_name(name));
                    findings.extend(self.check_pinning(name));
                    findings.extend(self.check_registry(name, event.namespace.as_deref()));
                }
                Err(why) => findings.push(Finding::deny(
                    "invalid-reference",
                    format!("{:?} is not an image reference: {why}", image.text),
                )),
            }
            for finding in findings
                .iter_mut()
                .filter(|finding| finding.target.is_none())
            {
                finding.target = Some(image.text.clone());
            }
        }
        Ok(findings.into())
    }
}

impl ImageSource {
    fn check_name(&self, name: &ImageName) -> Option<Finding> {
        if self.names.is_empty()
            || self
                .names
                .iter()
                .any(|pattern| pattern.is_match(&name.repository))
        {
            return None;
        }
        let patterns: Vec<&str> = self.names.iter().map(Regex::as_str).collect();
        let message = format!(
            "the name {} follows none of the conventions",
            name.repository
        );
        Some(
            Finding::deny("naming-convention", message)
                .remedy(format!("name it like {}", patterns.join(" or "))),
        )
    }

    fn check_pinning(&self, name: &ImageName) -> Option<Finding> {
        let finding = match (&self.pinning, name.tag.as_deref(), &name.digest) {
            (Pinning::None, ..) | (_, _, Some(_)) => return None,
            (Pinning::Digest, ..) => {
                Finding::deny("digest-required", "the image is not pinned to a digest")
                    .remedy("name it with @sha256:…, which the registry tells for a tag")
            }
            (Pinning::Tag, None, _) => Finding::deny(
                "missing-tag",
                "the image has no tag, so any version may run",
            )
            .remedy("name a version, or a digest"),
            (Pinning::Tag, Some("latest"), _) => {
                Finding::deny("latest-tag", "the tag latest means another image tomorrow")
                    .remedy("name a version, or a digest")
            }
            (Pinning::Tag, Some(_), _) => return None,
        };
        Some(finding.severity(Severity::Medium))
    }

    fn check_registry(&self, name: &ImageName, namespace: Option<&str>) -> Option<Finding> {
        if self.registries.is_empty() {
            return None;
        }
        let own = namespace.and_then(|namespace| self.registries.get(namespace));
        let allowed = own
            .or_else(|| self.registries.get("*"))
            .map_or(&[][..], Vec::as_slice);
        if allowed.contains(&name.registry) {
            return None;
        }
        let place =
            namespace.map_or_else(|| "here".to_owned(), |namespace| format!("in {namespace}"));
        let finding = Finding::deny(
            "registry-not-allowed",
            format!("images from {} are not allowed {place}", name.registry),
        )
        .severity(Severity::High);
        Some(match allowed {
            [] => finding.remedy("ask for the namespace to be listed in the policy's settings"),
            allowed => finding.remedy(format!("push it to {}", allowed.join(" or "))),
        })
    }
}

touchstone_sdk::export!(ImageSource);

#[cfg(test)]
mod tests {
    use super::*;
    use touchstone_sdk::testing::{Host, TestEvent};

    fn ids(settings: Value, namespace: &str, image: &str) -> Vec<String> {
        let event = TestEvent::new("image.review")
            .namespace(namespace)
            .image("/spec/containers/0/image", image);
        let outcome = Host::new()
            .evaluate::<ImageSource>(settings, event)
            .unwrap();
        outcome
            .findings
            .into_iter()
            .map(|finding| finding.id)
            .collect()
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        let digest = format!("ghcr.io/a/b@sha256:{}", "ab".repeat(32));
        let registries = json!({"pinning": "none", "registries": {"production": ["registry.example.com:5000"], "*": ["docker.io"]}});
        for (settings, image, expected) in [
            (json!({}), "nginx:1.27", vec![]),
            (json!({}), "nginx:latest", vec!["latest-tag"]),
            (
                json!({}),
                "registry.example.com:5000/nginx",
                vec!["missing-tag"],
            ),
            (json!({}), &digest, vec![]),
            (
                json!({"pinning": "digest"}),
                "nginx:1.27",
                vec!["digest-required"],
            ),
            (json!({"pinning": "digest"}), &digest, vec![]),
            (json!({"pinning": "none"}), "nginx", vec![]),
            (json!({"names": ["^library/"]}), "nginx:1", vec![]),
            (
                json!({"names": ["^acme/", "^tools/"]}),
                "nginx:1",
                vec!["naming-convention"],
            ),
            (registries.clone(), "nginx", vec!["registry-not-allowed"]),
            (
                registries.clone(),
                "registry.example.com:5000/nginx",
                vec![],
            ),
            (json!({}), "not an image", vec!["invalid-reference"]),
        ] {
            assert_eq!(
                ids(settings.clone(), "production", image),
                expected,
                "{image} under {settings}"
            );
        }
        assert_eq!(ids(registries, "other", "nginx"), Vec::<String>::new());
    }

    #[test]
    fn wrong_settings_are_all_reported() {
        let settings = json!({"names": ["("], "pining": "tag"});
        let problems = Host::new().configure::<ImageSource>(settings);
        assert_eq!(problems[0].path, "/pining");
        let problems =
            Host::new().configure::<ImageSource>(json!({"registries": {"a": [], "b": []}}));
        assert_eq!(problems.len(), 2);
        let problems = Host::new().configure::<ImageSource>(json!({"names": ["("]}));
        assert_eq!((problems.len(), problems[0].path.as_str()), (1, "/names/0"));
    }
}
