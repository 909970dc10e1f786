//! Harbor's vulnerability report (Harbor 2, `GET …/artifacts/{reference}/additions/vulnerabilities`): reports by media
//! type; and the report alone, as scanners give it to Harbor (Pluggable Image Vulnerability Scanning 1.1,
//! `HarborVulnerabilityReport`), with the artefact.

use serde::Deserialize;

use super::super::model::{Evidence, Identity, Provenance, Score, Severity, Vulnerability};
use super::raw::{Map, Text, filled, list, report, required, score, sorted, texts};
use super::trivy::{Cvss, fix_state, scores, versions};
use super::{Repeats, Sketch, Wrong, time};

/// Reports by media type. The older one lacks scores; with both, the newer counts.
#[derive(Deserialize)]
struct ByType<'a> {
    #[serde(
        borrow,
        rename = "application/vnd.security.vulnerability.report; version=1.1"
    )]
    newer: Option<Report<'a>>,
    #[serde(
        borrow,
        rename = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
    )]
    older: Option<Report<'a>>,
}

#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    generated_at: Option<Text<'a>>,
    #[serde(borrow)]
    artifact: Option<Artifact<'a>>,
    #[serde(borrow)]
    scanner: Option<Scanner<'a>>,
    #[serde(default, deserialize_with = "list::<_, Item, _>")]
    vulnerabilities: Option<Vec<Found>>,
}

#[derive(Deserialize)]
struct Artifact<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Scanner<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    package: Option<Text<'a>>,
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow)]
    fix_version: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    links: Option<Vec<String>>,
    artifact_digests: Option<Vec<String>>,
    #[serde(borrow)]
    layer: Option<Layer<'a>>,
    #[serde(borrow)]
    preferred_cvss: Option<Preferred<'a>>,
    #[serde(borrow)]
    vendor_attributes: Option<Attributes<'a>>,
}

#[derive(Deserialize)]
struct Layer<'a> {
    #[serde(borrow)]
    digest: Option<Text<'a>>,
    #[serde(borrow)]
    diff_id: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Preferred<'a> {
    score_v3: Option<f64>,
    score_v2: Option<f64>,
    #[serde(borrow)]
    vector_v3: Option<Text<'a>>,
    #[serde(borrow)]
    vector_v2: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow, rename = "CVSS")]
    cvss: Option<Map<'a, Cvss<'a>>>,
}

/// A vulnerability, and the manifests that it is in.
struct Found {
    vulnerability: Vulnerability,
    digests: Vec<String>,
}

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let Sketch::Object(keys) = sketch else {
        return false;
    };
    let types = [
        "application/vnd.security.vulnerability.report",
        "application/vnd.scanner.adapter.vuln.report.",
    ];
    let is_type = |key: &str| types.iter().any(|known| key.starts_with(known));
    keys.iter().any(|(key, _)| is_type(key)) || is_bare(sketch)
}

fn is_bare(sketch: &Sketch<'_>) -> bool {
    sketch.has(&["generated_at", "scanner", "vulnerabilities"])
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    if sonic_rs::get(text, &["generated_at"]).is_ok() {
        return evidence(report(text)?);
    }
    let reports: ByType<'_> = report(text)?;
    let Some(report) = reports.newer.or(reports.older) else {
        let reason = "has no vulnerability report of version 1.1 or 1.0, which are read";
        return Err(Wrong::at("the document", reason));
    };
    evidence(report)
}

fn evidence(report: Report<'_>) -> Result<Evidence, Wrong> {
    let scanner = report.scanner;
    let (name, version) = scanner.map_or((None, None), |one| (one.name, one.version));
    let name = filled(name).unwrap_or_else(|| "Harbor".to_owned());
    let scanned = filled(report.generated_at).unwrap_or_default();
    let (mut repeats, mut digests, mut vulnerabilities) =
        (Repeats::default(), Vec::new(), Vec::new());
    for found in report.vulnerabilities.unwrap_or_default() {
        let mut vulnerability = found.vulnerability;
        repeats.add(
            "scanner.name",
            name.len() * (1 + vulnerability.scores.len()),
        )?;
        vulnerability.severity_source = Some(name.clone());
        for score in &mut vulnerability.scores {
            if score.source.is_empty() {
                score.source.clone_from(&name);
            }
        }
        digests.extend(found.digests);
        vulnerabilities.push(vulnerability);
    }
    // The report of an index is about several images.
    let mut digests = sorted(digests);
    digests.truncate(if digests.len() == 1 { 1 } else { 0 });
    digests.extend(report.artifact.and_then(|artifact| filled(artifact.digest)));
    Ok(Evidence {
        image: Identity {
            digests: sorted(digests),
            ..Identity::default()
        },
        reports: vec![Provenance {
            tool: name,
            version: filled(version),
            scanned: time("generated_at", &scanned)?,
            ..Provenance::default()
        }],
        vulnerabilities: Some(vulnerabilities),
        ..Evidence::default()
    })
}

impl TryFrom<Item<'_>> for Found {
    type Error = Wrong;

    fn try_from(raw: Item<'_>) -> Result<Found, Wrong> {
        let fixed = versions(filled(raw.fix_version));
        let severity = filled(raw.severity);
        let by_source = raw.vendor_attributes.and_then(|attributes| attributes.cvss);
        let mut scores = match by_source {
            Some(by_source) => scores(by_source)?,
            None => Vec::new(),
        };
        if let Some(preferred) = raw.preferred_cvss.filter(|_| scores.is_empty()) {
            scores = preferred.scores()?;
        }
        Ok(Found {
            vulnerability: Vulnerability {
                id: required("id", raw.id)?,
                package: required("package", raw.package)?,
                installed: filled(raw.version),
                layer: raw
                    .layer
                    .and_then(|layer| filled(layer.digest).or_else(|| filled(layer.diff_id))),
                fix_state: fix_state(raw.status, !fixed.is_empty()),
                fixed,
                severity: severity.as_deref().map(Severity::of).unwrap_or_default(),
                severity_text: severity,
                scores,
                links: texts(raw.links),
                ..Vulnerability::default()
            },
            digests: texts(raw.artifact_digests),
        })
    }
}

impl Preferred<'_> {
    /// Whose scores these are, the scanner does not tell.
    fn scores(self) -> Result<Vec<Score>, Wrong> {
        let pairs = [
            ("2.0", self.score_v2, self.vector_v2),
            ("3.0", self.score_v3, self.vector_v3),
        ];
        let known = pairs.into_iter().filter_map(|(version, base, vector)| {
            let base = base.filter(|base| *base != 0.0)?;
            Some(score("", version, base, filled(vector)))
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::model::FixState;
    use super::*;

    const SAMPLE: &str = include_str!("../../../../tests/reports/harbor.json");

    fn bare(rest: &str) -> String {
        format!(r#"{{"generated_at":"2026-03-02T08:15:30Z","scanner":{{"name":"Trivy"}}{rest}}}"#)
    }

    #[test]
    fn vulnerabilities_are_read() {
        let evidence = read(SAMPLE).unwrap();
        let report = &evidence.reports[0];
        assert_eq!(
            (report.tool.as_str(), report.version.as_deref()),
            ("Trivy", Some("v0.68.1"))
        );
        assert_eq!(
            report.scanned,
            Some("2026-03-02T08:15:30.25Z".parse().unwrap())
        );
        assert_eq!(
            evidence.image.digests,
            [format!("sha256:{}", "9".repeat(64))]
        );
        let found = evidence.vulnerabilities.unwrap();
        let score = |version: &str, vector: &str, base| Score {
            source: "nvd".to_owned(),
            version: version.to_owned(),
            vector: Some(vector.to_owned()),
            base,
            ..Score::default()
        };
        let expected = Vulnerability {
            id: "CVE-2030-1515".to_owned(),
            package: "curl".to_owned(),
            installed: Some("7.74.0-1".to_owned()),
            fixed: vec!["7.74.0-2".to_owned()],
            fix_state: FixState::Fixed,
            severity: Severity::High,
            severity_source: Some("Trivy".to_owned()),
            severity_text: Some("High".to_owned()),
            scores: vec![
                score("2.0", "AV:N/AC:M/Au:N/C:P/I:P/A:P", 6.8),
                score("3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 8.8),
            ],
            links: vec!["https://vulnerabilities.example.com/cve-2030-1515".to_owned()],
            ..Vulnerability::default()
        };
        assert_eq!(found[0], expected);
        let other = &found[1];
        assert_eq!(
            (other.severity, other.fix_state),
            (Severity::Negligible, FixState::WontFix)
        );
        let preferred = Score {
            source: "Trivy".to_owned(),
            version: "3.0".to_owned(),
            base: 5.3,
            ..Score::default()
        };
        assert_eq!(other.scores, [preferred]);
    }

    #[test]
    fn a_report_is_read_alone_and_by_type() {
        let alone = bare(r#","vulnerabilities":[{"id":"CVE-1","package":"a"}]"#);
        let one = |version: &str| format!(r#""application/vnd.{version}":{alone}"#);
        let newer = one("security.vulnerability.report; version=1.1");
        let older = one("scanner.adapter.vuln.report.harbor+json; version=1.0");
        let empty = older.replace(r#"[{"id":"CVE-1","package":"a"}]"#, "[]");
        for (name, text) in [
            ("alone", alone.clone()),
            ("newer", format!("{{{newer}}}")),
            ("older", format!("{{{older}}}")),
            ("both", format!("{{{empty},{newer}}}")),
        ] {
            let found = read(&text).unwrap().vulnerabilities.unwrap();
            assert_eq!(
                (found.len(), found[0].severity_source.as_deref()),
                (1, Some("Trivy")),
                "{name}"
            );
        }
    }

    #[test]
    fn an_empty_report_says_that_nothing_was_found() {
        for list in ["[]", "null"] {
            let text = bare(&format!(r#","vulnerabilities":{list}"#));
            assert_eq!(read(&text).unwrap().vulnerabilities, Some(vec![]), "{list}");
        }
    }

    #[test]
    fn an_image_is_told_by_its_digest_unless_there_are_several() {
        let item = |digest: &str| {
            format!(r#"{{"id":"CVE-1","package":"a","artifact_digests":["{digest}"]}}"#)
        };
        for (rest, expected) in [
            (
                format!(r#","vulnerabilities":[{}]"#, item("sha256:1")),
                vec!["sha256:1"],
            ),
            (
                format!(
                    r#","vulnerabilities":[{},{}]"#,
                    item("sha256:1"),
                    item("sha256:2")
                ),
                vec![],
            ),
            (
                r#","artifact":{"digest":"sha256:3"}"#.to_owned(),
                vec!["sha256:3"],
            ),
            (String::new(), vec![]),
        ] {
            assert_eq!(
                read(&bare(&rest)).unwrap().image.digests,
                expected,
                "{rest}"
            );
        }
    }

    #[test]
    fn a_wrong_report_is_refused_with_its_place() {
        let item = |fields: &str| bare(&format!(r#","vulnerabilities":[{{{fields}}}]"#));
        let place = "vulnerabilities[0]";
        for (text, parts) in [
            (
                r#"{"application/vnd.security.vulnerability.report; version=2.0":{}}"#.to_owned(),
                vec!["version 1.1 or 1.0"],
            ),
            (
                bare(r#","vulnerabilities":{}"#),
                vec!["vulnerabilities", "invalid type"],
            ),
            (
                item(r#""package":"a""#),
                vec![place, "id", "missing or empty"],
            ),
            (
                item(r#""id":"CVE-1""#),
                vec![place, "package", "missing or empty"],
            ),
            (
                item(r#""id":"CVE-1","package":"a","preferred_cvss":{"score_v3":11}"#),
                vec![place, "11 is not from 0 to 10"],
            ),
            (
                item(
                    r#""id":"CVE-1","package":"a","vendor_attributes":{"CVSS":{"nvd":{"V2Score":-1}}}"#,
                ),
                vec![place, "-1 is not from 0 to 10"],
            ),
            (
                bare("").replace("2026-03-02T08:15:30Z", "now"),
                vec!["generated_at", "\"now\""],
            ),
        ] {
            let wrong = read(&text).unwrap_err().to_string();
            for part in parts {
                assert!(wrong.contains(part), "{text}\n{wrong}\n{part}");
            }
        }
    }

    #[test]
    fn a_long_name_is_not_repeated_without_end() {
        let items = vec![r#"{"id":"CVE-1","package":"a"}"#; 400].join(",");
        let text = bare(&format!(r#","vulnerabilities":[{items}]"#));
        let text = text.replace("Trivy", &"x".repeat(1 << 20));
        assert!(
            read(&text)
                .unwrap_err()
                .to_string()
                .starts_with("scanner.name")
        );
    }
}
