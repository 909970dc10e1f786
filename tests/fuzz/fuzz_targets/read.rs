//! Reports as they come: bytes of any format, maybe compressed.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use touchstone_fuzz::evidence::read;
use touchstone_fuzz::{mutate, written_and_read};

fuzz_mutator!(|data: &mut [u8], size: usize, _max: usize, seed: u32| { mutate(data, size, seed) });

fuzz_target!(|bytes: &[u8]| {
    let evidence = read(bytes, None);
    assert_eq!(read(bytes, None), evidence, "read twice");
    if let Ok(evidence) = evidence {
        assert_eq!(
            written_and_read(&evidence),
            Ok(evidence),
            "written and read"
        );
    }
});
