//! klar's output with `JSON_OUTPUT=true` (klar 2.4, `main.go`): the vulnerabilities that Clair found, by severity.
//!
//! klar leaves out those below `CLAIR_OUTPUT` and does not say so.

use serde::Deserialize;

use super::super::model::{Evidence, Vulnerability};
use super::clair::{Found, RawVulnerability, agreed, rate};
use super::raw::{Map, list};
use super::{Repeats, Sketch, Wrong, from_tool, json};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow, rename = "Vulnerabilities")]
    vulnerabilities: Option<Map<'a, Group>>,
}

#[derive(Deserialize)]
struct Group(#[serde(deserialize_with = "list::<_, RawVulnerability, _>")] Option<Vec<Found>>);

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["LayerCount", "Vulnerabilities"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let raw: Report<'_> = json(text)?;
    let (mut namespaces, mut repeats) = (Vec::new(), Repeats::default());
    let mut vulnerabilities: Vec<Vulnerability> = Vec::new();
    let groups = raw.vulnerabilities.into_iter().flat_map(|map| map.0);
    for (severity, Group(group)) in groups {
        for (index, found) in group.into_iter().flatten().enumerate() {
            let mut vulnerability = found.vulnerability;
            if vulnerability.package.is_empty() {
                let place = format!("Vulnerabilities.{severity}[{index}].FeatureName");
                return Err(Wrong::at(place, "is missing or empty"));
            }
            if vulnerability.severity_text.is_none() {
                repeats.add("Vulnerabilities", severity.len())?;
                rate(&mut vulnerability, Some(severity.clone().into_owned()));
            }
            namespaces.push(found.namespace);
            vulnerabilities.push(vulnerability);
        }
    }
    Ok(Evidence {
        reports: from_tool("klar", None),
        distribution: agreed(namespaces.iter().map(Option::as_ref)),
        vulnerabilities: Some(vulnerabilities),
        ..Evidence::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::model::{FixState, Severity};
    use super::*;

    const SAMPLE: &str = include_str!("../../../../tests/reports/klar.json");

    #[test]
    fn vulnerabilities_are_read() {
        let evidence = read(SAMPLE).unwrap();
        let distribution = evidence.distribution.unwrap();
        assert_eq!(
            (distribution.name.as_str(), distribution.version.as_deref()),
            ("alpine", Some("3.10"))
        );
        let found = evidence.vulnerabilities.unwrap();
        let expected = Vulnerability {
            id: "CVE-2030-9999".to_owned(),
            package: "openssl".to_owned(),
            kind: "apk".to_owned(),
            installed: Some("1.1.1c-r0".to_owned()),
            fixed: vec!["1.1.1d-r2".to_owned()],
            fix_state: FixState::Fixed,
            severity: Severity::High,
            severity_source: Some("alpine".to_owned()),
            severity_text: Some("High".to_owned()),
            links: vec!["https://cve.mitre.org/cgi-bin/cvename.cgi?name=CVE-2030-9999".to_owned()],
            ..Vulnerability::default()
        };
        assert_eq!(found[0], expected);
        assert_eq!(
            (found[1].severity, found[1].fix_state),
            (Severity::Low, FixState::NotFixed)
        );
    }

    #[test]
    fn without_a_severity_that_of_the_group_counts() {
        let text = r#"{"LayerCount":1,"Vulnerabilities":{"Defcon1":[{"Name":"CVE-1","FeatureName":"a"}],"Low":null}}"#;
        let found = read(text).unwrap().vulnerabilities.unwrap();
        assert_eq!((found.len(), found[0].severity), (1, Severity::Critical));
        assert_eq!(found[0].severity_text.as_deref(), Some("Defcon1"));
    }

    #[test]
    fn an_empty_report_says_that_nothing_was_found() {
        for groups in ["{}", "null", r#"{"High":[]}"#] {
            let text = format!(r#"{{"LayerCount":1,"Vulnerabilities":{groups}}}"#);
            assert_eq!(
                read(&text).unwrap().vulnerabilities,
                Some(vec![]),
                "{groups}"
            );
        }
    }

    #[test]
    fn distributions_that_differ_are_none() {
        let one = |namespace: &str| {
            format!(r#"{{"Name":"CVE-1","FeatureName":"a","NamespaceName":"{namespace}"}}"#)
        };
        let text = format!(
            r#"{{"Vulnerabilities":{{"Low":[{},{}]}}}}"#,
            one("debian:9"),
            one("debian:10")
        );
        assert_eq!(read(&text).unwrap().distribution, None);
    }

    #[test]
    fn a_wrong_report_is_refused_with_its_place() {
        for (groups, parts) in [
            ("[]", vec!["Vulnerabilities", "an object"]),
            (
                r#"{"Low":[{"FeatureName":"a"}]}"#,
                vec!["Vulnerabilities.Low[0]", "Name"],
            ),
            (
                r#"{"Low":[{"Name":"CVE-1"}]}"#,
                vec!["Vulnerabilities.Low[0].FeatureName"],
            ),
            (
                r#"{"Low":[],"Low":[]}"#,
                vec!["Vulnerabilities", r#"key "Low" stands twice"#],
            ),
        ] {
            let text = format!(r#"{{"LayerCount":1,"Vulnerabilities":{groups}}}"#);
            let wrong = read(&text).unwrap_err().to_string();
            for part in parts {
                assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
            }
        }
    }
}
