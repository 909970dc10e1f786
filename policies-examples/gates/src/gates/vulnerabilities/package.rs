//! Vulnerabilities, by how bad they are, what they are in, and whether they can be mended.

use touchstone_sdk::Severity;
use touchstone_sdk::evidence::{FixState, Score, Vulnerability};

use super::is_left_out;
use crate::gates::packages::is_os;
use crate::gates::{Asked, Lack, Match};
use crate::params::{Kind, Param};
use crate::time;

const COMPARISON: Kind = Kind::OneOf(&["=", "!=", "<", ">", "<=", ">="]);

const SEVERITIES: [(&str, Severity); 6] = [
    ("unknown", Severity::Unknown),
    ("negligible", Severity::Negligible),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];

pub(super) const PARAMS: &[Param] = &[
    Param::required("package_type", Kind::OneOf(&["all", "os", "non-os"])),
    Param::optional("severity_comparison", COMPARISON),
    Param::optional(
        "severity",
        Kind::OneOf(&["unknown", "negligible", "low", "medium", "high", "critical"]),
    ),
    Param::optional("cvss_v3_base_score", Kind::Float),
    Param::optional("cvss_v3_base_score_comparison", COMPARISON),
    Param::optional("cvss_v3_exploitability_score", Kind::Float),
    Param::optional("cvss_v3_exploitability_score_comparison", COMPARISON),
    Param::optional("cvss_v3_impact_score", Kind::Float),
    Param::optional("cvss_v3_impact_score_comparison", COMPARISON),
    Param::optional("vendor_cvss_v3_base_score", Kind::Float),
    Param::optional("vendor_cvss_v3_base_score_comparison", COMPARISON),
    Param::optional("vendor_cvss_v3_exploitability_score", Kind::Float),
    Param::optional("vendor_cvss_v3_exploitability_score_comparison", COMPARISON),
    Param::optional("vendor_cvss_v3_impact_score", Kind::Float),
    Param::optional("vendor_cvss_v3_impact_score_comparison", COMPARISON),
    Param::optional("fix_available", Kind::Flag),
    Param::optional("vendor_only", Kind::Flag),
    Param::optional("max_days_since_creation", Kind::Integer),
    Param::optional("max_days_since_fix", Kind::Integer),
    Param::optional("package_path_exclude", Kind::Expression),
];

/// The name of the score, which of a vulnerability's scores are meant, and what of them.
type ScoreOf = (&'static str, &'static str, fn(&Score) -> Option<f64>);

const SCORES: [ScoreOf; 3] = [
    (
        "cvss_v3_base_score",
        "cvss_v3_base_score_comparison",
        |score| Some(score.base),
    ),
    (
        "cvss_v3_exploitability_score",
        "cvss_v3_exploitability_score_comparison",
        |score| score.exploitability,
    ),
    (
        "cvss_v3_impact_score",
        "cvss_v3_impact_score_comparison",
        |score| score.impact,
    ),
];

const VENDOR_SCORES: [ScoreOf; 3] = [
    (
        "vendor_cvss_v3_base_score",
        "vendor_cvss_v3_base_score_comparison",
        |score| Some(score.base),
    ),
    (
        "vendor_cvss_v3_exploitability_score",
        "vendor_cvss_v3_exploitability_score_comparison",
        |score| score.exploitability,
    ),
    (
        "vendor_cvss_v3_impact_score",
        "vendor_cvss_v3_impact_score_comparison",
        |score| score.impact,
    ),
];

pub(super) fn package(asked: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    for vulnerability in asked.facts.vulnerabilities()? {
        let passes = is_of_type(asked, vulnerability)
            && is_as_bad(asked, vulnerability)
            && !is_left_out(asked, vulnerability)
            && is_as_mendable(asked, vulnerability);
        if !passes {
            continue;
        }
        let Some(times) = times(asked, vulnerability)? else {
            continue;
        };
        let nvd = nvd(asked, vulnerability);
        let vendor = vulnerability
            .scores
            .iter()
            .filter(|score| !is_nvd(score))
            .collect();
        let scores = scores(asked, &SCORES, &nvd).zip(scores(asked, &VENDOR_SCORES, &vendor));
        let Some((scores, vendor_scores)) = scores else {
            continue;
        };
        for (name, path) in places(asked, vulnerability) {
            let text = text(vulnerability, path, &[&scores, &times, &vendor_scores]);
            let mut hit = Match::new(text)
                .id(format!("{}+{name}", vulnerability.id))
                .severity(vulnerability.severity)
                .package(&vulnerability.package)
                .remedy(remedy(vulnerability));
            hit.path = path.map(str::to_owned);
            hit.links.clone_from(&vulnerability.links);
            found.push(hit);
        }
    }
    Ok(())
}

/// Where the report does not tell the type, it may be either.
fn is_of_type(asked: &Asked<'_>, vulnerability: &Vulnerability) -> bool {
    match asked.params.text("package_type") {
        _ if vulnerability.kind.is_empty() => true,
        Some("os") => is_os(&vulnerability.kind),
        Some("non-os") => !is_os(&vulnerability.kind),
        _ => true,
    }
}

fn is_as_bad(asked: &Asked<'_>, vulnerability: &Vulnerability) -> bool {
    let wanted = asked.params.text("severity").unwrap_or("unknown");
    let rank = |is_it: &dyn Fn(&(&str, Severity)) -> bool| SEVERITIES.iter().position(is_it);
    let wanted = rank(&|(name, _)| *name == wanted);
    let found = rank(&|(_, severity)| *severity == vulnerability.severity);
    compares(
        asked.params.text("severity_comparison").unwrap_or(">"),
        &found,
        &wanted,
    )
}

fn compares<T: PartialOrd>(operator: &str, left: &T, right: &T) -> bool {
    match operator {
        "=" => left == right,
        "!=" => left != right,
        "<" => left < right,
        ">" => left > right,
        "<=" => left <= right,
        _ => left >= right,
    }
}

fn is_fixed(vulnerability: &Vulnerability) -> bool {
    !vulnerability.fixed.is_empty() || vulnerability.fix_state == FixState::Fixed
}

fn is_as_mendable(asked: &Asked<'_>, vulnerability: &Vulnerability) -> bool {
    let wanted = asked.params.flag("fix_available");
    wanted.is_none_or(|wanted| wanted == is_fixed(vulnerability))
}

/// What the text says of times; nothing when the vulnerability or its fix is too young. What has no time is old enough.
fn times(asked: &Asked<'_>, vulnerability: &Vulnerability) -> Result<Option<Vec<String>>, Lack> {
    let seen = vulnerability
        .first_seen
        .as_ref()
        .or(vulnerability.published.as_ref());
    let fixed = vulnerability.fixed_at.as_ref();
    let with_fix = asked.params.flag("fix_available") == Some(true);
    let mut texts = Vec::new();
    for (name, time, counts) in [
        ("max_days_since_creation", seen, true),
        ("max_days_since_fix", fixed, with_fix),
    ] {
        let Some(days) = asked.params.number(name).filter(|_| counts) else {
            continue;
        };
        let Some((time, then)) = time.and_then(|time| Some((time, time::seconds(time)?))) else {
            continue;
        };
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        if then
            > asked
                .facts
                .now()?
                .saturating_sub(days.saturating_mul(time::DAY))
        {
            return Ok(None);
        }
        texts.push(format!("{name}={}", time.split('T').next().unwrap_or(time)));
    }
    Ok(Some(texts))
}

fn is_nvd(score: &Score) -> bool {
    let source = score.source.to_ascii_lowercase();
    source.contains("nvd") || source.contains("nist")
}

/// The scores of the National Vulnerability Database; where it has none, anybody's: unknown is not harmless.
fn nvd<'a>(asked: &Asked<'_>, vulnerability: &'a Vulnerability) -> Vec<&'a Score> {
    let nvd: Vec<&Score> = vulnerability
        .scores
        .iter()
        .filter(|score| is_nvd(score))
        .collect();
    let has_any = nvd.iter().any(|score| score.version.starts_with('3'));
    match has_any || asked.exact() {
        true => nvd,
        false => vulnerability.scores.iter().collect(),
    }
}

/// What the text says of scores; nothing when one is not as asked. Without a score it is -1.
fn scores(asked: &Asked<'_>, wanted: &[ScoreOf; 3], scores: &Vec<&Score>) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for (name, comparison, part) in wanted {
        let Some(wanted) = asked.params.float(name) else {
            continue;
        };
        let version_3 = scores.iter().filter(|score| score.version.starts_with('3'));
        let highest = version_3
            .filter_map(|score| part(score))
            .max_by(f64::total_cmp)
            .unwrap_or(-1.0);
        let comparison = asked.params.text(comparison).unwrap_or(">=");
        compares(comparison, &highest, &wanted).then_some(())?;
        if highest != 0.0 {
            texts.push(format!("{name}={highest:?}"));
        }
    }
    Some(texts)
}

/// What the vulnerable thing is called in ids, with its file: for the distribution's packages their names, for others
/// what their files are called. Files that are to be left out are not among them.
fn places<'a>(
    asked: &Asked<'_>,
    vulnerability: &'a Vulnerability,
) -> Vec<(String, Option<&'a str>)> {
    if is_os(&vulnerability.kind) || vulnerability.kind.is_empty() {
        return vec![(vulnerability.package.clone(), None)];
    }
    if vulnerability.locations.is_empty() {
        return vec![(name_and_version(vulnerability), None)];
    }
    let excluded = asked.params.expression("package_path_exclude");
    let kept = vulnerability
        .locations
        .iter()
        .filter(|path| !excluded.is_some_and(|excluded| excluded.matches(path)));
    let mut places: Vec<(String, Option<&str>)> = Vec::new();
    for path in kept {
        let name = file_name(&vulnerability.kind, path)
            .map_or_else(|| name_and_version(vulnerability), str::to_owned);
        if !places.iter().any(|(known, _)| *known == name) {
            places.push((name, Some(path)));
        }
    }
    places
}

fn name_and_version(vulnerability: &Vulnerability) -> String {
    match &vulnerability.installed {
        Some(version) => format!("{}-{version}", vulnerability.package),
        None => vulnerability.package.clone(),
    }
}

/// What Anchore calls it by its file: `log4j-core-2.14.1.jar`, `rack-2.2.3.gemspec`, the folder of `package.json`. A lock
/// file names no single package.
fn file_name<'a>(kind: &str, path: &'a str) -> Option<&'a str> {
    const JAVA: [&str; 6] = [".jar", ".war", ".ear", ".par", ".jpi", ".hpi"];
    let mut parts = path.rsplit('/');
    let last = parts.next()?;
    match kind {
        "maven" if JAVA.iter().any(|ending| last.ends_with(ending)) => Some(last),
        "gem" if last.ends_with(".gemspec") => Some(last),
        "npm" if last == "package.json" => parts.next().filter(|folder| !folder.is_empty()),
        _ => None,
    }
}

/// What Anchore calls types of packages.
fn type_name(kind: &str) -> &str {
    match kind {
        "deb" => "dpkg",
        "apk" => "APKG",
        "maven" => "java",
        "pypi" => "python",
        "golang" => "go",
        "" => "unknown",
        kind => kind,
    }
}

fn text(vulnerability: &Vulnerability, path: Option<&str>, notes: &[&Vec<String>; 3]) -> String {
    let class = if path.is_none() && is_os(&vulnerability.kind) {
        "os"
    } else {
        "non-os"
    };
    let class = if vulnerability.kind.is_empty() {
        "os"
    } else {
        class
    };
    let mut text = format!(
        "{} Vulnerability found in {class} package type ({}) - {} ",
        vulnerability.severity.as_str().to_uppercase(),
        type_name(&vulnerability.kind),
        path.unwrap_or(&vulnerability.package),
    );
    if !vulnerability.fixed.is_empty() {
        text += &format!("(fixed in: {})", vulnerability.fixed.join(", "));
    }
    for note in notes.iter().filter(|note| !note.is_empty()) {
        text += &format!("({})", note.join(" "));
    }
    let link = vulnerability.links.first().map_or("None", String::as_str);
    text + &format!("({} - {link})", vulnerability.id)
}

pub(super) fn remedy(vulnerability: &Vulnerability) -> String {
    match vulnerability.fixed.as_slice() {
        [] => format!(
            "there is no fixed version of {} yet: do without it, or allow it for a time",
            vulnerability.package
        ),
        fixed => format!("update {} to {}", vulnerability.package, fixed.join(" or ")),
    }
}

#[cfg(test)]
mod tests;
