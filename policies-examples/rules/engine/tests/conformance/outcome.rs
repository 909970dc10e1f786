//! What came of an expression, in the form of `differential.py`.

use std::fmt;

use rule_engine::{Error, ErrorKind, Value};
use serde_json::json;

#[derive(Clone, Copy, Debug)]
pub enum Phase {
    Parse,
    Evaluate,
}

#[derive(Clone, Debug)]
pub struct Outcome(pub serde_json::Value);

impl Outcome {
    pub fn value(value: &Value) -> Outcome {
        Outcome(json!({ "value": encode(value) }))
    }

    pub fn error(error: &Error, phase: Phase) -> Outcome {
        let message = match error.kind {
            // Python's own messages are not promised to be the same.
            ErrorKind::Leaked(_) => None,
            _ => Some(&error.message),
        };
        Outcome(json!({ "error": {
            "class": error.kind.name(),
            "message": message,
            "suggestion": error.suggestion,
            "phase": match phase { Phase::Parse => "parse", Phase::Evaluate => "evaluate" },
        } }))
    }

    pub fn agrees(&self, other: &Outcome) -> bool {
        self.0 == other.0
    }

    pub fn is_value(&self) -> bool {
        self.0.get("value").is_some()
    }

    pub fn class(&self) -> &str {
        self.0["error"]["class"].as_str().unwrap_or_default()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let short: String = text.chars().take(400).collect();
        out.write_str(&short)
    }
}

fn encode(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => json!(["null"]),
        Value::Boolean(boolean) => json!(["bool", boolean]),
        Value::Number(number) => json!(["float", number.to_string()]),
        Value::String(text) => json!(["string", **text]),
        Value::Bytes(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(["bytes", digits])
        }
        Value::Datetime(datetime) => {
            json!([
                "datetime",
                datetime.microseconds(),
                datetime.offset_seconds()
            ])
        }
        Value::Timedelta(delta) => json!(["timedelta", delta.microseconds().to_string()]),
        Value::Array(members) => json!(["array", members.iter().map(encode).collect::<Vec<_>>()]),
        Value::Set(members) => {
            let mut members: Vec<_> = members.iter().map(encode).collect();
            members.sort_by_key(python_json);
            json!(["set", members])
        }
        Value::Mapping(members) => {
            let pairs = members
                .iter()
                .map(|(key, value)| json!([encode(key), encode(value)]));
            json!(["mapping", pairs.collect::<Vec<_>>()])
        }
        Value::Function(_) => json!(["function"]),
    }
}

/// As `json.dumps` writes it, which is what sets are sorted by: with spaces, and ASCII only.
fn python_json(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Array(members) => {
            let members: Vec<String> = members.iter().map(python_json).collect();
            format!("[{}]", members.join(", "))
        }
        serde_json::Value::String(text) => {
            let quoted = json!(text).to_string();
            let mut out = String::new();
            for c in quoted.chars() {
                if c.is_ascii() {
                    out.push(c);
                } else {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
            out
        }
        other => other.to_string(),
    }
}
