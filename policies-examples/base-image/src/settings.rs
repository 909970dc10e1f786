//! The settings: which bases are approved, and how it is found out.

use std::collections::BTreeMap;

use touchstone_sdk::evidence::{Act, Demand};
use touchstone_sdk::prelude::*;

use crate::base::Base;

/// The settings.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct BaseImage {
    /// Approved bases by a name of your own. An image is built on one when its lowest layers are those of the base.
    pub(crate) approved: BTreeMap<String, Base>,
    /// Data documents with more of them, in the same form: `bases/approved`. Each needs a grant of `data`.
    pub(crate) documents: Vec<String>,
    /// Regular expressions over the reference of the base: that of the Dockerfile's last stage, or else that of the labels
    /// `org.opencontainers.image.base.name` and `.digest`. In full: `docker.io/library/debian:12@sha256:…`; or `scratch`.
    pub(crate) references: Vec<Regex>,
    /// Whether `any` of the ways (layers, reference) that the settings give has to approve, or `all` of them.
    pub(crate) require: Require,
    /// Whether an image may be an approved base itself: have its layers and no more, or a name like its reference.
    pub(crate) allow_bases: bool,
    /// The level of findings about bases that are not approved, or that nobody can tell.
    pub(crate) level: Level,
    /// What is done about a base that was approved until a day that is over.
    pub(crate) expired: Act,
    /// How many days before the end of an approval it is warned about.
    pub(crate) warn_days: u32,
    /// Whether an approved base is told, too.
    pub(crate) tell: bool,
    /// What is made of an image whose layers and Dockerfile nobody knows.
    pub(crate) evidence: Demand,
}

/// How many of the ways have to approve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// One of them.
    #[default]
    Any,
    /// Each of them.
    All,
}

impl Default for BaseImage {
    fn default() -> BaseImage {
        BaseImage {
            approved: BTreeMap::new(),
            documents: Vec::new(),
            references: Vec::new(),
            require: Require::default(),
            allow_bases: true,
            level: Level::Deny,
            expired: Act::Deny,
            warn_days: 0,
            tell: true,
            evidence: Demand::default(),
        }
    }
}

impl BaseImage {
    /// Whether bases are known by their layers.
    pub fn by_layers(&self) -> bool {
        !self.approved.is_empty() || !self.documents.is_empty()
    }

    /// Whether bases are known by their references.
    pub fn by_reference(&self) -> bool {
        !self.references.is_empty()
    }

    /// What types cannot say.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |path: String, message: String| problems.push(Problem { path, message });
        if !self.by_layers() && !self.by_reference() {
            let message = "approves no base: give approved, documents or references";
            report(String::new(), message.to_owned());
        }
        for (name, base) in &self.approved {
            for (place, message) in base.problems() {
                let name = name.replace('~', "~0").replace('/', "~1");
                report(format!("/approved/{name}{place}"), message);
            }
        }
        for (index, path) in self.documents.iter().enumerate() {
            if path.is_empty() || path.starts_with('/') {
                let message = "is no path of data, such as bases/approved";
                report(format!("/documents/{index}"), message.to_owned());
            }
        }
        for (index, pattern) in self.references.iter().enumerate() {
            if pattern.is_match("") {
                let message = format!("{} lets every reference through", pattern.as_str());
                report(format!("/references/{index}"), message);
            }
        }
        problems
    }
}
