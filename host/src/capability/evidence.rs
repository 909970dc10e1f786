//! What is known of the event's images. Filters come from the guest; the host applies them.

mod told;

use crate::grants::Resource;
use crate::guest::Ctx;
use crate::guest::bindings::touchstone::policy::evidence::{self as wit, Host};
use crate::knowledge::{self, FoundBy};

use self::told::{Known, all};

/// What [`told`] calls the plain data.
mod model {
    pub(super) use crate::evidence::*;
}

impl Ctx {
    /// Tells something of one of the event's images, if anything is known of it.
    fn tell<T>(
        &self,
        image: u32,
        tell: impl FnOnce(Known<'_>) -> T,
    ) -> wasmtime::Result<Option<T>> {
        let known = self.known()?.get(image as usize).and_then(Option::as_ref);
        let Some(knowledge::Known { evidence, found_by }) = known else {
            return Ok(None);
        };
        let now = self.time()?;
        Ok(Some(tell(Known {
            evidence: evidence.as_ref(),
            found_by: (*found_by).into(),
            now,
        })))
    }
}

impl From<FoundBy> for wit::FoundBy {
    fn from(found_by: FoundBy) -> wit::FoundBy {
        match found_by {
            FoundBy::Event => wit::FoundBy::Event,
            FoundBy::Digest => wit::FoundBy::Digest,
            FoundBy::Tag => wit::FoundBy::Tag,
        }
    }
}

impl Host for Ctx {
    fn images(&mut self) -> wasmtime::Result<u32> {
        self.allow("evidence", Resource::Path("images"))?;
        Ok(u32::try_from(self.known()?.len()).unwrap_or(u32::MAX))
    }

    fn summary(&mut self, image: u32) -> wasmtime::Result<Option<wit::Overview>> {
        self.allow("evidence", Resource::Path("summary"))?;
        self.tell(image, |known| known.summary())
    }

    fn vulnerabilities(
        &mut self,
        image: u32,
        filter: wit::VulnerabilityFilter,
        window: wit::Window,
    ) -> wasmtime::Result<Result<Option<wit::VulnerabilityPage>, String>> {
        self.allow("evidence", Resource::Path("vulnerabilities"))?;
        let page = self.tell(image, |known| known.vulnerabilities(filter, window))?;
        Ok(page.unwrap_or(Ok(None)))
    }

    fn packages(
        &mut self,
        image: u32,
        filter: wit::PackageFilter,
        window: wit::Window,
    ) -> wasmtime::Result<Option<wit::PackagePage>> {
        self.allow("evidence", Resource::Path("packages"))?;
        Ok(self
            .tell(image, |known| known.packages(filter, window))?
            .flatten())
    }

    fn rule_results(
        &mut self,
        image: u32,
        filter: wit::RuleFilter,
        window: wit::Window,
    ) -> wasmtime::Result<Option<wit::RulePage>> {
        self.allow("evidence", Resource::Path("rule-results"))?;
        Ok(self
            .tell(image, |known| known.rule_results(filter, window))?
            .flatten())
    }

    fn files(
        &mut self,
        image: u32,
        filter: wit::FileFilter,
        window: wit::Window,
    ) -> wasmtime::Result<Option<wit::FilePage>> {
        self.allow("evidence", Resource::Path("files"))?;
        Ok(self
            .tell(image, |known| known.files(filter, window))?
            .flatten())
    }

    fn secrets(
        &mut self,
        image: u32,
        window: wit::Window,
    ) -> wasmtime::Result<Option<wit::SecretPage>> {
        self.allow("evidence", Resource::Path("secrets"))?;
        Ok(self.tell(image, |known| known.secrets(window))?.flatten())
    }

    fn misconfigurations(
        &mut self,
        image: u32,
        window: wit::Window,
    ) -> wasmtime::Result<Option<wit::MisconfigurationPage>> {
        self.allow("evidence", Resource::Path("misconfigurations"))?;
        Ok(self
            .tell(image, |known| known.misconfigurations(window))?
            .flatten())
    }

    fn licences(
        &mut self,
        image: u32,
        window: wit::Window,
    ) -> wasmtime::Result<Option<wit::LicencePage>> {
        self.allow("evidence", Resource::Path("licences"))?;
        Ok(self.tell(image, |known| known.licences(window))?.flatten())
    }

    fn benchmarks(&mut self, image: u32) -> wasmtime::Result<Option<Vec<wit::Benchmark>>> {
        self.allow("evidence", Resource::Path("benchmarks"))?;
        Ok(self
            .tell(image, |known| known.evidence.benchmarks.as_ref().map(all))?
            .flatten())
    }

    fn malware(&mut self, image: u32) -> wasmtime::Result<Option<Vec<wit::FoundMalware>>> {
        self.allow("evidence", Resource::Path("malware"))?;
        Ok(self
            .tell(image, |known| known.evidence.malware.as_ref().map(all))?
            .flatten())
    }

    fn layers(&mut self, image: u32) -> wasmtime::Result<Option<Vec<wit::Layer>>> {
        self.allow("evidence", Resource::Path("layers"))?;
        Ok(self
            .tell(image, |known| known.evidence.layers.as_ref().map(all))?
            .flatten())
    }

    fn history(&mut self, image: u32) -> wasmtime::Result<Option<Vec<wit::Step>>> {
        self.allow("evidence", Resource::Path("history"))?;
        Ok(self
            .tell(image, |known| known.evidence.history.as_ref().map(all))?
            .flatten())
    }

    fn dockerfile(&mut self, image: u32) -> wasmtime::Result<Option<Vec<wit::Instruction>>> {
        self.allow("evidence", Resource::Path("dockerfile"))?;
        Ok(self
            .tell(image, |known| known.evidence.dockerfile.as_ref().map(all))?
            .flatten())
    }

    fn distribution(&mut self, image: u32) -> wasmtime::Result<Option<wit::OsDistribution>> {
        self.allow("evidence", Resource::Path("distribution"))?;
        Ok(self
            .tell(image, |known| {
                known.evidence.distribution.as_ref().map(Into::into)
            })?
            .flatten())
    }

    fn configuration(&mut self, image: u32) -> wasmtime::Result<Option<wit::ImageConfiguration>> {
        self.allow("evidence", Resource::Path("configuration"))?;
        Ok(self
            .tell(image, |known| {
                known.evidence.configuration.as_ref().map(Into::into)
            })?
            .flatten())
    }
}
