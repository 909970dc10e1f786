//! Several reports, separated by NUL: merged, they are the same in either order, and can be written.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use touchstone_fuzz::evidence::{merge, read};
use touchstone_fuzz::{mutate_part, written_and_read};

fuzz_mutator!(|data: &mut [u8], size: usize, _max: usize, seed: u32| {
    mutate_part(data, size, seed)
});

fuzz_target!(|bytes: &[u8]| {
    let reports = bytes.split(|byte| *byte == 0);
    let mut parts: Vec<_> = reports.flat_map(|report| read(report, None)).collect();
    let merged = merge(parts.clone());
    parts.reverse();
    assert_eq!(merge(parts), merged, "in the other order");
    assert_eq!(merge(vec![merged.clone()]), merged, "merged again");
    if !merged.reports.is_empty() {
        assert_eq!(written_and_read(&merged), Ok(merged), "written and read");
    }
});
