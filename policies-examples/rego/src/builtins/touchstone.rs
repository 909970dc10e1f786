//! `touchstone.*`: the event, its images, and what is known of them.

mod told;

use std::cell::RefCell;

use regorus::Value;
use serde_json::json;
use touchstone_sdk::evidence::{Evidence, Subject};
use touchstone_sdk::{Event, ImageName};

use super::{Builtin, Fault, json, text, unexpected, value};

pub(super) const TABLE: &[Builtin] = &[
    row("touchstone.event", 0, |_| event()),
    row("touchstone.images", 0, |_| images()),
    row("touchstone.parse_image", 1, |arguments| {
        let name = ImageName::parse(text(arguments, 0)?);
        // Never undefined: what is no image reference is not therefore harmless.
        value(told::name(&name.map_err(Fault::Host)?))
    }),
    row("touchstone.evidence", 1, |arguments| {
        match find(arguments)?.evidence {
            Some(evidence) => value(told::overview(&evidence.summary)),
            None => Ok(Value::Undefined),
        }
    }),
    row("touchstone.vulnerabilities", 2, |arguments| {
        let filter = told::vulnerability_filter(filter(arguments)?)?;
        let found = required(arguments)?.vulnerabilities(&filter)?;
        list(found.map(|found| told::vulnerability(&found)))
    }),
    row("touchstone.packages", 2, |arguments| {
        let filter = told::package_filter(filter(arguments)?)?;
        let found = required(arguments)?.packages(&filter)?;
        list(found.map(|found| told::package(&found)))
    }),
    row("touchstone.rule_results", 2, |arguments| {
        let filter = told::rule_filter(filter(arguments)?)?;
        let found = required(arguments)?.rule_results(&filter)?;
        list(found.map(|found| told::rule_result(&found)))
    }),
    row("touchstone.configuration", 1, |arguments| {
        let evidence = required(arguments)?;
        let found = evidence.configuration();
        let found = found.ok_or_else(|| evidence.missing("configuration"))?;
        value(told::configuration(&found))
    }),
    row("touchstone.layers", 1, |arguments| {
        let evidence = required(arguments)?;
        let found = evidence.layers();
        let found = found.ok_or_else(|| evidence.missing("layers"))?;
        list(found.iter().map(told::layer))
    }),
];

const fn row(
    name: &'static str,
    arguments: u8,
    call: fn(&[Value]) -> Result<Value, Fault>,
) -> Builtin {
    Builtin {
        name,
        arguments,
        call,
    }
}

thread_local! {
    /// The event under judgement.
    static EVENT: RefCell<Option<Event>> = const { RefCell::new(None) };
}

/// From now on, this is the event.
pub fn set_event(event: &Event) {
    EVENT.set(Some(event.clone()));
}

fn current() -> Result<Event, Fault> {
    let event = EVENT.with_borrow(Clone::clone);
    event.ok_or_else(|| Fault::Host("there is no event now".to_owned()))
}

fn event() -> Result<Value, Fault> {
    let Event {
        id,
        kind,
        source,
        time,
        subject,
        namespace,
    } = current()?;
    value(told::known(json!({
        "id": id, "kind": kind, "source": source, "time": time, "subject": subject, "namespace": namespace,
    })))
}

/// Each with its parts, or with why it has none; a report that names none is one with an empty text.
fn images() -> Result<Value, Fault> {
    let told = current()?.subjects().into_iter().map(|subject| {
        let Some(image) = subject.image else {
            return json!({"text": ""});
        };
        let mut told = match &image.name {
            Ok(name) => told::name(name),
            Err(why) => json!({"invalid": why}),
        };
        if let Some(object) = told.as_object_mut() {
            object.insert("text".to_owned(), image.text.into());
            object.insert("pointer".to_owned(), image.pointer.into());
        }
        told
    });
    list(told)
}

/// The image of the event that has the text of the first argument.
fn find(arguments: &[Value]) -> Result<Subject, Fault> {
    let wanted = text(arguments, 0)?;
    let of = |subject: &Subject| match &subject.image {
        Some(image) => image.text == wanted,
        None => wanted.is_empty(),
    };
    let found = current()?.subjects().into_iter().find(of);
    found.ok_or_else(|| Fault::Host(format!("the event is not about an image {wanted:?}")))
}

fn required(arguments: &[Value]) -> Result<Evidence, Fault> {
    let subject = find(arguments)?;
    Ok(subject.require()?.clone())
}

fn filter(arguments: &[Value]) -> Result<serde_json::Value, Fault> {
    match arguments.get(1) {
        Some(filter @ Value::Object(_)) => json(filter),
        other => Err(unexpected("an object of filters", other)),
    }
}

fn list(items: impl Iterator<Item = serde_json::Value>) -> Result<Value, Fault> {
    value(serde_json::Value::Array(items.collect()))
}
