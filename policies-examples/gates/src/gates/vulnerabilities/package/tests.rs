use crate::gates::tests::{found, run};
use touchstone_sdk::prelude::*;

const RULE: &str = "vulnerabilities.package";

fn image() -> Value {
    json!({"vulnerabilities": [
        {"id": "CVE-2026-1", "package": "openssl", "kind": "deb", "installed": "3.0.11-1", "severity": "high",
         "fixed": ["3.0.14-1", "3.1"], "fixState": "fixed", "links": ["https://example.com/1"],
         "fixedAt": "2025-12-01T00:00:00Z", "firstSeen": "2025-12-20T00:00:00Z",
         "scores": [{"source": "nvd", "version": "3.1", "base": 9.8, "exploitability": 3.9, "impact": 5.9},
                    {"source": "nvd", "version": "2.0", "base": 10.0}, {"source": "redhat", "version": "3.0", "base": 7.0}]},
        {"id": "CVE-2026-2", "package": "zlib", "kind": "deb", "severity": "medium", "fixState": "wontFix"},
        {"id": "CVE-2026-3", "package": "flask", "kind": "pypi", "installed": "2.0", "severity": "low",
         "locations": ["/usr/lib/python3/flask/METADATA", "/usr/lib/python3/flask/RECORD"],
         "scores": [{"source": "ghsa", "version": "3.1", "base": 7.5}]},
    ]})
}

/// The ids of what is found.
fn ids(compat: &str, rest: Value, evidence: &Value) -> Vec<String> {
    let mut params = json!({"package_type": "all"});
    params
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    let lines = found(compat, RULE, params, evidence);
    lines
        .into_iter()
        .map(|line| line.split(": ").next().unwrap().to_owned())
        .collect()
}

#[test]
fn filters_hold_together() {
    const OPENSSL: &str = "CVE-2026-1+openssl";
    const ZLIB: &str = "CVE-2026-2+zlib";
    const FLASK: &str = "CVE-2026-3+flask-2.0";
    for (rest, fixed, exact) in [
        (json!({}), vec![OPENSSL, FLASK], vec![OPENSSL, FLASK]),
        (
            json!({"vendor_only": "false"}),
            vec![OPENSSL, ZLIB, FLASK],
            vec![OPENSSL, ZLIB, FLASK],
        ),
        (
            json!({"package_type": "os", "vendor_only": "false"}),
            vec![OPENSSL, ZLIB],
            vec![OPENSSL, ZLIB],
        ),
        (json!({"package_type": "non-os"}), vec![FLASK], vec![FLASK]),
        (
            json!({"severity": "medium", "severity_comparison": "="}),
            vec![],
            vec![],
        ),
        (json!({"severity": "medium"}), vec![OPENSSL], vec![OPENSSL]),
        (
            json!({"severity": "high", "severity_comparison": "<"}),
            vec![FLASK],
            vec![FLASK],
        ),
        (
            json!({"severity": "high", "severity_comparison": "!="}),
            vec![FLASK],
            vec![FLASK],
        ),
        (
            json!({"cvss_v3_base_score": "9.8"}),
            vec![OPENSSL],
            vec![OPENSSL],
        ),
        (
            json!({"cvss_v3_base_score": "7.5"}),
            vec![OPENSSL, FLASK],
            vec![OPENSSL],
        ),
        (
            json!({"cvss_v3_base_score": "0", "cvss_v3_base_score_comparison": "<"}),
            vec![],
            vec![FLASK],
        ),
        (
            json!({"cvss_v3_exploitability_score": "3.9", "cvss_v3_exploitability_score_comparison": "="}),
            vec![OPENSSL],
            vec![OPENSSL],
        ),
        (json!({"cvss_v3_impact_score": "6"}), vec![], vec![]),
        (
            json!({"vendor_cvss_v3_base_score": "7.5"}),
            vec![FLASK],
            vec![FLASK],
        ),
        (
            json!({"fix_available": "true"}),
            vec![OPENSSL],
            vec![OPENSSL],
        ),
        (json!({"fix_available": "False"}), vec![FLASK], vec![FLASK]),
        (
            json!({"max_days_since_creation": "30"}),
            vec![FLASK],
            vec![FLASK],
        ),
        (
            json!({"max_days_since_creation": "7"}),
            vec![OPENSSL, FLASK],
            vec![OPENSSL, FLASK],
        ),
        (
            json!({"max_days_since_fix": "60", "fix_available": "true"}),
            vec![],
            vec![],
        ),
        (
            json!({"max_days_since_fix": "30", "fix_available": "true"}),
            vec![OPENSSL],
            vec![OPENSSL],
        ),
        (
            json!({"max_days_since_fix": "60"}),
            vec![OPENSSL, FLASK],
            vec![OPENSSL, FLASK],
        ),
        (
            json!({"package_path_exclude": "/usr/.*METADATA"}),
            vec![OPENSSL, FLASK],
            vec![OPENSSL, FLASK],
        ),
        (
            json!({"package_path_exclude": "/usr/lib/python3/.*"}),
            vec![OPENSSL],
            vec![OPENSSL],
        ),
        (
            json!({"package_path_exclude": ""}),
            vec![OPENSSL, FLASK],
            vec![OPENSSL],
        ),
    ] {
        assert_eq!(ids("fixed", rest.clone(), &image()), fixed, "fixed {rest}");
        assert_eq!(ids("exact", rest.clone(), &image()), exact, "exact {rest}");
    }
}

#[test]
fn the_text_is_anchores() {
    run(
        RULE,
        [
            (
                "fixed",
                json!({"package_type": "os", "severity": "medium", "cvss_v3_base_score": "7", "max_days_since_creation": "1", "vendor_cvss_v3_base_score": "1"}),
                image(),
                vec![
                    "CVE-2026-1+openssl: HIGH Vulnerability found in os package type (dpkg) - openssl (fixed in: 3.0.14-1, 3.1)(cvss_v3_base_score=9.8)(max_days_since_creation=2025-12-20)(vendor_cvss_v3_base_score=7.0)(CVE-2026-1 - https://example.com/1)",
                ],
            ),
            (
                "fixed",
                json!({"package_type": "non-os"}),
                image(),
                vec![
                    "CVE-2026-3+flask-2.0: LOW Vulnerability found in non-os package type (python) - /usr/lib/python3/flask/METADATA (CVE-2026-3 - None)",
                ],
            ),
            (
                "fixed",
                json!({"package_type": "all"}),
                json!({}),
                vec!["needs a report that lists vulnerabilities"],
            ),
            (
                "exact",
                json!({"package_type": "all"}),
                json!(null),
                vec!["needs a report that lists vulnerabilities"],
            ),
        ],
    );
}

#[test]
fn a_package_is_called_by_its_file() {
    for (kind, package, paths, expected) in [
        (
            "maven",
            "org.x:log4j-core",
            vec!["/app/a.jar", "/app/lib/log4j-core-2.14.1.jar"],
            vec!["a.jar", "log4j-core-2.14.1.jar"],
        ),
        (
            "maven",
            "org.x:log4j-core",
            vec!["pom.xml"],
            vec!["org.x:log4j-core-1"],
        ),
        (
            "gem",
            "rack",
            vec!["specifications/rack-1.gemspec"],
            vec!["rack-1.gemspec"],
        ),
        ("gem", "rack", vec!["Gemfile.lock"], vec!["rack-1"]),
        (
            "npm",
            "@babel/core",
            vec!["app/node_modules/@babel/core/package.json"],
            vec!["core"],
        ),
        ("npm", "left", vec!["package.json"], vec!["left-1"]),
        ("npm", "left", vec!["app/package-lock.json"], vec!["left-1"]),
        (
            "npm",
            "left",
            vec!["a/left/package.json", "b/left/package.json"],
            vec!["left"],
        ),
        (
            "golang",
            "github.com/a/b",
            vec!["/bin/x"],
            vec!["github.com/a/b-1"],
        ),
        ("cargo", "rand", vec![], vec!["rand-1"]),
        ("rpm", "bash", vec!["/var/lib/rpm"], vec!["bash"]),
        ("", "bash", vec![], vec!["bash"]),
    ] {
        let evidence = json!({"vulnerabilities": [
            {"id": "CVE-1", "package": package, "kind": kind, "installed": "1", "severity": "high", "locations": paths},
        ]});
        let expected: Vec<String> = expected
            .iter()
            .map(|name| format!("CVE-1+{name}"))
            .collect();
        assert_eq!(
            ids("fixed", json!({}), &evidence),
            expected,
            "{kind} {paths:?}"
        );
    }
}

#[test]
fn what_has_no_type_may_be_either() {
    let evidence =
        json!({"vulnerabilities": [{"id": "CVE-1", "package": "bash", "severity": "high"}]});
    for kind in ["all", "os", "non-os"] {
        assert_eq!(
            ids("fixed", json!({"package_type": kind}), &evidence),
            ["CVE-1+bash"]
        );
    }
}
