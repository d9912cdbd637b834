//! One line among others: the grammar alone and the decoder at every CPU level
//! say the same of it, and of its neighbours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vpcflow_fuzz::{decode, format, policy};
use vpcflow_record::{CpuLevel, parse_record_with};

fuzz_target!(|data: &[u8]| {
    let [choice, line @ ..] = data else { return };
    let (format, policy) = (format(*choice), policy(choice >> 4));
    let _ = parse_record_with(line, &format, policy).map(|record| record.values().count());
    // Enough neighbours for a block, and for the text that it wants after it.
    let mut text = Vec::new();
    for _ in 0..24 {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let expected = decode([&text[..]], &format, policy, CpuLevel::GRAMMAR, false);
    for cpu in CpuLevel::supported() {
        assert_eq!(
            decode([&text[..]], &format, policy, cpu, true),
            expected,
            "{cpu}"
        );
    }
});
