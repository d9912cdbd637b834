//! A text in pieces: any split, copied or shared, at every CPU level, gives
//! what the grammar gives for the whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vpcflow_fuzz::{decode, format, policy};
use vpcflow_record::CpuLevel;

fuzz_target!(|data: &[u8]| {
    let [choice, split, share, text @ ..] = data else {
        return;
    };
    let (format, policy) = (format(*choice), policy(choice >> 4));
    // Repeated, so that short inputs fill blocks too.
    let text = text.repeat(usize::from(share >> 1) % 32 + 1);
    let (batches, rejects, counts, last) =
        decode([&text[..]], &format, policy, CpuLevel::GRAMMAR, false);
    let rows = |batches: &[arrow_array::RecordBatch]| -> usize {
        batches.iter().map(arrow_array::RecordBatch::num_rows).sum()
    };
    let piece = usize::from(*split) * 8 + 1;
    for cpu in CpuLevel::supported() {
        let found = decode(text.chunks(piece), &format, policy, cpu, share & 1 == 1);
        assert_eq!(rows(&found.0), rows(&batches), "{cpu}");
        assert_eq!(found.0, batches, "{cpu}");
        assert_eq!(
            (found.1, found.2, found.3),
            (rejects.clone(), counts, last.clone()),
            "{cpu}"
        );
    }
});
