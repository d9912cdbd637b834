//! Some columns of some records: at every CPU level what the grammar gives.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vpcflow_fuzz::{decode_with, format};
use vpcflow_record::{CpuLevel, DecodeOptions, Only, flows_schema};

fuzz_target!(|data: &[u8]| {
    let [choice, columns, word, share, text @ ..] = data else {
        return;
    };
    let format = format(*choice);
    let text = text.repeat(usize::from(share >> 1) % 32 + 1);
    let table = flows_schema([&format]);
    let fields = table.fields();
    let projection = (0..fields.len()).filter(|column| columns >> (column % 8) & 1 == 1);
    // A word of the text, of any column: hardly ever one of its own.
    let words = String::from_utf8_lossy(&text).into_owned();
    let words = words.split_ascii_whitespace();
    let word = words.cycle().nth(usize::from(*word)).unwrap_or("REJECT");
    let column = fields[usize::from(*columns) % fields.len()].name();
    let options = DecodeOptions {
        projection: Some(projection.collect()),
        only: Some(Only::new(column, word)),
        cpu: CpuLevel::GRAMMAR,
        ..DecodeOptions::default()
    };
    let expected = decode_with([&text[..]], &format, options.clone(), false);
    for cpu in CpuLevel::supported() {
        let options = DecodeOptions {
            cpu,
            ..options.clone()
        };
        let found = decode_with([&text[..]], &format, options, share & 1 == 1);
        assert_eq!(found, expected, "{cpu}");
    }
});
