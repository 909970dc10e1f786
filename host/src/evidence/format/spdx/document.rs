//! SPDX as it is written: the fields that are used.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::not_empty;
use super::super::purl::is_image;
use super::super::sbom::present;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    #[serde(rename = "spdxVersion", default, borrow)]
    pub(super) version: Cow<'a, str>,
    /// Of version 3.
    #[serde(rename = "@context", borrow)]
    pub(super) context: Option<Cow<'a, str>>,
    #[serde(rename = "creationInfo", borrow)]
    pub(super) creation: Option<Creation<'a>>,
    #[serde(rename = "documentDescribes", borrow)]
    pub(super) described: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    pub(super) packages: Option<Vec<Package<'a>>>,
    #[serde(borrow)]
    pub(super) files: Option<Vec<File<'a>>>,
    #[serde(borrow)]
    pub(super) relationships: Option<Vec<Relationship<'a>>>,
    #[serde(rename = "hasExtractedLicensingInfos", borrow)]
    pub(super) extracted: Option<Vec<Extracted<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Creation<'a> {
    #[serde(borrow)]
    pub(super) creators: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow)]
    pub(super) created: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID", borrow, deserialize_with = "not_empty")]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "not_empty")]
    pub(super) name: Cow<'a, str>,
    #[serde(rename = "versionInfo", borrow)]
    pub(super) version: Option<Cow<'a, str>>,
    #[serde(rename = "primaryPackagePurpose", borrow)]
    pub(super) purpose: Option<Cow<'a, str>>,
    #[serde(borrow)]
    supplier: Option<Cow<'a, str>>,
    #[serde(borrow)]
    originator: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) source_info: Option<Cow<'a, str>>,
    #[serde(rename = "licenseDeclared", borrow)]
    pub(super) declared: Option<Cow<'a, str>>,
    #[serde(rename = "licenseConcluded", borrow)]
    pub(super) concluded: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) checksums: Option<Vec<Checksum<'a>>>,
    #[serde(borrow)]
    external_refs: Option<Vec<Reference<'a>>>,
    #[serde(borrow)]
    annotations: Option<Vec<Annotation<'a>>>,
    /// Where Trivy once wrote what it now annotates.
    #[serde(borrow)]
    attribution_texts: Option<Vec<Cow<'a, str>>>,
}

impl Package<'_> {
    /// Its package URL.
    pub(super) fn purl(&self) -> Option<&str> {
        let mut all = self.external_refs.iter().flatten();
        let purl = all.find(|reference| reference.kind == "purl")?;
        Some(&*purl.locator)
    }

    /// Whether it is an image.
    pub(super) fn is_container(&self) -> bool {
        self.purpose.as_deref() == Some("CONTAINER")
            || self.id.starts_with("SPDXRef-ContainerImage-")
            || self.purl().is_some_and(is_image)
    }

    /// Whether it is the operating system. Version 2.2 has no purposes; Trivy's ids tell.
    pub(super) fn is_system(&self) -> bool {
        self.purpose.as_deref() == Some("OPERATING-SYSTEM")
            || self.id.starts_with("SPDXRef-OperatingSystem-")
    }

    /// What Trivy says of it beyond the format: `LayerDigest: sha256:…`.
    pub(super) fn trivy(&self) -> impl Iterator<Item = (&str, &str)> {
        let annotations = self.annotations.iter().flatten();
        let annotations = annotations.map(|annotation| &*annotation.comment);
        let texts = self.attribution_texts.iter().flatten();
        let all = annotations.chain(texts.map(|text| &**text));
        all.filter_map(|text| text.split_once(": "))
    }

    /// Who made it: `Organization: Name (address)`.
    pub(super) fn origin(&self) -> Option<String> {
        let supplier = present(self.supplier.as_deref());
        let text = supplier.or(present(self.originator.as_deref()))?;
        let name = text
            .strip_prefix("Organization:")
            .or(text.strip_prefix("Person:"));
        let name = name
            .unwrap_or(text)
            .trim()
            .trim_end_matches("()")
            .trim_end();
        (!name.is_empty()).then(|| name.to_owned())
    }
}

#[derive(Deserialize)]
pub(super) struct Checksum<'a> {
    #[serde(borrow)]
    pub(super) algorithm: Cow<'a, str>,
    #[serde(rename = "checksumValue", borrow)]
    pub(super) value: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(rename = "referenceType", borrow)]
    kind: Cow<'a, str>,
    #[serde(rename = "referenceLocator", borrow)]
    locator: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Annotation<'a> {
    #[serde(default, borrow)]
    comment: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct File<'a> {
    #[serde(rename = "SPDXID", borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(rename = "fileName", borrow, deserialize_with = "not_empty")]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) checksums: Option<Vec<Checksum<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Relationship<'a> {
    #[serde(rename = "spdxElementId", borrow)]
    pub(super) from: Cow<'a, str>,
    #[serde(rename = "relatedSpdxElement", borrow)]
    pub(super) to: Cow<'a, str>,
    #[serde(rename = "relationshipType", borrow)]
    pub(super) kind: Cow<'a, str>,
}

/// A licence that is none of SPDX's list.
#[derive(Deserialize)]
pub(super) struct Extracted<'a> {
    #[serde(rename = "licenseId", borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) name: Option<Cow<'a, str>>,
}
