//! An expression with what it is evaluated on.

use std::sync::{Arc, OnceLock};

use rule_engine::{
    Compat, Context, Datetime, Decimal, Limits, Mapping, RegexFlags, Rule, Set, Timedelta, Value,
    Zone,
};
use serde_json::json;

use crate::outcome::{Outcome, Phase};

#[derive(Clone, Debug)]
pub struct Case {
    pub expression: String,
    pub settings: serde_json::Value,
}

impl Case {
    pub fn new(expression: impl Into<String>) -> Case {
        Case {
            expression: expression.into(),
            settings: json!({}),
        }
    }

    pub fn request(&self) -> serde_json::Value {
        json!({ "expression": self.expression, "scope": scope_json(), "settings": self.settings })
    }

    pub fn run(&self, compat: Compat) -> Outcome {
        let context = self.context(compat);
        let rule = match Rule::parse(&self.expression, &context) {
            Ok(rule) => rule,
            Err(error) => return Outcome::error(&error, Phase::Parse),
        };
        match rule.evaluate(scope()) {
            Ok(value) => Outcome::value(&value),
            Err(error) => Outcome::error(&error, Phase::Evaluate),
        }
    }

    fn context(&self, compat: Compat) -> Context {
        let flags = self.settings["regex_flags"].as_str().unwrap_or_default();
        Context {
            compat,
            regex_flags: RegexFlags {
                ignore_case: flags.contains('i'),
                multi_line: flags.contains('m'),
                dot_all: flags.contains('s'),
                verbose: flags.contains('x'),
                ascii: flags.contains('a'),
            },
            default_value: self.settings.get("default_value").map(decode),
            mapping_attribute_lookup: self.settings["mapping_attribute_lookup"] != json!(false),
            limits: Limits {
                depth: 150,
                ..Limits::default()
            },
            ..Context::default()
        }
    }
}

fn scope_json() -> &'static serde_json::Value {
    static SCOPE: OnceLock<serde_json::Value> = OnceLock::new();
    SCOPE.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/scope.json");
        let text = std::fs::read_to_string(path).expect(path);
        serde_json::from_str(&text).expect(path)
    })
}

fn scope() -> &'static Value {
    static SCOPE: OnceLock<Value> = OnceLock::new();
    SCOPE.get_or_init(|| decode(scope_json()))
}

/// As `decode` of `differential.py`.
fn decode(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Array(members) => members.iter().map(decode).collect::<Vec<_>>().into(),
        serde_json::Value::Object(members) => {
            if let Some((key, inner)) = members.iter().next().filter(|_| members.len() == 1)
                && let Some(value) = decode_typed(key, inner)
            {
                return value;
            }
            let pairs = members
                .iter()
                .map(|(key, value)| (Value::from(key.as_str()), decode(value)));
            Value::Mapping(Arc::new(pairs.collect::<Mapping>()))
        }
        plain => Value::from(plain),
    }
}

fn decode_typed(key: &str, inner: &serde_json::Value) -> Option<Value> {
    Some(match key {
        "$set" => {
            let members = inner.as_array().expect("array").iter().map(decode);
            Value::Set(Arc::new(Set::of(members).expect("hashable")))
        }
        "$bytes" => {
            let digits = inner.as_str().expect("text").as_bytes();
            let pairs = digits
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).expect("ascii"));
            Value::Bytes(
                pairs
                    .map(|pair| u8::from_str_radix(pair, 16).expect("hex"))
                    .collect(),
            )
        }
        "$decimal" => Value::Number(Decimal::parse(inner.as_str().expect("text")).expect("number")),
        "$datetime" => {
            let instant = inner.as_i64().expect("microseconds");
            Value::Datetime(Datetime::from_microseconds(instant, Zone::Utc).expect("in range"))
        }
        "$timedelta" => Value::Timedelta(Timedelta::from_microseconds(
            inner.as_i64().expect("microseconds").into(),
        )),
        _ => return None,
    })
}
