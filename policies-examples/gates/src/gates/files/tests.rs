use crate::gates::tests::run;
use touchstone_sdk::prelude::*;

#[test]
fn names_are_matched_from_their_start() {
    let files = || json!({"files": [{"path": "/etc/ssl/key.pem"}, {"path": "/root/key.pem.pub"}]});
    run(
        "files.name_match",
        [
            (
                "fixed",
                json!({"regex": ".*\\.pem$"}),
                files(),
                vec![
                    "Application of regex matched file found in container: file=/etc/ssl/key.pem regexp=.*\\.pem$",
                ],
            ),
            ("fixed", json!({"regex": "key"}), files(), vec![]),
            (
                "fixed",
                json!({"regex": ".*"}),
                json!({"files": []}),
                vec![],
            ),
            (
                "fixed",
                json!({"regex": ".*"}),
                json!({}),
                vec!["needs a report that lists files"],
            ),
            (
                "exact",
                json!({"regex": ".*"}),
                json!({}),
                vec!["silent: a report that lists files"],
            ),
        ],
    );
}

#[test]
fn patterns_in_files_are_told_by_name() {
    let files = || json!({"files": [{"path": "/a", "matches": ["PASSWORD=.*password.*", "TODO"]}, {"path": "/b"}]});
    let text = |pattern| {
        format!("File content analyzer found regexp match in container: file=/a regexp={pattern}")
    };
    let (password, todo) = (
        text("PASSWORD=.*password.*").leak() as &str,
        text("TODO").leak() as &str,
    );
    run(
        "files.content_regex_match",
        [
            ("fixed", json!({}), files(), vec![password, todo]),
            (
                "fixed",
                json!({"regex_name": "PASSWORD"}),
                files(),
                vec![password],
            ),
            (
                "fixed",
                json!({"regex_name": ".*password.*"}),
                files(),
                vec![password],
            ),
            ("fixed", json!({"regex_name": "OTHER"}), files(), vec![]),
            (
                "fixed",
                json!({}),
                json!({"files": [{"path": "/b"}]}),
                vec!["needs a report of a search in the content of files"],
            ),
        ],
    );
}

#[test]
fn attributes_have_to_hold_together() {
    let file = || json!({"files": [{"path": "/etc/passwd", "mode": 420, "checksums": {"sha256": "abcd"}}]});
    let ask = |rest: Value| {
        let mut ask = json!({"filename": "/etc/passwd"});
        ask.as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        ask
    };
    run(
        "files.attribute_match",
        [
            (
                "fixed",
                ask(json!({"checksum": "ABCD"})),
                file(),
                vec!["filename=/etc/passwd and checksum=abcd op=equals specified_checksum=ABCD"],
            ),
            ("exact", ask(json!({"checksum": "ABCD"})), file(), vec![]),
            (
                "fixed",
                ask(json!({"checksum": "abcd", "checksum_match": "not_equals"})),
                file(),
                vec![],
            ),
            (
                "fixed",
                ask(json!({"mode": "00644"})),
                file(),
                vec!["filename=/etc/passwd and mode=0o644 op=equals specified_mode=0o644"],
            ),
            (
                "fixed",
                ask(json!({"mode": "0600", "mode_op": "not_equals", "checksum": "abcd"})),
                file(),
                vec![
                    "filename=/etc/passwd and checksum=abcd op=equals specified_checksum=abcd and mode=0o644 op=not_equals specified_mode=0o600",
                ],
            ),
            (
                "fixed",
                ask(json!({"mode": "0600", "checksum": "abcd"})),
                file(),
                vec![],
            ),
            ("fixed", ask(json!({})), file(), vec![]),
            (
                "fixed",
                ask(json!({"checksum": "x"})),
                json!({"files": []}),
                vec![],
            ),
            (
                "fixed",
                ask(json!({"checksum": "x", "skip_missing": "false"})),
                json!({"files": []}),
                vec!["filename=/etc/passwd and skip_missing=False"],
            ),
            (
                "fixed",
                ask(json!({"checksum": "x"})),
                json!({"files": [{"path": "/etc/passwd"}]}),
                vec!["needs a report with the SHA-256 of /etc/passwd"],
            ),
            (
                "fixed",
                ask(json!({"mode": "644"})),
                json!({"files": [{"path": "/etc/passwd"}]}),
                vec!["needs a report with the mode of /etc/passwd"],
            ),
        ],
    );
}

#[test]
fn files_that_run_as_somebody_else_are_told() {
    run(
        "files.suid_or_guid_set",
        [
            (
                "fixed",
                json!({}),
                json!({"files": [{"path": "/bin/su", "mode": 2541}, {"path": "/bin/sh", "mode": 493}]}),
                vec!["SUID or SGID found set on file /bin/su. Mode: 0o4755"],
            ),
            (
                "fixed",
                json!({}),
                json!({"files": [{"path": "/bin/su"}]}),
                vec!["needs a report with the modes of files"],
            ),
            ("fixed", json!({}), json!({"files": []}), vec![]),
        ],
    );
}
