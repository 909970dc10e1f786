//! One format's reader, named by the variable `FORMAT`, whatever the text looks like. Without it, says which there are.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use touchstone_fuzz::evidence::{FORMATS, Format, Sketch, find, read};
use touchstone_fuzz::{mutate, written_and_read};

static FORMAT: LazyLock<&Format> = LazyLock::new(|| {
    let Ok(name) = std::env::var("FORMAT") else {
        for format in FORMATS {
            println!("{}", format.name);
        }
        std::process::exit(0);
    };
    find(&name).unwrap_or_else(|| panic!("FORMAT={name} is no format"))
});

fuzz_mutator!(|data: &mut [u8], size: usize, _max: usize, seed: u32| { mutate(data, size, seed) });

fuzz_target!(init: { LazyLock::force(&FORMAT); }, |text: &str| {
    // It is what refuses texts that nest too deep, for every reader.
    if Sketch::of(text).is_err() {
        return;
    }
    let evidence = (FORMAT.read)(text);
    assert_eq!((FORMAT.read)(text), evidence, "read twice");
    if let Ok(evidence) = evidence {
        written_and_read(&evidence).expect("what is read can be written");
    }
    if let Ok(evidence) = read(text.as_bytes(), Some(*FORMAT)) {
        assert_eq!(written_and_read(&evidence), Ok(evidence), "written and read");
    }
});
