//! The fake of `evidence`: what the test's event says is known, told by the host's own code.

use jiff::Timestamp;
use serde_json::Value;

use super::HOST;
use crate::bindings::touchstone::policy::evidence as bindings;

use self::told::{Known, all};

/// The host's own words for it.
#[path = "../../../host/src/evidence/model.rs"]
#[allow(dead_code, reason = "used whole in the host")]
mod plain;

#[path = "../../../host/src/evidence/query.rs"]
#[allow(dead_code, reason = "used whole in the host")]
mod query;

#[path = "../../../host/src/capability/evidence/told.rs"]
mod told;

/// What the shared files call their neighbours.
mod model {
    pub(super) use super::plain::*;
    pub(super) use super::query::{
        FileQuery, PackageQuery, RuleQuery, VulnerabilityQuery, Window, ask,
    };
}

mod wit {
    pub(super) use super::bindings::*;
}

/// What is known of an image, as the test says.
#[expect(
    clippy::panic,
    reason = "a test helper: wrong evidence is a wrong test"
)]
fn known<T>(image: u32, tell: impl FnOnce(Known<'_>) -> T) -> Option<T> {
    let (value, now): (Option<Value>, _) = HOST.with_borrow(|host| {
        let value = host.event.evidence.get(image as usize).cloned().flatten();
        (value, host.now)
    });
    let now = now.map_or_else(Timestamp::now, |now| {
        Timestamp::try_from(now).unwrap_or(Timestamp::MAX)
    });
    let mut evidence: plain::Evidence = match serde_json::from_value(value?) {
        Ok(evidence) => evidence,
        Err(error) => panic!("evidence: {error}"),
    };
    if evidence.reports.is_empty() {
        evidence.reports.push(plain::Provenance {
            tool: "test".to_owned(),
            ..plain::Provenance::default()
        });
    }
    evidence.attribute();
    Some(tell(Known {
        evidence: &evidence,
        found_by: wit::FoundBy::Event,
        now,
    }))
}

pub(crate) fn images() -> u32 {
    let count = HOST.with_borrow(|host| host.event.images.len().max(host.event.evidence.len()));
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(crate) fn summary(image: u32) -> Option<wit::Overview> {
    known(image, |known| known.summary())
}

pub(crate) fn vulnerabilities(
    image: u32,
    filter: &wit::VulnerabilityFilter,
    window: wit::Window,
) -> Result<Option<wit::VulnerabilityPage>, String> {
    known(image, |known| known.vulnerabilities(filter.clone(), window)).unwrap_or(Ok(None))
}

pub(crate) fn packages(
    image: u32,
    filter: &wit::PackageFilter,
    window: wit::Window,
) -> Option<wit::PackagePage> {
    known(image, |known| known.packages(filter.clone(), window))?
}

pub(crate) fn rule_results(
    image: u32,
    filter: &wit::RuleFilter,
    window: wit::Window,
) -> Option<wit::RulePage> {
    known(image, |known| known.rule_results(filter.clone(), window))?
}

pub(crate) fn files(
    image: u32,
    filter: &wit::FileFilter,
    window: wit::Window,
) -> Option<wit::FilePage> {
    known(image, |known| known.files(filter.clone(), window))?
}

pub(crate) fn secrets(image: u32, window: wit::Window) -> Option<wit::SecretPage> {
    known(image, |known| known.secrets(window))?
}

pub(crate) fn misconfigurations(
    image: u32,
    window: wit::Window,
) -> Option<wit::MisconfigurationPage> {
    known(image, |known| known.misconfigurations(window))?
}

pub(crate) fn licences(image: u32, window: wit::Window) -> Option<wit::LicencePage> {
    known(image, |known| known.licences(window))?
}

pub(crate) fn benchmarks(image: u32) -> Option<Vec<wit::Benchmark>> {
    known(image, |known| {
        Some(all(known.evidence.benchmarks.as_ref()?))
    })?
}

pub(crate) fn malware(image: u32) -> Option<Vec<wit::FoundMalware>> {
    known(image, |known| Some(all(known.evidence.malware.as_ref()?)))?
}

pub(crate) fn distribution(image: u32) -> Option<wit::OsDistribution> {
    known(image, |known| {
        Some(known.evidence.distribution.as_ref()?.into())
    })?
}

pub(crate) fn configuration(image: u32) -> Option<wit::ImageConfiguration> {
    known(image, |known| {
        Some(known.evidence.configuration.as_ref()?.into())
    })?
}

pub(crate) fn layers(image: u32) -> Option<Vec<wit::Layer>> {
    known(image, |known| Some(all(known.evidence.layers.as_ref()?)))?
}

pub(crate) fn history(image: u32) -> Option<Vec<wit::Step>> {
    known(image, |known| Some(all(known.evidence.history.as_ref()?)))?
}

pub(crate) fn dockerfile(image: u32) -> Option<Vec<wit::Instruction>> {
    known(image, |known| {
        Some(all(known.evidence.dockerfile.as_ref()?))
    })?
}
