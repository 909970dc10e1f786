//! How bad a CycloneDX vulnerability is: its `ratings`, several of which may disagree.

use super::super::super::model::{Score, Severity, Vulnerability};
use super::super::Wrong;
use super::super::raw::within;
use super::document::Rating;

/// Reads severity, CVSS, EPSS and whether it is exploited. `default` is whose a rating is that names no source.
pub(super) fn read(
    ratings: &[Rating],
    default: &str,
    place: &str,
    about: &mut Vulnerability,
) -> Result<(), Wrong> {
    for (index, rating) in ratings.iter().enumerate() {
        let Some(score) = rating.score else { continue };
        let within = |most| {
            let place = format!("{place}.ratings[{index}].score");
            within(&place, score, most)
        };
        match (cvss_version(rating), rating.source()) {
            (Some(version), source) => about.scores.push(Score {
                source: source.unwrap_or(default).to_owned(),
                version: version.to_owned(),
                vector: vector(rating, version),
                base: within(10.0)?,
                ..Score::default()
            }),
            // As Grype writes them.
            (None, Some(source)) if source == "FIRST" || source.contains("EPSS") => {
                about.epss = Some(within(1.0)?);
            }
            (None, Some(source)) if source.contains("KEV") => about.exploited = Some(score > 0.0),
            _ => {}
        }
    }
    if let Some((rating, severity)) = chosen(ratings, default) {
        about.severity = severity;
        let source = rating.source().unwrap_or(default);
        about.severity_source = Some(source.to_owned()).filter(|source| !source.is_empty());
        about.severity_text = rating.severity.clone();
    }
    Ok(())
}

/// The rating whose severity counts: that of whoever tells of the vulnerability, or of nobody in particular, or NVD's,
/// or else the worst of all. Words count before scores.
fn chosen<'a>(ratings: &'a [Rating], default: &str) -> Option<(&'a Rating, Severity)> {
    let is_worded = |rating: &&Rating| {
        rating
            .severity
            .as_deref()
            .is_some_and(|word| !word.is_empty())
    };
    let is_scored = |rating: &&Rating| rating.score.is_some() && cvss_version(rating).is_some();
    let has_words = ratings.iter().any(|rating| is_worded(&rating));
    let worst = |is_whose: &dyn Fn(Option<&str>) -> bool| {
        let all = ratings.iter().filter(|rating| is_whose(rating.source()));
        let all = all.filter(|rating| {
            if has_words {
                is_worded(rating)
            } else {
                is_scored(rating)
            }
        });
        let all = all.map(|rating| (rating, severity(rating)));
        all.max_by_key(|(_, severity)| *severity)
    };
    let is_nvd = |source: &str| source.eq_ignore_ascii_case("nvd");
    worst(&|source| source == Some(default))
        .or_else(|| worst(&|source| source.is_none()))
        .or_else(|| worst(&|source| source.is_some_and(is_nvd)))
        .or_else(|| worst(&|_| true))
}

fn severity(rating: &Rating) -> Severity {
    match rating.severity.as_deref() {
        Some(word) if !word.is_empty() => Severity::of(word),
        _ => rating.score.map_or(Severity::Unknown, Severity::of_score),
    }
}

/// Which version of CVSS a rating is by, if it is: the vector tells best.
fn cvss_version(rating: &Rating) -> Option<&'static str> {
    const VERSIONS: [(&str, &str, &str); 4] = [
        ("CVSS:4.0/", "CVSSv4", "4.0"),
        ("CVSS:3.1/", "CVSSv31", "3.1"),
        ("CVSS:3.0/", "CVSSv3", "3.0"),
        ("CVSS:2.0/", "CVSSv2", "2.0"),
    ];
    let vector = rating.vector.as_deref().unwrap_or_default();
    let by_vector = VERSIONS
        .iter()
        .find(|(prefix, _, _)| vector.starts_with(prefix));
    let method = rating.method.as_deref().unwrap_or_default();
    let by_method = || VERSIONS.iter().find(|(_, known, _)| *known == method);
    by_vector.or_else(by_method).map(|(_, _, version)| *version)
}

/// The vector, with the beginning that version 3 and later ask for and some leave out.
fn vector(rating: &Rating, version: &str) -> Option<String> {
    let vector = rating
        .vector
        .as_deref()
        .filter(|vector| !vector.is_empty())?;
    if vector.starts_with("CVSS:") || version == "2.0" {
        return Some(vector.to_owned());
    }
    Some(format!("CVSS:{version}/{vector}"))
}
