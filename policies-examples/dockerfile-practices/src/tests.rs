//! What comes of whole evidence.

use super::*;
use touchstone_sdk::testing::{Host, TestEvent};

/// The instructions of a Dockerfile, a line each.
fn dockerfile(text: &str) -> Value {
    let mut stages = 0_u32;
    let instructions = text.lines().zip(1..).map(|(text, line)| {
        let (name, arguments) = text.split_once(' ').unwrap();
        stages += u32::from(name == "FROM");
        json!({"name": name, "arguments": arguments, "line": line, "stage": stages.saturating_sub(1)})
    });
    instructions.collect()
}

fn judge(settings: Value, evidence: Value) -> Vec<Finding> {
    let event = TestEvent::new("image.scanned")
        .image("", "acme/web:1")
        .evidence(evidence);
    let outcome = Host::new().evaluate::<Practices>(settings, event);
    outcome.unwrap().findings
}

/// Only this rule.
fn only(rule: &str) -> Value {
    let rules: serde_json::Map<String, Value> = RULES
        .iter()
        .map(|one| {
            (
                one.id.to_owned(),
                json!(if one.id == rule { "deny" } else { "off" }),
            )
        })
        .collect();
    json!({"rules": rules})
}

/// What a rule says.
fn messages(rule: &str, evidence: Value) -> Vec<String> {
    let findings = judge(only(rule), evidence).into_iter();
    findings
        .map(|finding| {
            assert_eq!(finding.image.as_deref(), Some("acme/web:1"));
            assert_eq!(finding.level, Level::Deny);
            assert!(finding.remedy.is_some());
            assert_eq!(finding.path.is_some(), finding.message.contains(", line "));
            match finding.id == rule {
                true => finding.message,
                false => finding.id,
            }
        })
        .collect()
}

fn cases(rule: &str, cases: &[(&str, &[&str])]) {
    for (text, expected) in cases {
        let found = messages(rule, json!({"dockerfile": dockerfile(text)}));
        assert_eq!(found, *expected, "{rule}: {text}");
    }
}

#[test]
fn every_rule_has_its_key_and_is_off_when_it_is_off() {
    for rule in RULES {
        assert_eq!(
            (rule.act)(&Practices::default().rules) == Act::Off,
            ["from-digest", "package-pin"].contains(&rule.id)
        );
        let everything = "FROM debian\nEXPOSE 22\nENV TOKEN=x\nADD https://x/y /y\nADD a b\nRUN curl x | sudo sh\nRUN apt-get install vim";
        assert!(
            !messages(rule.id, json!({"dockerfile": dockerfile(everything)})).is_empty(),
            "{}",
            rule.id
        );
    }
    assert!(
        judge(
            only("none"),
            json!({"dockerfile": dockerfile("FROM debian")})
        )
        .iter()
        .all(|one| one.id == "no-evidence")
    );
}

#[test]
fn the_last_user_of_the_image_is_not_root() {
    cases(
        "user",
        &[
            ("FROM a\nUSER web", &[]),
            ("FROM a\nUSER 1001:0", &[]),
            (
                "FROM a",
                &["it has no USER, so it runs as root unless its base says otherwise"],
            ),
            (
                "FROM a\nUSER web\nUSER root",
                &["it runs as root: USER root, line 3"],
            ),
            ("FROM a\nUSER 0:0", &["it runs as root: USER 0:0, line 2"]),
            (
                "FROM a\nUSER root:root",
                &["it runs as root: USER root:root, line 2"],
            ),
            ("FROM a\nUSER 00", &["it runs as root: USER 00, line 2"]),
            ("FROM a AS base\nUSER web\nFROM base", &[]),
            (
                "FROM a AS build\nUSER web\nFROM b",
                &["it has no USER, so it runs as root unless its base says otherwise"],
            ),
            ("FROM a\nARG X=web\nUSER ${X}", &[]),
            (
                "ARG X=root\nFROM a\nARG X\nUSER $X",
                &["it runs as root: USER root, line 4"],
            ),
            (
                "FROM a\nARG X\nUSER ${X}",
                &["nobody can tell who it runs as: USER ${X}, and X has no default, line 3"],
            ),
        ],
    );
    for (configuration, expected) in [
        (json!({"user": "nginx"}), &[][..]),
        (json!({"user": "0"}), &["it runs as root: USER 0, line 3"]),
        (
            json!({}),
            &["its configuration sets no USER, whatever the Dockerfile says, line 3"],
        ),
    ] {
        let evidence = json!({"dockerfile": dockerfile("FROM a\nARG X\nUSER $X"), "configuration": configuration});
        assert_eq!(messages("user", evidence), expected, "{configuration}");
    }
    assert_eq!(
        messages("user", json!({"configuration": {}})),
        ["it runs as root, since no USER is set"]
    );
    let history = json!([{"createdBy": "/bin/sh -c #(nop)  USER root"}]);
    assert_eq!(
        messages("user", json!({"history": history})),
        ["it runs as root: USER root, as the image's history tells"]
    );
}

#[test]
fn forbidden_ports_are_not_exposed() {
    cases(
        "ports",
        &[
            ("FROM a\nEXPOSE 80 443/tcp", &[]),
            ("FROM a\nEXPOSE 80 22", &["it exposes 22/tcp, line 2"]),
            (
                "FROM a\nEXPOSE 20-25/tcp",
                &["it exposes 20-25/tcp, line 2"],
            ),
            (
                "FROM a\nENV P=22\nEXPOSE $P",
                &["it exposes 22/tcp, line 3"],
            ),
            (
                "FROM a\nEXPOSE $P",
                &["nobody can tell what it exposes: EXPOSE $P, and P has no default, line 2"],
            ),
            ("FROM a AS build\nEXPOSE 22\nFROM b", &[]),
        ],
    );
    let inherited = json!({"dockerfile": dockerfile("FROM a\nEXPOSE $P"), "configuration": {"exposedPorts": ["22/tcp", "80/tcp"]}});
    assert_eq!(messages("ports", inherited), ["it exposes 22/tcp"]);
    let history = json!([{"createdBy": "EXPOSE map[22/tcp:{} 80/tcp:{}]"}]);
    assert_eq!(
        messages("ports", json!({"history": history})),
        ["it exposes 22/tcp, as the image's history tells"]
    );
    let settings = json!({"forbiddenPorts": [8080, "5900-5910", "161/udp"], "rules": {"user": "off", "healthcheck": "off", "from-tag": "off"}});
    let found = judge(
        settings,
        json!({"dockerfile": dockerfile("FROM a\nEXPOSE 22 8080 5905 161 161/udp")}),
    );
    let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "it exposes 8080/tcp, line 2",
            "it exposes 5905/tcp, line 2",
            "it exposes 161/udp, line 2"
        ]
    );
}

#[test]
fn there_is_a_healthcheck() {
    cases(
        "healthcheck",
        &[
            ("FROM a\nHEALTHCHECK CMD true", &[]),
            (
                "FROM a",
                &["it has no HEALTHCHECK, unless its base has one"],
            ),
            (
                "FROM a\nHEALTHCHECK CMD true\nHEALTHCHECK none",
                &["HEALTHCHECK NONE switches the check off, line 3"],
            ),
        ],
    );
    for (configuration, expected) in [
        (json!({"healthcheck": ["CMD-SHELL", "true"]}), &[][..]),
        (
            json!({"healthcheck": ["NONE"]}),
            &["its HEALTHCHECK is NONE"],
        ),
        (json!({}), &["it has no HEALTHCHECK"]),
    ] {
        assert_eq!(
            messages("healthcheck", json!({"configuration": configuration})),
            expected,
            "{configuration}"
        );
    }
    let history = json!([{"createdBy": "HEALTHCHECK &{[\"NONE\"] \"0s\" \"0s\"}"}]);
    assert_eq!(
        messages("healthcheck", json!({"history": history})).len(),
        1
    );
}

#[test]
fn variables_do_not_have_the_names_of_secrets() {
    cases(
        "secret-name",
        &[
            (
                "FROM a\nENV PATH=/bin DB_PASSWORD_FILE=/run/x TOKENIZERS=1",
                &[],
            ),
            (
                "FROM a\nENV DB_PASSWORD=x api_key=y",
                &[
                    "ENV DB_PASSWORD has the name of a secret, line 2",
                    "ENV api_key has the name of a secret, line 2",
                ],
            ),
            (
                "FROM a\nENV DB_PASSWORD x y",
                &["ENV DB_PASSWORD has the name of a secret, line 2"],
            ),
            ("FROM a\nENV DB_PASSWORD=\"\"", &[]),
            (
                "FROM a AS build\nARG NPM_TOKEN\nFROM b",
                &["ARG NPM_TOKEN has the name of a secret, line 2"],
            ),
            (
                "FROM a\nONBUILD ENV SECRET=1",
                &["ENV SECRET has the name of a secret, line 2"],
            ),
        ],
    );
    let both = json!({"dockerfile": dockerfile("FROM a\nENV TOKEN=1\nENV OTHER_TOKEN="), "configuration": {"environment": ["TOKEN", "OTHER_TOKEN", "BASE_SECRET"]}});
    assert_eq!(
        messages("secret-name", both),
        [
            "ENV TOKEN has the name of a secret, line 2",
            "ENV BASE_SECRET has the name of a secret"
        ]
    );
}

#[test]
fn images_are_named_exactly() {
    cases(
        "from-tag",
        &[
            ("FROM debian:12", &[]),
            ("FROM scratch", &[]),
            (
                "FROM debian@sha256:abababababababababababababababababababababababababababababababab",
                &[],
            ),
            (
                "FROM debian",
                &["debian has no tag, so any version may be built on, line 1"],
            ),
            (
                "FROM debian:latest AS a\nFROM a",
                &["debian:latest means another image tomorrow, line 1"],
            ),
            ("ARG V=12\nFROM debian:$V", &[]),
            (
                "FROM debian:$V",
                &["any image may be meant: FROM debian:$V, and V has no default, line 1"],
            ),
            (
                "FROM debian:12 AS a\nCOPY --from=a /x /y\nCOPY --from=0 /x /y\nCOPY --from=busybox /x /y",
                &["busybox has no tag, so any version may be built on, line 4"],
            ),
            (
                "FROM debian:12\nRUN --mount=type=bind,from=tools:latest,target=/t make",
                &["tools:latest means another image tomorrow, line 2"],
            ),
        ],
    );
    cases(
        "from-digest",
        &[(
            "FROM debian:12",
            &["debian:12 is not pinned to a digest, line 1"],
        )],
    );
}

#[test]
fn add_is_for_archives() {
    cases(
        "add-url",
        &[
            (
                "FROM a\nADD https://user:pw@example.com/x.tgz?key=1 /x",
                &["ADD fetches https://example.com/x.tgz unchecked, line 2"],
            ),
            (
                "FROM a\nADD --checksum=sha256:ab https://example.com/x /x",
                &[],
            ),
            (
                "FROM a\nADD [\"http://example.com/x\", \"/x\"]",
                &["ADD fetches http://example.com/x unchecked, line 2"],
            ),
            ("FROM a\nADD rootfs.tar.gz /\nCOPY https://x /x", &[]),
        ],
    );
    cases(
        "add-file",
        &[
            (
                "FROM a\nADD --chown=1 a.txt b.tar.xz c /",
                &["ADD copies a.txt c, line 2"],
            ),
            ("FROM a\nADD rootfs.tar.gz $FILE /", &[]),
            ("FROM a\nCOPY a b", &[]),
        ],
    );
}

#[test]
fn run_does_not_do_what_nobody_can_follow() {
    cases(
        "sudo",
        &[
            (
                "FROM a\nRUN make && sudo -E make install",
                &["RUN uses sudo, line 2"],
            ),
            ("FROM a\nRUN apt-get install -y sudo", &[]),
            (
                "FROM a\nRUN [\"sudo\", \"make\"]",
                &["RUN uses sudo, line 2"],
            ),
        ],
    );
    let found = |what: &str| format!("RUN runs what it downloads unseen: {what}, line 2");
    for (script, expected) in [
        ("curl -fsSL https://x | sh", "curl | sh"),
        ("curl x | sudo -E bash -", "curl | bash"),
        (
            "set -o pipefail; wget -qO- x | tee log | bash -s -- --yes",
            "wget | bash",
        ),
        ("curl x | python3", "curl | python3"),
        ("bash -c \"$(curl -fsSL https://x)\"", "bash with $(curl"),
        ("bash <(wget -qO- x)", "bash with <(wget"),
        ("eval \"$(curl x)\"", "eval with $(curl"),
        ("[\"sh\", \"-c\", \"curl x | sh\"]", "curl | sh"),
        ("curl x | python3 -c 'import json'", ""),
        ("curl x | bash setup.sh", ""),
        ("curl x | tar xz", ""),
        ("curl -o x https://x && sh x", ""),
        ("echo \"curl x | sh\"", ""),
        ("V=$(curl x) && sh y", ""),
    ] {
        let text = format!("FROM a\nRUN {script}");
        let expected: Vec<String> = (!expected.is_empty())
            .then(|| found(expected))
            .into_iter()
            .collect();
        assert_eq!(
            messages("pipe-to-shell", json!({"dockerfile": dockerfile(&text)})),
            expected,
            "{script}"
        );
    }
    let history = json!([{"createdBy": "RUN /bin/sh -c curl x | sh # buildkit"}]);
    assert_eq!(
        messages("pipe-to-shell", json!({"history": history})),
        ["RUN runs what it downloads unseen: curl | sh, as the image's history tells"]
    );
}

#[test]
fn packages_are_pinned_and_leave_nothing() {
    cases(
        "package-cache",
        &[
            (
                "FROM a\nRUN apt-get update && apt-get install -y vim",
                &["apt-get leaves its lists of packages in the layer, line 2"],
            ),
            (
                "FROM a\nRUN apt-get install -y vim && rm -rf /var/lib/apt/lists/*",
                &[],
            ),
            (
                "FROM a\nRUN apk add vim",
                &["apk leaves its index of packages in the layer, line 2"],
            ),
            ("FROM a AS build\nRUN dnf install -y gcc\nFROM b", &[]),
        ],
    );
    cases(
        "package-pin",
        &[
            (
                "FROM a\nRUN apt-get install -y a b c d e f g=1",
                &["apt-get installs any version of a, b, c, d, e, …, line 2"],
            ),
            ("FROM a\nRUN apk add --no-cache vim=9.1", &[]),
        ],
    );
}

#[test]
fn what_scanners_reported_is_passed_through() {
    let evidence = json!({"configuration": {"user": "web"}, "misconfigurations": [
        {"id": "DS002", "severity": "high", "passed": false, "message": "Specify a USER.", "remedy": "add one", "path": "Dockerfile", "line": 3, "links": ["https://x"]},
        {"id": "DS002", "severity": "high", "passed": false, "message": "Specify a USER.", "path": "Dockerfile", "line": 1},
        {"id": "CIS-DI-0005", "severity": "medium", "passed": false, "title": "Enable content trust"},
        {"id": "DS026", "severity": "low", "passed": false, "title": "No HEALTHCHECK"},
        {"id": "DS001", "severity": "critical", "passed": true},
        {"id": "KSV001", "severity": "critical", "passed": false, "path": "/srv/pod.yaml"},
    ]});
    let mut settings = only("user");
    settings["reported"] = json!({"except": ["KSV*"]});
    let found = judge(settings.clone(), evidence.clone());
    let told: Vec<String> = found
        .iter()
        .map(|one| format!("{} {:?} {}", one.id, one.path, one.message))
        .collect();
    assert_eq!(
        told,
        [
            "DS002 Some(\"Dockerfile\") DS002: Specify a USER, lines 1, 3",
            "CIS-DI-0005 None CIS-DI-0005: Enable content trust",
        ]
    );
    assert_eq!((found[0].level, found[1].level), (Level::Deny, Level::Warn));
    assert_eq!(
        (found[0].remedy.as_deref(), found[0].links.len()),
        (Some("add one"), 1)
    );
    settings["reported"] = json!({"denyFrom": null, "warnFrom": null});
    assert!(judge(settings, evidence.clone()).is_empty());
    let found = judge(
        json!({"rules": only("none")["rules"]}),
        json!({"configuration": {}}),
    );
    assert_eq!(
        found[0].message,
        "no report tells of misconfigurations of acme/web:1"
    );
}

#[test]
fn what_nobody_can_tell_is_told() {
    let evidence = json!({"configuration": {"user": "web", "healthcheck": ["CMD", "x"]}});
    let found = judge(json!({}), evidence.clone());
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].id.as_str(), found[0].level),
        ("not-judged", Level::Warn)
    );
    assert_eq!(
        found[0].message,
        "nobody can tell about from-tag, add-url, add-file, pipe-to-shell, sudo, package-cache without the Dockerfile"
    );
    assert_eq!(
        judge(json!({"unjudged": "info"}), evidence.clone())[0].level,
        Level::Info
    );
    assert!(judge(json!({"unjudged": "off"}), evidence).is_empty());
    let found = judge(json!({}), json!({"vulnerabilities": []}));
    assert_eq!(
        found[0].message,
        "no report tells of dockerfile of acme/web:1"
    );
    assert!(
        Host::new()
            .evaluate::<Practices>(json!({}), TestEvent::new("event"))
            .is_err()
    );
}

#[test]
fn many_findings_are_summed_up() {
    let text = "FROM a:1\nUSER web\nHEALTHCHECK CMD x\n".to_owned() + &"RUN sudo make\n".repeat(20);
    let found = judge(json!({"most": 5}), json!({"dockerfile": dockerfile(&text)}));
    assert_eq!(found.len(), 6);
    assert_eq!(
        (found[5].id.as_str(), found[5].level),
        ("more-findings", Level::Warn)
    );
    assert_eq!(found[5].message, "15 more findings are not told one by one");
}

#[test]
fn wrong_settings_are_all_reported() {
    let paths = |settings: Value| {
        let problems = Host::new().configure::<Practices>(settings).into_iter();
        problems.map(|problem| problem.path).collect::<Vec<_>>()
    };
    for (settings, expected) in [
        (json!({}), &[][..]),
        (
            json!({"rules": {"user": "warn", "sudo": false}, "forbiddenPorts": [22, "5900-5910"]}),
            &[],
        ),
        (
            json!({"rules": {"usr": "warn", "sudo": "never"}}),
            &["/rules/sudo", "/rules/usr"],
        ),
        (
            json!({"forbiddenPorts": ["ssh", 99999], "reported": {"denyFrom": "low", "warnFrom": "high", "except": ["*"]}}),
            &[
                "/forbiddenPorts/0",
                "/forbiddenPorts/1",
                "/reported/except/0",
                "/reported/warnFrom",
            ],
        ),
        (
            json!({"forbiddenPorts": [], "secretNames": {"names": []}}),
            &["/forbiddenPorts", "/secretNames/names"],
        ),
    ] {
        assert_eq!(paths(settings.clone()), expected, "{settings}");
    }
}
