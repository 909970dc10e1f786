//! Reports in memory.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use super::super::reports::{MAX_REPORTS, Report, ReportQuery, Reports};
use super::super::{StoreError, newest_wins};
use super::{Memory, Tables};

impl Tables {
    /// Whether there is room for all of them, about every image.
    fn check_room(&self, reports: &[Report]) -> Result<(), StoreError> {
        let takes_its_place = |known: &Report, new: &Report| {
            known.digest == new.digest || known.lineage == new.lineage
        };
        for image in reports.iter().flat_map(|report| &report.images) {
            let new = || {
                reports
                    .iter()
                    .filter(|report| report.images.contains(image))
            };
            let others = self.reports.values().filter(|known| {
                known.images.contains(image) && !new().any(|new| takes_its_place(known, new))
            });
            let lineages: BTreeSet<&str> = new().map(|report| report.lineage.as_str()).collect();
            if others.count() + lineages.len() > MAX_REPORTS as usize {
                let image = image.clone();
                return Err(StoreError::TooManyReports { image });
            }
        }
        Ok(())
    }

    fn keep_report(&mut self, report: &Report) -> bool {
        let place = self.place();
        let mut new = report.clone();
        // The same bytes keep their place.
        let known = self
            .reports
            .iter()
            .find(|(_, known)| known.digest == report.digest)
            .map(|(place, known)| (*place, known.images.clone()));
        new.images.clear();
        for image in &report.images {
            let rival = self.reports.values_mut().find(|known| {
                known.lineage == report.lineage
                    && known.digest != report.digest
                    && known.images.contains(image)
            });
            match rival {
                Some(rival)
                    if !newest_wins(
                        (report.scanned, report.received),
                        (rival.scanned, rival.received),
                    ) =>
                {
                    continue;
                }
                Some(rival) => rival.images.retain(|known| known != image),
                None => {}
            }
            new.images.push(image.clone());
        }
        let is_latest = !new.images.is_empty();
        let (place, before) = known.unwrap_or((place, Vec::new()));
        new.images.extend(before);
        new.images.sort();
        new.images.dedup();
        self.reports.insert(place, new);
        self.reports.retain(|_, known| !known.images.is_empty());
        is_latest
    }

    /// Forgets what came before a time, and the oldest where all together are larger than so many bytes.
    pub(super) fn forget_reports(&mut self, oldest: Timestamp, size: u64) {
        let mut places: Vec<(Timestamp, i64, usize)> = self
            .reports
            .iter()
            .map(|(place, report)| (report.received, *place, report.body.len()))
            .collect();
        places.sort_by(|one, other| other.cmp(one));
        let mut sum = 0;
        for (received, place, length) in places {
            sum += length as u64;
            if received < oldest || sum > size {
                self.reports.remove(&place);
            }
        }
    }
}

#[async_trait]
impl Reports for Memory {
    async fn keep_reports(&self, reports: &[Report]) -> Result<Vec<bool>, StoreError> {
        let mut tables = self.tables();
        tables.check_room(reports)?;
        let kept = reports.iter().map(|report| tables.keep_report(report));
        Ok(kept.collect())
    }

    async fn reports_about(
        &self,
        images: &[String],
        except: &[String],
    ) -> Result<Vec<Report>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<(&i64, &Report)> = tables
            .reports
            .iter()
            .filter(|(_, report)| report.images.iter().any(|image| images.contains(image)))
            .filter(|(_, report)| !except.contains(&report.digest))
            .collect();
        found.sort_by(|(a, one), (b, other)| (other.received, b).cmp(&(one.received, a)));
        Ok(found
            .into_iter()
            .map(|(_, report)| report.clone())
            .collect())
    }

    async fn reports(&self, query: &ReportQuery) -> Result<Vec<(i64, Report)>, StoreError> {
        let ReportQuery {
            image,
            before,
            limit,
        } = query;
        let tables = self.tables();
        let found = tables.reports.iter().rev().filter(|(place, report)| {
            image
                .as_ref()
                .is_none_or(|image| report.images.contains(image))
                && before.is_none_or(|before| **place < before)
        });
        let brief = |report: &Report| Report {
            body: String::new(),
            ..report.clone()
        };
        Ok(found
            .take(*limit as usize)
            .map(|(place, report)| (*place, brief(report)))
            .collect())
    }

    async fn forget_image(&self, image: &str) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut gone = 0;
        for report in tables.reports.values_mut() {
            let before = report.images.len();
            report.images.retain(|known| known != image);
            gone += (before - report.images.len()) as u64;
        }
        tables.reports.retain(|_, report| !report.images.is_empty());
        Ok(gone)
    }
}
