//! What is known of the images that an event is about, from any scanner's report. Always granted.
//!
//! [`Event::subjects`](crate::Event::subjects) gives each image with its [`Evidence`], if there is any. Ask with filters;
//! the host applies them, and hands over page by page.
//!
//! ```
//! use touchstone_sdk::prelude::*;
//! use touchstone_sdk::evidence::VulnerabilityFilter;
//!
//! /// Nothing that can be fixed stays critical.
//! #[derive(Deserialize, JsonSchema)]
//! struct FixTheWorst {}
//!
//! impl Policy for FixTheWorst {
//!     fn evaluate(&self, event: &Event) -> Result<Outcome, Undecided> {
//!         let mut outcome = Outcome::default();
//!         for subject in event.subjects() {
//!             let worst = VulnerabilityFilter {
//!                 min_severity: Some(Severity::Critical),
//!                 ..VulnerabilityFilter::default()
//!             };
//!             for found in subject.require()?.vulnerabilities(&worst)?.fixable() {
//!                 let message = format!("{} in {} {}", found.id, found.package, found.installed.as_deref().unwrap_or(""));
//!                 outcome.push(
//!                     Finding::deny(&found.id, message)
//!                         .severity(found.severity)
//!                         .image(&subject)
//!                         .package(&found.package)
//!                         .remedy(format!("update to {}", found.fixed.join(" or "))),
//!                 );
//!             }
//!         }
//!         Ok(outcome)
//!     }
//! }
//! # use touchstone_sdk::testing::{Host, TestEvent};
//! # let event = TestEvent::new("image.scanned").image("/image", "web:1").evidence(json!({"vulnerabilities": [
//! #     {"id": "CVE-2026-1", "package": "openssl", "severity": "critical", "fixed": ["3.1"], "fixState": "fixed"},
//! #     {"id": "CVE-2026-2", "package": "openssl", "severity": "critical", "fixState": "notFixed"},
//! # ]}));
//! # let outcome = Host::new().evaluate::<FixTheWorst>(json!({}), event).unwrap();
//! # assert_eq!(outcome.findings.len(), 1);
//! # assert_eq!(outcome.findings[0].image.as_deref(), Some("web:1"));
//! ```

mod act;
pub mod dockerfile;
mod pattern;

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Finding, Image, Level, Outcome, Undecided};

#[cfg(target_arch = "wasm32")]
use crate::bindings::touchstone::policy::evidence as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::evidence as host;

pub use act::Act;
pub use pattern::Pattern;

pub use crate::bindings::touchstone::policy::evidence::{
    Benchmark, File, FileFilter, FixState, FoundBy, FoundLicence, FoundMalware, FoundSecret,
    ImageConfiguration, Instruction, Layer, Misconfiguration, OsDistribution, Overview, Package,
    PackageFilter, PackageScope, Provenance, RuleFilter, RuleOutcome, RuleResult, Score, Step, Vex,
    VexStatus, Vulnerability, VulnerabilityFilter, VulnerabilityParts, Window,
};

/// Items that are fetched at a time.
const PAGE: u32 = 200;
const FIRST: Window = Window {
    offset: 0,
    limit: PAGE,
};

/// Something that there may be evidence of: an image of the event, or what the event, which is a report, is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The image as the event has it; nothing when the event is a report that names none.
    pub image: Option<Image>,
    /// What is known of it; nothing when nobody looked.
    pub evidence: Option<Evidence>,
}

impl Subject {
    /// The image as it is written; `the image` when the event names none.
    pub fn text(&self) -> &str {
        self.image
            .as_ref()
            .map_or("the image", |image| image.text.as_str())
    }

    /// The evidence. An error when there is none: what that counts as is then said by `onError` in policy.yaml. See
    /// [`Demand`] for a finding instead.
    pub fn require(&self) -> Result<&Evidence, Undecided> {
        self.evidence
            .as_ref()
            .ok_or_else(|| Undecided::new(format!("there is no evidence of {}", self.text())))
    }
}

/// What is known of one image. Every function answers nothing (or an error that says so) when no report carries such
/// things: that is not the same as none found.
#[derive(Clone, Debug)]
pub struct Evidence {
    index: u32,
    /// What there is.
    pub summary: Overview,
}

/// The event's images with what is known of each.
pub(crate) fn subjects(images: Vec<Image>) -> Vec<Subject> {
    let mut images = images.into_iter();
    (0..host::images())
        .map(|index| Subject {
            image: images.next(),
            evidence: host::summary(index).map(|summary| Evidence { index, summary }),
        })
        .collect()
}

impl Evidence {
    /// Vulnerabilities that pass a filter, the worst first. An error when nobody looked for any, or a time in the filter
    /// is none.
    pub fn vulnerabilities(
        &self,
        filter: &VulnerabilityFilter,
    ) -> Result<Pages<Vulnerability>, Undecided> {
        let (index, filter) = (self.index, filter.clone());
        let first = host::vulnerabilities(index, &filter, FIRST).map_err(Undecided::new)?;
        let first = first.ok_or_else(|| self.missing("vulnerabilities"))?;
        Ok(Pages::after((first.total, first.items), move |window| {
            let page = host::vulnerabilities(index, &filter, window).ok()??;
            Some((page.total, page.items))
        }))
    }

    /// Packages that pass a filter. An error when no report lists packages.
    pub fn packages(&self, filter: &PackageFilter) -> Result<Pages<Package>, Undecided> {
        let (index, filter) = (self.index, filter.clone());
        Pages::of(move |window| {
            host::packages(index, &filter, window).map(|page| (page.total, page.items))
        })
        .ok_or_else(|| self.missing("packages"))
    }

    /// Results of rules that pass a filter, the worst first. An error when no report has such.
    pub fn rule_results(&self, filter: &RuleFilter) -> Result<Pages<RuleResult>, Undecided> {
        let (index, filter) = (self.index, filter.clone());
        Pages::of(move |window| {
            host::rule_results(index, &filter, window).map(|page| (page.total, page.items))
        })
        .ok_or_else(|| self.missing("rule-results"))
    }

    /// Files that pass a filter. An error when no report lists files.
    pub fn files(&self, filter: &FileFilter) -> Result<Pages<File>, Undecided> {
        let (index, filter) = (self.index, filter.clone());
        Pages::of(move |window| {
            host::files(index, &filter, window).map(|page| (page.total, page.items))
        })
        .ok_or_else(|| self.missing("files"))
    }

    /// Secrets that were left in the image. An error when nobody looked for any.
    pub fn secrets(&self) -> Result<Pages<FoundSecret>, Undecided> {
        let index = self.index;
        Pages::of(move |window| host::secrets(index, window).map(|page| (page.total, page.items)))
            .ok_or_else(|| self.missing("secrets"))
    }

    /// Bad practice in files of configuration. An error when nobody looked for any.
    pub fn misconfigurations(&self) -> Result<Pages<Misconfiguration>, Undecided> {
        let index = self.index;
        Pages::of(move |window| {
            host::misconfigurations(index, window).map(|page| (page.total, page.items))
        })
        .ok_or_else(|| self.missing("misconfigurations"))
    }

    /// Licences that a scanner found and judged. An error when nobody looked for any; see [`Evidence::packages`], too.
    pub fn licences(&self) -> Result<Pages<FoundLicence>, Undecided> {
        let index = self.index;
        Pages::of(move |window| host::licences(index, window).map(|page| (page.total, page.items)))
            .ok_or_else(|| self.missing("licences"))
    }

    /// Runs of benchmarks.
    pub fn benchmarks(&self) -> Option<Vec<Benchmark>> {
        host::benchmarks(self.index)
    }

    /// What a scan for malware found.
    pub fn malware(&self) -> Option<Vec<FoundMalware>> {
        host::malware(self.index)
    }

    /// The operating system's distribution.
    pub fn distribution(&self) -> Option<OsDistribution> {
        host::distribution(self.index)
    }

    /// What the image's configuration says.
    pub fn configuration(&self) -> Option<ImageConfiguration> {
        host::configuration(self.index)
    }

    /// Layers, the lowest first.
    pub fn layers(&self) -> Option<Vec<Layer>> {
        host::layers(self.index)
    }

    /// How it was built, the oldest step first.
    pub fn history(&self) -> Option<Vec<Step>> {
        host::history(self.index)
    }

    /// The instructions of its Dockerfile.
    pub fn dockerfile(&self) -> Option<Vec<Instruction>> {
        host::dockerfile(self.index)
    }

    /// Whether some report carries such things; `kind` is the name of one of the interface's functions:
    /// `vulnerabilities`, `rule-results`, `dockerfile`.
    pub fn has(&self, kind: &str) -> bool {
        self.summary.kinds.iter().any(|there| there == kind)
    }

    /// How old the youngest report is that tells of a kind (see [`Evidence::has`]), in seconds; nothing when none of
    /// them has a time. Where some tell of the distribution's packages only, and others of languages' only, both count.
    pub fn age(&self, kind: &str) -> Option<u64> {
        let youngest = |scope: PackageScope| {
            let reports = self.summary.reports.iter();
            let telling = reports.filter(|report| report.kinds.iter().any(|told| told == kind));
            let mut telling = telling
                .filter(|report| report.scope == scope || report.scope == PackageScope::All)
                .peekable();
            telling.peek()?;
            Some(telling.filter_map(|report| report.age).min())
        };
        let parts = [PackageScope::System, PackageScope::Language];
        let ages: Option<Vec<u64>> = parts.into_iter().filter_map(youngest).collect();
        ages?.into_iter().max()
    }

    /// Why a policy that needs such things cannot decide.
    pub fn missing(&self, kind: &str) -> Undecided {
        Undecided::new(format!(
            "no report tells of {kind}; there is {}",
            self.summary.kinds.join(", ")
        ))
    }
}

/// A list that is fetched from the host page by page.
pub struct Pages<T> {
    total: u32,
    fetched: u32,
    page: std::vec::IntoIter<T>,
    fetch: Box<Fetch<T>>,
}

/// Gets a part of a list, with the total; nothing when nobody looked.
type Fetch<T> = dyn Fn(Window) -> Option<(u32, Vec<T>)>;

impl<T> Pages<T> {
    fn of(fetch: impl Fn(Window) -> Option<(u32, Vec<T>)> + 'static) -> Option<Pages<T>> {
        fetch(FIRST).map(|first| Pages::after(first, fetch))
    }

    fn after(
        (total, items): (u32, Vec<T>),
        fetch: impl Fn(Window) -> Option<(u32, Vec<T>)> + 'static,
    ) -> Pages<T> {
        Pages {
            total,
            fetched: u32::try_from(items.len()).unwrap_or(u32::MAX),
            page: items.into_iter(),
            fetch: Box::new(fetch),
        }
    }

    /// How many there are in all.
    pub fn total(&self) -> u32 {
        self.total
    }
}

impl Pages<Vulnerability> {
    /// Those that can be fixed.
    pub fn fixable(self) -> impl Iterator<Item = Vulnerability> {
        self.filter(|found| found.fix_state == FixState::Fixed)
    }
}

impl<T> Iterator for Pages<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some(item) = self.page.next() {
            return Some(item);
        }
        if self.fetched >= self.total {
            return None;
        }
        let window = Window {
            offset: self.fetched,
            limit: PAGE,
        };
        let (_, items) = (self.fetch)(window)?;
        self.fetched += u32::try_from(items.len()).unwrap_or(u32::MAX);
        self.page = items.into_iter();
        self.page.next()
    }
}

impl Vulnerability {
    /// `openssl 3.0.11`: package and installed version.
    pub fn what(&self) -> String {
        match &self.installed {
            Some(version) => format!("{} {version}", self.package),
            None => self.package.clone(),
        }
    }

    /// What the reader can do: `update openssl to 3.0.14`.
    pub fn remedy(&self) -> String {
        let package = &self.package;
        match (&*self.fixed, self.fix_state) {
            ([], FixState::WontFix) => {
                format!("the vendor will not mend it: do without {package}, or have it waived")
            }
            ([], FixState::Fixed) => format!("update {package}"),
            ([], _) => {
                format!("no fixed version is known: do without {package}, or have it waived")
            }
            (versions, _) => format!("update {package} to {}", versions.join(" or ")),
        }
    }
}

/// A time of evidence, which the host writes by RFC 3339 in UTC, or the beginning of a date: `2026-01-31`. Nothing for
/// any other text, and for what was before 1970.
pub fn time(text: &str) -> Option<SystemTime> {
    let (date, clock) = match text.strip_suffix('Z') {
        Some(text) => text.split_once('T')?,
        None => (text, "00:00:00"),
    };
    let (clock, _) = clock.split_once('.').unwrap_or((clock, ""));
    let [year, month, day] = numbers(date, '-')?;
    let [hours, minutes, seconds] = numbers(clock, ':')?;
    let is_right = year >= 1970
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (hours < 24 && minutes < 60 && seconds <= 60);
    // Years begin in March, so that a leap day is the last (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let years = if month > 2 {
        year
    } else {
        year.checked_sub(1)?
    };
    let leaps = years / 4 - years / 100 + years / 400;
    let before = (153 * ((month + 9) % 12) + 2) / 5;
    let days = (365 * years + leaps + before + day).checked_sub(719_469)?;
    let seconds = days * 86_400 + hours * 3600 + minutes * 60 + seconds;
    is_right.then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Three numbers of at most four digits.
fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let number = |part: &str| {
        let is_number = part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok())?
    };
    let numbers: Option<Vec<u64>> = text.split(separator).map(number).collect();
    numbers?.try_into().ok()
}

impl Default for VulnerabilityFilter {
    /// Lets everything through.
    fn default() -> VulnerabilityFilter {
        VulnerabilityFilter {
            min_severity: None,
            fix_states: Vec::new(),
            kinds: Vec::new(),
            packages: Vec::new(),
            ids: Vec::new(),
            min_cvss: None,
            published_before: None,
            fixed_before: None,
            exclude_paths: Vec::new(),
            exclude_vex: Vec::new(),
            without: VulnerabilityParts::empty(),
            max_links: None,
        }
    }
}

impl VulnerabilityFilter {
    /// Leaves out what the makers say does not concern the image, or was fixed in it.
    pub fn affecting() -> VulnerabilityFilter {
        VulnerabilityFilter {
            exclude_vex: vec![VexStatus::NotAffected, VexStatus::Fixed],
            ..VulnerabilityFilter::default()
        }
    }
}

impl Default for PackageFilter {
    /// Lets everything through.
    fn default() -> PackageFilter {
        PackageFilter {
            kinds: Vec::new(),
            names: Vec::new(),
            licences: Vec::new(),
            exclude_paths: Vec::new(),
        }
    }
}

impl Default for RuleFilter {
    /// Lets everything through.
    fn default() -> RuleFilter {
        RuleFilter {
            outcomes: Vec::new(),
            min_severity: None,
            ids: Vec::new(),
        }
    }
}

impl Default for FileFilter {
    /// Lets everything through.
    fn default() -> FileFilter {
        FileFilter {
            paths: Vec::new(),
            any_mode_bit: None,
            with_content: false,
        }
    }
}

/// A setting: what a policy makes of an image that nobody looked at, or not lately.
///
/// `{"missing": "deny", "maxAgeDays": 7, "stale": "warn"}`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Demand {
    /// The level of the finding `no-evidence`, when there is no report of what the policy needs.
    pub missing: Level,
    /// How old the youngest report may be that tells of what the policy needs; any age, when not given.
    pub max_age_days: Option<u32>,
    /// The level of the finding `stale-evidence`, when it is older.
    pub stale: Level,
}

impl Default for Demand {
    fn default() -> Demand {
        Demand {
            missing: Level::Deny,
            max_age_days: None,
            stale: Level::Deny,
        }
    }
}

impl Demand {
    /// The evidence of a subject, if some report tells of `kind` (see [`Evidence::has`]). What is missing or too old
    /// becomes a finding.
    pub fn of<'a>(
        &self,
        subject: &'a Subject,
        kind: &str,
        outcome: &mut Outcome,
    ) -> Option<&'a Evidence> {
        let name = subject.text();
        let Some(evidence) = subject.evidence.as_ref().filter(|found| found.has(kind)) else {
            let message = format!("no report tells of {kind} of {name}");
            outcome.push(
                Finding::new(self.missing, "no-evidence", message)
                    .image(subject)
                    .remedy("have it scanned, and send the report to POST /v1/evidence"),
            );
            return None;
        };
        let days = evidence.age(kind).map(|seconds| seconds / 86_400);
        let too_old = |most: &u32| days.is_none_or(|days| days >= u64::from(*most));
        if let Some(most) = self.max_age_days.filter(too_old) {
            let age = days.map_or("of unknown age".to_owned(), |days| {
                format!("{days} days old")
            });
            let message = format!(
                "the youngest report that tells of {kind} of {name} is {age}; {most} are allowed"
            );
            outcome.push(
                Finding::new(self.stale, "stale-evidence", message)
                    .image(subject)
                    .remedy("have it scanned again"),
            );
        }
        Some(evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_report_of_something_else_makes_no_evidence_younger() {
        use crate::testing::{Host, TestEvent};
        use serde_json::json;

        #[derive(Deserialize, JsonSchema)]
        struct Fresh {}
        impl crate::Policy for Fresh {
            fn evaluate(&self, event: &crate::Event) -> Result<Outcome, Undecided> {
                let mut outcome = Outcome::default();
                let demand = Demand {
                    max_age_days: Some(7),
                    ..Demand::default()
                };
                for kind in ["vulnerabilities", "dockerfile"] {
                    demand.of(&event.subjects()[0], kind, &mut outcome);
                }
                Ok(outcome)
            }
        }
        let event = TestEvent::new("image.scanned")
            .image("/image", "web:1")
            .evidence(json!({
            "reports": [
                {"tool": "grype", "scanned": "2026-01-01T00:00:00Z", "kinds": ["vulnerabilities"]},
                {"tool": "dockerfile", "scanned": "2026-02-01T00:00:00Z", "kinds": ["dockerfile"]}],
            "vulnerabilities": [], "dockerfile": []}));
        let now = time("2026-02-02T00:00:00Z").unwrap();
        let outcome = Host::new()
            .now(now)
            .evaluate::<Fresh>(json!({}), event)
            .unwrap();
        let told: Vec<&str> = outcome
            .findings
            .iter()
            .map(|finding| finding.message.as_str())
            .collect();
        assert_eq!(
            told,
            [
                "the youngest report that tells of vulnerabilities of web:1 is 32 days old; 7 are allowed"
            ]
        );
    }

    #[test]
    fn times_and_dates_are_read() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-01-01T00:00:01Z", Some(1)),
            ("2000-02-29T12:34:56.789Z", Some(951_827_696)),
            ("2026-11-22T19:24:58Z", Some(1_795_375_498)),
            ("2100-03-01", Some(4_107_542_400)),
            ("1969-12-31", None),
            ("2026-13-01", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:00+01:00", None),
            ("2026-01-01Z", None),
            ("2026-1", None),
            ("yesterday", None),
            ("", None),
        ] {
            let expected =
                expected.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            let found = time(text);
            assert_eq!(found, expected, "{text}");
        }
    }
}
