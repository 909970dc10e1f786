//! What /etc/passwd says.

use touchstone_sdk::Severity;

use super::{Asked, Lack, Match, Trigger};
use crate::params::{Kind, Param};

const PATH: &str = "/etc/passwd";

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "passwd_file",
        name: "content_not_available",
        aliases: &[],
        params: &[],
        silent: false,
        run: content_not_available,
    },
    Trigger {
        gate: "passwd_file",
        name: "blacklist_usernames",
        aliases: &[],
        params: &[Param::required("user_names", Kind::List).or(&["usernameblacklist"])],
        silent: true,
        run: |asked, found| search(asked, found, ("user", 0), asked.params.list("user_names")),
    },
    Trigger {
        gate: "passwd_file",
        name: "blacklist_userids",
        aliases: &[],
        params: &[Param::required("user_ids", Kind::Numbers).or(&["useridblacklist"])],
        silent: true,
        run: |asked, found| {
            search(
                asked,
                found,
                ("uid", 2),
                &texts(asked.params.numbers("user_ids")),
            )
        },
    },
    Trigger {
        gate: "passwd_file",
        name: "blacklist_groupids",
        aliases: &[],
        params: &[Param::required("group_ids", Kind::Numbers)],
        silent: true,
        run: |asked, found| {
            search(
                asked,
                found,
                ("gid", 3),
                &texts(asked.params.numbers("group_ids")),
            )
        },
    },
    Trigger {
        gate: "passwd_file",
        name: "blacklist_shells",
        aliases: &["shellmatch"],
        params: &[Param::required("shells", Kind::List)],
        silent: true,
        run: |asked, found| search(asked, found, ("shell", 6), asked.params.list("shells")),
    },
    Trigger {
        gate: "passwd_file",
        name: "blacklist_full_entry",
        aliases: &[],
        params: &[Param::required("entry", Kind::Text)],
        silent: true,
        run: full_entry,
    },
];

fn content_not_available(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let content = asked.facts.content(PATH).unwrap_or_default();
    if content.trim().is_empty() {
        let text =
            "Cannot locate /etc/passwd in image stored files archive: check analyzer settings.";
        found.push(
            Match::new(text)
                .path(PATH)
                .remedy("send a report with the content of /etc/passwd"),
        );
    }
    Ok(())
}

fn texts(numbers: &[u64]) -> Vec<String> {
    numbers.iter().map(u64::to_string).collect()
}

/// Entries whose field is one of these.
fn search(
    asked: &Asked<'_>,
    found: &mut Vec<Match>,
    (what, field): (&str, usize),
    listed: &[String],
) -> Result<(), Lack> {
    for line in asked.facts.content(PATH)?.lines().map(str::trim) {
        let value = line.split(':').nth(field).unwrap_or("");
        if listed.iter().any(|listed| listed == value) {
            found.push(entry(&format!(
                "Blacklisted {what} '{value}' found in image's /etc/passwd: pentry={line}"
            )));
        }
    }
    Ok(())
}

fn full_entry(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let wanted = asked.params.text("entry").unwrap_or_default().trim();
    let content = asked.facts.content(PATH)?;
    if let Some(line) = content
        .lines()
        .map(str::trim)
        .find(|line| *line == wanted && !line.is_empty())
    {
        found.push(entry(&format!(
            "Blacklisted pentry '{line}' found in image's /etc/passwd: pentry={line}"
        )));
    }
    Ok(())
}

fn entry(text: &str) -> Match {
    Match::new(text)
        .severity(Severity::Medium)
        .path(PATH)
        .remedy("take the entry out of /etc/passwd")
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use touchstone_sdk::prelude::*;

    fn passwd() -> Value {
        let content = "root:x:0:0:root:/root:/bin/bash\n\nftp:x:14:50:FTP User:/var/ftp:/sbin/nologin\nbroken\n";
        json!({"files": [{"path": "/etc/passwd", "content": content}]})
    }

    #[test]
    fn entries_are_searched_field_by_field() {
        const ROOT: &str = "found in image's /etc/passwd: pentry=root:x:0:0:root:/root:/bin/bash";
        let root = |what: &str| -> &'static str { format!("Blacklisted {what} {ROOT}").leak() };
        for (rule, params, expected) in [
            (
                "blacklist_usernames",
                json!({"user_names": "daemon, root"}),
                vec![root("user 'root'")],
            ),
            (
                "blacklist_usernames",
                json!({"UserNameBlacklist": "root"}),
                vec![root("user 'root'")],
            ),
            (
                "blacklist_userids",
                json!({"user_ids": "0,1"}),
                vec![root("uid '0'")],
            ),
            (
                "blacklist_userids",
                json!({"useridblacklist": "50"}),
                vec![],
            ),
            (
                "blacklist_groupids",
                json!({"group_ids": "0"}),
                vec![root("gid '0'")],
            ),
            (
                "blacklist_shells",
                json!({"shells": "/bin/zsh,/bin/bash"}),
                vec![root("shell '/bin/bash'")],
            ),
            ("shellmatch", json!({"shells": "/bin/zsh"}), vec![]),
            (
                "blacklist_full_entry",
                json!({"entry": " ftp:x:14:50:FTP User:/var/ftp:/sbin/nologin"}),
                vec![
                    "Blacklisted pentry 'ftp:x:14:50:FTP User:/var/ftp:/sbin/nologin' found in image's /etc/passwd: pentry=ftp:x:14:50:FTP User:/var/ftp:/sbin/nologin",
                ],
            ),
            ("content_not_available", json!({}), vec![]),
        ] {
            run(
                &format!("passwd_file.{rule}"),
                [("fixed", params, passwd(), expected)],
            );
        }
        run(
            "passwd_file.blacklist_userids",
            [
                (
                    "fixed",
                    json!({"user_ids": "0"}),
                    json!({"files": [{"path": "/etc/passwd"}]}),
                    vec!["needs a report with the content of /etc/passwd"],
                ),
                (
                    "exact",
                    json!({"user_ids": "0"}),
                    json!({}),
                    vec!["silent: a report with the content of /etc/passwd"],
                ),
            ],
        );
        run(
            "passwd_file.content_not_available",
            [(
                "fixed",
                json!({}),
                json!({}),
                vec![
                    "Cannot locate /etc/passwd in image stored files archive: check analyzer settings.",
                ],
            )],
        );
    }
}
