//! Image references: what is normalised is normal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use touchstone_fuzz::image::ImageName;

fuzz_target!(|text: &str| {
    if let Ok(name) = ImageName::parse(text) {
        assert_eq!(ImageName::parse(&name.to_string()), Ok(name));
    }
});
