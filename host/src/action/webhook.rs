//! JSON to another system's URL, with credentials and a signature that the guest never sees.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;
use std::time::Duration;

use super::{Failure, Performers, json, request, staged};
use crate::address;
use crate::egress::{Answer, Call, EgressError, header_map};
use crate::grants::Resource;
use crate::guest::bindings::touchstone::policy::types::Terms;
use crate::guest::bindings::touchstone::policy::webhook::{Host, Method as Asked, Request};
use crate::guest::{Ctx, Refusal, invalid};
use crate::model::Action;
use crate::outside::CredentialsError;

/// What only the host sends. The last three are those of the Standard Webhooks specification.
const RESERVED: [&str; 5] = [
    "content-type",
    "idempotency-key",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];
/// How much of an answer is read.
const MAX_ANSWER: u64 = 64 << 10;
/// The longest wait that a receiver can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A staged request.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credentials: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    allow_private: bool,
    body: Box<RawValue>,
}

impl Host for Ctx {
    fn stage(&mut self, request: Request, terms: Terms) -> Result<(), Refusal> {
        let grant = self.allow(
            "webhook",
            Resource::Url {
                url: &request.url,
                credentials: request.credentials.as_deref(),
            },
        )?;
        let Request {
            method,
            url,
            headers,
            credentials,
            body,
        } = request;
        let url = address::parse(&url).map_err(|error| invalid(error.to_string()))?;
        header_map(&headers, &RESERVED).map_err(invalid)?;
        if let Some(name) = &credentials
            && !self.outside().targets().credentials.contains_key(name)
        {
            return Err(CredentialsError::Unknown(name.clone()).into());
        }
        let webhook = Webhook {
            method: match method {
                Asked::Post => "POST".to_owned(),
                Asked::Put => "PUT".to_owned(),
            },
            headers,
            credentials,
            allow_private: grant.web.allow_private,
            body: json(body)?,
            url: url.to_string(),
        };
        let action = staged(
            "webhook",
            url.to_string(),
            address::origin(&url),
            terms,
            &webhook,
        )?;
        self.stage(action)
    }
}

pub(super) async fn perform(performers: &Performers, action: &Action) -> Result<String, Failure> {
    let call = call(performers, action)?;
    let answer = performers
        .outside
        .egress
        .send(call)
        .await
        .map_err(|error| match error {
            EgressError::Private(_) => Failure::Final(error.to_string()),
            error => Failure::passing(error),
        })?;
    judge(&answer)
}

fn call(performers: &Performers, action: &Action) -> Result<Call, Failure> {
    let unusable = |reason: String| Failure::Final(reason);
    let webhook: Webhook = request(action)?;
    let mut headers = header_map(&webhook.headers, &RESERVED).map_err(unusable)?;
    let body = webhook.body.get().as_bytes().to_vec();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let value =
        |text: &str| HeaderValue::from_str(text).map_err(|error| Failure::Final(error.to_string()));
    headers.insert(
        HeaderName::from_static("idempotency-key"),
        value(&action.id)?,
    );
    if let Some(name) = &webhook.credentials {
        // Whoever mends touchstone.yaml has until the action is too old.
        let ready = performers
            .outside
            .credentials(name)
            .map_err(Failure::passing)?;
        headers.extend(ready.headers);
        if let Some(key) = ready.sign {
            let now = Timestamp::now().as_second();
            let signature = signature(&key, &action.id, now, &body).map_err(Failure::Final)?;
            headers.insert(HeaderName::from_static("webhook-id"), value(&action.id)?);
            headers.insert(HeaderName::from_static("webhook-timestamp"), now.into());
            headers.insert(
                HeaderName::from_static("webhook-signature"),
                value(&signature)?,
            );
        }
    }
    Ok(Call {
        method: if webhook.method == "PUT" {
            Method::PUT
        } else {
            Method::POST
        },
        url: address::parse(&webhook.url).map_err(|error| Failure::Final(error.to_string()))?,
        headers,
        body,
        allow_private: webhook.allow_private,
        timeout: performers.timeout,
        max_body: MAX_ANSWER,
        cut: true,
    })
}

/// HMAC-SHA256 over `id.timestamp.body`, as the Standard Webhooks specification 1.0 has it; a key may be written as
/// `whsec_` and base64, or as it is.
fn signature(key: &str, id: &str, timestamp: i64, body: &[u8]) -> Result<String, String> {
    let key = match key.strip_prefix("whsec_") {
        Some(encoded) => STANDARD
            .decode(encoded)
            .map_err(|_| "the signing key is no base64 behind whsec_".to_owned())?,
        None => key.as_bytes().to_vec(),
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| error.to_string())?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!(
        "v1,{}",
        STANDARD.encode(mac.finalize().into_bytes())
    ))
}

fn judge(answer: &Answer) -> Result<String, Failure> {
    let text = String::from_utf8_lossy(&answer.body);
    let told = format!("{} {}", answer.status, text.trim());
    match answer.status {
        200..300 => Ok(told),
        408 | 425 | 429 | 500..600 => Err(Failure::Passing {
            reason: told,
            after: retry_after(answer),
        }),
        300..400 => Err(Failure::Final(format!(
            "{told} (redirects are not followed)"
        ))),
        _ => Err(Failure::Final(told)),
    }
}

/// Seconds only; a date is rare, and the usual pause is as good (RFC 9110, §10.2.3).
fn retry_after(answer: &Answer) -> Option<Duration> {
    let seconds = answer
        .headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's reference libraries.
    #[test]
    fn a_signature_is_that_of_standard_webhooks() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(
            signed.unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
        assert!(signature("whsec_!", "id", 0, b"").is_err());
    }

    #[test]
    fn a_status_says_whether_to_try_again() {
        let answer = |status, headers| Answer {
            status,
            headers,
            body: b" ok\n".to_vec(),
        };
        for status in [200, 201, 204] {
            assert!(judge(&answer(status, Default::default())).is_ok());
        }
        for status in [408, 425, 429, 500, 503] {
            assert!(matches!(
                judge(&answer(status, Default::default())),
                Err(Failure::Passing { after: None, .. })
            ));
        }
        for status in [301, 307, 400, 401, 404, 410] {
            assert!(matches!(
                judge(&answer(status, Default::default())),
                Err(Failure::Final(_))
            ));
        }
        for (value, expected) in [("7", Some(7)), ("99999999", Some(3600)), ("soon", None)] {
            let headers = [(RETRY_AFTER, HeaderValue::from_static(value))]
                .into_iter()
                .collect();
            let Err(Failure::Passing { after, .. }) = judge(&answer(503, headers)) else {
                panic!()
            };
            assert_eq!(after.map(|after| after.as_secs()), expected, "{value}");
        }
    }
}
