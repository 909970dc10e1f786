//! Results of one run: which rule each is of, and what becomes of it.

use std::collections::HashMap;

use super::super::super::model::{Evidence, FoundLicence, FoundSecret, Misconfiguration, Severity};
use super::super::purl::decode;
use super::super::sbom::{self, unique};
use super::super::{Repeats, Wrong};
use super::document::{Component, Found, Location, Rule, Run};
use super::words::Words;
use super::{Looks, message, vulnerability};

pub(super) struct Reader<'a> {
    pub(super) run: &'a Run<'a>,
    place: String,
    looks: Looks,
    /// By id: the driver's, and then those of its extensions; the first of each.
    rules: HashMap<&'a str, &'a Rule<'a>>,
}

/// A result with its rule, and what it says.
pub(super) struct Case<'a> {
    pub(super) id: &'a str,
    pub(super) rule: Option<&'a Rule<'a>>,
    pub(super) found: &'a Found<'a>,
    pub(super) words: Words<'a>,
    /// Whether it was found.
    pub(super) is_fine: bool,
    pub(super) severity: Severity,
}

impl<'a> Reader<'a> {
    pub(super) fn new(run: &'a Run<'a>, place: String) -> Reader<'a> {
        let extensions = run.tool.extensions.iter().flatten();
        let components = std::iter::once(&run.tool.driver).chain(extensions);
        let rules = components.flat_map(|component| component.rules.iter().flatten());
        let mut by_id = HashMap::new();
        for rule in rules {
            by_id.entry(&*rule.id).or_insert(rule);
        }
        Reader {
            looks: Looks::of(run),
            run,
            place,
            rules: by_id,
        }
    }

    /// Adds what a result says to the evidence.
    pub(super) fn add(
        &self,
        index: usize,
        found: &'a Found<'a>,
        repeats: &mut Repeats,
        evidence: &mut Evidence,
    ) -> Result<(), Wrong> {
        if found.is_gone() {
            return Ok(());
        }
        let place = format!("{}.results[{index}]", self.place);
        let (id, rule) = self.rule(found, &place)?;
        let said = message::read(found.message.as_ref(), rule, &place, repeats)?;
        let help = rule.and_then(Rule::help).unwrap_or_default();
        let rule_size = rule.map_or(0, |rule| {
            let texts = [rule.title(), rule.help_uri.as_deref(), Some(help)];
            texts.into_iter().flatten().map(str::len).sum()
        });
        // The tool's name is said with the severity and each of two scores.
        repeats.add(&place, rule_size + 3 * self.run.tool.driver.name.len())?;
        let words = Words::of(&said, help);
        let case = Case {
            id,
            rule,
            found,
            words,
            is_fine: found.is_fine(),
            severity: severity(found, rule, &words, &place)?,
        };
        self.sort(&case, &said, &place, evidence)
    }

    /// By what its rule says it is.
    fn sort(
        &self,
        case: &Case<'_>,
        said: &str,
        place: &str,
        evidence: &mut Evidence,
    ) -> Result<(), Wrong> {
        let tags = case.rule.map(Rule::tags).unwrap_or_default();
        let is_vulnerability = self.looks == Looks::Vulnerabilities
            || tags.vulnerability
            || ["CVE-", "GHSA-"]
                .iter()
                .any(|start| case.id.starts_with(start));
        if self.looks == Looks::Secrets || tags.secret {
            let secrets = evidence.secrets.get_or_insert_default();
            secrets.extend((!case.is_fine).then(|| self.secret(case)));
        } else if let Some(licence) = self.licence(case).filter(|_| tags.licence) {
            let licences = evidence.licences.get_or_insert_default();
            licences.extend((!case.is_fine).then_some(licence));
        } else if is_vulnerability && case.words.package.is_some() {
            let vulnerability = vulnerability::read(self, case, evidence)?;
            let vulnerabilities = evidence.vulnerabilities.get_or_insert_default();
            vulnerabilities.extend((!case.is_fine).then_some(vulnerability));
        } else if self.looks == Looks::Vulnerabilities {
            let reason = format!("no package in the words of {:?}", self.run.tool.driver.name);
            return Err(Wrong::at(place, reason));
        } else {
            let misconfigurations = evidence.misconfigurations.get_or_insert_default();
            misconfigurations.push(self.misconfiguration(case, said));
        }
        Ok(())
    }

    /// The id of a result's rule, and the rule, if it is there.
    fn rule(
        &self,
        found: &'a Found<'a>,
        place: &str,
    ) -> Result<(&'a str, Option<&'a Rule<'a>>), Wrong> {
        let reference = found.rule.as_ref();
        let id = found.rule_id.as_deref().filter(|id| !id.is_empty());
        let id = id
            .or_else(|| reference?.id.as_deref())
            .filter(|id| !id.is_empty());
        let by_index = self.by_index(found);
        let Some(id) = id else {
            let rule = by_index.ok_or_else(|| {
                let reason = "neither ruleId nor the index of a rule that is there";
                Wrong::at(place, reason)
            })?;
            return Ok((&rule.id, Some(rule)));
        };
        // Some write the same index for every rule. A result's id may be one below its rule's: `CA1000/1`.
        let above = id.rsplit_once('/').map_or(id, |(above, _)| above);
        let rule = by_index.filter(|rule| rule.id == id || rule.id == above);
        let by_id = || {
            self.rules
                .get(id)
                .or_else(|| self.rules.get(above))
                .copied()
        };
        Ok((id, rule.or_else(by_id)))
    }

    fn by_index(&self, found: &Found<'_>) -> Option<&'a Rule<'a>> {
        let reference = found.rule.as_ref();
        let index = reference
            .and_then(|reference| reference.index)
            .or(found.rule_index);
        let component = reference.and_then(|reference| reference.tool_component.as_ref()?.index);
        let component: &Component<'_> = match component {
            Some(index) => self
                .run
                .tool
                .extensions
                .as_ref()?
                .get(usize::try_from(index).ok()?)?,
            None => &self.run.tool.driver,
        };
        component.rules.as_ref()?.get(usize::try_from(index?).ok()?)
    }

    /// The first file that it is about.
    pub(super) fn path(&self, case: &Case<'_>) -> Option<String> {
        let location = physical(case)?.artifact_location.as_ref()?;
        let index = || usize::try_from(location.index?).ok();
        let listed = || {
            self.run
                .artifacts
                .as_ref()?
                .get(index()?)?
                .location
                .as_ref()?
                .uri
                .as_deref()
        };
        let uri = location.uri.as_deref().or_else(listed)?;
        match decode(uri) {
            uri if uri.contains("://") && !uri.starts_with("file://") => Some(uri),
            uri => sbom::path(&uri),
        }
    }

    fn misconfiguration(&self, case: &Case<'_>, said: &str) -> Misconfiguration {
        let help = case.rule.and_then(Rule::help);
        let is_link = |text: &&str| text.starts_with("http") && !text.contains(char::is_whitespace);
        let uri = case.rule.and_then(|rule| rule.help_uri.as_deref());
        let links = uri
            .into_iter()
            .chain(help.filter(is_link))
            .map(str::to_owned);
        Misconfiguration {
            id: case.id.to_owned(),
            severity: case.severity,
            passed: case.is_fine,
            title: case.rule.and_then(Rule::title).map(str::to_owned),
            message: Some(said.to_owned()).filter(|said| !said.is_empty()),
            remedy: help.filter(|help| !is_link(help)).map(str::to_owned),
            links: unique(links.filter(|link| !link.is_empty())),
            path: self.path(case),
            line: line(case),
            ..Misconfiguration::default()
        }
    }

    /// Neither message nor help is used: both may hold the secret.
    fn secret(&self, case: &Case<'_>) -> FoundSecret {
        FoundSecret {
            rule: case.id.to_owned(),
            severity: case.severity,
            title: case.rule.and_then(Rule::title).map(str::to_owned),
            path: self.path(case).unwrap_or_else(|| "/".to_owned()),
            line: line(case),
            ..FoundSecret::default()
        }
    }

    fn licence(&self, case: &Case<'_>) -> Option<FoundLicence> {
        let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        Some(FoundLicence {
            name: filled(case.words.licence)?,
            category: filled(case.words.category),
            severity: case.severity,
            package: filled(case.words.package),
            path: case.words.location.and_then(sbom::path),
            ..FoundLicence::default()
        })
    }
}

fn physical<'a>(case: &Case<'a>) -> Option<&'a super::document::Physical<'a>> {
    let mut locations = case.found.locations.iter().flatten();
    locations.find_map(|location: &Location<'_>| location.physical_location.as_ref())
}

fn line(case: &Case<'_>) -> Option<u32> {
    let line = physical(case)?.region.as_ref()?.start_line?;
    (line > 0).then_some(line)
}

/// In words, as Trivy and Grype say it; by the score that GitHub asks for; by the level, which is `warning` where neither
/// result nor rule has one (§3.27.10).
fn severity(
    found: &Found<'_>,
    rule: Option<&Rule<'_>>,
    words: &Words<'_>,
    place: &str,
) -> Result<Severity, Wrong> {
    let default = rule.and_then(Rule::level);
    // What is not found has no level of its own.
    let level = match found.kind.as_deref() {
        None | Some("fail") => found.level.as_deref().or(default),
        _ => default,
    };
    let level = level.unwrap_or("warning");
    if !matches!(level, "none" | "note" | "warning" | "error") {
        let reason = format!("{level:?} is no level; those are none, note, warning, error");
        return Err(Wrong::at(format!("{place}.level"), reason));
    }
    let score = rule.and_then(|rule| rule.properties.as_ref()?.security_severity);
    let worded = words.severity.map(|word| (word, Severity::of(word)));
    let worded = worded.filter(|(word, severity)| {
        *severity != Severity::Unknown || word.eq_ignore_ascii_case("unknown")
    });
    Ok(match (worded, score) {
        (Some((_, severity)), _) => severity,
        (None, Some(score)) => Severity::of_score(score),
        (None, None) => Severity::of(level),
    })
}
