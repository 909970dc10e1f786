//! Asking evidence: filters, and the part of the answer that is wanted.

use jiff::Timestamp;

use super::model::{
    Evidence, File, FixState, Package, Reports, RuleOutcome, RuleResult, Severity, VexStatus,
    Vulnerability,
};

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many to leave out first.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

impl Window {
    /// Items in one answer at most.
    pub const MOST: u32 = 1000;

    /// The part of a list.
    pub fn of<'a, T>(self, items: impl IntoIterator<Item = &'a T>) -> Page<'a, T> {
        let (from, most) = (self.offset as usize, self.limit.min(Self::MOST) as usize);
        let mut page = Page {
            total: 0,
            items: Vec::new(),
        };
        for (index, item) in items.into_iter().enumerate() {
            page.total += 1;
            if index >= from && page.items.len() < most {
                page.items.push(item);
            }
        }
        page
    }
}

/// A part of a list.
#[derive(Debug)]
pub struct Page<'a, T> {
    /// How many there are in all.
    pub total: u32,
    /// Those that were wanted.
    pub items: Vec<&'a T>,
}

/// What can be asked of an item: everything that is given must hold, what is empty lets everything through.
pub trait Query {
    /// What it is asked of.
    type Item;
    /// Whether it holds.
    fn holds(&self, item: &Self::Item) -> bool;
}

/// A list, and what is asked of its items.
pub fn ask<'a, Q: Query>(
    items: Option<&'a [Q::Item]>,
    query: &Q,
    window: Window,
) -> Option<Page<'a, Q::Item>> {
    Some(window.of(items?.iter().filter(|item| query.holds(item))))
}

/// Which vulnerabilities.
#[derive(Clone, Debug, Default)]
#[allow(
    missing_docs,
    reason = "the fields are those of the interface, which says what they mean"
)]
pub struct VulnerabilityQuery {
    pub min_severity: Option<Severity>,
    pub fix_states: Vec<FixState>,
    pub kinds: Vec<String>,
    pub packages: Vec<String>,
    pub ids: Vec<String>,
    pub min_cvss: Option<f64>,
    pub published_before: Option<Timestamp>,
    pub fixed_before: Option<Timestamp>,
    pub exclude_paths: Vec<String>,
    pub exclude_vex: Vec<VexStatus>,
}

impl Query for VulnerabilityQuery {
    type Item = Vulnerability;

    fn holds(&self, item: &Vulnerability) -> bool {
        let before = |limit: Option<Timestamp>, time: Option<Timestamp>| {
            limit.is_none_or(|limit| time.is_some_and(|time| time < limit))
        };
        self.min_severity.is_none_or(|least| item.severity >= least)
            && (self.fix_states.is_empty() || self.fix_states.contains(&item.fix_state))
            && is_of_kind(&self.kinds, &item.kind)
            && any(&self.packages, [item.package.as_str()])
            && any(&self.ids, item.ids())
            && self.min_cvss.is_none_or(|least| item.cvss() >= Some(least))
            && before(self.published_before, item.published)
            && before(self.fixed_before, item.fixed_at)
            && !all_excluded(&self.exclude_paths, &item.locations)
            && item
                .vex
                .as_ref()
                .is_none_or(|vex| !self.exclude_vex.contains(&vex.status))
    }
}

/// Which packages.
#[derive(Clone, Debug, Default)]
#[allow(
    missing_docs,
    reason = "the fields are those of the interface, which says what they mean"
)]
pub struct PackageQuery {
    pub kinds: Vec<String>,
    pub names: Vec<String>,
    pub licences: Vec<String>,
    pub exclude_paths: Vec<String>,
}

impl Query for PackageQuery {
    type Item = Package;

    fn holds(&self, item: &Package) -> bool {
        let licences = item.licences.iter().flatten().map(String::as_str);
        is_of_kind(&self.kinds, &item.kind)
            && any(&self.names, [item.name.as_str()])
            && any(&self.licences, licences)
            && !all_excluded(&self.exclude_paths, &item.locations)
    }
}

/// Which results of rules.
#[derive(Clone, Debug, Default)]
#[allow(
    missing_docs,
    reason = "the fields are those of the interface, which says what they mean"
)]
pub struct RuleQuery {
    pub outcomes: Vec<RuleOutcome>,
    pub min_severity: Option<Severity>,
    pub ids: Vec<String>,
}

impl Query for RuleQuery {
    type Item = RuleResult;

    fn holds(&self, item: &RuleResult) -> bool {
        (self.outcomes.is_empty() || self.outcomes.contains(&item.result))
            && self.min_severity.is_none_or(|least| item.severity >= least)
            && any(&self.ids, [item.id.as_str()])
    }
}

/// Which files.
#[derive(Clone, Debug, Default)]
#[allow(
    missing_docs,
    reason = "the fields are those of the interface, which says what they mean"
)]
pub struct FileQuery {
    pub paths: Vec<String>,
    pub any_mode_bit: Option<u32>,
    pub with_content: bool,
}

impl Query for FileQuery {
    type Item = File;

    fn holds(&self, item: &File) -> bool {
        any(&self.paths, [item.path.as_str()])
            && self
                .any_mode_bit
                .is_none_or(|bits| item.mode.is_some_and(|mode| mode & bits != 0))
            && (!self.with_content || item.content.is_some())
    }
}

impl Vulnerability {
    /// Its id and its aliases.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.id)
            .chain(&self.aliases)
            .map(String::as_str)
    }

    /// The highest base score of CVSS 3 or 4; of CVSS 2 where there is no later one.
    pub fn cvss(&self) -> Option<f64> {
        let highest = |old: bool| {
            let scores = self.scores.iter();
            let scores = scores.filter(|score| score.version.starts_with('2') == old);
            scores.map(|score| score.base).max_by(f64::total_cmp)
        };
        highest(false).or_else(|| highest(true))
    }
}

impl Evidence {
    /// What there is to ask for, by the names of the interface's functions.
    pub fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            ("distribution", self.distribution.is_some()),
            ("configuration", self.configuration.is_some()),
            ("layers", self.layers.is_some()),
            ("history", self.history.is_some()),
            ("dockerfile", self.dockerfile.is_some()),
            ("packages", self.packages.is_some()),
            ("vulnerabilities", self.vulnerabilities.is_some()),
            ("benchmarks", self.benchmarks.is_some()),
            ("rule-results", self.rules.is_some()),
            ("secrets", self.secrets.is_some()),
            ("misconfigurations", self.misconfigurations.is_some()),
            ("licences", self.licences.is_some()),
            ("files", self.files.is_some()),
            ("malware", self.malware.is_some()),
        ];
        let there = kinds.into_iter().filter(|(_, is_there)| *is_there);
        there.map(|(kind, _)| kind).collect()
    }

    /// Says of each report that does not say so itself what it tells. Of several merged reports it is what has items of
    /// theirs; where nobody found anything, nobody can be named any more.
    pub fn attribute(&mut self) {
        let kinds = self.kinds();
        let is_one = self.reports.len() == 1;
        let told = if is_one { Vec::new() } else { self.told() };
        for (index, report) in (0..).zip(&mut self.reports) {
            if !report.kinds.is_empty() {
                continue;
            }
            let says = |kind: &&&str| {
                is_one
                    || told
                        .iter()
                        .any(|(name, by)| name == *kind && by.contains(&index))
            };
            report.kinds = kinds
                .iter()
                .filter(says)
                .map(|&kind| kind.to_owned())
                .collect();
        }
    }

    /// Whose items there are of each kind.
    fn told(&self) -> Vec<(&'static str, Reports)> {
        fn by<'a>(lists: impl Iterator<Item = &'a Reports>) -> Reports {
            lists.flatten().copied().collect()
        }
        macro_rules! of {
            ($list:ident) => {
                by(self.$list.iter().flatten().map(|item| &item.reports))
            };
        }
        vec![
            (
                "distribution",
                by(self.distribution.iter().map(|item| &item.reports)),
            ),
            (
                "configuration",
                by(self.configuration.iter().map(|item| &item.reports)),
            ),
            ("packages", of!(packages)),
            ("vulnerabilities", of!(vulnerabilities)),
            ("benchmarks", of!(benchmarks)),
            ("rule-results", of!(rules)),
            ("secrets", of!(secrets)),
            ("misconfigurations", of!(misconfigurations)),
            ("licences", of!(licences)),
            ("files", of!(files)),
            ("malware", of!(malware)),
        ]
    }

    /// Vulnerabilities by severity, from unknown to critical.
    pub fn severities(&self) -> [(Severity, u32); 6] {
        Severity::ALL.map(|severity| {
            let all = self.vulnerabilities.iter().flatten();
            let count = all.filter(|item| item.severity == severity).count();
            (severity, u32::try_from(count).unwrap_or(u32::MAX))
        })
    }

    /// How many vulnerabilities can be fixed.
    pub fn fixable(&self) -> u32 {
        let all = self.vulnerabilities.iter().flatten();
        let count = all.filter(|item| item.fix_state == FixState::Fixed).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Whether packages of this type come from the operating system's distribution.
pub fn is_os_kind(kind: &str) -> bool {
    matches!(kind, "deb" | "rpm" | "apk" | "alpm")
}

fn is_of_kind(wanted: &[String], kind: &str) -> bool {
    wanted.is_empty()
        || wanted.iter().any(|wanted| match wanted.as_str() {
            "os" => is_os_kind(kind),
            "non-os" => !is_os_kind(kind) && !kind.is_empty(),
            wanted => wanted == kind,
        })
}

fn any<'a>(patterns: &[String], texts: impl IntoIterator<Item = &'a str>) -> bool {
    patterns.is_empty()
        || texts
            .into_iter()
            .any(|text| patterns.iter().any(|pattern| wildcard(pattern, text)))
}

/// Something without a location is never left out.
fn all_excluded(patterns: &[String], locations: &[String]) -> bool {
    !patterns.is_empty()
        && !locations.is_empty()
        && locations
            .iter()
            .all(|location| patterns.iter().any(|pattern| wildcard(pattern, location)))
}

/// Whether a text is as the pattern says, in which `*` stands for any text. Takes time linear in both for one star, and
/// at most their product.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(wanted) if wanted == byte => {
                p += 1;
                t += 1;
            }
            // Let the last star stand for one byte more.
            _ => match star {
                Some((after, from)) => {
                    (p, t) = (after, from + 1);
                    star = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("CVE-2026-1", "CVE-2026-1", true),
            ("CVE-2026-1", "CVE-2026-12", false),
            ("CVE-2026-*", "CVE-2026-12", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*ssl*", "libssl3", true),
            ("*ssl", "libssl3", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("**", "x", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} {text}");
        }
    }
}
