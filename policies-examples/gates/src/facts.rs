//! What is known of one image: asked of the host once, however many rules look at it.

use std::cell::OnceCell;
use std::time::SystemTime;

use touchstone_sdk::clock;
use touchstone_sdk::evidence::{
    Evidence, File, FileFilter, FoundLicence, FoundMalware, FoundSecret, ImageConfiguration,
    Instruction, OsDistribution, Package, PackageFilter, Pages, Provenance, Step, Subject,
    Vulnerability, VulnerabilityFilter,
};

use crate::gates::Lack;

type Once<T> = OnceCell<Option<T>>;

/// What is known of one image.
pub struct Facts<'a> {
    evidence: Option<&'a Evidence>,
    vulnerabilities: Once<Vec<Vulnerability>>,
    packages: Once<Vec<Package>>,
    dockerfile: Once<Vec<Instruction>>,
    history: Once<Vec<Step>>,
    configuration: Once<ImageConfiguration>,
    distribution: Once<OsDistribution>,
    now: Once<i64>,
}

impl<'a> Facts<'a> {
    /// Of an image of the event.
    pub fn of(subject: &'a Subject) -> Facts<'a> {
        Facts {
            evidence: subject.evidence.as_ref(),
            vulnerabilities: Once::new(),
            packages: Once::new(),
            dockerfile: Once::new(),
            history: Once::new(),
            configuration: Once::new(),
            distribution: Once::new(),
            now: Once::new(),
        }
    }

    /// Vulnerabilities, but those that the makers say do not concern the image.
    pub fn vulnerabilities(&self) -> Result<&[Vulnerability], Lack> {
        let ask = |evidence: &Evidence| {
            whole(
                evidence
                    .vulnerabilities(&VulnerabilityFilter::affecting())
                    .ok()?,
            )
        };
        let found = self.once(&self.vulnerabilities, ask);
        found
            .map(Vec::as_slice)
            .ok_or_else(|| Lack::of("a report that lists vulnerabilities"))
    }

    /// Everything that is installed.
    pub fn packages(&self) -> Result<&[Package], Lack> {
        let ask = |evidence: &Evidence| whole(evidence.packages(&PackageFilter::default()).ok()?);
        let found = self.once(&self.packages, ask);
        found
            .map(Vec::as_slice)
            .ok_or_else(|| Lack::of("a report that lists packages"))
    }

    /// The Dockerfile that was given.
    pub fn dockerfile(&self) -> Option<&[Instruction]> {
        self.once(&self.dockerfile, Evidence::dockerfile)
            .map(Vec::as_slice)
    }

    /// How the image was built, as its configuration tells.
    pub fn history(&self) -> Option<&[Step]> {
        self.once(&self.history, Evidence::history)
            .map(Vec::as_slice)
    }

    /// The image's configuration.
    pub fn configuration(&self) -> Option<&ImageConfiguration> {
        self.once(&self.configuration, Evidence::configuration)
    }

    /// The operating system's distribution.
    pub fn distribution(&self) -> Option<&OsDistribution> {
        self.once(&self.distribution, Evidence::distribution)
    }

    /// How many layers there are.
    pub fn layer_count(&self) -> Option<usize> {
        Some(self.evidence?.layers()?.len())
    }

    /// Files that pass a filter.
    pub fn files(&self, filter: &FileFilter) -> Result<Pages<File>, Lack> {
        let found = self
            .evidence
            .and_then(|evidence| evidence.files(filter).ok());
        found.ok_or_else(|| Lack::of("a report that lists files"))
    }

    /// The file at a path; nothing when there is none.
    pub fn file(&self, path: &str) -> Result<Option<File>, Lack> {
        let filter = FileFilter {
            paths: vec![path.to_owned()],
            ..FileFilter::default()
        };
        // The filter takes a star in the path for any text.
        Ok(self.files(&filter)?.find(|file| file.path == path))
    }

    /// What is in a file, if it was retrieved.
    pub fn content(&self, path: &str) -> Result<String, Lack> {
        let content = self.file(path).ok().flatten().and_then(|file| file.content);
        content.ok_or_else(|| Lack::of(format!("a report with the content of {path}")))
    }

    /// Secrets that were left in the image.
    pub fn secrets(&self) -> Result<Vec<FoundSecret>, Lack> {
        let found = self
            .evidence
            .and_then(|evidence| whole(evidence.secrets().ok()?));
        found.ok_or_else(|| Lack::of("a report of a search for secrets"))
    }

    /// Licences that a scanner found.
    pub fn licences(&self) -> Option<Vec<FoundLicence>> {
        whole(self.evidence?.licences().ok()?)
    }

    /// What a scan for malware found.
    pub fn malware(&self) -> Result<Vec<FoundMalware>, Lack> {
        let found = self.evidence.and_then(Evidence::malware);
        found.ok_or_else(|| Lack::of("a report of a scan for malware"))
    }

    /// The reports that all of it comes from.
    pub fn reports(&self) -> &[Provenance] {
        self.evidence
            .map_or(&[], |evidence| &evidence.summary.reports)
    }

    /// Seconds since 1970.
    pub fn now(&self) -> Result<i64, Lack> {
        let ask = || {
            let since = clock::now()
                .ok()?
                .duration_since(SystemTime::UNIX_EPOCH)
                .ok()?;
            i64::try_from(since.as_secs()).ok()
        };
        self.now
            .get_or_init(ask)
            .ok_or_else(|| Lack::of("the time"))
    }

    fn once<'b, T>(
        &self,
        cell: &'b Once<T>,
        ask: impl FnOnce(&Evidence) -> Option<T>,
    ) -> Option<&'b T> {
        cell.get_or_init(|| self.evidence.and_then(ask)).as_ref()
    }
}

/// All of a list. Nothing, if the host broke off: half a list must not pass for a whole one.
fn whole<T>(pages: Pages<T>) -> Option<Vec<T>> {
    let total = usize::try_from(pages.total()).ok()?;
    let items: Vec<T> = pages.collect();
    (items.len() >= total).then_some(items)
}
