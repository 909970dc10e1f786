//! What is wrong with settings beyond their types.

use touchstone_sdk::prelude::*;

use crate::SeverityThreshold;
use crate::settings::Rule;

pub fn problems(settings: &SeverityThreshold) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut report = |path: &str, message: &str| {
        problems.push(Problem {
            path: path.to_owned(),
            message: message.to_owned(),
        });
    };
    for kind in settings.kinds.keys().filter(|kind| !is_kind(kind)) {
        let message =
            "is no type of package URLs, which are in lower case, and neither os nor non-os";
        report(&format!("/kinds/{}", escape(kind)), message);
    }
    let in_vain = |rule: &Rule| !rule.excuses() && rule.warn_from > Some(rule.max_severity);
    if settings.rules().all(|rule| in_vain(&rule)) {
        report(
            "/warnFrom",
            "is above maxSeverity and nothing is excused, so nothing would ever be warned about",
        );
    }
    let most = settings.rules().map(|rule| rule.max_severity).max();
    for (severity, _) in settings.max_count.given() {
        if Some(severity) > most {
            report(
                &format!("/maxCount/{}", severity.as_str()),
                "is above maxSeverity: each single one denies",
            );
        }
    }
    if settings.queries().is_empty() {
        report(
            "",
            "nothing could ever be found: nothing is above maxSeverity critical",
        );
    }
    problems
}

fn is_kind(kind: &str) -> bool {
    let begins = kind.starts_with(|first: char| first.is_ascii_lowercase());
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".+-".contains(&byte);
    begins && kind.bytes().all(allowed)
}

/// As a part of an RFC 6901 pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
