//! What is let pass because somebody who may says so: a signed token in an annotation, which ends.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::grants::ImagePattern;
use crate::model::{Event, Exemption};

/// The annotation that Kubernetes sends in ImageReviews, too: they carry those with `.image-policy.k8s.io/` alone.
const ANNOTATION: &str = "touchstone.image-policy.k8s.io/break-glass";
const AUDIENCE: &str = "touchstone";
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How much the clock of whoever signs may be ahead.
const SKEW: Duration = Duration::from_secs(60);

/// Whose tokens are honoured, and where they stand.
#[derive(Clone, PartialEq, Eq)]
pub struct BreakGlass {
    annotation: String,
    audience: String,
    longest: Duration,
    /// Files, and what they hold: PEM.
    keys: Vec<(PathBuf, Vec<u8>)>,
}

/// What a token says (RFC 7519), signed with EdDSA (RFC 8037). All but the last two have to be there.
#[derive(Debug, Deserialize)]
struct Claims {
    /// Who answers for it.
    sub: String,
    /// Since when, in seconds since 1970.
    iat: i64,
    /// Until when, in seconds since 1970.
    exp: i64,
    /// Why.
    reason: String,
    /// Where; everywhere, if not given.
    #[serde(default)]
    namespaces: Option<Vec<String>>,
    /// For which images, by pattern; for all, if not given.
    #[serde(default)]
    images: Option<Vec<String>>,
}

/// What has to be understood of a token besides (RFC 7515, 4.1.11), which the library does not look at.
#[derive(Deserialize)]
struct Critical {
    crit: Option<IgnoredAny>,
}

impl BreakGlass {
    /// Where its keys are, to be watched.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.keys.iter().map(|(path, _)| path.as_path())
    }

    /// What the event's token lets pass; the error says why it lets nothing pass. Nothing without a token. `knows_images`
    /// says whether the event's images are all that its object has.
    pub fn honour(&self, event: &Event, knows_images: bool) -> Result<Option<Exemption>, String> {
        let Some(token) = self.token(event) else {
            return Ok(None);
        };
        let claims = self.read(token)?;
        let now = Timestamp::now();
        let until = Timestamp::from_second(claims.exp).map_err(|_| "exp is no time".to_owned())?;
        if until <= now {
            return Err(format!("it ended {until}"));
        }
        let since = Timestamp::from_second(claims.iat).map_err(|_| "iat is no time".to_owned())?;
        if since > now.saturating_add(SKEW).unwrap_or(Timestamp::MAX) {
            return Err(format!("it is from {since}, which is still to come"));
        }
        if until.duration_since(since).unsigned_abs() > self.longest {
            let longest = humantime::format_duration(self.longest);
            return Err(format!(
                "it holds for more than {longest} (breakGlass.longest)"
            ));
        }
        if claims.sub.trim().is_empty() || claims.reason.trim().is_empty() {
            return Err("sub or reason is empty".to_owned());
        }
        claims.covers(event, knows_images)?;
        let Claims { sub, reason, .. } = claims;
        Ok(Some(Exemption {
            by: "breakGlass".into(),
            reason: format!("{sub}, until {until}: {reason}"),
        }))
    }

    fn token<'a>(&self, event: &'a Event) -> Option<&'a str> {
        let key = self.annotation.replace('~', "~0").replace('/', "~1");
        let places = [
            "/request/object/metadata/annotations",
            "/request/oldObject/metadata/annotations",
            "/spec/annotations",
        ];
        // The old object's counts only where there is no new one.
        let places = places.iter().filter(|place| {
            !place.starts_with("/request/oldObject") || !event.document.is_object("/request/object")
        });
        places
            .filter_map(|place| event.document.str_at(&format!("{place}/{key}")))
            .next()
    }

    /// What it says, if one of the keys signed it.
    fn read(&self, token: &str) -> Result<Claims, String> {
        let head = token.split('.').next().unwrap_or_default();
        let head = BASE64_URL_SAFE_NO_PAD.decode(head).unwrap_or_default();
        let critical = serde_json::from_slice(&head);
        if let Ok(Critical { crit: Some(_) }) = critical {
            return Err("crit: extensions are not understood".to_owned());
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[&self.audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 0;
        let mut error = "there is no key".to_owned();
        for (_, key) in &self.keys {
            let read = DecodingKey::from_ed_pem(key)
                .and_then(|key| jsonwebtoken::decode::<Claims>(token, &key, &validation));
            match read {
                Ok(TokenData { claims, .. }) => return Ok(claims),
                Err(wrong) => error = wrong.to_string(),
            }
        }
        Err(error)
    }
}

impl Claims {
    fn covers(&self, event: &Event, knows_images: bool) -> Result<(), String> {
        let namespace = event.namespace.as_deref().unwrap_or_default();
        if let Some(namespaces) = &self.namespaces
            && !namespaces.iter().any(|known| known == namespace)
        {
            return Err(format!("it is not for namespace {namespace:?}"));
        }
        let Some(images) = &self.images else {
            return Ok(());
        };
        if !knows_images {
            return Err("it is for images, and which ones this object has is not known".to_owned());
        }
        let patterns = images.iter().map(|text| ImagePattern::parse(text));
        let patterns: Vec<ImagePattern> = patterns
            .collect::<Result<_, _>>()
            .map_err(|error| format!("images: {error}"))?;
        let uncovered = event.images.iter().find(|image| {
            let name = image.name.as_ref().ok();
            !name.is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(name)))
        });
        match uncovered {
            Some(image) => Err(format!("it is not for image {:?}", image.text)),
            None if event.images.is_empty() => {
                Err("it is for images, and there are none".to_owned())
            }
            None => Ok(()),
        }
    }
}

/// Without the keys.
impl std::fmt::Debug for BreakGlass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BreakGlass")
            .field("annotation", &self.annotation)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawBreakGlass {
    keys: Vec<PathBuf>,
    #[serde(default)]
    annotation: Option<String>,
    #[serde(default)]
    audience: Option<String>,
    #[serde(default, deserialize_with = "super::raw::duration")]
    longest: Option<Duration>,
}

impl RawBreakGlass {
    pub(super) fn typed(self, base: &Path) -> Result<BreakGlass, String> {
        let RawBreakGlass {
            keys,
            annotation,
            audience,
            longest,
        } = self;
        if keys.is_empty() {
            return Err("breakGlass.keys: name files of Ed25519 public keys in PEM".to_owned());
        }
        let key = |path: PathBuf| {
            let path = base.join(path);
            let place = path.display().to_string();
            let wrong = |reason: String| format!("breakGlass.keys: {place}: {reason}");
            let text = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
            DecodingKey::from_ed_pem(&text).map_err(|_| {
                wrong("no Ed25519 public key in PEM (openssl pkey -in KEY -pubout)".to_owned())
            })?;
            Ok::<_, String>((path, text))
        };
        Ok(BreakGlass {
            annotation: annotation.unwrap_or_else(|| ANNOTATION.to_owned()),
            audience: audience.unwrap_or_else(|| AUDIENCE.to_owned()),
            longest: longest.unwrap_or(LONGEST),
            keys: keys.into_iter().map(key).collect::<Result<_, _>>()?,
        })
    }
}
