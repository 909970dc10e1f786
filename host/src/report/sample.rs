//! Decisions made by hand, for the tests of every format.

use std::io::Write;

use serde_json::json;

use super::Judged;
use crate::evidence::{Provenance, Severity};
use crate::model::*;

/// Texts that want out of the place where they are put.
pub(super) const HOSTILE: [&str; 16] = [
    "\"quotes\" 'and' `ticks` & ampersands",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]></failure><!-- --><?php",
    "</script></style></details></table>",
    "a | b || c \\| d\n| e | f |\n\n# heading\n\n- item",
    "@maintainer see #42, GH-7 and org/repo#1, !5, ~label",
    "[click](https://evil.example) ![x](https://evil.example/x.png) <https://evil.example>",
    "www.evil.example https://evil.example/path me@evil.example",
    "::error file=x::gotcha\n::stop-commands::x\r\n::set-output name=a::b % %0A %25",
    "user\u{202e}gpj.exe \u{2066}x\u{2069} \u{200f}",
    "nul\u{0} bell\u{7} escape\u{1b}[31m delete\u{7f} next\u{85} \u{fffe}\u{ffff}",
    "\u{feff}bom \u{e0041}tag \u{2028}line\u{2029}paragraph",
    "{0} {{1}} [text](1) %s $(id) ${jndi:ldap://x} {% raw %}",
    "``` fence ```` `one` \\` **bold** _it_ ~~s~~ $x$",
    "../../../etc/passwd\\..\\x%2e%2e/%",
    "日本語 — ünïcödé 🦀",
];

pub(super) fn finding(id: &str, level: Level, severity: Severity, message: &str) -> Finding {
    Finding {
        id: id.to_owned(),
        level,
        severity,
        message: message.to_owned(),
        target: None,
        remedy: None,
        image: None,
        package: None,
        path: None,
        links: Vec::new(),
        details: None,
        waiver: None,
    }
}

pub(super) fn waived(state: WaiverState) -> Waived {
    Waived {
        id: "W-17".to_owned(),
        state,
        owner: "security@example.com".to_owned(),
        reason: "not reachable: the parser is not compiled in".to_owned(),
        ticket: Some("SEC-1203".to_owned()),
        expires: "2026-03-01T00:00:00Z".parse().ok(),
    }
}

/// In enforce mode, with the verdict that its findings lead to.
pub(super) fn policy(name: &str, findings: Vec<Finding>) -> PolicyDecision {
    let outcome = Outcome {
        findings,
        ..Outcome::default()
    };
    let verdict = outcome.verdict();
    PolicyDecision {
        name: name.to_owned(),
        mode: Mode::Enforce,
        verdict: verdict.into(),
        counts_as: verdict,
        findings: outcome.findings,
        fault: None,
        last_known: None,
        patch: None,
        value: None,
        explain: Some(Explain {
            duration_us: 1_250,
            ..Explain::default()
        }),
    }
}

pub(super) fn undecided(name: &str, fault: Fault, counts_as: Verdict) -> PolicyDecision {
    PolicyDecision {
        verdict: PolicyVerdict::Indeterminate,
        counts_as,
        fault: Some(fault),
        ..policy(name, Vec::new())
    }
}

pub(super) fn monitor(policy: PolicyDecision) -> PolicyDecision {
    PolicyDecision {
        mode: Mode::Monitor,
        ..policy
    }
}

/// About one image, with the verdict of its policies.
pub(super) fn decision(image: &str, policies: Vec<PolicyDecision>) -> Decision {
    let enforcing = || policies.iter().filter(|one| one.mode == Mode::Enforce);
    Decision {
        id: "019a0000-0000-7000-8000-000000000001".to_owned(),
        event: EventSummary {
            id: "event-1".to_owned(),
            kind: "image.scanned".to_owned(),
            source: "/ci".to_owned(),
            time: "2026-02-03T04:05:06Z".parse().unwrap(),
            subject: Some(image.to_owned()),
            namespace: None,
            images: vec![image.to_owned()],
        },
        generation: "4f1c2a9be07d".to_owned(),
        verdict: enforcing()
            .map(|one| one.counts_as)
            .max()
            .unwrap_or(Verdict::Allow),
        indeterminate: enforcing().any(|one| one.fault.is_some()),
        dry_run: false,
        exempt: None,
        patch: None,
        policies,
        evidence: Vec::new(),
        skipped: Vec::new(),
        actions: Vec::new(),
        duration_us: 3_400,
    }
}

pub(super) fn judged(name: &str, decision: Decision) -> Judged {
    Judged {
        name: name.to_owned(),
        result: Ok(decision),
        performed: Default::default(),
    }
}

/// What a format makes of it.
pub(super) fn written(
    write: fn(&mut dyn Write, &[Judged]) -> std::io::Result<()>,
    judged: &[Judged],
) -> String {
    let mut out = Vec::new();
    write(&mut out, judged).unwrap();
    String::from_utf8(out).unwrap()
}

/// One decision with hostile texts in every place that a guest, a report or a sender fills.
pub(super) fn hostile() -> Vec<Judged> {
    let findings = |level| {
        HOSTILE.map(|text| Finding {
            target: Some(text.to_owned()),
            remedy: Some(text.to_owned()),
            image: Some(text.to_owned()),
            package: Some(text.to_owned()),
            path: Some(text.to_owned()),
            links: vec![text.to_owned(), "https://example.com/a?b=c&d".to_owned()],
            details: Some(json!({ "anchore": { "row": [text, 1] }, "x": text })),
            ..finding(text, level, Severity::High, text)
        })
    };
    let mut all = decision(HOSTILE[1], Vec::new());
    for (index, text) in HOSTILE.into_iter().enumerate() {
        let mut some = Vec::from(findings([Level::Deny, Level::Warn, Level::Info][index % 3]));
        for (finding, state) in some
            .iter_mut()
            .zip([WaiverState::Active, WaiverState::Expired])
        {
            finding.waiver = Some(Waived {
                id: text.to_owned(),
                owner: text.to_owned(),
                reason: text.to_owned(),
                ticket: Some(text.to_owned()),
                ..waived(state)
            });
        }
        all.policies.push(policy(text, some));
        let reason = text.to_owned();
        let fault = Fault::Undecided {
            policy: text.to_owned(),
            reason,
        };
        all.policies.push(undecided(text, fault, Verdict::Deny));
        all.skipped.push(text.to_owned());
        all.actions.push(action(text, Plan::Due));
        all.evidence.push(known(text));
    }
    all.verdict = Verdict::Deny;
    all.indeterminate = true;
    all.id = HOSTILE[4].to_owned();
    all.generation = HOSTILE[4].to_owned();
    all.event.kind = HOSTILE[8].to_owned();
    all.event.namespace = Some(HOSTILE[9].to_owned());
    let broken = HOSTILE.map(|text| Judged {
        name: text.to_owned(),
        result: Err(text.to_owned()),
        performed: Default::default(),
    });
    let mut judged = vec![self::judged(HOSTILE[8], all)];
    judged.extend(broken);
    judged
}

fn action(text: &str, state: Plan) -> PlannedAction {
    PlannedAction {
        id: "019a0000-0000-7000-8000-00000000000a".to_owned(),
        policy: text.to_owned(),
        kind: "webhook".into(),
        target: text.to_owned(),
        condition: Condition::Denied,
        state,
        request: None,
    }
}

fn known(text: &str) -> KnownImage {
    KnownImage {
        image: text.to_owned(),
        found_by: "digest".into(),
        digests: vec![text.to_owned()],
        reports: vec![Provenance {
            format: text.to_owned(),
            tool: text.to_owned(),
            version: Some(text.to_owned()),
            database: "2026-02-01T06:00:00Z".parse().ok(),
            scanned: "2026-02-02T07:30:00Z".parse().ok(),
            received: None,
            digest: text.to_owned(),
            ..Provenance::default()
        }],
    }
}

/// What a pipeline might see: denied, allowed with a warning, allowed, not judged.
pub(super) fn corpus() -> Vec<Judged> {
    let mut pod = judged("deploy/pod.yaml#1", a_pod());
    if let Ok(pod) = &mut pod.result {
        pod.id = "019a0000-0000-7000-8000-000000000002".to_owned();
    }
    vec![
        judged("reports/shop.json", a_denied_image()),
        pod,
        judged(
            "reports/base.json",
            decision(
                "registry.example.com:5000/base/debian:12.5",
                vec![policy("vulnerabilities", Vec::new())],
            ),
        ),
        Judged {
            name: "reports/cut.json".to_owned(),
            result: Err("malformed JSON at line 3, column 9: expected a value".to_owned()),
            performed: Default::default(),
        },
    ]
}

fn a_denied_image() -> Decision {
    let image = "registry.example.com/shop/web:2.4.1";
    let mut decision = decision(
        image,
        vec![
            vulnerabilities(image),
            policy(
                "dockerfile",
                vec![Finding {
                    path: Some("/etc/ssh/sshd_config".to_owned()),
                    remedy: Some("remove openssh-server from the image".to_owned()),
                    ..finding(
                        "no-ssh",
                        Level::Warn,
                        Severity::Medium,
                        "an SSH server is installed",
                    )
                }],
            ),
            monitor(policy(
                "licences",
                vec![Finding {
                    package: Some("readline".to_owned()),
                    ..finding(
                        "gpl-3.0",
                        Level::Deny,
                        Severity::Low,
                        "GPL-3.0-or-later is not allowed",
                    )
                }],
            )),
            undecided(
                "signatures",
                Fault::Wall {
                    policy: "signatures".to_owned(),
                    limit: "2s".to_owned(),
                },
                Verdict::Deny,
            ),
        ],
    );
    decision.skipped = vec!["promotion".to_owned()];
    decision.actions = vec![
        PlannedAction {
            policy: "vulnerabilities".to_owned(),
            ..action("https://hooks.example.com/security", Plan::Due)
        },
        PlannedAction {
            policy: "signatures".to_owned(),
            kind: "command".into(),
            condition: Condition::Allowed,
            ..action("sign", Plan::Skipped)
        },
    ];
    let digest = format!("sha256:{}", "5e".repeat(32));
    decision.evidence = vec![KnownImage {
        digests: vec![digest],
        reports: vec![Provenance {
            format: "trivy".to_owned(),
            tool: "Trivy".to_owned(),
            version: Some("0.69.1".to_owned()),
            digest: format!("sha256:{}", "c0".repeat(32)),
            ..known("").reports.remove(0)
        }],
        ..known(image)
    }];
    decision
}

fn vulnerabilities(image: &str) -> PolicyDecision {
    let log4j = Finding {
        image: Some(image.to_owned()),
        package: Some("org.apache.logging.log4j:log4j-core".to_owned()),
        path: Some("/app/lib/log4j-core-2.14.1.jar".to_owned()),
        remedy: Some("update log4j-core to 2.17.1".to_owned()),
        links: vec!["https://avd.aquasec.com/nvd/cve-2021-44228".to_owned()],
        ..finding(
            "CVE-2021-44228",
            Level::Deny,
            Severity::Critical,
            "remote code execution in log4j-core 2.14.1",
        )
    };
    let openssl = Finding {
        image: Some(image.to_owned()),
        package: Some("openssl".to_owned()),
        ..finding(
            "CVE-2024-5535",
            Level::Deny,
            Severity::High,
            "openssl 3.0.11 reads too far",
        )
    };
    let xml = Finding {
        package: Some("libexpat1".to_owned()),
        waiver: Some(waived(WaiverState::Active)),
        ..finding(
            "CVE-2023-52425",
            Level::Deny,
            Severity::High,
            "expat can be kept busy",
        )
    };
    let zlib = Finding {
        package: Some("zlib1g".to_owned()),
        waiver: Some(Waived {
            id: "W-3".to_owned(),
            reason: "until the next base image".to_owned(),
            ticket: None,
            expires: "2026-01-15T12:00:00Z".parse().ok(),
            ..waived(WaiverState::Expired)
        }),
        ..finding(
            "CVE-2023-45853",
            Level::Warn,
            Severity::Low,
            "zlib overflows in MiniZip",
        )
    };
    let age = finding(
        "scan-age",
        Level::Info,
        Severity::Unknown,
        "scanned a day ago",
    );
    policy("vulnerabilities", vec![log4j, openssl, xml, zlib, age])
}

fn a_pod() -> Decision {
    let images = ["nginx:1.27", "ghcr.io/shop/sidecar:latest"];
    let mut decision = decision(
        images[0],
        vec![policy(
            "tags",
            vec![Finding {
                image: Some(images[1].to_owned()),
                target: Some("spec.containers[1]".to_owned()),
                remedy: Some("name a version".to_owned()),
                ..finding(
                    "no-latest-tag",
                    Level::Warn,
                    Severity::Medium,
                    "the tag is latest",
                )
            }],
        )],
    );
    decision.event.kind = "pod.review".to_owned();
    decision.event.subject = None;
    decision.event.namespace = Some("production".to_owned());
    decision.event.images = images.map(str::to_owned).into();
    decision.dry_run = true;
    decision
}
