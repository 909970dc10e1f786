//! Labels that every image must carry, with patterns for their values.

use std::collections::BTreeMap;

use touchstone_sdk::prelude::*;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RequiredLabels {
    /// Regular expressions by label; an empty one asks only for a value that is not empty.
    labels: BTreeMap<String, Regex>,
    /// Where the labels are, as RFC 6901 pointers; the first one that exists counts.
    #[serde(default = "usual_places")]
    places: Vec<String>,
}

/// An image configuration by OCI, the same within `docker inspect`, and CIPolicE's messages.
fn usual_places() -> Vec<String> {
    ["/config/Labels", "/Config/Labels", "/labels"]
        .map(str::to_owned)
        .to_vec()
}

/// With values; or names alone, which is what CIPolicE's scanner sends.
#[derive(Deserialize)]
#[serde(untagged)]
enum Labels {
    WithValues(BTreeMap<String, String>),
    Names(Vec<String>),
}

impl Policy for RequiredLabels {
    fn check(&self) -> Vec<Problem> {
        let message = || "an RFC 6901 pointer starts with a slash".to_owned();
        let wrong = self
            .places
            .iter()
            .enumerate()
            .filter(|(_, place)| !place.starts_with('/'));
        wrong
            .map(|(index, _)| Problem {
                path: format!("/places/{index}"),
                message: message(),
            })
            .collect()
    }

    fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
        let mut labels: Option<Labels> = None;
        for place in &self.places {
            // An image without labels has null here: looked for, and none found.
            if let Some(found) = event.get::<Option<Labels>>(place)? {
                labels = Some(found.unwrap_or(Labels::Names(Vec::new())));
                break;
            }
        }
        let Some(labels) = labels else {
            return Err(Undecided::new(format!(
                "the document has no labels at {}",
                self.places.join(" or ")
            )));
        };
        let target = event
            .get::<Option<String>>("/image")?
            .flatten()
            .or_else(|| event.subject.clone());
        let mut outcome = Outcome::default();
        for (label, pattern) in &self.labels {
            if let Some(message) = labels.complaint(label, pattern) {
                let finding =
                    Finding::deny(format!("label/{label}"), message).severity(Severity::Low);
                outcome.push(Finding {
                    target: target.clone(),
                    ..finding.remedy(format!("build it with --label {label}=…"))
                });
            }
        }
        Ok(outcome)
    }
}

impl Labels {
    fn complaint(&self, label: &str, pattern: &Regex) -> Option<String> {
        match self {
            Labels::WithValues(values) => match values.get(label).map(String::as_str) {
                None => Some(format!("label {label} is missing")),
                Some("") => Some(format!("label {label} is empty")),
                Some(value) if pattern.is_match(value) => None,
                Some(value) => Some(format!(
                    "label {label} is {value:?}, which does not match {}",
                    pattern.as_str()
                )),
            },
            Labels::Names(names) if !names.iter().any(|name| name == label) => {
                Some(format!("label {label} is missing"))
            }
            Labels::Names(_) if pattern.as_str().is_empty() => None,
            Labels::Names(_) => Some(format!(
                "label {label} has a value that the document does not tell"
            )),
        }
    }
}

touchstone_sdk::export!(RequiredLabels);

#[cfg(test)]
mod tests {
    use super::*;
    use touchstone_sdk::testing::{Host, TestEvent};

    fn found(data: Value) -> Result<Vec<String>, Undecided> {
        let settings = json!({"labels": {"maintainer": "@example\\.com$", "team": ""}});
        let outcome =
            Host::new().evaluate::<RequiredLabels>(settings, TestEvent::new("event").data(data))?;
        Ok(outcome
            .findings
            .into_iter()
            .map(|finding| finding.id)
            .collect())
    }

    #[test]
    fn a_label_has_to_be_there_and_match() {
        for (data, expected) in [
            (
                json!({"config": {"Labels": {"maintainer": "a@example.com", "team": "x"}}}),
                vec![],
            ),
            (
                json!({"Config": {"Labels": {"maintainer": "a@example.org", "team": ""}}}),
                vec!["label/maintainer", "label/team"],
            ),
            (
                json!({"config": {"Labels": null}}),
                vec!["label/maintainer", "label/team"],
            ),
            (
                json!({"image": "nginx", "labels": []}),
                vec!["label/maintainer", "label/team"],
            ),
            (
                json!({"image": "nginx", "labels": ["team", "maintainer"]}),
                vec!["label/maintainer"],
            ),
        ] {
            assert_eq!(
                found(data.clone()),
                Ok(expected.iter().map(|id| (*id).to_owned()).collect()),
                "{data}"
            );
        }
    }

    #[test]
    fn without_labels_it_does_not_decide() {
        assert!(found(json!({"image": "nginx"})).is_err());
        assert!(found(json!({"labels": 3})).is_err());
        assert_eq!(
            Host::new()
                .configure::<RequiredLabels>(json!({"labels": {}, "places": ["x"]}))
                .len(),
            1
        );
    }
}
