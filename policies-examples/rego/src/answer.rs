//! What the value of a rule says, as findings.

use serde_json::{Map, Value};
use touchstone_sdk::prelude::{Finding, Level, Severity, Undecided};

use crate::Manner;
use crate::entry::{Entry, Sense};
use crate::path;

/// What a rule says. An error when its value is nothing that can be understood: it might mean no.
pub fn findings(entry: &Entry, manner: &Manner, value: Value) -> Result<Vec<Finding>, Undecided> {
    let reader = Reader { entry, manner };
    match value {
        Value::Bool(holds) => Ok(reader.holds(holds)),
        Value::Array(items) if entry.may_list() => {
            items.into_iter().map(|item| reader.message(item)).collect()
        }
        Value::String(text) if entry.sense != Sense::Decision => Ok(vec![reader.finding(text)]),
        Value::Object(object) => reader.object(object),
        other => Err(reader.strange(&other)),
    }
}

struct Reader<'a> {
    entry: &'a Entry,
    manner: &'a Manner,
}

impl Reader<'_> {
    /// `deny` that is true, or `allow` that is not.
    fn holds(&self, holds: bool) -> Vec<Finding> {
        let (speaks_against, what) = match self.entry.sense {
            Sense::Messages(_) => (holds, "holds"),
            Sense::Decision => (!holds, "does not hold"),
        };
        let message = format!("{} {what}", path::reference(&self.entry.path));
        speaks_against
            .then(|| self.finding(message))
            .into_iter()
            .collect()
    }

    /// An object that says whether (an ImageReview, an AdmissionReview, `{"allow": …}`), one with findings, or a message.
    fn object(&self, mut object: Map<String, Value>) -> Result<Vec<Finding>, Undecided> {
        let speaks = ["msg", "message"]
            .iter()
            .any(|key| object.get(*key).is_some_and(Value::is_string));
        if speaks && self.entry.sense != Sense::Decision {
            return Ok(vec![self.message(object.into())?]);
        }
        let verdict = verdict(&object);
        let listed = object.remove("findings");
        let mut findings = match listed {
            Some(Value::Array(items)) => {
                let items = items.into_iter().map(|item| self.message(item));
                items.collect::<Result<Vec<_>, _>>()?
            }
            Some(other) => return Err(self.strange(&other)),
            None if verdict.is_none() => return Ok(vec![self.message(object.into())?]),
            None => Vec::new(),
        };
        let Some(Verdict { allowed, reason }) = verdict else {
            return Ok(findings);
        };
        match allowed {
            Value::Bool(true) => {}
            Value::Bool(false) => {
                let denies = |finding: &Finding| finding.level == Level::Deny;
                if !findings.iter().any(denies) {
                    let default = || format!("{} denies", path::reference(&self.entry.path));
                    findings.push(self.finding(reason.unwrap_or_else(default)));
                }
            }
            other => return Err(self.strange(&other)),
        }
        Ok(findings)
    }

    /// A text, or an object with one.
    fn message(&self, value: Value) -> Result<Finding, Undecided> {
        let mut object = match value {
            Value::String(text) => return Ok(self.finding(text)),
            Value::Object(object) => object,
            other => return Err(self.strange(&other)),
        };
        let mut take = |key: &str| match object.get(key) {
            Some(Value::String(_)) => match object.remove(key) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            },
            _ => None,
        };
        let message = take("msg").or_else(|| take("message"));
        let Some(message) = message else {
            return Err(self.strange(&object.into()));
        };
        let mut finding = self.finding(message);
        if let Some(id) = take("id").filter(|id| !id.is_empty()) {
            finding.id = id;
        }
        finding.target = take("target");
        finding.remedy = take("remedy");
        finding.image = take("image");
        finding.package = take("package");
        finding.path = take("path");
        if let Some(level) = object.remove("level") {
            finding.level = self.word(level)?;
        }
        if let Some(severity) = object.remove("severity") {
            // Clair's and Kubernetes' words begin with a capital.
            let word = severity.as_str().map(str::to_ascii_lowercase);
            finding.severity = self.word(word.map_or(severity, Value::from))?;
        }
        if let Some(links) = object.remove("links") {
            finding.links = self.word(links)?;
        }
        finding.details = details(object);
        Ok(finding)
    }

    fn word<T: serde::de::DeserializeOwned>(&self, value: Value) -> Result<T, Undecided> {
        serde_json::from_value(value).map_err(|error| {
            Undecided::new(format!("{}: {error}", path::reference(&self.entry.path)))
        })
    }

    fn finding(&self, message: String) -> Finding {
        let level = match self.entry.sense {
            Sense::Messages(level) => level,
            Sense::Decision => Level::Deny,
        };
        let level = self.manner.level.unwrap_or(level);
        let id = self.manner.id.clone().unwrap_or_else(|| self.entry.id());
        let severity = self.manner.severity.unwrap_or(Severity::Unknown);
        Finding::new(level, id, message).severity(severity)
    }

    fn strange(&self, value: &Value) -> Undecided {
        let text: String = value.to_string().chars().take(200).collect();
        let name = path::reference(&self.entry.path);
        Undecided::new(format!("{name} says neither whether nor why: {text}"))
    }
}

struct Verdict {
    allowed: Value,
    reason: Option<String>,
}

/// What an object says about whether.
fn verdict(object: &Map<String, Value>) -> Option<Verdict> {
    let status = object.get("status").and_then(Value::as_object);
    let response = object.get("response").and_then(Value::as_object);
    // A response without a verdict is none, whatever stands beside it.
    let beside = response.is_none().then_some(object);
    let places = [response, status, beside].into_iter().flatten();
    let mut found = places.filter_map(|place| {
        let allowed = place.get("allowed").or_else(|| place.get("allow"))?;
        let words = ["reason", "message", "msg"]
            .iter()
            .filter_map(|key| place.get(*key));
        let words = words.chain(place.get("status").and_then(|status| status.get("message")));
        let words = words.chain(place.get("status").and_then(|status| status.get("reason")));
        let reason = words.filter_map(Value::as_str).next();
        Some(Verdict {
            allowed: allowed.clone(),
            reason: reason.map(str::to_owned),
        })
    });
    found.next()
}

/// What is left of a message: as it is, where that is Gatekeeper's `details` alone.
fn details(mut object: Map<String, Value>) -> Option<String> {
    let details = match object.get("details") {
        Some(Value::Object(_)) if object.len() == 1 => object.remove("details"),
        _ if object.is_empty() => None,
        _ => Some(object.into()),
    };
    details
        .filter(|details| {
            details
                .as_object()
                .is_some_and(|details| !details.is_empty())
        })
        .map(|details| details.to_string())
}
