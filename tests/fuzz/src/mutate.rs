//! Changes JSON as a tree, so that it stays JSON and gets past the parser. Changes of bytes alone hardly do.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

use crate::document::escape;

/// Changes the first `size` bytes of `data`, which may become as many as `data` has; says how many they are then.
pub fn mutate(data: &mut [u8], size: usize, seed: u32) -> usize {
    let mut dice = Dice(seed.into());
    let tree = serde_json::from_slice::<Value>(&data[..size]);
    // What is no JSON has to be refused, and other formats are none: bytes are changed, too.
    if let (Ok(mut tree), 1..) = (tree, dice.roll(4)) {
        for _ in 0..=dice.roll(3) {
            change(&mut tree, &mut dice);
        }
        let text = tree.to_string();
        if let Some(place) = data.get_mut(..text.len()) {
            place.copy_from_slice(text.as_bytes());
            return text.len();
        }
    }
    fuzzer_mutate(data, size, data.len())
}

/// The same to one of several parts, which NUL separates.
pub fn mutate_part(data: &mut [u8], size: usize, seed: u32) -> usize {
    let parts = data[..size].split(|byte| *byte == 0);
    let mut parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    let index = Dice(seed.into()).roll(parts.len());
    let part = &mut parts[index];
    let length = part.len();
    part.resize(length + data.len() - size, 0);
    if part.is_empty() {
        return size;
    }
    let length = mutate(part, length, seed);
    part.truncate(length);
    let joined = parts.join(&0);
    data[..joined.len()].copy_from_slice(&joined);
    joined.len()
}

/// Makes one change somewhere.
fn change(tree: &mut Value, dice: &mut Dice) {
    let mut places = Vec::new();
    collect(tree, &mut String::new(), &mut places);
    let other = tree.pointer(dice.pick::<String>(&places)).cloned();
    let Some(value) = tree.pointer_mut(dice.pick::<String>(&places)) else {
        return;
    };
    match (value, dice.roll(4), other) {
        (Value::Array(items), 0, Some(other)) => items.push(other),
        (Value::Array(items), 1, _) if !items.is_empty() => {
            items.remove(dice.roll(items.len()));
        }
        (Value::Object(members), 0..2, other) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            let removed = keys
                .first()
                .and_then(|_| members.remove(dice.pick::<String>(&keys)));
            match other {
                // One takes another's place, or its name.
                Some(Value::String(name)) => members.extend(removed.map(|value| (name, value))),
                Some(Value::Object(others)) => members.extend(others),
                _ => {}
            }
        }
        (Value::String(text), 0..2, _) => *text = changed(text),
        (value, 2, Some(other)) => *value = other,
        (value, _, _) => *value = dice.pick(&odd()).clone(),
    }
}

/// The pointers to all values.
fn collect(value: &Value, pointer: &mut String, places: &mut Vec<String>) {
    places.push(pointer.clone());
    let length = pointer.len();
    let mut go = |key: &str, value: &Value| {
        pointer.push('/');
        pointer.push_str(&escape(key));
        collect(value, pointer, places);
        pointer.truncate(length);
    };
    match value {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(index, item)| go(&index.to_string(), item));
        }
        Value::Object(members) => members.iter().for_each(|(key, value)| go(key, value)),
        _ => {}
    }
}

fn changed(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let size = bytes.len();
    bytes.resize(size + 64, 0);
    let size = fuzzer_mutate(&mut bytes, size, size + 64);
    String::from_utf8_lossy(&bytes[..size]).into_owned()
}

/// What readers may not have thought of.
fn odd() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(10.5),
        json!(1e308),
        json!(u64::MAX),
        json!(""),
        json!("/"),
        json!("é\u{0}\u{fffd}🦀"),
        json!("0001-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59.999999999-23:59"),
        json!([]),
        json!({}),
        json!([[]]),
    ]
}

/// Numbers by a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    /// Less than `sides`, which are not 0.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % sides
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}
