//! An approved base: its layers, and until when it is approved.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use touchstone_sdk::evidence::{self, Layer};
use touchstone_sdk::prelude::*;
use touchstone_sdk::{clock, data};

const DAY: Duration = Duration::from_secs(86_400);

/// An approved base.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Base {
    /// Its layers, the lowest first: diff ids (`docker inspect`, `RootFS.Layers`), or digests as its manifest has them.
    layers: Vec<String>,
    /// The last day on which it is approved, in UTC: `2026-12-31`; or a moment: `2026-12-31T12:00:00Z`. For good, when not
    /// given.
    #[serde(default)]
    pub until: Option<String>,
}

impl Base {
    /// What is wrong with it, each with its place.
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = Vec::new();
        if self.layers.is_empty() {
            let message = "is empty, so every image would be built on it".to_owned();
            problems.push(("/layers".to_owned(), message));
        }
        let wrong = self
            .layers
            .iter()
            .enumerate()
            .filter(|(_, layer)| !is_digest(layer));
        problems.extend(wrong.map(|(index, layer)| {
            let message =
                format!("{layer:?} is no digest: sha256: and 64 hexadecimal digits in lower case");
            (format!("/layers/{index}"), message)
        }));
        if let Some(until) = &self.until
            && self.end().is_none()
        {
            let message = format!("{until:?} is no day, such as 2026-12-31");
            problems.push(("/until".to_owned(), message));
        }
        problems
    }

    /// When it is not approved any more.
    pub fn end(&self) -> Option<SystemTime> {
        let until = self.until.as_deref()?;
        let time = evidence::time(until)?;
        match until.contains('T') {
            true => Some(time),
            false => time.checked_add(DAY),
        }
    }

    /// How many layers an image has above it; nothing when it is built on something else.
    fn above(&self, image: &[Layer]) -> Option<usize> {
        let above = image.len().checked_sub(self.layers.len())?;
        let is = |layer: &Layer, wanted: &String| {
            layer.digest.as_ref() == Some(wanted) || layer.diff_id.as_ref() == Some(wanted)
        };
        let mut pairs = image.iter().zip(&self.layers);
        pairs
            .all(|(layer, wanted)| is(layer, wanted))
            .then_some(above)
    }
}

/// How long an approval holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Longer than anybody has to know.
    Good,
    /// Not for long.
    Ending,
    /// No longer.
    Over,
}

/// The approved bases by name.
#[derive(Debug)]
pub struct Bases {
    all: BTreeMap<String, Base>,
    /// The time of the decision, asked for only where an approval ends.
    now: Option<SystemTime>,
}

impl Bases {
    /// Those that the settings give, and those of data documents. A document that is not there, or says something wrong,
    /// leaves no way to decide.
    pub fn load(given: &BTreeMap<String, Base>, documents: &[String]) -> Result<Bases, Undecided> {
        let mut all = given.clone();
        for path in documents {
            let more: Option<BTreeMap<String, Base>> = data::get(path)?;
            let more = more.ok_or_else(|| Undecided::new(format!("data has nothing at {path}")))?;
            for (name, base) in more {
                if let Some((place, message)) = base.problems().into_iter().next() {
                    let reason = format!("data at {path}, {name}{place} {message}");
                    return Err(Undecided::new(reason));
                }
                all.insert(name, base);
            }
        }
        let ends = all.values().any(|base| base.until.is_some());
        let now = ends.then(clock::now).transpose()?;
        Ok(Bases { all, now })
    }

    /// The nearest one that an image is built on, with how many layers the image has above it. Where several names have
    /// the same layers, the one that is approved for longer.
    pub fn nearest(&self, image: &[Layer]) -> Option<(&str, &Base, usize)> {
        let bases = self.all.iter();
        let below =
            bases.filter_map(|(name, base)| Some((name.as_str(), base, base.above(image)?)));
        below.min_by_key(|(_, base, above)| {
            let end = base.end();
            (*above, end.is_some(), Reverse(end))
        })
    }

    /// Whether an approval with this end still holds.
    pub fn standing(&self, end: Option<SystemTime>, warn_days: u32) -> Standing {
        let (Some(end), Some(now)) = (end, self.now) else {
            return Standing::Good;
        };
        let left = end.duration_since(now).unwrap_or(Duration::ZERO);
        match left {
            Duration::ZERO => Standing::Over,
            left if left < DAY * warn_days => Standing::Ending,
            _ => Standing::Good,
        }
    }

    /// Names of those whose approval holds.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let good = |base: &Base| self.standing(base.end(), 0) != Standing::Over;
        let bases = self.all.iter().filter(move |(_, base)| good(base));
        bases.map(|(name, _)| name.as_str())
    }
}

fn is_digest(text: &str) -> bool {
    let hexadecimal = |digits: &str| {
        digits
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match text.split_once(':') {
        Some(("sha256", digits)) => digits.len() == 64 && hexadecimal(digits),
        Some(("sha512", digits)) => digits.len() == 128 && hexadecimal(digits),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> String {
        format!("sha256:{}", format!("{n:02x}").repeat(32))
    }

    fn base(layers: &[u8], until: Option<&str>) -> Base {
        Base {
            layers: layers.iter().map(|n| digest(*n)).collect(),
            until: until.map(str::to_owned),
        }
    }

    #[test]
    fn the_nearest_base_has_the_most_layers() {
        let all = BTreeMap::from([
            ("debian".to_owned(), base(&[1], None)),
            ("node".to_owned(), base(&[1, 2], Some("2026-12-31"))),
            ("node-old".to_owned(), base(&[1, 2], Some("2026-01-01"))),
            ("node-other".to_owned(), base(&[2], None)),
        ]);
        let bases = Bases { all, now: None };
        let layer = |n: &u8| match n % 2 {
            0 => Layer {
                digest: Some(digest(*n)),
                diff_id: Some(digest(99)),
                size: None,
            },
            _ => Layer {
                digest: None,
                diff_id: Some(digest(*n)),
                size: None,
            },
        };
        for (image, expected) in [
            (&[1, 2, 3][..], Some(("node", 1))),
            (&[1, 2], Some(("node", 0))),
            (&[1, 3, 2], Some(("debian", 2))),
            (&[1], Some(("debian", 0))),
            (&[3, 1, 2], None),
            (&[], None),
        ] {
            let layers: Vec<Layer> = image.iter().map(layer).collect();
            let found = bases.nearest(&layers).map(|(name, _, above)| (name, above));
            assert_eq!(found, expected, "{image:?}");
        }
    }

    #[test]
    fn a_day_ends_when_it_is_over() {
        let day = |until| base(&[1], Some(until)).end();
        assert_eq!(day("1970-01-01"), Some(SystemTime::UNIX_EPOCH + DAY));
        assert_eq!(
            day("1970-01-02T00:00:00Z"),
            Some(SystemTime::UNIX_EPOCH + DAY)
        );
        assert_eq!(day("tomorrow"), None);
        let wrong = Base {
            layers: vec!["sha256:AB".to_owned()],
            until: Some("soon".to_owned()),
        };
        let places: Vec<String> = wrong
            .problems()
            .into_iter()
            .map(|(place, _)| place)
            .collect();
        assert_eq!(places, ["/layers/0", "/until"]);
        assert_eq!(base(&[], None).problems()[0].0, "/layers");
    }
}
