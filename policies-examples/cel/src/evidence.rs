//! What is known of an event's images, as values of CEL. The host is asked when an expression names a field, and not
//! before.

use std::any::Any;
use std::sync::Arc;

use interpreter::common::traits::Indexer;
use interpreter::common::types::{CelBool, CelDouble, CelList, CelString, Type};
use interpreter::common::value::{CowVal, StaticVal, Val};
use interpreter::{DeclarationError, Env, ExecutionError};
use touchstone_sdk::evidence::{
    Evidence, FixState, FoundBy, ImageConfiguration, Package, PackageFilter, Subject,
    Vulnerability, VulnerabilityFilter, VulnerabilityParts as Parts,
};
use touchstone_sdk::prelude::*;

use crate::document::{Owned, int, list as values, map, text};

static TYPE: Type = Type::new_unspecified_type("touchstone.Evidence");

const SEVERITIES: [Severity; 6] = [
    Severity::Unknown,
    Severity::Negligible,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// An image of the event, with what is known of it.
#[derive(Clone, Debug)]
pub struct ImageEvidence(Arc<Subject>);

/// The event's images, in order.
pub fn list(event: &Event) -> Owned {
    let subjects = event.subjects().into_iter();
    values(subjects.map(|subject| Box::new(ImageEvidence(Arc::new(subject))) as Owned))
}

/// A field, and what it tells; nothing when nobody looked.
type Field = (&'static str, fn(&Subject) -> Option<Owned>);

/// To add one: its row here, and in README.md.
#[rustfmt::skip]
const FIELDS: &[Field] = &[
    ("image", |subject| Some(text(&subject.image.as_ref()?.text))),
    ("registry", |subject| Some(text(&name(subject)?.registry))),
    ("repository", |subject| Some(text(&name(subject)?.repository))),
    ("tag", |subject| name(subject)?.tag.as_deref().map(text)),
    ("digest", |subject| name(subject)?.digest.as_deref().map(text)),
    ("found", |subject| Some(boolean(subject.evidence.is_some()))),
    ("foundBy", |subject| Some(found_by(subject.evidence.as_ref()?))),
    ("kinds", |subject| Some(texts(&subject.evidence.as_ref()?.summary.kinds))),
    ("ageDays", |subject| Some(int(subject.evidence.as_ref()?.age("vulnerabilities")? / 86_400))),
    ("severities", |subject| severities(scanned(subject)?)),
    ("fixable", |subject| Some(int(scanned(subject)?.summary.fixable))),
    ("distribution", |subject| distribution(subject.evidence.as_ref()?)),
    ("configuration", |subject| subject.evidence.as_ref()?.configuration().map(configuration)),
];

fn name(subject: &Subject) -> Option<&ImageName> {
    subject.image.as_ref()?.name.as_ref().ok()
}

/// Evidence that tells of vulnerabilities: no count at all is something else than none.
fn scanned(subject: &Subject) -> Option<&Evidence> {
    let evidence = subject.evidence.as_ref()?;
    evidence.has("vulnerabilities").then_some(evidence)
}

fn boolean(value: bool) -> Owned {
    Box::new(CelBool::from(value))
}

fn number(value: f64) -> Owned {
    Box::new(CelDouble::from(value))
}

fn texts(list: &[String]) -> Owned {
    values(list.iter().map(text))
}

fn found_by(evidence: &Evidence) -> Owned {
    text(match evidence.summary.found_by {
        FoundBy::Event => "event",
        FoundBy::Digest => "digest",
        FoundBy::Tag => "tag",
    })
}

/// All of them, with 0 for those that were not found.
fn severities(evidence: &Evidence) -> Option<Owned> {
    let counts = &evidence.summary.severities;
    Some(map(SEVERITIES.map(|severity| {
        let count = counts.iter().find(|(counted, _)| *counted == severity);
        let count = count.map_or(0, |(_, count)| *count);
        (severity.as_str(), Some(int(count)))
    })))
}

fn distribution(evidence: &Evidence) -> Option<Owned> {
    let found = evidence.distribution()?;
    Some(map([
        ("name", Some(text(found.name))),
        ("version", found.version.map(text)),
        ("like", Some(texts(&found.like))),
        ("endOfLife", found.end_of_life.map(boolean)),
    ]))
}

fn configuration(found: ImageConfiguration) -> Owned {
    let labels = found.labels.into_iter();
    map([
        ("user", found.user.map(text)),
        ("exposedPorts", Some(texts(&found.exposed_ports))),
        ("entrypoint", found.entrypoint.as_deref().map(texts)),
        ("command", found.command.as_deref().map(texts)),
        (
            "labels",
            Some(map(labels.map(|(key, value)| (key, Some(text(value)))))),
        ),
        ("environment", Some(texts(&found.environment))),
        ("volumes", Some(texts(&found.volumes))),
        ("workingDirectory", found.working_directory.map(text)),
        ("healthcheck", found.healthcheck.as_deref().map(texts)),
        ("created", found.created.map(text)),
        ("architecture", found.architecture.map(text)),
        ("os", found.os.map(text)),
        ("size", found.size.map(int)),
    ])
}

fn vulnerability(found: Vulnerability) -> Owned {
    let fixable = found.fix_state == FixState::Fixed;
    let cvss = found.cvss;
    map([
        ("id", Some(text(found.id))),
        ("aliases", Some(texts(&found.aliases))),
        ("package", Some(text(found.package))),
        ("kind", Some(text(found.kind))),
        ("installed", found.installed.map(text)),
        ("fixed", Some(texts(&found.fixed))),
        ("fixable", Some(boolean(fixable))),
        ("severity", Some(text(found.severity.as_str()))),
        ("cvss", cvss.map(number)),
        ("epss", found.epss.map(number)),
        ("exploited", found.exploited.map(boolean)),
        ("published", found.published.map(text)),
    ])
}

fn package(found: Package) -> Owned {
    map([
        ("name", Some(text(found.name))),
        ("version", found.version.map(text)),
        ("kind", Some(text(found.kind))),
        ("licences", found.licences.as_deref().map(texts)),
    ])
}

impl Val for ImageEvidence {
    fn get_type(&self) -> &Type {
        &TYPE
    }

    fn cel_type() -> &'static Type {
        &TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other
            .downcast_ref::<ImageEvidence>()
            .is_some_and(|other| Arc::ptr_eq(&self.0, &other.0))
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for ImageEvidence {}

impl Indexer for ImageEvidence {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let key = key.downcast_ref::<CelString>().map_or("", CelString::inner);
        let field = FIELDS.iter().find(|(name, _)| *name == key);
        let value = field.and_then(|(_, read)| read(&self.0));
        value
            .map(CowVal::Owned)
            .ok_or_else(|| ExecutionError::no_such_key(key))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

pub fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    interpreter::add_member_overload!(env, fn vulnerabilities: (ImageEvidence) -> Result<CelList>)?;
    interpreter::add_member_overload!(env, fn vulnerabilities_from: (ImageEvidence, CelString) -> Result<CelList>, name = "vulnerabilities")?;
    interpreter::add_member_overload!(env, fn packages: (ImageEvidence) -> Result<CelList>)?;
    interpreter::add_member_overload!(env, fn packages_named: (ImageEvidence, CelString) -> Result<CelList>, name = "packages")
}

type Answer = Result<CelList<'static>, ExecutionError>;

/// Hands on the host's words.
fn failed(function: &'static str) -> impl Fn(Undecided) -> ExecutionError {
    move |why| ExecutionError::function_error(function, why.reason())
}

fn vulnerabilities(this: &ImageEvidence) -> Answer {
    ask(this, None)
}

/// From a severity on.
fn vulnerabilities_from(this: &ImageEvidence, least: &CelString<'_>) -> Answer {
    let least = least.inner();
    let known = SEVERITIES
        .into_iter()
        .find(|severity| severity.as_str() == least);
    match known {
        Some(least) => ask(this, Some(least)),
        None => Err(ExecutionError::function_error(
            "vulnerabilities",
            format!("{least:?} is no severity"),
        )),
    }
}

/// What concerns the image: not what its makers deny.
fn ask(this: &ImageEvidence, min_severity: Option<Severity>) -> Answer {
    let failed = failed("vulnerabilities");
    let filter = VulnerabilityFilter {
        min_severity: min_severity.filter(|least| *least > Severity::Unknown),
        // What [`vulnerability`] does not show.
        without: Parts::PURL
            | Parts::LOCATIONS
            | Parts::SEVERITY_SOURCE
            | Parts::SCORES
            | Parts::TITLE,
        max_links: Some(0),
        ..VulnerabilityFilter::affecting()
    };
    let evidence = this.0.require().map_err(&failed)?;
    let found = evidence.vulnerabilities(&filter).map_err(&failed)?;
    Ok(CelList::from(
        found.map(vulnerability).collect::<Vec<Owned>>(),
    ))
}

fn packages(this: &ImageEvidence) -> Answer {
    packages_by(this, PackageFilter::default())
}

/// By name, in which `*` stands for any text.
fn packages_named(this: &ImageEvidence, name: &CelString<'_>) -> Answer {
    let names = vec![name.inner().to_owned()];
    packages_by(
        this,
        PackageFilter {
            names,
            ..PackageFilter::default()
        },
    )
}

fn packages_by(this: &ImageEvidence, filter: PackageFilter) -> Answer {
    let failed = failed("packages");
    let evidence = this.0.require().map_err(&failed)?;
    let found = evidence.packages(&filter).map_err(&failed)?;
    Ok(CelList::from(found.map(package).collect::<Vec<Owned>>()))
}
