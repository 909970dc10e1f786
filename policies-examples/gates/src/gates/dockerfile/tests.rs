use crate::gates::tests::run;
use touchstone_sdk::prelude::*;

fn dockerfile(lines: &[(&str, &str)]) -> Value {
    let line = |(index, (name, arguments)): (usize, &(&str, &str))| json!({"name": name, "arguments": arguments, "line": index + 1, "stage": 0});
    json!({"dockerfile": lines.iter().enumerate().map(line).collect::<Vec<_>>()})
}

#[test]
fn values_that_a_history_hides_are_not_guessed() {
    let ask =
        |check: &str, value: &str| json!({"instruction": "ENV", "check": check, "value": value});
    let history = || json!({"history": [{"createdBy": "ENV MODE=***"}, {"createdBy": "USER app"}]});
    let lack = "needs a Dockerfile: the image's history has no values of ENV";
    for (check, value, expected) in [
        ("=", "MODE=debug", vec![lack]),
        ("!=", "MODE=debug", vec![lack]),
        ("in", "A=b, MODE=debug", vec![lack]),
        ("not_in", "A=b, MODE=debug", vec![lack]),
        ("like", "MODE=d.*", vec![lack]),
        ("not_like", "MODE=d.*", vec![lack]),
        // The name alone tells.
        ("=", "A=b", vec![]),
        ("in", "A=b, B=c", vec![]),
        ("not_like", "MODE=.*", vec![]),
        (
            "!=",
            "A=b",
            vec!["Dockerfile directive 'ENV' check '!=' matched against 'A=b' for line 'MODE=***'"],
        ),
        (
            "like",
            "MODE=.*",
            vec![
                "Dockerfile directive 'ENV' check 'like' matched against 'MODE=.*' for line 'MODE=***'",
            ],
        ),
        (
            "exists",
            "",
            vec![
                "Dockerfile directive 'ENV' check 'exists' matched against '' for line 'MODE=***'",
            ],
        ),
    ] {
        for compat in ["fixed", "exact"] {
            let case = (compat, ask(check, value), history(), expected.clone());
            run("dockerfile.instruction", [case]);
        }
    }
    // A Dockerfile hides nothing.
    let told = || dockerfile(&[("FROM", "a"), ("ENV", "MODE=***")]);
    run(
        "dockerfile.instruction",
        [("fixed", ask("=", "MODE=debug"), told(), vec![])],
    );
}

#[test]
fn instructions_are_compared_line_by_line() {
    let two = || {
        dockerfile(&[
            ("FROM", "debian:12 AS build"),
            ("RUN", "apt-get update && apt-get install -y curl"),
            ("FROM", "debian:12"),
        ])
    };
    let ask = |instruction: &str, check: &str, value: &str| json!({"instruction": instruction, "check": check, "value": value});
    let none = json!({"instruction": "HEALTHCHECK", "check": "not_exists"});
    run(
        "dockerfile.instruction",
        [
            (
                "fixed",
                none.clone(),
                two(),
                vec![
                    "Dockerfile directive 'HEALTHCHECK' not found, matching condition 'not_exists' check",
                ],
            ),
            (
                "fixed",
                none.clone(),
                dockerfile(&[("HEALTHCHECK", "NONE")]),
                vec![],
            ),
            (
                "fixed",
                none.clone(),
                json!({}),
                vec!["needs a Dockerfile, or a report with the image's history"],
            ),
            (
                "exact",
                none.clone(),
                json!({}),
                vec!["silent: a Dockerfile, or a report with the image's history"],
            ),
            (
                "fixed",
                none,
                json!({"history": [{"createdBy": "CMD [\"sh\"]"}]}),
                vec![
                    "Dockerfile directive 'HEALTHCHECK' not found, matching condition 'not_exists' check",
                ],
            ),
            (
                "fixed",
                json!({"instruction": "HEALTHCHECK", "check": "not_exists", "actual_dockerfile_only": "true"}),
                json!({"history": []}),
                vec![],
            ),
            (
                "fixed",
                json!({"instruction": "FROM", "check": "exists"}),
                dockerfile(&[("FROM", "scratch")]),
                vec![
                    "Dockerfile directive 'FROM' check 'exists' matched against '' for line 'scratch'",
                ],
            ),
            (
                "fixed",
                ask("FROM", "=", "debian:12"),
                two(),
                vec![
                    "Dockerfile directive 'FROM' check '=' matched against 'debian:12' for line 'debian:12'",
                ],
            ),
            (
                "fixed",
                ask("FROM", "!=", "debian:12"),
                two(),
                vec![
                    "Dockerfile directive 'FROM' check '!=' matched against 'debian:12' for line 'debian:12 AS build'",
                ],
            ),
            (
                "fixed",
                ask("RUN", "like", ".*curl"),
                two(),
                vec![
                    "Dockerfile directive 'RUN' check 'like' matched against '.*curl' for line 'apt-get update && apt-get install -y curl'",
                ],
            ),
            ("fixed", ask("RUN", "like", "curl"), two(), vec![]),
            (
                "fixed",
                ask("RUN", "not_like", "curl"),
                two(),
                vec![
                    "Dockerfile directive 'RUN' check 'not_like' matched against 'curl' for line 'apt-get update && apt-get install -y curl'",
                ],
            ),
            (
                "fixed",
                ask("FROM", "in", "debian:11, debian:12"),
                two(),
                vec![
                    "Dockerfile directive 'FROM' check 'in' matched against 'debian:11, debian:12' for line 'debian:12'",
                ],
            ),
            (
                "fixed",
                ask("FROM", "not_in", "debian:12"),
                dockerfile(&[("FROM", "alpine")]),
                vec![
                    "Dockerfile directive 'FROM' check 'not_in' matched against 'debian:12' for line 'alpine'",
                ],
            ),
            (
                "exact",
                json!({"instruction": "FROM", "check": "="}),
                two(),
                vec![],
            ),
        ],
    );
}

#[test]
fn the_user_is_who_the_image_runs_as() {
    const ROOT: &str = "User root found as effective user, which is explicity not allowed";
    let not_root = || json!({"users": "root", "type": "blacklist"});
    let only_app = || json!({"users": "app,web", "type": "whitelist"});
    let user = |user: &str| dockerfile(&[("USER", "first"), ("USER", user)]);
    run(
        "dockerfile.effective_user",
        [
            ("fixed", not_root(), user("root"), vec![ROOT]),
            ("fixed", not_root(), user("app"), vec![]),
            (
                "fixed",
                not_root(),
                dockerfile(&[("FROM", "x")]),
                vec![ROOT],
            ),
            (
                "fixed",
                not_root(),
                user("0:0"),
                vec!["User 0:0 found as effective user, which is explicity not allowed"],
            ),
            ("exact", not_root(), user("0:0"), vec![]),
            (
                "fixed",
                not_root(),
                user("$USER"),
                vec!["needs a report with the image's configuration"],
            ),
            ("fixed", only_app(), user("web:web"), vec![]),
            ("fixed", only_app(), user("[app]"), vec![]),
            (
                "fixed",
                only_app(),
                user("nginx"),
                vec!["User nginx found as effective user, which is not on the allowed list"],
            ),
            (
                "fixed",
                not_root(),
                json!({"configuration": {"user": "app"}, "history": []}),
                vec![],
            ),
            (
                "exact",
                not_root(),
                json!({"configuration": {"user": "app"}, "history": []}),
                vec![ROOT],
            ),
            (
                "fixed",
                not_root(),
                json!({"configuration": {}}),
                vec![ROOT],
            ),
            (
                "fixed",
                not_root(),
                json!({"history": [{"createdBy": "USER app"}]}),
                vec![],
            ),
            (
                "fixed",
                not_root(),
                json!(null),
                vec!["needs a Dockerfile, or a report with the image's history"],
            ),
        ],
    );
}

#[test]
fn ports_are_compared_one_by_one() {
    let ask = |ports: &str, list: &str| json!({"ports": ports, "type": list});
    let expose = |ports: &str| dockerfile(&[("EXPOSE", ports)]);
    let config = |ports: &[&str]| json!({"configuration": {"exposedPorts": ports}});
    run(
        "dockerfile.exposed_ports",
        [
            (
                "fixed",
                ask("22,2222", "blacklist"),
                expose("80 22/tcp"),
                vec!["Dockerfile exposes port (22/tcp) which is in policy file DENIEDPORTS list"],
            ),
            ("fixed", ask("22", "blacklist"), expose("80 2222"), vec![]),
            (
                "fixed",
                ask("22", "blacklist"),
                expose("20-25/tcp"),
                vec![
                    "Dockerfile exposes port (20-25/tcp) which is in policy file DENIEDPORTS list",
                ],
            ),
            ("exact", ask("22", "blacklist"), expose("20-25/tcp"), vec![]),
            (
                "fixed",
                ask("22", "blacklist"),
                config(&["22/tcp"]),
                vec!["Dockerfile exposes port (22/tcp) which is in policy file DENIEDPORTS list"],
            ),
            (
                "fixed",
                ask("22", "blacklist"),
                json!({"dockerfile": [{"name": "EXPOSE", "arguments": "22"}], "configuration": {"exposedPorts": ["22/tcp"]}}),
                vec!["Dockerfile exposes port (22) which is in policy file DENIEDPORTS list"],
            ),
            (
                "fixed",
                ask("22", "blacklist"),
                expose("$PORT 22"),
                vec![
                    "Dockerfile exposes port (22) which is in policy file DENIEDPORTS list",
                    "needs a report with the image's configuration",
                ],
            ),
            (
                "fixed",
                ask("443", "whitelist"),
                expose("80 443"),
                vec!["Dockerfile exposes port (80) which is not in policy file ALLOWEDPORTS list"],
            ),
            ("fixed", ask("80", "whitelist"), expose("80/udp 80"), vec![]),
            (
                "fixed",
                ask("80", "whitelist"),
                expose("$PORT"),
                vec![
                    "Dockerfile exposes port ($PORT) which is not in policy file ALLOWEDPORTS list",
                ],
            ),
            (
                "fixed",
                ask("0", "blacklist"),
                expose("80 443"),
                vec![
                    "Dockerfile exposes network ports but policy sets DENIEDPORTS=0: ['80', '443']",
                ],
            ),
            ("exact", ask("0", "blacklist"), expose("80 443"), vec![]),
            (
                "fixed",
                ask("0", "blacklist"),
                dockerfile(&[("FROM", "x")]),
                vec![],
            ),
            (
                "fixed",
                ask("0", "whitelist"),
                expose("80"),
                vec!["Dockerfile exposes network ports but policy sets ALLOWEDPORTS=0: ['80']"],
            ),
            (
                "exact",
                ask("80", "whitelist"),
                expose("80/tcp 81"),
                vec!["Dockerfile exposes port (81) which is not in policy file ALLOWEDPORTS list"],
            ),
            (
                "fixed",
                json!({"ports": "22", "type": "blacklist", "actual_dockerfile_only": "true"}),
                config(&["22/tcp"]),
                vec![],
            ),
            (
                "fixed",
                ask("22", "blacklist"),
                json!({}),
                vec!["needs a Dockerfile, or a report with the image's history"],
            ),
        ],
    );
}

#[test]
fn a_guess_is_no_dockerfile() {
    const NONE: &str = "Image was not analyzed with an actual Dockerfile";
    run(
        "dockerfile.no_dockerfile_provided",
        [
            ("fixed", json!({}), json!(null), vec![NONE]),
            ("fixed", json!({}), json!({"history": []}), vec![NONE]),
            ("fixed", json!({}), dockerfile(&[]), vec![]),
        ],
    );
}
