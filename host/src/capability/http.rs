//! Reading from elsewhere during the decision. URL, headers and body come from the guest, what comes back from strangers;
//! credentials are added behind the guest's back, and only where the grant lists them.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, Method};
use url::Url;

use crate::address;
use crate::egress::{Answer, Call, EgressError, Fetch, header_map};
use crate::grants::{Grant, Resource};
use crate::guest::bindings::touchstone::policy::http::{Host, Method as Asked, Request, Response};
use crate::guest::bindings::touchstone::policy::types::Error;
use crate::guest::{Ctx, Refusal, invalid};

/// The largest answer, where the grant does not say.
const MAX_BODY: u64 = 1 << 20;
/// Redirects followed at most.
const MAX_REDIRECTS: usize = 5;

impl Host for Ctx {
    async fn fetch(&mut self, request: Request) -> Result<Response, Refusal> {
        let mut grant = self.allow(
            "http",
            resource(&request.url, request.credentials.as_deref()),
        )?;
        if self.event().is_err() {
            let text = "nothing is fetched while the policy is configured".to_owned();
            return Err(Error::Unavailable(text).into());
        }
        let left = self.time_left();
        let asked = request
            .timeout
            .map(|millis| Duration::from_millis(millis.into()));
        let end = std::time::Instant::now() + asked.map_or(left, |asked| asked.min(left));
        let mut hop = Hop::first(request)?;
        for _ in 0..=MAX_REDIRECTS {
            let left = end.saturating_duration_since(std::time::Instant::now());
            let answer = self.ask(&hop, &grant, left).await?;
            let Some(next) = hop.next(&answer)? else {
                return Ok(response(answer));
            };
            // Wherever it leads, it is asked for like any other.
            grant = self.allow(
                "http",
                resource(next.url.as_str(), next.credentials.as_deref()),
            )?;
            hop = next;
        }
        Err(Error::Unavailable(format!("more than {MAX_REDIRECTS} redirects")).into())
    }
}

fn resource<'a>(url: &'a str, credentials: Option<&'a str>) -> Resource<'a> {
    Resource::Url { url, credentials }
}

impl Ctx {
    /// Asks one server, or remembers what it said.
    async fn ask(
        &mut self,
        hop: &Hop,
        grant: &Grant,
        timeout: Duration,
    ) -> Result<Answer, Refusal> {
        let mut headers = hop.headers.clone();
        let outside = self.outside().clone();
        if let Some(name) = &hop.credentials {
            let secret = outside.credentials(name)?;
            headers.extend(secret.headers);
        }
        let fetch = Fetch {
            call: Call {
                method: hop.method.clone(),
                url: hop.url.clone(),
                headers,
                body: hop.body.clone(),
                allow_private: grant.web.allow_private,
                timeout,
                max_body: grant.web.size.unwrap_or(MAX_BODY),
                cut: false,
            },
            credentials: hop.credentials.clone(),
            ttl: grant.web.ttl.unwrap_or_default(),
        };
        let asking = outside.answers.fetch(&outside.egress, fetch);
        // Also while somebody else asks the same.
        let answer = self
            .wait(
                hop.url.origin().ascii_serialization(),
                tokio::time::timeout(timeout, asking),
            )
            .await;
        let server = hop.url.origin().ascii_serialization();
        let failed = |error: EgressError| match error {
            EgressError::TooLarge(_) => Error::Exhausted(error.to_string()),
            error => {
                let text = format!("{server}: {error}");
                Error::Unavailable(outside.secrets.scrub(&text))
            }
        };
        let answer = answer.unwrap_or(Err(EgressError::Timeout(timeout)));
        let mut answer = answer.map_err(failed)?;
        if hop.credentials.is_some() {
            // Some servers tell what they were told.
            answer.body = outside.secrets.scrub_bytes(answer.body);
            for value in answer.headers.values_mut() {
                let clean = outside.secrets.scrub_bytes(value.as_bytes().to_vec());
                if let Ok(clean) = http::HeaderValue::from_bytes(&clean) {
                    *value = clean;
                }
            }
        }
        Ok(answer)
    }
}

/// One of the requests that redirects make of a request.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    credentials: Option<String>,
    body: Vec<u8>,
}

impl Hop {
    fn first(request: Request) -> Result<Hop, Refusal> {
        let Request {
            method,
            url,
            headers,
            credentials,
            body,
            timeout: _,
        } = request;
        let method = match method {
            Asked::Get => Method::GET,
            Asked::Head => Method::HEAD,
            Asked::Post => Method::POST,
        };
        if !body.is_empty() && method != Method::POST {
            return Err(invalid(format!("{method} has no body")));
        }
        Ok(Hop {
            method,
            url: address::parse(&url).map_err(|error| invalid(error.to_string()))?,
            headers: header_map(&headers, &[]).map_err(invalid)?,
            credentials,
            body,
        })
    }

    /// Where the answer redirects to (RFC 9110, §15.4). Another origin gets no credentials, and none of the guest's own.
    fn next(&self, answer: &Answer) -> Result<Option<Hop>, Refusal> {
        let keeps_method = match answer.status {
            301 | 302 => self.method != Method::POST,
            303 => self.method == Method::HEAD,
            307 | 308 => true,
            _ => return Ok(None),
        };
        let Some(location) = answer.headers.get(LOCATION) else {
            return Ok(None);
        };
        let wrong = |reason: String| {
            Refusal::from(Error::Unavailable(format!(
                "it redirects to no good URL: {reason}"
            )))
        };
        let location = location
            .to_str()
            .map_err(|error| wrong(error.to_string()))?;
        let joined = self
            .url
            .join(location)
            .map_err(|error| wrong(error.to_string()))?;
        let url = address::parse(joined.as_str()).map_err(|error| wrong(error.to_string()))?;
        let same_origin = address::origin(&url) == address::origin(&self.url);
        let mut next = Hop {
            method: self.method.clone(),
            headers: self.headers.clone(),
            credentials: self.credentials.clone().filter(|_| same_origin),
            body: self.body.clone(),
            url,
        };
        if !same_origin {
            for name in [AUTHORIZATION, COOKIE] {
                next.headers.remove(name);
            }
        }
        if !keeps_method {
            next.method = Method::GET;
            next.body.clear();
            next.headers.remove(CONTENT_TYPE);
        }
        Ok(Some(next))
    }
}

fn response(answer: Answer) -> Response {
    let pair = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (
            name.as_str().to_owned(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    };
    Response {
        status: answer.status,
        headers: answer.headers.iter().map(pair).collect(),
        body: answer.body,
    }
}
