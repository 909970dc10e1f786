use crate::gates::tests::run;
use touchstone_sdk::prelude::*;

fn packages() -> Value {
    json!({"packages": [
        {"name": "openssl", "kind": "deb", "version": "3.0.11-1~deb12u2"},
        {"name": "bash", "kind": "rpm", "version": "1:4.2.46-34.el7"},
        {"name": "flask", "kind": "pypi", "version": "2.0"},
        {"name": "linux", "kind": "deb", "version": "6.1-1"},
        {"name": "linux", "kind": "deb", "version": "6.5-1"},
    ]})
}

#[test]
fn a_required_package_is_there_in_the_right_version() {
    let ask = |name: &str, version: &str, how: &str| json!({"name": name, "version": version, "version_match_type": how});
    run(
        "packages.required_package",
        [
            ("fixed", json!({"name": "openssl"}), packages(), vec![]),
            (
                "fixed",
                json!({"name": "zlib"}),
                packages(),
                vec!["Required input package (zlib) is not present in container image"],
            ),
            (
                "fixed",
                ask("zlib", "1", "minimum"),
                packages(),
                vec!["Required input package (zlib,1) is not present in container image"],
            ),
            (
                "fixed",
                ask("openssl", "3.0.11-1~deb12u2", "exact"),
                packages(),
                vec![],
            ),
            (
                "fixed",
                json!({"name": "openssl", "version": "3.0.11"}),
                packages(),
                vec![
                    "Required input package (openssl) is present (3.0.11-1~deb12u2), but not at the version specified in policy (openssl)",
                ],
            ),
            (
                "fixed",
                ask("openssl", "3.0.9", "minimum"),
                packages(),
                vec![],
            ),
            (
                "fixed",
                ask("openssl", "3.0.14-1~deb12u1", "minimum"),
                packages(),
                vec![
                    "Required min-version input package (openssl) is present (3.0.11-1~deb12u2), but is lower version than what is specified in policy (3.0.14-1~deb12u1)",
                ],
            ),
            (
                "fixed",
                ask("bash", "1:4.2.46", "minimum"),
                packages(),
                vec![],
            ),
            ("fixed", ask("linux", "6.2", "minimum"), packages(), vec![]),
            ("fixed", ask("linux", "6.5-1", "exact"), packages(), vec![]),
            (
                "fixed",
                ask("flask", "1", "minimum"),
                packages(),
                vec!["needs a way to compare versions of pypi packages (flask 2.0)"],
            ),
            (
                "exact",
                json!({"name": "x"}),
                json!({}),
                vec!["needs a report that lists packages"],
            ),
        ],
    );
}

#[test]
fn nothing_verifies_packages() {
    const LIST: &str = "the package database's list of files, which nothing provides";
    run(
        "packages.verify",
        [
            (
                "fixed",
                json!({}),
                packages(),
                vec![format!("needs {LIST}").leak() as &str],
            ),
            (
                "exact",
                json!({}),
                packages(),
                vec![format!("silent: {LIST}").leak() as &str],
            ),
            (
                "fixed",
                json!({"only_packages": "openssl", "check": "changed"}),
                packages(),
                vec![format!("needs {LIST}").leak() as &str],
            ),
            (
                "fixed",
                json!({"only_packages": "zlib"}),
                packages(),
                vec![],
            ),
            (
                "fixed",
                json!({}),
                json!({"packages": [{"name": "flask", "kind": "pypi"}]}),
                vec![],
            ),
        ],
    );
}

#[test]
fn a_package_may_be_unwanted_in_one_version() {
    run(
        "packages.blacklist",
        [
            (
                "fixed",
                json!({"name": "openssl"}),
                packages(),
                vec!["Package is blacklisted: openssl"],
            ),
            (
                "fixed",
                json!({"name": "openssl", "version": "3.0.11"}),
                packages(),
                vec!["Package is blacklisted: openssl-3.0.11"],
            ),
            (
                "fixed",
                json!({"name": "openssl", "version": "3.0.11-1~deb12u2"}),
                packages(),
                vec!["Package is blacklisted: openssl-3.0.11-1~deb12u2"],
            ),
            (
                "fixed",
                json!({"name": "bash", "version": "4.2.46"}),
                packages(),
                vec!["Package is blacklisted: bash-4.2.46"],
            ),
            (
                "fixed",
                json!({"name": "openssl", "version": "3"}),
                packages(),
                vec![],
            ),
        ],
    );
}
