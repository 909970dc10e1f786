//! OpenVEX 0.0.1 and 0.2.0 (openvex.dev, `OPENVEX-SPEC.md`): what makers say about vulnerabilities in their products.

mod document;

use self::document::{CONTEXT, Document, Entry, Hashes, Identifiers, Part};
use super::super::model::{self, Evidence, Vex, VexStatus};
use super::sbom::unique;
use super::{Repeats, Sketch, Wrong, from_tool, json, time};

const STATUSES: [(&str, VexStatus); 4] = [
    ("not_affected", VexStatus::NotAffected),
    ("affected", VexStatus::Affected),
    ("fixed", VexStatus::Fixed),
    ("under_investigation", VexStatus::UnderInvestigation),
];

pub(super) fn detect(sketch: &Sketch<'_>) -> bool {
    let context = sketch.text("@context");
    context.is_some_and(|context| context.starts_with(CONTEXT))
}

pub(super) fn read(text: &str) -> Result<Evidence, Wrong> {
    let document: Document<'_> = json(text)?;
    let mut statements = Vec::new();
    let mut repeats = Repeats::default();
    for (index, statement) in document.statements.iter().flatten().enumerate() {
        let place = format!("statements[{index}]");
        let statement = Statement::of(statement, &document, &place)?;
        for Scope { products, parts } in statement.about {
            repeats.add(&place, statement.size)?;
            statements.push(model::Statement {
                vulnerabilities: statement.vulnerabilities.clone(),
                products,
                parts,
                vex: statement.vex.clone(),
                ..model::Statement::default()
            });
        }
    }
    Ok(Evidence {
        reports: from_tool(document.tooling.as_deref().unwrap_or_default(), None),
        statements: Some(statements),
        ..Evidence::default()
    })
}

/// Products, and parts of them.
struct Scope {
    products: Vec<String>,
    parts: Vec<String>,
}

/// A statement, before it is made one for each product that has parts of its own.
struct Statement {
    vulnerabilities: Vec<String>,
    vex: Vex,
    about: Vec<Scope>,
    /// Bytes of what is said again for each.
    size: usize,
}

impl Statement {
    fn of(
        raw: &document::Statement<'_>,
        document: &Document<'_>,
        place: &str,
    ) -> Result<Statement, Wrong> {
        let Some((_, status)) = STATUSES.iter().find(|(known, _)| *known == raw.status) else {
            let known = STATUSES.map(|(known, _)| known);
            let reason = format!(
                "{:?} is no status; those are {}",
                raw.status,
                known.join(", ")
            );
            return Err(Wrong::at(format!("{place}.status"), reason));
        };
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let vulnerabilities = vulnerabilities(raw, place)?;
        let vex = Vex {
            status: *status,
            justification: filled(&raw.justification),
            statement: filled(&raw.impact_statement)
                .or_else(|| filled(&raw.action_statement))
                .or_else(|| filled(&raw.status_notes)),
            author: filled(&document.author),
            time: when(raw, document, place)?,
        };
        let texts = [&vex.justification, &vex.statement, &vex.author];
        let texts = texts.into_iter().flatten().chain(&vulnerabilities);
        Ok(Statement {
            size: texts.map(String::len).sum(),
            about: about(raw, place)?,
            vulnerabilities,
            vex,
        })
    }
}

/// The name, and the aliases. One that has no name is called by the last part of its address.
fn vulnerabilities(raw: &document::Statement<'_>, place: &str) -> Result<Vec<String>, Wrong> {
    let Entry(vulnerability) = &raw.vulnerability;
    let address = vulnerability.id.as_deref().unwrap_or_default();
    let name = match vulnerability.name.as_deref() {
        Some(name) if !name.is_empty() => name,
        _ => address.rsplit('/').next().unwrap_or_default(),
    };
    if name.is_empty() {
        let reason = "a vulnerability without a name";
        return Err(Wrong::at(format!("{place}.vulnerability"), reason));
    }
    let aliases = vulnerability.aliases.iter().flatten();
    let aliases = aliases.filter(|alias| !alias.is_empty()).cloned();
    Ok(unique(std::iter::once(name.to_owned()).chain(aliases)))
}

/// When it was said last: of itself, or of all that the document says.
fn when(
    raw: &document::Statement<'_>,
    document: &Document<'_>,
    place: &str,
) -> Result<Option<jiff::Timestamp>, Wrong> {
    for (key, written) in [
        (format!("{place}.last_updated"), &raw.last_updated),
        (format!("{place}.timestamp"), &raw.timestamp),
        ("last_updated".to_owned(), &document.last_updated),
        ("timestamp".to_owned(), &document.timestamp),
    ] {
        if let Some(time) = time(&key, written.as_deref().unwrap_or_default())? {
            return Ok(Some(time));
        }
    }
    Ok(None)
}

/// What it is about. Products without parts of their own are together; none at all stands for the whole image.
fn about(raw: &document::Statement<'_>, place: &str) -> Result<Vec<Scope>, Wrong> {
    let all = raw.products.as_deref().unwrap_or_default();
    let (mut products, mut about) = (Vec::new(), Vec::new());
    for (index, Entry(product)) in all.iter().enumerate() {
        let place = format!("{place}.products[{index}]");
        let parts = product.subcomponents.as_deref().unwrap_or_default();
        let names = names(&product.id, &product.identifiers, &product.hashes, &place)?;
        if parts.is_empty() {
            products.extend(names);
        } else {
            about.push(Scope {
                products: unique(names),
                parts: all_names(parts, &place)?,
            });
        }
    }
    // Of version 0.0.1, for all products.
    let parts = all_names(raw.subcomponents.as_deref().unwrap_or_default(), place)?;
    if !products.is_empty() || all.is_empty() {
        about.push(Scope {
            products: unique(products),
            parts,
        });
    }
    Ok(about)
}

fn all_names(parts: &[Entry<Part>], place: &str) -> Result<Vec<String>, Wrong> {
    let mut all = Vec::new();
    for (index, Entry(part)) in parts.iter().enumerate() {
        let place = format!("{place}.subcomponents[{index}]");
        all.extend(names(&part.id, &part.identifiers, &part.hashes, &place)?);
    }
    Ok(unique(all))
}

/// All that something is called; by CPE only where it is called nothing else, which will match nothing, but must not be
/// taken for the whole image.
fn names(
    id: &Option<String>,
    identifiers: &Option<Identifiers>,
    hashes: &Option<Hashes>,
    place: &str,
) -> Result<Vec<String>, Wrong> {
    let filled = |text: Option<&String>| text.filter(|text| !text.is_empty()).cloned();
    let called =
        |by: fn(&Identifiers) -> Option<&String>| filled(identifiers.as_ref().and_then(by));
    let sum = filled(hashes.as_ref().and_then(|hashes| hashes.sha256.as_ref()));
    let sum = sum.map(|sum| format!("sha256:{}", sum.to_ascii_lowercase()));
    let purl = called(|identifiers| identifiers.purl.as_ref());
    let names: Vec<String> = [filled(id.as_ref()), purl, sum]
        .into_iter()
        .flatten()
        .collect();
    if !names.is_empty() {
        return Ok(names);
    }
    let cpe = called(|identifiers| identifiers.cpe23.as_ref())
        .or_else(|| called(|identifiers| identifiers.cpe22.as_ref()));
    let reason = "neither @id nor identifiers nor a SHA-256 sum";
    cpe.map(|cpe| vec![cpe])
        .ok_or_else(|| Wrong::at(place, reason))
}

#[cfg(test)]
mod tests;
