//! What a CycloneDX vulnerability is, whatever it is of.

use super::super::super::model;
use super::super::raw::sorted;
use super::super::sbom::unique;
use super::super::{Repeats, Wrong, time};
use super::document::{Bom, Source, Vulnerability};
use super::{ratings, tool, vex};

/// What there is to say whatever it is of.
pub(super) fn about(
    raw: &Vulnerability<'_>,
    bom: &Bom<'_>,
    place: &str,
    repeats: &mut Repeats,
) -> Result<model::Vulnerability, Wrong> {
    let mut about = model::Vulnerability {
        id: raw.id.clone(),
        aliases: aliases(raw),
        title: raw.description.as_deref().and_then(title),
        links: links(raw),
        published: time(
            &format!("{place}.published"),
            raw.published.as_deref().unwrap_or_default(),
        )?,
        vex: match &raw.analysis {
            Some(analysis) => vex::read(analysis, &bom.metadata, place)?,
            None => None,
        },
        ..model::Vulnerability::default()
    };
    // A rating that names no source is that of the vulnerability, or the tool's.
    let source = raw
        .source
        .as_ref()
        .and_then(Source::name)
        .unwrap_or(tool(&bom.metadata));
    let ratings = raw.ratings.as_deref().unwrap_or_default();
    repeats.add(place, ratings.len().saturating_mul(source.len()))?;
    ratings::read(ratings, source, place, &mut about)?;
    Ok(about)
}

fn aliases(raw: &Vulnerability<'_>) -> Vec<String> {
    let references = raw.references.iter().flatten();
    let ids = references.filter_map(|reference| reference.id.clone());
    sorted(ids.filter(|id| !id.is_empty() && *id != raw.id).collect())
}

/// A source's page comes first if it is about this vulnerability; some only name their front page.
fn links(raw: &Vulnerability<'_>) -> Vec<String> {
    let source = raw.source.as_ref().and_then(|source| source.url.clone());
    let (first, last) = match source {
        Some(url) if url.contains(&raw.id) => (Some(url), None),
        url => (None, url),
    };
    let advisories = raw.advisories.iter().flatten();
    let advisories = advisories.filter_map(|advisory| advisory.url.clone());
    let all = first.into_iter().chain(advisories).chain(last);
    unique(all.filter(|url| !url.is_empty()))
}

/// The first sentence.
fn title(description: &str) -> Option<String> {
    let line = description.lines().find(|line| !line.trim().is_empty())?;
    let sentence = line.split_once(". ").map_or(line, |(first, _)| first);
    Some(sentence.trim().to_owned())
}

/// Bytes of what is said again for every package.
pub(super) fn size(about: &model::Vulnerability) -> usize {
    let vex = about
        .vex
        .iter()
        .flat_map(|vex| [&vex.justification, &vex.statement, &vex.author]);
    let optional = vex.chain([&about.title, &about.severity_source, &about.severity_text]);
    let vectors = about.scores.iter().map(|score| &score.vector);
    let texts = optional.chain(vectors).flatten();
    let sources = about.scores.iter().map(|score| &score.source);
    let texts = texts.chain(&about.links).chain(sources).map(String::as_str);
    texts
        .chain(about.ids())
        .map(|text| size_of::<String>() + text.len())
        .sum()
}
