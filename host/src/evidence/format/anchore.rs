//! Anchore Engine's and Enterprise's vulnerabilities of an image (`GET /images/{digest}/vuln/{type}`, API 0.1.20 of
//! Anchore Engine 1.0; API 2 of Enterprise differs in `image_digest`).
//!
//! Written by Python: `"None"` is what is not known, and -1 a score that is not there.

use serde::Deserialize;

use super::super::model::{Evidence, FixState, Identity, Score, Severity, Vulnerability};
use super::purl::kind_of_word;
use super::raw::{Text, feed, filled, list, path, required, score, sorted};
use super::trivy::versions;
use super::{Sketch, Wrong, from_tool, json, time};

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow, rename = "imageDigest", alias = "image_digest")]
    digest: Option<Text<'a>>,
    #[serde(default, deserialize_with = "list::<_, Item, _>")]
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    vuln: Option<Text<'a>>,
    /// Name and version in one.
    #[serde(borrow)]
    package: Option<Text<'a>>,
    #[serde(borrow)]
    package_name: Option<Text<'a>>,
    #[serde(borrow)]
    package_version: Option<Text<'a>>,
    #[serde(borrow)]
    package_path: Option<Text<'a>>,
    #[serde(borrow)]
    package_type: Option<Text<'a>>,
    #[serde(borrow)]
    fix: Option<Text<'a>>,
    will_not_fix: Option<bool>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
    #[serde(borrow)]
    feed_group: Option<Text<'a>>,
    #[serde(borrow)]
    detected_at: Option<Text<'a>>,
    #[serde(borrow)]
    fix_observed_at: Option<Text<'a>>,
    #[serde(borrow)]
    nvd_data: Option<Vec<Scored<'a>>>,
    #[serde(borrow)]
    vendor_data: Option<Vec<Scored<'a>>>,
}

#[derive(Deserialize)]
struct Scored<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    cvss_v2: Option<Cvss>,
    cvss_v3: Option<Cvss>,
}

#[derive(Deserialize)]
struct Cvss {
    base_score: Option<f64>,
    exploitability_score: Option<f64>,
    impact_score: Option<f64>,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["imageDigest", "vulnerabilities"])
        || sketch.has(&["image_digest", "vulnerabilities"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let raw: Report<'_> = json(text)?;
    Ok(Evidence {
        image: Identity {
            digests: vec![required("imageDigest", raw.digest)?],
            ..Identity::default()
        },
        reports: from_tool("Anchore", None),
        vulnerabilities: Some(raw.vulnerabilities.unwrap_or_default()),
        ..Evidence::default()
    })
}

impl TryFrom<Item<'_>> for Vulnerability {
    type Error = Wrong;

    fn try_from(raw: Item<'_>) -> Result<Vulnerability, Wrong> {
        let id = required("vuln", raw.vuln)?;
        let source = told(raw.feed_group).map(|group| feed(&group));
        let vendor = source.as_deref().unwrap_or("vendor");
        let (nvd_data, vendor_data) = (
            raw.nvd_data.unwrap_or_default(),
            raw.vendor_data.unwrap_or_default(),
        );
        let mut scores = Vec::new();
        for (source, list) in [("nvd", &nvd_data), (vendor, &vendor_data)] {
            for scored in list {
                scored.add_to(source, &mut scores)?;
            }
        }
        let others = nvd_data.into_iter().chain(vendor_data);
        let others = others.filter_map(|scored| filled(scored.id));
        let aliases = sorted(others.filter(|other| *other != id).collect());
        let fixed = versions(told(raw.fix));
        let severity = filled(raw.severity);
        let at = |key, text| time(key, &told(text).unwrap_or_default());
        Ok(Vulnerability {
            id,
            aliases,
            package: required("package_name", raw.package_name.or(raw.package))?,
            kind: told(raw.package_type).map_or_else(String::new, |word| kind_of_word(&word)),
            installed: told(raw.package_version),
            locations: locations(told(raw.package_path)),
            fix_state: match raw.will_not_fix {
                _ if !fixed.is_empty() => FixState::Fixed,
                Some(true) => FixState::WontFix,
                _ => FixState::NotFixed,
            },
            fixed,
            severity: severity.as_deref().map(Severity::of).unwrap_or_default(),
            severity_source: source.or_else(|| Some("Anchore".to_owned())),
            severity_text: severity,
            scores,
            links: told(raw.url).into_iter().collect(),
            fixed_at: at("fix_observed_at", raw.fix_observed_at)?,
            first_seen: at("detected_at", raw.detected_at)?,
            ..Vulnerability::default()
        })
    }
}

fn told(text: Option<Text<'_>>) -> Option<String> {
    filled(text).filter(|text| text != "None")
}

/// `pkgdb` is the distribution's database, wherever that is.
fn locations(place: Option<String>) -> Vec<String> {
    let file = place.filter(|place| place != "pkgdb");
    file.map(|file| path(&file)).into_iter().collect()
}

impl Scored<'_> {
    fn add_to(&self, source: &str, scores: &mut Vec<Score>) -> Result<(), Wrong> {
        for (version, cvss) in [("2.0", &self.cvss_v2), ("3.0", &self.cvss_v3)] {
            let known = |score: Option<f64>| score.filter(|score| *score != -1.0);
            let Some(cvss) = cvss else { continue };
            let Some(base) = known(cvss.base_score) else {
                continue;
            };
            let mut score = score(source, version, base, None)?;
            score.rate_parts(known(cvss.exploitability_score), known(cvss.impact_score))?;
            scores.push(score);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../../../tests/reports/anchore.json");

    fn report(item: &str) -> String {
        format!(
            r#"{{"imageDigest":"sha256:ab","vulnerability_type":"all","vulnerabilities":[{{{item}}}]}}"#
        )
    }

    #[test]
    fn vulnerabilities_are_read() {
        let evidence = read(SAMPLE).unwrap();
        assert_eq!(
            evidence.image.digests,
            [format!("sha256:{}", "ab".repeat(32))]
        );
        let found = evidence.vulnerabilities.unwrap();
        let score = |source: &str, version: &str, base, exploitability, impact| Score {
            source: source.to_owned(),
            version: version.to_owned(),
            base,
            exploitability,
            impact,
            ..Score::default()
        };
        let expected = Vulnerability {
            id: "RHSA-2030:1000".to_owned(),
            aliases: vec!["CVE-2030-1717".to_owned()],
            package: "openssl-libs".to_owned(),
            kind: "rpm".to_owned(),
            installed: Some("1:1.1.1k-5.el8".to_owned()),
            fixed: vec!["0:1.1.1k-6.el8".to_owned()],
            fix_state: FixState::Fixed,
            severity: Severity::Medium,
            severity_source: Some("rhel".to_owned()),
            severity_text: Some("Medium".to_owned()),
            scores: vec![
                score("nvd", "2.0", 4.3, Some(8.6), Some(2.9)),
                score("nvd", "3.0", 5.9, Some(2.2), Some(3.6)),
                score("rhel", "3.0", 7.4, None, None),
            ],
            links: vec!["https://access.redhat.com/errata/RHSA-2030:1000".to_owned()],
            first_seen: Some("2026-02-01T00:00:00Z".parse().unwrap()),
            ..Vulnerability::default()
        };
        assert_eq!(found[0], expected);
        let python = &found[1];
        assert_eq!(
            (python.kind.as_str(), python.fix_state),
            ("pypi", FixState::WontFix)
        );
        assert_eq!(
            python.locations,
            ["/usr/lib/python3/site-packages/requests"]
        );
        assert_eq!(python.severity_source.as_deref(), Some("github"));
    }

    #[test]
    fn an_empty_report_says_that_nothing_was_found() {
        for text in [
            r#"{"imageDigest":"sha256:ab","vulnerability_type":"os","vulnerabilities":[]}"#,
            r#"{"image_digest":"sha256:ab","vulnerabilities":null}"#,
        ] {
            let evidence = read(text).unwrap();
            assert_eq!(evidence.vulnerabilities, Some(vec![]), "{text}");
            assert_eq!(evidence.image.digests, ["sha256:ab"], "{text}");
        }
    }

    #[test]
    fn none_is_what_is_not_known() {
        let text = report(
            r#""vuln":"CVE-1","package":"a-1","package_version":"None","package_path":"None","package_type":"None","fix":"None","feed_group":"nvdv2:cves","url":"None""#,
        );
        let found = &read(&text).unwrap().vulnerabilities.unwrap()[0];
        let expected = Vulnerability {
            id: "CVE-1".to_owned(),
            package: "a-1".to_owned(),
            fix_state: FixState::NotFixed,
            severity_source: Some("nvd".to_owned()),
            ..Vulnerability::default()
        };
        assert_eq!(*found, expected);
    }

    #[test]
    fn a_wrong_report_is_refused_with_its_place() {
        let place = "vulnerabilities[0]";
        for (text, parts) in [
            (
                r#"{"imageDigest":"","vulnerabilities":[]}"#.to_owned(),
                vec!["imageDigest", "missing or empty"],
            ),
            (
                report(r#""package":"a""#),
                vec![place, "vuln", "missing or empty"],
            ),
            (report(r#""vuln":"CVE-1""#), vec![place, "package_name"]),
            (
                report(r#""vuln":"CVE-1","package":"a","will_not_fix":"no""#),
                vec!["will_not_fix"],
            ),
            (
                report(
                    r#""vuln":"CVE-1","package":"a","nvd_data":[{"cvss_v3":{"base_score":-2}}]"#,
                ),
                vec![place, "-2 is not from 0 to 10"],
            ),
            (
                report(r#""vuln":"CVE-1","package":"a","detected_at":"today""#),
                vec![place, "detected_at", "\"today\""],
            ),
        ] {
            let wrong = read(&text).unwrap_err().to_string();
            for part in parts {
                assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
            }
        }
    }
}
