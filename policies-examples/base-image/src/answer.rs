//! What each way of finding out says about the base of an image.

use touchstone_sdk::evidence::dockerfile::{self, Dockerfile};
use touchstone_sdk::evidence::{Evidence, Subject};
use touchstone_sdk::prelude::*;

use crate::approval::Approval;
use crate::base::Bases;
use crate::settings::BaseImage;

/// The labels by which images tell their bases (OCI image specification, annotations).
const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// What a way says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The base is approved.
    Approved(Approval),
    /// It is not; what was found, for a person: `its lowest layer is sha256:…`.
    Refused(String),
    /// The Dockerfile leaves it to the build; what it says.
    Open(String),
    /// Nobody told; what there should be evidence of.
    Missing(&'static str),
}

impl BaseImage {
    /// What the ways that the settings give say.
    pub fn ask(&self, subject: &Subject, bases: &Bases) -> Vec<Answer> {
        let evidence = subject.evidence.as_ref();
        let layers = self.by_layers().then(|| self.ask_layers(evidence, bases));
        let reference = self.by_reference().then(|| self.ask_reference(subject));
        layers.into_iter().chain(reference).collect()
    }

    fn ask_layers(&self, evidence: Option<&Evidence>, bases: &Bases) -> Answer {
        let Some(layers) = evidence.and_then(Evidence::layers) else {
            return Answer::Missing("layers");
        };
        let Some((name, base, above)) = bases.nearest(&layers) else {
            let lowest = layers
                .first()
                .and_then(|layer| layer.diff_id.as_ref().or(layer.digest.as_ref()));
            return Answer::Refused(match lowest {
                Some(lowest) => format!("its lowest layer is {lowest}"),
                None => "its layers have no digests".to_owned(),
            });
        };
        if above == 0 && !self.allow_bases {
            return Answer::Refused(format!("it is the base {name} itself"));
        }
        Answer::Approved(Approval {
            base: name.to_owned(),
            way: "layers",
            is_itself: above == 0,
            until: base.until.clone(),
            end: base.end(),
        })
    }

    /// By the Dockerfile; by the labels, which an image inherits from its base, only where no Dockerfile tells.
    fn ask_reference(&self, subject: &Subject) -> Answer {
        let told = subject.evidence.as_ref().and_then(told);
        let answer = match told {
            Some((way, Told::Reference(reference))) if self.approves(&reference) => {
                Answer::Approved(Approval::by_reference(way, &reference))
            }
            Some(("labels", Told::Reference(reference))) => {
                Answer::Refused(format!("its labels say {reference}"))
            }
            Some((_, Told::Reference(reference))) => {
                Answer::Refused(format!("its Dockerfile says {reference}"))
            }
            Some((_, Told::Open(text))) => Answer::Open(text),
            None => Answer::Missing("dockerfile"),
        };
        let own = subject
            .image
            .as_ref()
            .and_then(|image| image.name.as_ref().ok());
        let own = own
            .map(full)
            .filter(|own| self.allow_bases && self.approves(own));
        match (answer, own) {
            (approved @ Answer::Approved(_), _) => approved,
            (_, Some(own)) => Answer::Approved(Approval::by_reference("name", &own)),
            (other, None) => other,
        }
    }

    fn approves(&self, reference: &str) -> bool {
        self.references
            .iter()
            .any(|pattern| pattern.is_match(reference))
    }
}

/// What evidence says of the base's reference.
enum Told {
    Reference(String),
    Open(String),
}

fn told(evidence: &Evidence) -> Option<(&'static str, Told)> {
    let dockerfile = Dockerfile::new(evidence.dockerfile().unwrap_or_default());
    let origin = dockerfile.last().map(|last| dockerfile.origin(last));
    let labels = || Some(("labels", Told::Reference(labelled(evidence)?)));
    let reference = match origin {
        Some(dockerfile::Base::Image(text)) => normalise(text),
        Some(dockerfile::Base::Scratch) => "scratch".to_owned(),
        Some(dockerfile::Base::Unknown { text, variable }) => {
            let open = format!("its Dockerfile says FROM {text}, and {variable} has no default");
            return labels().or(Some(("dockerfile", Told::Open(open))));
        }
        // An origin is never another stage.
        Some(dockerfile::Base::Stage(_)) | None => return labels(),
    };
    Some(("dockerfile", Told::Reference(reference)))
}

fn labelled(evidence: &Evidence) -> Option<String> {
    let labels = evidence.configuration()?.labels;
    let label = |wanted: &str| {
        let found = labels
            .iter()
            .find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    };
    let (name, digest) = (label(NAME)?, label(DIGEST));
    Some(match digest.filter(|_| !name.contains('@')) {
        Some(digest) => normalise(&format!("{name}@{digest}")),
        None => normalise(name),
    })
}

/// In full; what is no image reference as it is, which no sensible pattern matches.
fn normalise(text: &str) -> String {
    ImageName::parse(text).map_or_else(|_| text.to_owned(), |name| full(&name))
}

fn full(name: &ImageName) -> String {
    let mut text = name.full_repository();
    if let Some(tag) = &name.tag {
        text.push_str(&format!(":{tag}"));
    }
    if let Some(digest) = &name.digest {
        text.push_str(&format!("@{digest}"));
    }
    text
}
