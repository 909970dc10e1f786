//! The fakes of the four actions: what is granted and makes sense is recorded.

use serde_json::{Value, json};

use super::HOST;
use super::grants::{Resource, allow};
use crate::bindings::touchstone::policy::types::Terms;
use crate::{Condition, Error, command, notify, queue, webhook};

/// The longest idempotency key.
const MAX_KEY: usize = 256;

/// An action that a policy staged.
#[derive(Clone, Debug, PartialEq)]
pub struct Staged {
    /// The capability: `webhook`, `command`, `queue`, `notify`.
    pub kind: &'static str,
    /// Whom it reaches: a URL, a command's name, `exchange/key`, an address.
    pub target: String,
    /// Under which final verdict it would be carried out.
    pub condition: Condition,
    /// The policy's own name for it.
    pub key: Option<String>,
    /// Whether it would wait for earlier ordered ones.
    pub ordered: bool,
    /// What is asked for, by the names of the contract, and with bodies as JSON; what was not given is null.
    pub request: Value,
}

pub(crate) fn webhook(request: &webhook::Request, terms: &Terms) -> Result<(), Error> {
    let webhook::Request {
        method,
        url,
        headers,
        credentials,
        body,
    } = request;
    let method = match method {
        webhook::Method::Post => "POST",
        webhook::Method::Put => "PUT",
    };
    let request = json!({"method": method, "url": url, "headers": headers, "credentials": credentials, "body": read(body)?});
    stage(
        "webhook",
        Resource::Url(url, credentials.as_deref()),
        request,
        terms,
    )
}

pub(crate) fn command(invocation: &command::Invocation, terms: &Terms) -> Result<(), Error> {
    let command::Invocation {
        name,
        arguments,
        input,
    } = invocation;
    let input = input.as_deref().map(read).transpose()?;
    let request = json!({"name": name, "arguments": arguments, "input": input});
    stage("command", Resource::Path(name), request, terms)
}

pub(crate) fn queue(message: &queue::Message, terms: &Terms) -> Result<(), Error> {
    let queue::Message {
        exchange,
        routing_key,
        headers,
        body,
    } = message;
    let request = json!({"exchange": exchange, "routingKey": routing_key, "headers": headers, "body": read(body)?});
    stage(
        "queue",
        Resource::Message(exchange, routing_key),
        request,
        terms,
    )
}

pub(crate) fn notify(mail: &notify::Mail, terms: &Terms) -> Result<(), Error> {
    let notify::Mail {
        server,
        to,
        subject,
        text,
    } = mail;
    let request = json!({"server": server, "to": to, "subject": subject, "text": text});
    stage("notify", Resource::Address(to), request, terms)
}

fn stage(
    kind: &'static str,
    resource: Resource<'_>,
    request: Value,
    terms: &Terms,
) -> Result<(), Error> {
    HOST.with_borrow_mut(|host| {
        allow(&host.grants, kind, &resource)?;
        check(&request, terms)?;
        host.staged.push(Staged {
            kind,
            target: resource.target(),
            condition: terms.when,
            key: terms.key.clone(),
            ordered: terms.ordered,
            request,
        });
        Ok(())
    })
}

/// What every host refuses, whatever its configuration.
fn check(request: &Value, terms: &Terms) -> Result<(), Error> {
    let strange =
        |key: &&String| key.is_empty() || key.len() > MAX_KEY || key.contains(char::is_control);
    if let Some(key) = terms.key.as_ref().filter(strange) {
        let limits = format!("a key has 1 to {MAX_KEY} bytes and no control characters");
        return Err(Error::Invalid(format!("{key:?}: {limits}")));
    }
    match request.get("subject").and_then(Value::as_str) {
        Some(subject) if subject.contains(char::is_control) => Err(Error::Invalid(
            "the subject has control characters".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn read(body: &str) -> Result<Value, Error> {
    serde_json::from_str(body)
        .map_err(|error| Error::Invalid(format!("the body is not JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::testing::{Host, staged};

    fn hooks() -> Host {
        Host::new().grant("webhook", "https://hooks.example.com/*")
    }

    #[test]
    fn an_action_goes_only_where_it_is_granted() {
        HOST.set(
            hooks()
                .grant("command", "mark")
                .grant("queue", "events/*")
                .grant("notify", "*@example.com"),
        );
        for (refused, name) in [
            (
                webhook::post("https://evil.example.com/").stage(),
                "https://evil.example.com/",
            ),
            (
                webhook::put("https://hooks.example.com/a")
                    .credentials("hooks")
                    .stage(),
                "credentials hooks",
            ),
            (command::run("format").stage(), "command \"format\""),
            (queue::publish("", "events").stage(), "queue \"/events\""),
            (
                notify::mail("a@example.org").stage(),
                "notify \"a@example.org\"",
            ),
        ] {
            let error = refused.unwrap_err();
            assert!(
                matches!(error, Error::Denied(_)) && error.message().contains(name),
                "{error}"
            );
        }
        assert_eq!(staged(), []);
        webhook::put("https://hooks.example.com/a?b=c")
            .header("x-team", "a")
            .json(&[1])
            .stage()
            .unwrap();
        command::run("mark")
            .with("image", "nginx")
            .input(&1)
            .stage()
            .unwrap();
        queue::publish("events", "image.denied").stage().unwrap();
        notify::mail("a@example.com").server("ops").stage().unwrap();
        let requests: Vec<Value> = staged().into_iter().map(|action| action.request).collect();
        let expected = [
            json!({"method": "PUT", "url": "https://hooks.example.com/a?b=c", "headers": [["x-team", "a"]], "credentials": null, "body": [1]}),
            json!({"name": "mark", "arguments": [["image", "nginx"]], "input": 1}),
            json!({"exchange": "events", "routingKey": "image.denied", "headers": [], "body": null}),
            json!({"server": "ops", "to": "a@example.com", "subject": "", "text": ""}),
        ];
        assert_eq!(requests, expected);
    }

    #[test]
    fn credentials_go_with_the_grant_that_lists_them() {
        HOST.set(hooks().credentials("hooks"));
        webhook::post("https://hooks.example.com/a")
            .credentials("hooks")
            .stage()
            .unwrap();
        assert_eq!(staged()[0].request["credentials"], "hooks");
        assert!(
            webhook::post("https://hooks.example.com/a")
                .credentials("other")
                .stage()
                .is_err()
        );
    }

    #[test]
    fn terms_are_staged_as_they_were_given() {
        HOST.set(hooks());
        let post = || webhook::post("https://hooks.example.com/a");
        post().stage().unwrap();
        post()
            .when(Condition::Allowed)
            .key("a")
            .ordered()
            .stage()
            .unwrap();
        let terms: Vec<_> = staged()
            .into_iter()
            .map(|action| (action.condition, action.key, action.ordered))
            .collect();
        let expected = [
            (Condition::Always, None, false),
            (Condition::Allowed, Some("a".to_owned()), true),
        ];
        assert_eq!(terms, expected);
        for key in ["", "a\nb", &"x".repeat(MAX_KEY + 1)] {
            assert!(
                matches!(post().key(key).stage(), Err(Error::Invalid(_))),
                "{key:?}"
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_staged() {
        HOST.set(hooks().grant("notify", "*"));
        let keys_that_are_no_texts: BTreeMap<[u8; 2], u8> = [([1, 2], 3)].into();
        let refused = webhook::post("https://hooks.example.com/a")
            .json(&keys_that_are_no_texts)
            .stage();
        assert!(refused.unwrap_err().message().contains("JSON"));
        assert!(
            notify::mail("a@example.com")
                .subject("a\nBcc: b@example.com")
                .stage()
                .is_err()
        );
        assert_eq!(staged(), []);
    }
}
