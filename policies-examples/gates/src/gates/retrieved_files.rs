//! What is in files whose content was retrieved.

use super::{Asked, Lack, Match, Trigger};
use crate::params::{Kind, Param};
use touchstone_sdk::evidence::FileFilter;

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "retrieved_files",
        name: "content_not_available",
        aliases: &[],
        params: &[Param::required("path", Kind::Text)],
        silent: false,
        run: content_not_available,
    },
    Trigger {
        gate: "retrieved_files",
        name: "content_regex",
        aliases: &[],
        params: &[
            Param::required("path", Kind::Text),
            Param::required("regex", Kind::Expression),
            Param::required("check", Kind::OneOf(&["match", "no_match"])),
        ],
        silent: true,
        run: content_regex,
    },
];

fn content_not_available(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let path = asked.params.text("path").unwrap_or_default();
    if asked.facts.content(path).is_ok() {
        return Ok(());
    }
    let missing = || {
        Match::new("Cannot locate file in the image analysis")
            .path(path)
            .remedy(format!("send a report with the content of {path}"))
    };
    found.push(missing());
    let with_content = FileFilter {
        with_content: true,
        ..FileFilter::default()
    };
    // Where no file was retrieved at all, Anchore says it twice.
    if asked.exact()
        && asked
            .facts
            .files(&with_content)
            .map_or(0, |files| files.total())
            == 0
    {
        found.push(missing());
    }
    Ok(())
}

fn content_regex(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let (Some(path), Some(regex), Some(check)) = (
        asked.params.text("path"),
        asked.params.expression("regex"),
        asked.params.text("check"),
    ) else {
        return Ok(());
    };
    let content = asked.facts.content(path)?;
    // Anchore means lines, and looks at words.
    let matches = match asked.exact() {
        true => content.split_whitespace().any(|word| regex.matches(word)),
        false => content.lines().any(|line| regex.matches(line)),
    };
    if matches == (check == "match") {
        let text = format!(
            "Content regex '{}' check '{check}' found in retrieved file '{path}'",
            regex.as_str()
        );
        found.push(
            Match::new(text)
                .id(format!("{}+file://{path}", asked.rule))
                .path(path),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use touchstone_sdk::prelude::*;

    fn httpd() -> Value {
        json!({"files": [{"path": "/etc/httpd.conf", "content": "# SSL\nSSLEngine on\n"}]})
    }

    fn ask(regex: &str, check: &str) -> Value {
        json!({"path": "/etc/httpd.conf", "regex": regex, "check": check})
    }

    #[test]
    fn lines_are_searched_and_not_words() {
        const ON: &str = "r+file:///etc/httpd.conf: Content regex 'SSLEngine\\s+on' check 'match' found in retrieved file '/etc/httpd.conf'";
        const OFF: &str = "r+file:///etc/httpd.conf: Content regex 'SSLEngine\\s+on' check 'no_match' found in retrieved file '/etc/httpd.conf'";
        run(
            "retrieved_files.content_regex",
            [
                ("fixed", ask("SSLEngine\\s+on", "match"), httpd(), vec![ON]),
                ("fixed", ask("SSLEngine\\s+on", "no_match"), httpd(), vec![]),
                ("exact", ask("SSLEngine\\s+on", "match"), httpd(), vec![]),
                (
                    "exact",
                    ask("SSLEngine\\s+on", "no_match"),
                    httpd(),
                    vec![OFF],
                ),
                ("fixed", ask("on", "match"), httpd(), vec![]),
                (
                    "fixed",
                    ask("on", "match"),
                    json!({}),
                    vec!["needs a report with the content of /etc/httpd.conf"],
                ),
                (
                    "exact",
                    ask("on", "match"),
                    json!({}),
                    vec!["silent: a report with the content of /etc/httpd.conf"],
                ),
            ],
        );
    }

    #[test]
    fn a_file_that_was_not_retrieved_is_told_once() {
        const NONE: &str = "Cannot locate file in the image analysis";
        let ask = || json!({"path": "/etc/shadow"});
        run(
            "retrieved_files.content_not_available",
            [
                ("fixed", json!({"path": "/etc/httpd.conf"}), httpd(), vec![]),
                ("fixed", ask(), httpd(), vec![NONE]),
                ("fixed", ask(), json!({}), vec![NONE]),
                ("exact", ask(), httpd(), vec![NONE]),
                ("exact", ask(), json!({}), vec![NONE, NONE]),
            ],
        );
    }
}
