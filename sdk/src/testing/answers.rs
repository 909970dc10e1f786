//! The fake of `http`: a web of the answers that a test gave.

use super::HOST;
use super::grants::{Resource, allow};
use crate::Error;
use crate::bindings::touchstone::policy::http::{Method, Request, Response};

/// What a URL answers.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) url: String,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

pub(crate) fn fetch(request: &Request) -> Result<Response, Error> {
    let Request {
        method,
        url,
        headers: _,
        credentials,
        body,
        timeout: _,
    } = request;
    HOST.with_borrow(|host| {
        allow(
            &host.grants,
            "http",
            &Resource::Url(url, credentials.as_deref()),
        )?;
        if !body.is_empty() && *method != Method::Post {
            return Err(Error::Invalid("only a POST has a body".to_owned()));
        }
        let Some(answer) = host.answers.iter().find(|answer| answer.url == *url) else {
            return Err(Error::Unavailable(format!("{url} does not answer")));
        };
        Ok(Response {
            status: answer.status,
            headers: answer.headers.clone(),
            body: match method {
                Method::Head => Vec::new(),
                Method::Get | Method::Post => answer.body.clone(),
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;
    use crate::testing::Host;

    const URL: &str = "https://api.example.com/x";

    #[test]
    fn what_was_given_is_answered() {
        let host = Host::new().grant("http", "https://api.example.com/*");
        HOST.set(
            host.answer(URL, 200, r#"{"a": [1, "b"]}"#)
                .header("ETag", "\"1\""),
        );
        let response = http::get(URL).send().unwrap();
        assert_eq!(
            (response.status, response.header("etag")),
            (200, Some("\"1\""))
        );
        assert_eq!(
            (response.header("ETag"), response.header("age")),
            (Some("\"1\""), None)
        );
        assert_eq!(response.json::<serde_json::Value>().unwrap()["a"][0], 1);
        let wrong = response
            .json::<std::collections::BTreeMap<String, Vec<u8>>>()
            .unwrap_err();
        assert!(
            wrong
                .reason()
                .starts_with("https://api.example.com/x answered 200: /a/1: invalid type"),
            "{wrong:?}"
        );
        assert_eq!(http::head(URL).send().unwrap().text().unwrap(), "");
        assert_eq!(http::post(URL).json(&1).send().unwrap().status, 200);
    }

    #[test]
    fn nothing_else_is() {
        HOST.set(
            Host::new()
                .grant("http", "https://api.example.com/*")
                .answer(URL, 200, [0xff]),
        );
        assert!(http::get(URL).send().unwrap().text().is_err());
        for (request, expected) in [
            (http::get("https://api.example.com/y"), "Unavailable"),
            (http::get("https://evil.example.com/x"), "Denied"),
            (http::get(URL).credentials("inventory"), "Denied"),
            (http::get(URL).body("x"), "Invalid"),
            (http::post(URL).json(&f64::NAN).json(&Unwritable), "Invalid"),
        ] {
            let error = request.send().unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        }
    }

    struct Unwritable;

    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
}
