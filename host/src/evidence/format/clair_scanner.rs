//! clair-scanner's report (clair-scanner 12, `reporter.go`): the vulnerabilities that Clair found in an image.
//!
//! `unapproved` repeats the names of those that its own whitelist does not let through.

use serde::Deserialize;

use super::super::model::{Distribution, Evidence, Identity, Vulnerability};
use super::clair::{agreed, fix, rate};
use super::distribution::namespace;
use super::raw::{Text, filled, list, required};
use super::{Sketch, Wrong, from_tool, json};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    image: Option<Text<'a>>,
    #[serde(default, deserialize_with = "list::<_, RawVulnerability, _>")]
    vulnerabilities: Option<Vec<Found>>,
}

#[derive(Deserialize)]
struct RawVulnerability<'a> {
    #[serde(borrow, rename = "featurename")]
    feature: Option<Text<'a>>,
    #[serde(borrow, rename = "featureversion")]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    vulnerability: Option<Text<'a>>,
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
    #[serde(borrow)]
    link: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow, rename = "fixedby")]
    fixed_by: Option<Text<'a>>,
}

struct Found {
    namespace: Option<Distribution>,
    vulnerability: Vulnerability,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["image", "unapproved", "vulnerabilities"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let raw: Report<'_> = json(text)?;
    let found = raw.vulnerabilities.unwrap_or_default();
    let distribution = agreed(found.iter().map(|found| found.namespace.as_ref()));
    let vulnerabilities = found.into_iter().map(|found| found.vulnerability);
    Ok(Evidence {
        image: Identity {
            names: filled(raw.image).into_iter().collect(),
            ..Identity::default()
        },
        reports: from_tool("clair-scanner", None),
        distribution,
        vulnerabilities: Some(vulnerabilities.collect()),
        ..Evidence::default()
    })
}

impl TryFrom<RawVulnerability<'_>> for Found {
    type Error = Wrong;

    fn try_from(raw: RawVulnerability<'_>) -> Result<Found, Wrong> {
        let namespace = raw.namespace.and_then(|text| namespace(&text.0));
        let source = namespace.as_ref();
        let mut vulnerability = Vulnerability {
            id: required("vulnerability", raw.vulnerability)?,
            package: required("featurename", raw.feature)?,
            kind: source
                .and_then(Distribution::kind)
                .unwrap_or_default()
                .to_owned(),
            installed: filled(raw.version),
            severity_source: Some(source.map_or("Clair", |source| &source.name).to_owned()),
            links: filled(raw.link).into_iter().collect(),
            ..Vulnerability::default()
        };
        rate(&mut vulnerability, filled(raw.severity));
        fix(&mut vulnerability, filled(raw.fixed_by));
        Ok(Found {
            namespace,
            vulnerability,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::{FixState, Severity};
    use super::*;

    const SAMPLE: &str = include_str!("../../../../tests/reports/clair-scanner.json");

    #[test]
    fn vulnerabilities_are_read() {
        let evidence = read(SAMPLE).unwrap();
        assert_eq!(evidence.image.names, ["registry.example.com/shop/cart:3"]);
        let distribution = evidence.distribution.unwrap();
        assert_eq!(
            (distribution.name.as_str(), distribution.version.as_deref()),
            ("ubuntu", Some("18.04"))
        );
        let found = evidence.vulnerabilities.unwrap();
        let expected = Vulnerability {
            id: "CVE-2030-1313".to_owned(),
            package: "systemd".to_owned(),
            kind: "deb".to_owned(),
            installed: Some("237-3ubuntu10.29".to_owned()),
            fix_state: FixState::NotFixed,
            severity: Severity::Medium,
            severity_source: Some("ubuntu".to_owned()),
            severity_text: Some("Medium".to_owned()),
            links: vec!["http://people.ubuntu.com/~ubuntu-security/cve/CVE-2030-1313".to_owned()],
            ..Vulnerability::default()
        };
        assert_eq!(found[0], expected);
        assert_eq!(
            (found[1].fix_state, found[1].links.len()),
            (FixState::Fixed, 0)
        );
    }

    #[test]
    fn an_empty_report_says_that_nothing_was_found() {
        for list in ["[]", "null"] {
            let text = format!(r#"{{"image":"a:1","unapproved":null,"vulnerabilities":{list}}}"#);
            assert_eq!(read(&text).unwrap().vulnerabilities, Some(vec![]), "{list}");
        }
    }

    #[test]
    fn a_wrong_report_is_refused_with_its_place() {
        for (list, parts) in [
            ("{}", vec!["vulnerabilities", "invalid type"]),
            (
                r#"[{"featurename":"a"}]"#,
                vec!["vulnerabilities[0]", "vulnerability", "missing or empty"],
            ),
            (
                r#"[{"vulnerability":"CVE-1","featurename":""}]"#,
                vec!["vulnerabilities[0]", "featurename"],
            ),
            (
                r#"[{"vulnerability":"CVE-1","featurename":"a","severity":1}]"#,
                vec!["vulnerabilities[0].severity"],
            ),
        ] {
            let text = format!(r#"{{"image":"a:1","unapproved":[],"vulnerabilities":{list}}}"#);
            let wrong = read(&text).unwrap_err().to_string();
            for part in parts {
                assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
            }
        }
    }
}
