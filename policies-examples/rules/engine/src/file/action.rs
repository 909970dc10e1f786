//! Actions: what their texts mean.

use super::{Quirk, Reading};

/// What is to be done when a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Where it stands, counted from 1.
    pub line: usize,
    /// As it is written.
    pub text: String,
    /// What it means.
    pub kind: Kind,
}

/// What an action means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `break`: no further action of this rule, and no further rule.
    Break,
    /// `./label.sh`: runs the script on the image.
    Script(String),
    /// `containeractions.py:mark {image} bad`: calls a function.
    Function {
        /// `containeractions`
        module: String,
        /// `mark`
        function: String,
        /// What it is called with; nothing: the image.
        parameters: Option<Vec<Parameter>>,
    },
    /// `http://example.com/hook`: posts the event there.
    Web(String),
    /// `blockimage`: a name that somebody has to explain.
    Named(String),
}

/// What a function is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// A text as it stands.
    Text(String),
    /// `{image}`: the event's value under that key; the text itself, braces and all, if the event has no such key.
    Key(String),
}

impl Action {
    /// What a text means, and how CIPolicE would take it otherwise.
    pub(super) fn read(
        line: usize,
        text: &str,
        reading: Reading,
    ) -> (Action, Option<(Quirk, String)>) {
        let original = kind(text);
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        let (kind, quirk) = match (reading, &original) {
            (Reading::Sane, Kind::Script(_) | Kind::Function { .. }) if is_url => {
                let message =
                    format!("{text}: CIPolicE takes this URL for a program; here it is a URL");
                (Kind::Web(text.to_owned()), Some((Quirk::Kind, message)))
            }
            (Reading::Sane, Kind::Web(_)) if !is_url => {
                let message = format!("{text}: CIPolicE takes this for a URL; here it is a name");
                (Kind::Named(text.to_owned()), Some((Quirk::Kind, message)))
            }
            _ => (original, None),
        };
        let action = Action {
            line,
            text: text.to_owned(),
            kind,
        };
        (action, quirk)
    }
}

/// By CIPolicE's tests, in its order.
fn kind(text: &str) -> Kind {
    if text == "break" {
        return Kind::Break;
    }
    if text.ends_with(".sh") {
        return Kind::Script(text.to_owned());
    }
    if let Some((module, call)) = text.split_once(".py:") {
        let mut words = call.split(' ');
        let function = words.next().unwrap_or_default().to_owned();
        let parameters: Vec<Parameter> = words.map(parameter).collect();
        return Kind::Function {
            module: module.to_owned(),
            function,
            parameters: (!parameters.is_empty()).then_some(parameters),
        };
    }
    if text.contains("http://") || text.contains("https://") {
        return Kind::Web(text.to_owned());
    }
    Kind::Named(text.to_owned())
}

/// A word that is exactly `{key}` stands for a value.
fn parameter(word: &str) -> Parameter {
    let key = word
        .strip_prefix('{')
        .and_then(|word| word.strip_suffix('}'));
    match key.filter(|key| !key.is_empty()) {
        Some(key) => Parameter::Key(key.to_owned()),
        None => Parameter::Text(word.to_owned()),
    }
}
