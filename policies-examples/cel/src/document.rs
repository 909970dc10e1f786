//! JSON texts as values of CEL. As in Kubernetes, whole numbers are ints and all others doubles.

use std::collections::HashMap;
use std::fmt;

use interpreter::common::types::{
    CelBool, CelBytes, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelOptional,
    CelString, CelType, CelUInt,
};
use interpreter::common::value::{StaticVal, Val};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use touchstone_sdk::prelude::*;

use crate::evidence::ImageEvidence;
use crate::functions::quantity::Quantity;

/// A value that owns all that it holds.
pub type Owned = Box<dyn Val>;

/// Any JSON value.
pub struct Node(pub Owned);

/// Kubernetes' `request`: without the objects, which are variables of their own.
pub struct Request(pub Owned);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        let reader = Reader { left_out: &[] };
        reader.deserialize(deserializer).map(Node)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Request, D::Error> {
        let reader = Reader {
            left_out: &["object", "oldObject"],
        };
        reader.deserialize(deserializer).map(Request)
    }
}

/// Reads a value, and leaves out some keys of its uppermost object.
struct Reader {
    left_out: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Reader {
    type Value = Owned;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Owned, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Owned;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Owned, E> {
        Ok(Box::new(CelNull))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Owned, E> {
        Ok(Box::new(CelBool::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Owned, E> {
        Ok(Box::new(CelInt::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Owned, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => Box::new(CelInt::from(value)),
            // As Kubernetes does with what is no 64-bit integer.
            Err(_) => Box::new(CelDouble::from(value as f64)),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Owned, E> {
        Ok(Box::new(CelDouble::from(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Owned, E> {
        Ok(text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Owned, A::Error> {
        let mut items: Vec<Owned> = Vec::new();
        while let Some(Node(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Box::new(CelList::from(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Owned, A::Error> {
        let mut entries: HashMap<CelMapKey<'static>, Owned> = HashMap::new();
        while let Some(key) = access.next_key::<String>()? {
            if self.left_out.contains(&key.as_str()) {
                access.next_value::<IgnoredAny>()?;
                continue;
            }
            let Node(value) = access.next_value()?;
            entries.insert(CelMapKey::from(key), value);
        }
        Ok(Box::new(CelMap::from(entries)))
    }
}

/// A value of the settings.
pub fn from_json(value: &Value) -> Owned {
    // Reading from a value that is already there cannot fail.
    Node::deserialize(value).map_or_else(|_| Box::new(CelNull) as Owned, |node| node.0)
}

/// A string.
pub fn text(text: impl Into<String>) -> Owned {
    Box::new(CelString::from(text.into()))
}

/// A whole number.
pub fn int(number: impl TryInto<i64>) -> Owned {
    Box::new(CelInt::from(number.try_into().unwrap_or(i64::MAX)))
}

/// A list.
pub fn list(items: impl IntoIterator<Item = Owned>) -> Owned {
    Box::new(CelList::from(items.into_iter().collect::<Vec<Owned>>()))
}

/// An object with the entries that are there.
pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Option<Owned>)>) -> Owned {
    let there = entries
        .into_iter()
        .filter_map(|(key, value)| Some((CelMapKey::from(key.into()), value?)));
    Box::new(CelMap::from(
        there.collect::<HashMap<CelMapKey<'static>, Owned>>(),
    ))
}

/// How to copy what borrows nothing.
const COPIES: &[fn(&dyn Val) -> Option<Owned>] = &[
    copy::<CelBool>,
    copy::<CelInt>,
    copy::<CelUInt>,
    copy::<CelDouble>,
    copy::<CelNull>,
    copy::<CelType>,
    copy::<Quantity>,
    copy::<ImageEvidence>,
];

fn copy<T: StaticVal + Clone>(value: &dyn Val) -> Option<Owned> {
    let value = value.downcast_ref::<T>()?;
    Some(Box::new(value.clone()))
}

/// A copy that borrows nothing, so that it can be kept. Nothing for a type that no expression can make.
pub fn own(value: &dyn Val) -> Option<Owned> {
    if let Some(value) = value.downcast_ref::<CelString>() {
        return Some(text(value.inner()));
    }
    if let Some(value) = value.downcast_ref::<CelBytes>() {
        return Some(Box::new(CelBytes::from(value.inner().to_vec())));
    }
    if let Some(items) = value.downcast_ref::<CelList>() {
        let items: Option<Vec<Owned>> = items.iter().map(|item| own(item.as_ref())).collect();
        return Some(Box::new(CelList::from(items?)));
    }
    if let Some(entries) = value.downcast_ref::<CelMap>() {
        let owned = entries
            .iter()
            .map(|(key, value)| Some((own_key(key), own(value.as_ref())?)));
        let owned: Option<HashMap<CelMapKey<'static>, Owned>> = owned.collect();
        return Some(Box::new(CelMap::from(owned?)));
    }
    if let Some(optional) = value.downcast_ref::<CelOptional>() {
        return Some(match optional.option() {
            Some(value) => Box::new(CelOptional::of(own(value)?)),
            None => Box::new(CelOptional::none()),
        });
    }
    COPIES.iter().find_map(|copy| copy(value))
}

fn own_key(key: &CelMapKey<'_>) -> CelMapKey<'static> {
    match key {
        CelMapKey::Bool(key) => CelMapKey::Bool(*key),
        CelMapKey::Int(key) => CelMapKey::Int(*key),
        CelMapKey::UInt(key) => CelMapKey::UInt(*key),
        CelMapKey::String(key) => CelMapKey::from(key.inner().to_owned()),
    }
}
