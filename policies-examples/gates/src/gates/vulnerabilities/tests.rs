use crate::gates::tests::run;
use touchstone_sdk::prelude::*;

#[test]
fn each_listed_vulnerability_is_told() {
    let image = || {
        json!({"vulnerabilities": [
            {"id": "CVE-2026-1", "package": "openssl", "aliases": ["DSA-1"]},
            {"id": "CVE-2026-2", "package": "zlib", "fixState": "wontFix"},
            {"id": "CVE-2026-3", "package": "curl"},
            {"id": "CVE-2026-4", "package": "bash", "vex": {"status": "not_affected"}},
        ]})
    };
    let ask = |ids: &str| json!({"vulnerability_ids": ids});
    run(
        "vulnerabilities.blacklist",
        [
            (
                "exact",
                ask("CVE-2026-1, CVE-2026-3"),
                image(),
                vec!["Blacklisted vulnerabilities detected: ['CVE-2026-1', 'CVE-2026-3']"],
            ),
            (
                "fixed",
                ask("CVE-2026-1, CVE-2026-3"),
                image(),
                vec![
                    "Blacklisted vulnerabilities detected: ['CVE-2026-1']",
                    "Blacklisted vulnerabilities detected: ['CVE-2026-3']",
                ],
            ),
            (
                "fixed",
                ask("DSA-1"),
                image(),
                vec!["Blacklisted vulnerabilities detected: ['DSA-1']"],
            ),
            ("exact", ask("DSA-1"), image(), vec![]),
            ("fixed", ask("CVE-2026-2"), image(), vec![]),
            (
                "fixed",
                json!({"vulnerability_ids": "CVE-2026-2", "vendor_only": "false"}),
                image(),
                vec!["Blacklisted vulnerabilities detected: ['CVE-2026-2']"],
            ),
            ("fixed", ask("CVE-2026-4"), image(), vec![]),
            (
                "exact",
                ask("CVE-2026-1"),
                json!({}),
                vec!["needs a report that lists vulnerabilities"],
            ),
        ],
    );
}

#[test]
fn a_database_is_stale_when_it_is_old_or_of_unknown_age() {
    const STALE: &str =
        "The vulnerability feed for this image distro is older than MAXAGE (2) days";
    let made = |times: &[&str]| {
        let reports: Vec<Value> = times
            .iter()
            .map(|time| json!({"tool": "grype", "database": time}))
            .collect();
        json!({"reports": reports, "vulnerabilities": []})
    };
    let ask = || json!({"max_days_since_sync": "2"});
    run(
        "vulnerabilities.stale_feed_data",
        [
            ("fixed", ask(), made(&["2026-01-09T00:00:00Z"]), vec![]),
            ("fixed", ask(), made(&["2026-01-08T23:59:59Z"]), vec![STALE]),
            (
                "fixed",
                ask(),
                made(&["2026-01-01T00:00:00Z", "2026-01-10T00:00:00Z"]),
                vec![],
            ),
            ("fixed", ask(), made(&[]), vec![STALE]),
            (
                "fixed",
                ask(),
                json!({"reports": [{"tool": "syft", "database": "2026-01-10T00:00:00Z"}]}),
                vec![STALE],
            ),
            ("exact", ask(), json!(null), vec![STALE]),
        ],
    );
}

#[test]
fn where_nobody_looked_there_is_no_data() {
    run(
        "vulnerabilities.vulnerability_data_unavailable",
        [
            ("fixed", json!({}), json!({"vulnerabilities": []}), vec![]),
            (
                "fixed",
                json!({}),
                json!({"distribution": {"name": "debian", "version": "12"}}),
                vec![
                    "Distro-specific feed data not found for distro namespace: debian:12. Cannot perform CVE scan OS/distro packages",
                ],
            ),
            (
                "exact",
                json!({}),
                json!(null),
                vec![
                    "Distro-specific feed data not found for distro namespace: unknown:unknown. Cannot perform CVE scan OS/distro packages",
                ],
            ),
        ],
    );
}
