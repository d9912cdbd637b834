//! Small databases in MaxMind's format.
//! <https://maxmind.github.io/MaxMind-DB/>

/// One network of 16 bits in a country.
pub(super) fn country(network: [u8; 2], code: &str) -> Vec<u8> {
    let place = map(&[("iso_code", text(code))]);
    database("GeoLite2-Country", network, &map(&[("country", place)]))
}

/// One network of 16 bits in an autonomous system.
pub(super) fn asn(network: [u8; 2], number: u32) -> Vec<u8> {
    let number = unsigned(6, number);
    database(
        "GeoLite2-ASN",
        network,
        &map(&[("autonomous_system_number", number)]),
    )
}

/// A tree with a node for each bit of the network, and one value.
fn database(kind: &str, [first, second]: [u8; 2], value: &[u8]) -> Vec<u8> {
    const NODES: u32 = 16;
    let bits = u16::from_be_bytes([first, second]);
    let mut file = Vec::new();
    for node in 0..NODES {
        let next = if node + 1 == NODES {
            NODES + 16
        } else {
            node + 1
        };
        let mut records = [NODES, NODES];
        records[usize::from(bits >> (NODES - 1 - node) & 1)] = next;
        for record in records {
            file.extend(&record.to_be_bytes()[1..]);
        }
    }
    file.extend([0; 16]);
    file.extend(value);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", unsigned(5, 2)),
        ("binary_format_minor_version", unsigned(5, 0)),
        ("build_epoch", extended(2, 1_767_225_600)),
        ("database_type", text(kind)),
        ("description", map(&[])),
        ("ip_version", unsigned(5, 4)),
        ("languages", vec![0, 4]),
        ("node_count", unsigned(6, NODES)),
        ("record_size", unsigned(5, 24)),
    ]));
    file
}

fn text(value: &str) -> Vec<u8> {
    let size = u8::try_from(value.len()).unwrap();
    assert!(size < 29);
    [&[2 << 5 | size], value.as_bytes()].concat()
}

fn unsigned(kind: u8, value: u32) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let skipped = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[skipped.max(if kind == 5 { 2 } else { 0 })..];
    [&[kind << 5 | bytes.len() as u8], bytes].concat()
}

fn extended(kind: u8, value: u64) -> Vec<u8> {
    [&[8, kind][..], &value.to_be_bytes()].concat()
}

fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![7 << 5 | u8::try_from(entries.len()).unwrap()];
    for (key, value) in entries {
        bytes.extend(text(key));
        bytes.extend(value);
    }
    bytes
}
