//! What scanners reported about images.

use async_trait::async_trait;
use jiff::Timestamp;

use super::StoreError;

/// A report as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `sha256:…`, which names what it tells, and of which image.
    pub digest: String,
    /// A later report of the same lineage about the same image takes its place.
    pub lineage: String,
    /// Its format.
    pub format: String,
    /// Who made it.
    pub tool: String,
    /// When the image was looked at.
    pub scanned: Timestamp,
    /// When it came.
    pub received: Timestamp,
    /// Which images it is about: digests, and names as `registry/repository:tag`. Sorted.
    pub images: Vec<String>,
    /// The evidence as JSON text.
    pub body: String,
}

/// Reports about one image at most. More are refused: if they pushed others out, statements could push out a scan.
pub const MAX_REPORTS: u32 = 64;

/// Which reports to list, the newest first.
#[derive(Clone, Debug, Default)]
pub struct ReportQuery {
    /// About this image: a digest or a name as above.
    pub image: Option<String>,
    /// Before this place in the order of receipt: where the last page ended.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// What scanners reported.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Keeps reports, all or none. Of one lineage and image only the latest is kept; answers of each whether this is it for
    /// any image. The same bytes sent again are kept once, with all images that they were sent for.
    async fn keep_reports(&self, reports: &[Report]) -> Result<Vec<bool>, StoreError>;

    /// Reports about any of these images, the latest received first, but for those with these digests.
    async fn reports_about(
        &self,
        images: &[String],
        except: &[String],
    ) -> Result<Vec<Report>, StoreError>;

    /// Reports without their bodies, each with its place in the order of receipt.
    async fn reports(&self, query: &ReportQuery) -> Result<Vec<(i64, Report)>, StoreError>;

    /// Forgets what is known of an image; answers how many reports are gone or no longer about it.
    async fn forget_image(&self, image: &str) -> Result<u64, StoreError>;
}
