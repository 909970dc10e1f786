//! What enrichers add to a report's vulnerabilities, by their ids: scores of NVD, EPSS, CISA's catalogue
//! (claircore 1.5, `enricher/`). The keys are media types: `message/vnd.clair.map.vulnerability; enricher=clair.cvss …`.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::super::Wrong;
use super::super::raw::{Map, Text, filled, score, within};
use super::Findings;

/// A list of messages, each with lists of records by the ids of vulnerabilities.
type Records<'a, T> = Option<Vec<Map<'a, Option<Vec<T>>>>>;

#[derive(Default)]
pub(super) struct Enrichments<'a> {
    cvss: Records<'a, Cvss<'a>>,
    epss: Records<'a, Epss>,
    /// Nothing where that enricher did not run.
    exploited: Option<Records<'a, IgnoredAny>>,
}

#[derive(Deserialize)]
struct Cvss<'a> {
    #[serde(borrow)]
    version: Option<Text<'a>>,
    #[serde(borrow, rename = "vectorString")]
    vector: Option<Text<'a>>,
    #[serde(rename = "baseScore")]
    base: f64,
}

#[derive(Deserialize)]
struct Epss {
    epss: f64,
}

impl<'de: 'a, 'a> Deserialize<'de> for Enrichments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByEnricher(PhantomData))
    }
}

struct ByEnricher<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for ByEnricher<'a> {
    type Value = Enrichments<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of enrichments")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut enrichments = Enrichments::default();
        while let Some(Text(key)) = map.next_key()? {
            let parameters = key.split([';', ' ']);
            let enricher = parameters
                .filter_map(|part| part.strip_prefix("enricher="))
                .next();
            match enricher {
                Some("clair.cvss") => enrichments.cvss = map.next_value()?,
                Some("clair.epss") => enrichments.epss = map.next_value()?,
                Some("clair.kev") => enrichments.exploited = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(enrichments)
    }
}

impl Enrichments<'_> {
    pub(super) fn add_to(self, findings: &mut Findings<'_>) -> Result<(), Wrong> {
        for (id, records) in pairs(self.cvss) {
            let Some(finding) = findings.get_mut(&*id) else {
                continue;
            };
            for cvss in records {
                let vector = filled(cvss.vector);
                let version = cvss.version.as_ref().map_or("3.1", |version| &version.0);
                finding
                    .scores
                    .push(score("nvd", version, cvss.base, vector)?);
            }
        }
        for (id, records) in pairs(self.epss) {
            let Some(finding) = findings.get_mut(&*id) else {
                continue;
            };
            for record in records {
                let epss = within("epss", record.epss, 1.0)?;
                finding.epss = Some(finding.epss.map_or(epss, |other| epss.max(other)));
            }
        }
        if let Some(exploited) = self.exploited {
            let ids: BTreeSet<String> = pairs(exploited).map(|(id, _)| id).collect();
            for (id, finding) in findings {
                finding.exploited = Some(ids.contains(&**id));
            }
        }
        Ok(())
    }
}

fn pairs<T>(records: Records<'_, T>) -> impl Iterator<Item = (String, Vec<T>)> {
    let messages = records.into_iter().flatten();
    let pairs = messages.flat_map(|message| message.0);
    pairs.map(|(id, records)| (id.into_owned(), records.unwrap_or_default()))
}
