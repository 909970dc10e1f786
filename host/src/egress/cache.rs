//! Answers that are kept for a while, asked for again by their validators, and shared by equal questions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CACHE_CONTROL, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use moka::future::Cache;
use moka::ops::compute::Op;

use super::{Answer, Call, Egress, EgressError};

/// What all kept answers may take together.
const MAX_BYTES: u64 = 64 << 20;
/// How long an answer is kept to be asked for by its validators; and one that only serves those who waited for it.
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_secs(1);

/// A question that may be answered from memory.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// The request.
    pub call: Call,
    /// The name of the credentials in it: what was answered to one does not concern the others.
    pub credentials: Option<String>,
    /// How long an answer may be used.
    pub ttl: Duration,
}

/// The answers that are kept.
pub struct Answers(Cache<Key, Arc<Kept>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    credentials: Option<String>,
    allow_private: bool,
    max_body: u64,
}

struct Kept {
    answer: Result<Answer, EgressError>,
    /// How long it may be used.
    ttl: Duration,
    /// When the question was put.
    asked: Instant,
}

/// How long each is kept.
struct Stay;

impl moka::Expiry<Key, Arc<Kept>> for Stay {
    fn expire_after_create(&self, _: &Key, kept: &Arc<Kept>, _: Instant) -> Option<Duration> {
        Some(kept.stay())
    }

    fn expire_after_update(
        &self,
        _: &Key,
        kept: &Arc<Kept>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.stay())
    }
}

impl Kept {
    fn stay(&self) -> Duration {
        if self.ttl.is_zero() {
            SHORT
        } else {
            self.ttl.max(LONG)
        }
    }

    /// Whether it answers a question that began then, and takes answers of that age.
    fn answers(&self, began: Instant, ttl: Duration) -> bool {
        self.asked >= began || self.asked.elapsed() < self.ttl.min(ttl)
    }

    fn size(&self) -> usize {
        let of = |answer: &Answer| {
            let headers = answer.headers.iter();
            let headers: usize = headers
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum();
            answer.body.len() + headers
        };
        self.answer.as_ref().map_or(0, of)
    }

    /// An answer of the server's own that may be kept (RFC 9111, §3, for a shared cache without age).
    fn storable(answer: &Answer) -> bool {
        let control = answer
            .headers
            .get(CACHE_CONTROL)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let forbidden = control.to_ascii_lowercase();
        answer.status == 200
            && !["no-store", "private"]
                .iter()
                .any(|word| forbidden.contains(word))
    }
}

impl Default for Answers {
    fn default() -> Answers {
        let cache = Cache::builder()
            .max_capacity(MAX_BYTES)
            .weigher(|key: &Key, kept: &Arc<Kept>| {
                u32::try_from(key.size() + kept.size() + 512).unwrap_or(u32::MAX)
            })
            .expire_after(Stay)
            .build();
        Answers(cache)
    }
}

impl Answers {
    /// The answer: a kept one that is fresh, or one to an equal question that was put while this one waited, or a new one.
    /// Only GET and HEAD are shared.
    pub async fn fetch(&self, egress: &Egress, fetch: Fetch) -> Result<Answer, EgressError> {
        if !matches!(fetch.call.method, Method::GET | Method::HEAD) {
            return egress.send(fetch.call).await;
        }
        let began = Instant::now();
        let key = Key::of(&fetch);
        if let Some(kept) = self.0.get(&key).await
            && kept.answers(began, fetch.ttl)
        {
            return kept.answer.clone();
        }
        // One at a time asks; those that waited find its answer, be it good or bad.
        let asked = self.0.entry(key).and_compute_with(|before| {
            let before = before.map(moka::Entry::into_value);
            let (call, ttl) = (fetch.call.clone(), fetch.ttl);
            async move {
                match before {
                    Some(kept) if kept.answers(began, ttl) => Op::Nop,
                    before => Op::Put(Arc::new(ask(egress, call, ttl, before).await)),
                }
            }
        });
        match asked.await.into_entry() {
            Some(entry) => entry.into_value().answer.clone(),
            None => egress.send(fetch.call).await,
        }
    }
}

/// Asks, by the validators of the answer before where there is one.
async fn ask(egress: &Egress, mut call: Call, ttl: Duration, before: Option<Arc<Kept>>) -> Kept {
    let asked = Instant::now();
    let known = before
        .as_ref()
        .and_then(|kept| kept.answer.as_ref().ok())
        .filter(|answer| Kept::storable(answer));
    if let Some(known) = known {
        for (validator, condition) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
            if let Some(value) = known.headers.get(validator) {
                call.headers
                    .entry(condition)
                    .or_insert_with(|| value.clone());
            }
        }
    }
    let answer = egress.send(call).await.map(|answer| match known {
        Some(known) if answer.status == StatusCode::NOT_MODIFIED => known.clone(),
        _ => answer,
    });
    // What is no good answer serves only those who waited for it.
    let good = answer.as_ref().is_ok_and(Kept::storable);
    let ttl = if good { ttl } else { Duration::ZERO };
    Kept { answer, ttl, asked }
}

impl Key {
    fn size(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len());
        self.url.len() + headers.sum::<usize>()
    }

    fn of(fetch: &Fetch) -> Key {
        let Call {
            method,
            url,
            headers,
            allow_private,
            max_body,
            ..
        } = &fetch.call;
        let pair = |(name, value): (&HeaderName, &http::HeaderValue)| {
            (name.as_str().to_owned(), value.as_bytes().to_vec())
        };
        let sorted = |headers: &HeaderMap| {
            let mut pairs: Vec<_> = headers.iter().map(pair).collect();
            pairs.sort();
            pairs
        };
        Key {
            method: method.clone(),
            url: url.to_string(),
            headers: sorted(headers),
            credentials: fetch.credentials.clone(),
            allow_private: *allow_private,
            max_body: *max_body,
        }
    }
}
