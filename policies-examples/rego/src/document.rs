//! Documents for `data`: from files among the sources, as OPA loads them from a folder, and from the data folders.

use std::collections::BTreeMap;

use regorus::Value;
use touchstone_sdk::{Error, data};

use crate::path::{self, Path};

/// Reads a file among the sources. As in OPA, folders are keys and the file's own name is not: what is in
/// `rules/acl/users.json` is at `data.acl`. The first folder is the one that policy.yaml names: it is no key.
pub fn read(file: &str, text: &str) -> Result<Value, String> {
    let value = match file.rsplit_once('.') {
        Some((_, "json")) => Value::from_json_str(text),
        _ => Value::from_yaml_str(text),
    };
    let value = value.map_err(|error| error.to_string())?;
    if !matches!(value, Value::Object(_)) {
        return Err("a document has to be an object".to_owned());
    }
    let folders: Vec<&str> = file.split('/').collect();
    let keys = folders.split_last().map_or(&[][..], |(_, folders)| folders);
    let keys = keys.iter().skip(1).map(|key| (*key).to_owned());
    Ok(mount(&keys.collect::<Path>(), value))
}

/// Reads a document of the data folders; nothing when there is none.
pub fn fetch(place: &str) -> Result<Option<Value>, String> {
    let text = match data::text(place) {
        Ok(text) => text,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.message().to_owned()),
    };
    let value = Value::from_json_str(&text).map_err(|error| error.to_string())?;
    Ok(Some(mount(&path::of_data(place), value)))
}

fn mount(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |value, key| {
        BTreeMap::from([(Value::from(key.as_str()), value)]).into()
    })
}
