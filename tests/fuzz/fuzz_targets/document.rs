//! JSON documents: another reader finds the same in what is accepted, also when it was written anew.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use serde_json::Value;
use touchstone_fuzz::document::Document;
use touchstone_fuzz::mutate;

fuzz_mutator!(|data: &mut [u8], size: usize, _max: usize, seed: u32| { mutate(data, size, seed) });

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse_bytes(bytes.to_vec()) else {
        return;
    };
    assert_eq!(document.text().as_bytes(), bytes);
    let value: Value = serde_json::from_str(document.text()).expect("JSON by another reader");
    let part = document.part("").expect("the whole is a part");
    let again: Value = serde_json::from_str(part.text()).expect("JSON by another reader");
    assert_eq!(value, again);
    Document::parse(part.text().to_owned()).expect("what is written can be read");
});
