//! What conditions see: the event's document, and what is known of its image.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::time::SystemTime;

use rule_engine::{Clock, Mapping, Value as RuleValue};
use touchstone_sdk::clock;
use touchstone_sdk::prelude::*;

use crate::program::Program;

/// The event as conditions and actions see it.
pub(crate) struct Scope<'a> {
    /// A mapping.
    pub(crate) value: RuleValue,
    event: &'a Event,
    document: OnceCell<Value>,
}

impl<'a> Scope<'a> {
    /// The document, with `image` as the host understands the event; and where conditions ask for them and the document
    /// has none, `maintainer` and `labels` by what is known of the image.
    pub(crate) fn of(event: &'a Event, program: &Program) -> Result<Scope<'a>, Undecided> {
        let RuleValue::Mapping(fields) = event.data()? else {
            return Err(Undecided::new("the event is no JSON object"));
        };
        let mut value = Arc::unwrap_or_clone(fields);
        let lacks = |value: &Mapping, key: &str| value.get_name(key).is_none();
        let wants = |value: &Mapping, key: &str| program.symbols.contains(key) && lacks(value, key);
        let (wants_maintainer, wants_labels) =
            (wants(&value, "maintainer"), wants(&value, "labels"));
        if lacks(&value, "image")
            && let Some(image) = event.images().first()
        {
            value.insert("image", image.text.as_str());
        }
        if wants_maintainer || wants_labels {
            let labels = labels(event);
            if wants_maintainer {
                let label = labels.iter().find(|(key, _)| key == "maintainer");
                value.insert(
                    "maintainer",
                    label.map_or(RuleValue::Null, |(_, name)| name.as_str().into()),
                );
            }
            if wants_labels {
                let keys: Vec<RuleValue> =
                    labels.iter().map(|(key, _)| key.as_str().into()).collect();
                value.insert("labels", RuleValue::from(keys));
            }
        }
        Ok(Scope {
            value: RuleValue::Mapping(Arc::new(value)),
            event,
            document: OnceCell::new(),
        })
    }

    /// The document as JSON, for what is done with it: few events need it.
    pub(crate) fn document(&self) -> &Value {
        self.document
            .get_or_init(|| self.event.data().unwrap_or_default())
    }

    /// The event's value under a key, as Python writes it.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let RuleValue::Mapping(fields) = &self.value else {
            return None;
        };
        let text = fields.get_name(key)?.as_str().map(str::to_owned);
        text.or_else(|| {
            Some(
                self.document()
                    .get(key)
                    .map_or_else(|| "None".to_owned(), python),
            )
        })
    }
}

/// The labels of the event's first image, as some report told them.
fn labels(event: &Event) -> Vec<(String, String)> {
    let subject = event.subjects().into_iter().next();
    let evidence = subject.and_then(|subject| subject.evidence);
    let configuration = evidence.and_then(|evidence| evidence.configuration());
    configuration
        .map(|configuration| configuration.labels)
        .unwrap_or_default()
}

/// As Python's `str` writes it; lists and mappings as JSON.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// The time of the decision, for rules that ask.
pub(crate) fn clock() -> Clock {
    Arc::new(|| NOW.get())
}

/// Looks at the clock.
pub(crate) fn set_clock() -> Result<(), Undecided> {
    let since = clock::now()?.duration_since(SystemTime::UNIX_EPOCH)?;
    NOW.set(i64::try_from(since.as_micros())?);
    Ok(())
}
