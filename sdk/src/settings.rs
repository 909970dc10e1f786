//! Checks settings against their JSON Schema, so that all mistakes are reported at once; serde stops at the first.
//!
//! It knows the keywords that schemars writes for derived types. A complete validator would add a megabyte to every
//! module, and what slips through here still meets the typed deserialisation.

use serde_json::{Map, Value};

use crate::Problem;

/// Every way in which the settings break the schema.
pub(crate) fn problems(schema: &Value, settings: &Value) -> Vec<Problem> {
    let mut walk = Walk {
        root: schema,
        problems: Vec::new(),
    };
    walk.check(schema, settings, "");
    walk.problems
}

/// An RFC 6901 pointer from serde's path.
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escape(key)),
            Segment::Enum { variant } => format!("/{}", escape(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Walk<'a> {
    root: &'a Value,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    fn check(&mut self, schema: &Value, value: &Value, path: &str) {
        let Value::Object(schema) = schema else {
            if schema == &Value::Bool(false) {
                self.report(path, "is not expected here");
            }
            return;
        };
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            if let Some(target) = target
                .strip_prefix('#')
                .and_then(|pointer| root.pointer(pointer))
            {
                self.check(target, value, path);
            }
        }
        for part in list(schema, "allOf") {
            self.check(part, value, path);
        }
        for choice in ["anyOf", "oneOf"] {
            self.check_choice(list(schema, choice), value, path);
        }
        self.check_value(schema, value, path);
        match value {
            Value::Object(object) => self.check_object(schema, object, path),
            Value::Array(array) => self.check_array(schema, array, path),
            _ => {}
        }
    }

    /// One of the branches has to fit; if none does, the nearest one says why.
    fn check_choice(&mut self, branches: &[Value], value: &Value, path: &str) {
        // Variants with a documentation of their own stand in branches of their own.
        let words: Vec<&[Value]> = branches.iter().map_while(words).collect();
        if !branches.is_empty() && words.len() == branches.len() {
            return self.check_word(&words.concat(), value, path);
        }
        let tried = branches.iter().map(|branch| {
            let mut walk = Walk {
                root: self.root,
                problems: Vec::new(),
            };
            walk.check(branch, value, path);
            walk.problems
        });
        let same_type =
            |problems: &Vec<Problem>| problems.iter().any(|problem| problem.path == path);
        if let Some(nearest) =
            tried.min_by_key(|problems| (!problems.is_empty(), same_type(problems), problems.len()))
        {
            self.problems.extend(nearest);
        }
    }

    fn check_word(&mut self, allowed: &[Value], value: &Value, path: &str) {
        if !allowed.contains(value) {
            let names: Vec<String> = allowed.iter().map(Value::to_string).collect();
            self.report(path, &format!("{value} is not one of {}", names.join(", ")));
        }
    }

    fn check_value(&mut self, schema: &Map<String, Value>, value: &Value, path: &str) {
        let expected = types(schema);
        if !expected.is_empty() && !expected.iter().any(|name| has_type(value, name)) {
            return self.report(
                path,
                &format!(
                    "expected {}, found {}",
                    expected.join(" or "),
                    type_name(value)
                ),
            );
        }
        let allowed = list(schema, "enum");
        if !allowed.is_empty() {
            self.check_word(allowed, value, path);
        }
        if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
            self.report(path, &format!("{value} is not {constant}"));
        }
        let size = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => Some(text.chars().count() as f64),
            Value::Array(array) => Some(array.len() as f64),
            _ => None,
        };
        let (least, most) = match value {
            Value::Number(_) => ("minimum", "maximum"),
            Value::String(_) => ("minLength", "maxLength"),
            _ => ("minItems", "maxItems"),
        };
        let (Some(size), what) = (size, measured(value)) else {
            return;
        };
        if let Some(bound) = number(schema, least).filter(|bound| size < *bound) {
            self.report(path, &format!("{what}{size} is less than {bound}"));
        }
        if let Some(bound) = number(schema, most).filter(|bound| size > *bound) {
            self.report(path, &format!("{what}{size} is more than {bound}"));
        }
    }

    fn check_object(
        &mut self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        path: &str,
    ) {
        for key in list(schema, "required").iter().filter_map(Value::as_str) {
            if !object.contains_key(key) {
                self.report(path, &format!("key {key:?} is missing"));
            }
        }
        let empty = Map::new();
        let properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        for (key, value) in object {
            let here = format!("{path}/{}", escape(key));
            match (properties.get(key), schema.get("additionalProperties")) {
                (Some(property), _) => self.check(property, value, &here),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                    self.report(
                        &here,
                        &format!("unknown key; known are {}", known.join(", ")),
                    );
                }
                (None, Some(other)) => self.check(other, value, &here),
                (None, None) => {}
            }
        }
    }

    fn check_array(&mut self, schema: &Map<String, Value>, array: &[Value], path: &str) {
        let first = list(schema, "prefixItems");
        for (index, value) in array.iter().enumerate() {
            if let Some(schema) = first.get(index).or_else(|| schema.get("items")) {
                self.check(schema, value, &format!("{path}/{index}"));
            }
        }
    }

    fn report(&mut self, path: &str, message: &str) {
        self.problems.push(Problem {
            path: path.to_owned(),
            message: message.to_owned(),
        });
    }
}

/// The words that a schema allows, if it says nothing else.
fn words(schema: &Value) -> Option<&[Value]> {
    let schema = schema.as_object()?;
    match (schema.get("const"), schema.get("enum")) {
        (Some(constant), None) => Some(std::slice::from_ref(constant)),
        (None, Some(Value::Array(words))) => Some(words),
        _ => None,
    }
}

fn list<'a>(schema: &'a Map<String, Value>, keyword: &str) -> &'a [Value] {
    schema
        .get(keyword)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn number(schema: &Map<String, Value>, keyword: &str) -> Option<f64> {
    schema.get(keyword).and_then(Value::as_f64)
}

fn types(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "integer" => {
            value.is_i64()
                || value.is_u64()
                || value.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        "number" => value.is_number(),
        other => type_name(value) == other,
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn measured(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "length ",
        Value::Array(_) => "number of items ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Settings {
        #[schemars(range(min = 1, max = 10))]
        level: u8,
        #[serde(default)]
        mode: Option<Mode>,
        #[serde(default)]
        rules: Vec<Rule>,
        #[serde(default)]
        labels: BTreeMap<String, u32>,
        either: NumberOrText,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code, reason = "only its schema is used")]
    enum Mode {
        /// With a documentation, a variant has a schema of its own.
        Strict,
        Lax,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Rule {
        #[schemars(length(min = 1))]
        name: String,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only its schema is used")]
    enum NumberOrText {
        Number(u32),
        Text(String),
    }

    fn found(settings: Value) -> Vec<String> {
        let schema = schemars::schema_for!(Settings).to_value();
        let mut lines: Vec<String> = problems(&schema, &settings)
            .into_iter()
            .map(|problem| format!("{}: {}", problem.path, problem.message))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn right_settings_have_no_problem() {
        assert_eq!(
            found(json!({"level": 3, "either": 1})),
            Vec::<String>::new()
        );
        let all = json!({"level": 10, "either": "x", "mode": "lax", "rules": [{"name": "a", "more": 1}], "labels": {"a": 1}});
        assert_eq!(found(all), Vec::<String>::new());
        assert_eq!(
            found(json!({"level": 3, "either": 1, "mode": null})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_problem_is_reported_with_its_path() {
        let settings = json!({
            "level": 11, "mode": "strickt", "rules": [{"name": ""}, {}, 3], "labels": {"a/b": "x"}, "sze": 1, "either": [],
        });
        let lines = found(settings);
        for expected in [
            "/labels/a~1b: expected integer, found string",
            "/level: 11 is more than 10",
            "/mode: \"strickt\" is not one of \"lax\", \"strict\"",
            "/rules/0/name: length 0 is less than 1",
            "/rules/1: key \"name\" is missing",
            "/rules/2: expected object, found number",
            "/sze: unknown key; known are",
            "/either: expected",
        ] {
            assert!(
                lines.iter().any(|line| line.starts_with(expected)),
                "{expected:?} is not in {lines:#?}"
            );
        }
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert_eq!(found(json!([])), [": expected object, found array"]);
    }
}
