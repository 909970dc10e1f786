//! Vulnerabilities of a CycloneDX document. One of the bill's own parts is a finding, with what VEX says about it; what
//! VEX says about anything else is a statement, to be held against other reports.

use std::collections::HashMap;

use super::super::super::model::{Evidence, FixState, Package, Statement, Vex, Vulnerability};
use super::super::purl::{PackageUrl, decode};
use super::super::sbom::{self, Named, unique};
use super::super::{Repeats, Wrong};
use super::about::{about, size};
use super::document::{self, AffectedVersion, Bom};
use super::{Part, tool, vex};

/// Reads them into the evidence.
pub(super) fn read(
    bom: &Bom<'_>,
    parts: &[Part],
    is_bill: bool,
    evidence: &mut Evidence,
) -> Result<(), Wrong> {
    let Some(all) = &bom.vulnerabilities else {
        return Ok(());
    };
    let bill = Bill::new(bom, parts, is_bill);
    let mut reader = Reader::default();
    for (index, raw) in all.iter().enumerate() {
        reader.add(&bill, raw, &format!("vulnerabilities[{index}]"))?;
    }
    // Trivy writes an empty list even when it was not told to look.
    let has_looked = is_bill && reader.statements.is_empty() && tool(&bom.metadata) != "trivy";
    if has_looked || !reader.found.is_empty() {
        evidence.vulnerabilities = Some(reader.found);
    }
    if !reader.statements.is_empty() {
        evidence.statements = Some(reader.statements);
    }
    Ok(())
}

/// What vulnerabilities may be of.
struct Bill<'a> {
    bom: &'a Bom<'a>,
    is_bill: bool,
    /// By `bom-ref`; the first, should two have the same.
    parts: HashMap<&'a str, &'a Package>,
    /// What the document is about.
    top: Option<Package>,
    /// How links from elsewhere into this document begin.
    link: String,
}

/// What a vulnerability is of.
enum Target<'a> {
    /// The bill's part, or what a bill is about.
    Part(&'a Package),
    /// What a document without a bill is about, when it says so.
    Top(Option<&'a Package>),
    /// Something else.
    Elsewhere(String),
}

impl<'a> Bill<'a> {
    fn new(bom: &'a Bom<'a>, parts: &'a [Part], is_bill: bool) -> Bill<'a> {
        let referred = parts
            .iter()
            .rev()
            .filter_map(|part| Some((part.reference.as_deref()?, &part.package)));
        let top = bom.metadata.component.as_ref().map(|top| {
            sbom::package(&Named {
                group: top.group.as_deref(),
                name: &top.name,
                version: top.version.as_deref(),
                purl: top.purl.as_deref(),
            })
        });
        let serial = bom.serial_number.as_deref().unwrap_or_default();
        let serial = serial.strip_prefix("urn:uuid:").unwrap_or(serial);
        Bill {
            bom,
            is_bill,
            parts: referred.collect(),
            top,
            link: format!("urn:cdx:{serial}/{}#", bom.version.unwrap_or(1)),
        }
    }

    /// What a reference is to.
    fn target(&self, reference: &str) -> Target<'_> {
        let local = reference.strip_prefix(&self.link).map(decode);
        let reference = local.as_deref().unwrap_or(reference);
        if let Some(package) = self.parts.get(reference) {
            return Target::Part(package);
        }
        let top = self.bom.metadata.component.as_ref();
        if top.and_then(|top| top.bom_ref.as_deref()) == Some(reference) {
            return self.top();
        }
        let link = reference
            .strip_prefix("urn:cdx:")
            .and_then(|link| link.split_once('#'));
        Target::Elsewhere(link.map_or_else(|| reference.to_owned(), |(_, part)| decode(part)))
    }

    fn top(&self) -> Target<'_> {
        match &self.top {
            Some(top) if self.is_bill => Target::Part(top),
            top => Target::Top(top.as_ref()),
        }
    }
}

/// A vulnerability, and what is said of the versions of one thing that it is of.
struct Case<'a> {
    about: &'a Vulnerability,
    /// In words, what to do.
    advice: Option<&'a str>,
    versions: &'a [AffectedVersion<'a>],
    place: &'a str,
}

#[derive(Default)]
struct Reader {
    found: Vec<Vulnerability>,
    statements: Vec<Statement>,
    repeats: Repeats,
}

impl Reader {
    fn add(
        &mut self,
        bill: &Bill<'_>,
        raw: &document::Vulnerability<'_>,
        place: &str,
    ) -> Result<(), Wrong> {
        let about = about(raw, bill.bom, place, &mut self.repeats)?;
        let case = |versions| Case {
            about: &about,
            advice: raw.recommendation.as_deref(),
            versions,
            place,
        };
        let affects = raw.affects.as_deref().unwrap_or_default();
        if affects.is_empty() {
            return self.add_one(bill.top(), &case(&[]));
        }
        for affected in affects {
            let versions = affected.versions.as_deref().unwrap_or_default();
            self.add_one(bill.target(&affected.reference), &case(versions))?;
        }
        Ok(())
    }

    fn add_one(&mut self, target: Target<'_>, case: &Case<'_>) -> Result<(), Wrong> {
        self.repeats.add(case.place, size(case.about))?;
        match (target, &case.about.vex) {
            (Target::Elsewhere(text), Some(vex)) => {
                let version = PackageUrl::parse(&text).and_then(|url| url.version);
                self.state(Some(&text), version.as_deref(), vex, case)
            }
            (Target::Top(top), Some(vex)) => {
                let purl = top.and_then(|top| top.purl.as_deref());
                self.state(purl, top.and_then(|top| top.version.as_deref()), vex, case)
            }
            (Target::Part(package) | Target::Top(Some(package)), _) => self.find(package, case),
            (Target::Elsewhere(text), None) => self.find(&sbom::referred(&text), case),
            (Target::Top(None), None) => {
                let reason = "neither its affects nor metadata.component says what it is of";
                Err(Wrong::at(case.place, reason))
            }
        }
    }

    /// A finding in one package.
    fn find(&mut self, package: &Package, case: &Case<'_>) -> Result<(), Wrong> {
        let locations = package.locations.iter().map(String::len).sum::<usize>();
        let purl = package.purl.as_ref().map_or(0, String::len);
        self.repeats
            .add(case.place, package.name.len() + purl + locations)?;
        let (about, installed) = (case.about, package.version.as_deref());
        let fixed = fixed(package, case);
        self.found.push(Vulnerability {
            package: package.name.clone(),
            kind: package.kind.clone(),
            installed: package.version.clone(),
            purl: package.purl.clone(),
            locations: package.locations.clone(),
            layer: package.layer.clone(),
            fix_state: if fixed.is_empty() {
                FixState::Unknown
            } else {
                FixState::Fixed
            },
            fixed,
            vex: vex::of_version(about.vex.as_ref(), installed, case.versions, case.place)?,
            ..about.clone()
        });
        Ok(())
    }

    /// States what VEX says of a product. Where the product names no version, it is said of those that are listed. A
    /// range is not told apart from all versions: what would clear a finding is then not said at all.
    fn state(
        &mut self,
        product: Option<&str>,
        version: Option<&str>,
        vex: &Vex,
        case: &Case<'_>,
    ) -> Result<(), Wrong> {
        if case.versions.is_empty() || version.is_some() {
            let vex = vex::of_version(Some(vex), version, case.versions, case.place)?;
            self.statements
                .extend(vex.map(|vex| statement(case, product, vex)));
            return Ok(());
        }
        let size = size(case.about) + product.map_or(0, str::len);
        for listed in case.versions {
            let Some(vex) = vex::of_status(Some(vex), listed, case.place)? else {
                continue;
            };
            self.repeats.add(case.place, size)?;
            let purl = product.filter(|product| product.starts_with("pkg:"));
            match (purl, &listed.version) {
                (Some(purl), Some(version)) => {
                    let product = with_version(purl, version);
                    self.statements.push(statement(case, Some(&product), vex));
                }
                _ if vex::clears(&vex) => {}
                _ => self.statements.push(statement(case, product, vex)),
            }
        }
        Ok(())
    }
}

fn statement(case: &Case<'_>, product: Option<&str>, vex: Vex) -> Statement {
    Statement {
        vulnerabilities: case.about.ids().map(str::to_owned).collect(),
        products: product.map(str::to_owned).into_iter().collect(),
        vex,
        ..Statement::default()
    }
}

fn fixed(package: &Package, case: &Case<'_>) -> Vec<String> {
    let mut fixed: Vec<String> = case.versions.iter().filter_map(fixed_from).collect();
    // Trivy says it once, for the first of several packages.
    let advice = case
        .advice
        .and_then(upgrade)
        .filter(|(name, _)| *name == package.name);
    fixed.extend(advice.map(|(_, versions)| versions).unwrap_or_default());
    unique(fixed)
}

/// As Trivy and others write: `Upgrade openssl to version 3.0.1, 1.1.1n`.
fn upgrade(text: &str) -> Option<(&str, Vec<String>)> {
    let (name, versions) = text
        .trim()
        .strip_prefix("Upgrade ")?
        .split_once(" to version ")?;
    let versions = versions
        .trim_end_matches('.')
        .trim_end_matches(" or higher");
    let versions = versions.split(',').map(|version| version.trim().to_owned());
    let versions: Vec<String> = versions.collect();
    let plain = |version: &String| !version.is_empty() && !version.contains(char::is_whitespace);
    versions.iter().all(plain).then_some((name, versions))
}

/// As Grype writes: `vers:deb/>=1.2.1`, unaffected.
fn fixed_from(listed: &AffectedVersion<'_>) -> Option<String> {
    let range = listed
        .range
        .as_deref()
        .filter(|_| listed.status.as_deref() == Some("unaffected"))?;
    let (_, constraint) = range.strip_prefix("vers:")?.split_once('/')?;
    let version = constraint.strip_prefix(">=")?;
    (!version.contains('|')).then(|| decode(version))
}

/// A package URL that has no version, with one.
fn with_version(purl: &str, version: &str) -> String {
    let end = purl.find(['?', '#']).unwrap_or(purl.len());
    let (before, after) = purl.split_at(end);
    format!("{before}@{version}{after}")
}
