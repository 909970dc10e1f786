//! The formats that reports come in. To add one: a file in `format/` and its row in [`FORMATS`].
//!
//! A format is recognised by what a document holds at its top, never by a file's name or a header. Reading is strict
//! where it matters: what a report says wrongly is an error with its place, and nothing of it is kept. What a format has
//! beyond the model is left out.

mod anchore;
mod clair;
mod clair_scanner;
mod clair_v4;
mod cyclonedx;
mod distribution;
mod dockerfile;
mod grype;
mod harbor;
mod history;
mod image;
mod klar;
mod openvex;
mod purl;
mod raw;
mod sarif;
mod sbom;
mod sketch;
mod spdx;
mod touchstone;
mod trivy;
mod xccdf;

use std::borrow::Cow;
use std::io::Read;
use std::thread;

use sha2::{Digest, Sha256};

use super::model::{Evidence, Provenance};
use crate::document;

use self::sketch::Extent;

pub use self::sketch::Sketch;

/// How large a report may be once it is decompressed, in bytes.
pub const MAX_SIZE: u64 = 256 << 20;
/// How many times its size a compressed report may grow; ARF grows about sixteen times.
const MAX_GROWTH: u64 = 64;

/// From this size on, in bytes, a report is hashed by a thread of its own while it is read: a thread takes as long as
/// hashing some 100 KiB.
const HASHED_BESIDE: usize = 256 << 10;

/// A format of reports.
#[derive(Debug)]
pub struct Format {
    /// As provenance and errors name it.
    pub name: &'static str,
    /// Whether a document looks like one.
    pub detect: fn(&Sketch<'_>) -> bool,
    /// Reads one. The caller fills in [`Provenance::format`] and [`Provenance::digest`].
    pub read: fn(&str) -> Result<Evidence, Wrong>,
}

/// Every format, the most particular first.
pub const FORMATS: &[Format] = &[
    Format {
        name: "touchstone",
        detect: touchstone::detect,
        read: touchstone::read,
    },
    Format {
        name: "trivy",
        detect: trivy::detect,
        read: trivy::read,
    },
    Format {
        name: "grype",
        detect: grype::detect,
        read: grype::read,
    },
    Format {
        name: "clair",
        detect: clair::detect,
        read: clair::read,
    },
    Format {
        name: "clair-v4",
        detect: clair_v4::detect,
        read: clair_v4::read,
    },
    Format {
        name: "klar",
        detect: klar::detect,
        read: klar::read,
    },
    Format {
        name: "clair-scanner",
        detect: clair_scanner::detect,
        read: clair_scanner::read,
    },
    Format {
        name: "harbor",
        detect: harbor::detect,
        read: harbor::read,
    },
    Format {
        name: "anchore",
        detect: anchore::detect,
        read: anchore::read,
    },
    Format {
        name: "cyclonedx",
        detect: cyclonedx::detect,
        read: cyclonedx::read,
    },
    Format {
        name: "spdx",
        detect: spdx::detect,
        read: spdx::read,
    },
    Format {
        name: "openvex",
        detect: openvex::detect,
        read: openvex::read,
    },
    Format {
        name: "sarif",
        detect: sarif::detect,
        read: sarif::read,
    },
    Format {
        name: "xccdf",
        detect: xccdf::detect,
        read: xccdf::read,
    },
    Format {
        name: "image-manifest",
        detect: image::detect_manifest,
        read: image::read_manifest,
    },
    Format {
        name: "image-configuration",
        detect: image::detect_configuration,
        read: image::read_configuration,
    },
    Format {
        name: "dockerfile",
        detect: dockerfile::detect,
        read: dockerfile::read,
    },
];

/// What is wrong with a report of a known format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct Wrong {
    /// Where: an RFC 6901 pointer, `line 7, column 3`, `Results/2`.
    pub place: String,
    /// What is wrong there, naming the value, and what would be right.
    pub reason: String,
}

impl Wrong {
    /// Something wrong at a place.
    pub fn at(place: impl Into<String>, reason: impl Into<String>) -> Wrong {
        Wrong {
            place: place.into(),
            reason: reason.into(),
        }
    }
}

/// Why a report was not taken; nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// No format fits.
    #[error("no known report: {found}; known are {}", names())]
    Unknown {
        /// What it looks like.
        found: String,
    },
    /// It begins like JSON and is none.
    #[error("malformed JSON at line {line}, column {column}: {reason}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// The parser's words.
        reason: String,
    },
    /// It is not of the format that was asked for.
    #[error("no {wanted} report: {found}")]
    Other {
        /// What was asked for.
        wanted: &'static str,
        /// What it looks like.
        found: String,
    },
    /// Several formats fit.
    #[error("it looks like {0} at once: say which it is")]
    Ambiguous(String),
    /// A format fits, but something in it is wrong.
    #[error("{format} report, {wrong}")]
    Wrong {
        /// Which.
        format: &'static str,
        /// What.
        wrong: Wrong,
    },
    /// A text was needed.
    #[error("not a text: byte {0} is not valid UTF-8")]
    NotUtf8(usize),
    /// Nested too deep.
    #[error("nested deeper than {} levels", document::MAX_DEPTH)]
    TooDeep,
    /// So many that reading them would take more memory than there is.
    #[error("{count} {what}, and a report of its size may have at most {most}")]
    TooMany {
        /// `objects`, `values`, `elements`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are read.
        most: usize,
    },
    /// Decompressed, it is too large.
    #[error("larger than {} MiB", MAX_SIZE >> 20)]
    TooLarge,
    /// Decompressed, it is too large for what was sent.
    #[error(
        "larger than {0} MiB when decompressed: at most {MAX_GROWTH} times what was sent is read"
    )]
    Grows(u64),
    /// It begins like gzip and is none.
    #[error("broken gzip: {0}")]
    Gzip(String),
}

/// The names of all formats, for people.
pub fn names() -> String {
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    names.join(", ")
}

/// Undoes gzip, if it is that.
pub fn decompress(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.into());
    }
    let mut text = Vec::new();
    let most = MAX_SIZE.min((1 << 20) + bytes.len() as u64 * MAX_GROWTH);
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(most + 1);
    reader
        .read_to_end(&mut text)
        .map_err(|error| ReadError::Gzip(error.to_string()))?;
    if text.len() as u64 > most {
        return Err(ReadError::Grows(most >> 20));
    }
    Ok(text.into())
}

/// A text that was looked at from afar: whether it is a report, and of which format.
#[derive(Debug)]
pub struct Candidate<'a> {
    whole: &'a [u8],
    text: &'a str,
    sketch: Sketch<'a>,
    extent: Extent,
}

impl<'a> Candidate<'a> {
    /// Looks at a text.
    pub fn of(whole: &'a str) -> Candidate<'a> {
        let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
        let (sketch, extent) = Sketch::look(text);
        Candidate {
            whole: whole.as_bytes(),
            text,
            sketch,
            extent,
        }
    }

    /// Whether it is a report; silent about what is no document at all.
    pub fn is_report(&self) -> bool {
        FORMATS.iter().any(|format| (format.detect)(&self.sketch))
    }

    /// Whether it surely has none of these keys at its top, and none twice.
    pub fn lacks(&self, wanted: &[&str]) -> bool {
        let Sketch::Object(fields) = &self.sketch else {
            return true;
        };
        let mut keys: Vec<&str> = fields.iter().map(|field| field.key.as_str()).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        all < sketch::MAX_KEYS && keys.len() == all && !keys.iter().any(|key| wanted.contains(key))
    }

    /// Reads it: as of this format, or of whichever it is by its content.
    pub fn read(&self, wanted: Option<&'static Format>) -> Result<Evidence, ReadError> {
        let text = self.text;
        self.extent.check(text.len())?;
        let format = choose(&self.sketch, wanted).map_err(|error| match self.sketch {
            Sketch::Object(_) | Sketch::Array(_) => malformed(text).unwrap_or(error),
            _ => error,
        })?;
        let wrong = |wrong| ReadError::Wrong {
            format: format.name,
            wrong,
        };
        if format.name == "touchstone" {
            return (format.read)(text).map_err(wrong);
        }
        let (read, digest) = beside_hashing(self.whole, || (format.read)(text));
        let mut evidence = read.map_err(wrong)?;
        let digest = format!("sha256:{}", hex(&digest));
        complete(&mut evidence, format.name, digest);
        Ok(evidence)
    }
}

/// Whether a text is a report; cheap, and silent about what is no document at all.
pub fn is_report(text: &str) -> bool {
    Candidate::of(text).is_report()
}

/// The format of that name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Reads a report, as it is or compressed by gzip: of this format, or of whichever it is by its content.
pub fn read(bytes: &[u8], wanted: Option<&'static Format>) -> Result<Evidence, ReadError> {
    if bytes.len() as u64 > MAX_SIZE {
        return Err(ReadError::TooLarge);
    }
    let bytes = decompress(bytes)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|error| ReadError::NotUtf8(error.valid_up_to()))?;
    Candidate::of(text).read(wanted)
}

/// Reads a report while another thread hashes it, where it is so large that this takes less time than one by one.
fn beside_hashing<T>(bytes: &[u8], read: impl FnOnce() -> T) -> (T, [u8; 32]) {
    let hash = || Sha256::digest(bytes).into();
    if bytes.len() < HASHED_BESIDE {
        return (read(), hash());
    }
    thread::scope(|scope| {
        // Where no more threads may be had, it is done afterwards.
        let hashing = thread::Builder::new().spawn_scoped(scope, hash).ok();
        let read = read();
        let digest = hashing.and_then(|hashing| hashing.join().ok());
        (read, digest.unwrap_or_else(hash))
    })
}

/// What no format knows may be cut off, or have something behind it.
fn malformed(text: &str) -> Option<ReadError> {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).err()?;
    let reason = error.to_string();
    Some(ReadError::Malformed {
        line: error.line(),
        column: error.column(),
        reason: reason
            .split(" at line")
            .next()
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The one format that fits. What fits several is refused: who can write a part of a document, as an image's author
/// can its configuration, must not be able to make another kind of report of it.
fn choose(
    sketch: &Sketch<'_>,
    wanted: Option<&'static Format>,
) -> Result<&'static Format, ReadError> {
    let fitting: Vec<&Format> = FORMATS
        .iter()
        .filter(|format| (format.detect)(sketch))
        .collect();
    match (wanted, fitting.as_slice()) {
        (Some(wanted), fitting) if fitting.iter().any(|one| one.name == wanted.name) => Ok(wanted),
        (Some(wanted), _) => Err(ReadError::Other {
            wanted: wanted.name,
            found: sketch.describe(),
        }),
        (None, [only]) => Ok(only),
        (None, []) => Err(ReadError::Unknown {
            found: sketch.describe(),
        }),
        (None, several) => {
            let names: Vec<&str> = several.iter().map(|format| format.name).collect();
            Err(ReadError::Ambiguous(names.join(" and ")))
        }
    }
}

/// Fills in where evidence comes from: exactly one report, which is that of every item.
fn complete(evidence: &mut Evidence, format: &str, digest: String) {
    let mut provenance = evidence.reports.pop().unwrap_or_default();
    format.clone_into(&mut provenance.format);
    if provenance.tool.is_empty() {
        format.clone_into(&mut provenance.tool);
    }
    provenance.digest = digest;
    evidence.reports = vec![provenance];
    super::merge::claim(evidence);
    evidence.attribute();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a JSON text into a format's own types. `Deserialize` of those refuses keys that stand twice.
pub(super) fn json<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Wrong> {
    serde_json::from_str(text).map_err(|error| explain::<T>(text, &error))
}

/// The fast reader knows the line; a second, slower one knows the path, too.
fn explain<'a, T: serde::Deserialize<'a>>(text: &'a str, fast: &serde_json::Error) -> Wrong {
    let reason = |error: &serde_json::Error| {
        let text = error.to_string();
        let text = text.split(" at line").next().unwrap_or_default();
        shown(text)
    };
    let place = format!("line {}, column {}", fast.line(), fast.column());
    let mut reader = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) if error.path().to_string() != "." => {
            let path = shown(&error.path().to_string());
            Wrong::at(format!("{path} ({place})"), reason(error.inner()))
        }
        _ => Wrong::at(place, reason(fast)),
    }
}

/// A text of the report's in an error, no longer than helps.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Reads a time by RFC 3339; nothing for what tools write when they do not know: an empty text, Go's zero time.
pub(super) fn time(place: &str, text: &str) -> Result<Option<jiff::Timestamp>, Wrong> {
    if text.is_empty() || text.starts_with("0001-01-01T00:00:00") {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| Wrong::at(place, format!("{:?} is no time by RFC 3339", shown(text))))
}

/// The report of one tool.
pub(super) fn from_tool(tool: &str, version: Option<&str>) -> Vec<Provenance> {
    vec![Provenance {
        tool: tool.to_owned(),
        version: version.map(str::to_owned),
        ..Provenance::default()
    }]
}

/// How much of a report is said again in what becomes of it. A vulnerability of a thousand packages is a thousand
/// items, each with the whole text: without a bound, a small report could ask for more memory than there is.
#[derive(Debug, Default)]
pub(super) struct Repeats(u64);

impl Repeats {
    /// Counts what is about to be said again.
    pub(super) fn add(&mut self, place: &str, bytes: usize) -> Result<(), Wrong> {
        self.0 = self.0.saturating_add(bytes as u64);
        if self.0 <= MAX_SIZE {
            return Ok(());
        }
        let reason = format!(
            "said for so many items, it is more than {} MiB",
            MAX_SIZE >> 20
        );
        Err(Wrong::at(place, reason))
    }
}

/// A text that must not be empty, for `deserialize_with`: so that the error has the place.
pub(super) fn not_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de> + AsRef<str>,
{
    let text = T::deserialize(deserializer)?;
    if text.as_ref().is_empty() {
        return Err(serde::de::Error::custom(
            "an empty text where a name is needed",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_all_bytes_whoever_computes_it() {
        for size in [100, HASHED_BESIDE - 1, HASHED_BESIDE, HASHED_BESIDE + 1] {
            let mut text = r#"{"SchemaVersion":2,"ArtifactName":"a"}"#.to_owned();
            text.push_str(&" ".repeat(size - text.len()));
            let evidence = read(text.as_bytes(), None).unwrap();
            let expected = format!("sha256:{}", hex(&Sha256::digest(&text)));
            assert_eq!(evidence.reports[0].digest, expected, "{size}");
        }
    }
}
