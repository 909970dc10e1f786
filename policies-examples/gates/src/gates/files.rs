//! Which files there are, and what is known of them.

use touchstone_sdk::Severity;
use touchstone_sdk::evidence::{File, FileFilter};

use super::{Asked, Lack, Match, Trigger};
use crate::params::{Kind, Param};

const OPERATIONS: Kind = Kind::OneOf(&["equals", "not_equals"]);

pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger {
        gate: "files",
        name: "name_match",
        aliases: &[],
        params: &[Param::required("regex", Kind::Expression)],
        silent: true,
        run: name_match,
    },
    Trigger {
        gate: "files",
        name: "content_regex_match",
        aliases: &[],
        params: &[Param::optional("regex_name", Kind::Text)],
        silent: true,
        run: content_regex_match,
    },
    Trigger {
        gate: "files",
        name: "attribute_match",
        aliases: &[],
        params: &[
            Param::required("filename", Kind::Text),
            Param::optional("checksum_algorithm", Kind::OneOf(&["sha256"])),
            Param::optional("checksum", Kind::Text),
            Param::optional("checksum_match", OPERATIONS),
            Param::optional("mode", Kind::Mode),
            Param::optional("mode_op", OPERATIONS),
            Param::optional("skip_missing", Kind::Flag),
        ],
        silent: true,
        run: attribute_match,
    },
    Trigger {
        gate: "files",
        name: "suid_or_guid_set",
        aliases: &[],
        params: &[],
        silent: true,
        run: suid_or_guid_set,
    },
];

fn name_match(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let Some(regex) = asked.params.expression("regex") else {
        return Ok(());
    };
    for file in asked.facts.files(&FileFilter::default())? {
        if regex.matches(&file.path) {
            let text = format!(
                "Application of regex matched file found in container: file={} regexp={}",
                file.path,
                regex.as_str()
            );
            found.push(Match::new(text).path(&file.path));
        }
    }
    Ok(())
}

fn content_regex_match(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let wanted = asked
        .params
        .text("regex_name")
        .filter(|name| !name.is_empty());
    let mut looked = false;
    for file in asked.facts.files(&FileFilter::default())? {
        looked |= file.matches.is_some();
        for pattern in file.matches.iter().flatten() {
            // Anchore writes `NAME=expression`.
            let (name, expression) = pattern.split_once('=').unwrap_or((pattern, pattern));
            if wanted.is_none_or(|wanted| [pattern, name, expression].contains(&wanted)) {
                let text = format!(
                    "File content analyzer found regexp match in container: file={} regexp={pattern}",
                    file.path
                );
                found.push(Match::new(text).path(&file.path));
            }
        }
    }
    match looked {
        true => Ok(()),
        false => Err(Lack::of("a report of a search in the content of files")),
    }
}

fn attribute_match(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let Some(name) = asked.params.text("filename") else {
        return Ok(());
    };
    let mut parts = Vec::new();
    match asked.facts.file(name)? {
        None if asked.params.flag("skip_missing") == Some(false) => {
            parts.push("skip_missing=False".to_owned())
        }
        None => return Ok(()),
        Some(file) => {
            for part in [checksum(asked, &file)?, mode(asked, &file)?] {
                match part {
                    Part::NotAsked => {}
                    Part::Holds(text) => parts.push(text),
                    Part::Fails => return Ok(()),
                }
            }
        }
    }
    if !parts.is_empty() {
        let text = format!("filename={name} and {}", parts.join(" and "));
        found.push(Match::new(text).path(name));
    }
    Ok(())
}

/// What comes of a part of the question, all of which have to hold.
enum Part {
    NotAsked,
    Holds(String),
    Fails,
}

impl Part {
    /// `operation` is `equals`, when it is not given.
    fn of(is_equal: bool, operation: Option<&str>, text: impl FnOnce(&str) -> String) -> Part {
        let operation = operation.unwrap_or("equals");
        match is_equal == (operation == "equals") {
            true => Part::Holds(text(operation)),
            false => Part::Fails,
        }
    }
}

fn checksum(asked: &Asked<'_>, file: &File) -> Result<Part, Lack> {
    let Some(wanted) = asked
        .params
        .text("checksum")
        .filter(|text| !text.is_empty())
    else {
        return Ok(Part::NotAsked);
    };
    let known = file
        .checksums
        .iter()
        .find(|(algorithm, _)| algorithm == "sha256");
    let (known, is_equal) = match known {
        Some((_, known)) if asked.exact() => (known.as_str(), known == wanted),
        Some((_, known)) => (known.as_str(), known.eq_ignore_ascii_case(wanted)),
        None if asked.exact() => ("", false),
        None => {
            return Err(Lack::of(format!(
                "a report with the SHA-256 of {}",
                file.path
            )));
        }
    };
    let operation = asked.params.text("checksum_match");
    Ok(Part::of(is_equal, operation, |op| {
        format!("checksum={known} op={op} specified_checksum={wanted}")
    }))
}

fn mode(asked: &Asked<'_>, file: &File) -> Result<Part, Lack> {
    let Some(wanted) = asked.params.number("mode") else {
        return Ok(Part::NotAsked);
    };
    let known = match file.mode {
        Some(mode) => u64::from(mode & 0o7777),
        None if asked.exact() => 0,
        None => return Err(Lack::of(format!("a report with the mode of {}", file.path))),
    };
    let operation = asked.params.text("mode_op");
    Ok(Part::of(known == wanted, operation, |op| {
        format!("mode={known:#o} op={op} specified_mode={wanted:#o}")
    }))
}

fn suid_or_guid_set(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    let with = |bits| FileFilter {
        any_mode_bit: Some(bits),
        ..FileFilter::default()
    };
    for file in asked.facts.files(&with(0o6000))? {
        let mode = file.mode.unwrap_or_default();
        let text = format!(
            "SUID or SGID found set on file {}. Mode: {mode:#o}",
            file.path
        );
        found.push(
            Match::new(text)
                .severity(Severity::Medium)
                .path(&file.path)
                .remedy(format!("chmod ug-s {}", file.path)),
        );
    }
    // A report that lists files without their modes tells nothing.
    let has_files = asked.facts.files(&FileFilter::default())?.total() > 0;
    match has_files && asked.facts.files(&with(0o7777))?.total() == 0 {
        true => Err(Lack::of("a report with the modes of files")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
