//! A format as text: what is read prints as itself, and a header as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vpcflow_record::{Format, Separator, flows_schema};

fuzz_target!(|data: &[u8]| {
    if let Some(header) = Format::from_header(data) {
        let spaces = header.clone().with_separator(Separator::Space);
        assert_eq!(Format::parse(&header.to_string()), Ok(spaces));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(format) = Format::parse(text) else {
        return;
    };
    assert_eq!(Format::parse(&format.to_string()).as_ref(), Ok(&format));
    assert_eq!(Format::parse(&format.to_log_format()).as_ref(), Ok(&format));
    assert!(flows_schema([&format]).fields().len() >= format.fields().len());
});
