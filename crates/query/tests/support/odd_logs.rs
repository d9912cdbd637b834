//! Flow logs with all that records may have: missing values, absurd ones, markup.

use proptest::prelude::*;

/// 2026-01-01T00:00:00Z, in seconds: times are counted from it.
pub(crate) const NEW_YEAR: i64 = 1_767_225_600;

/// A line of version 2 or of some of its fields: of few values, so that groups have
/// several records, some without a value, and some that are no record.
fn line(header: &'static str) -> impl Strategy<Value = String> {
    let address = prop_oneof![
        8 => (0..3_u8, 0..4_u8).prop_map(|(net, host)| format!("10.0.{net}.{host}")),
        4 => (1..4_u8, 0..3_u8).prop_map(|(net, host)| format!("198.51.10{net}.{host}")),
        2 => (0..3_u8).prop_map(|host| format!("2001:db8::{host}")),
        1 => Just("-".to_owned()),
    ];
    let port = prop_oneof![
        Just("22".to_owned()),
        Just("443".to_owned()),
        Just("0".to_owned()),
        (40_000..40_004_u16).prop_map(|port| port.to_string()),
        Just("-".to_owned()),
    ];
    let protocol = prop::sample::select(vec!["6", "17", "1", "253", "-"]);
    let number = prop_oneof![
        8 => (0..1_000_000_u32).prop_map(|number| number.to_string()),
        1 => Just("-".to_owned()),
        1 => Just("99999999999999".to_owned()),
    ];
    let time = prop_oneof![
        20 => (0..20_000_i64).prop_map(|second| (NEW_YEAR + second).to_string()),
        1 => Just("99999999999".to_owned()),
        1 => Just("-".to_owned()),
    ];
    let interface = prop::sample::select(vec![
        "eni-1",
        "eni-2",
        "eni-3",
        "</td><script>alert(1)</script>",
        "\u{202e}eni'\"&amp;",
        "-",
    ]);
    let action = prop::sample::select(vec!["ACCEPT", "ACCEPT", "REJECT", "-"]);
    let status = prop::sample::select(vec!["OK", "OK", "OK", "NODATA", "SKIPDATA", "-"]);
    let ends = (address.clone(), address, port.clone(), port, protocol);
    let rest = (
        number.clone(),
        number,
        time.clone(),
        time,
        interface,
        action,
        status,
    );
    (ends, rest, 0..40_u8).prop_map(move |(ends, rest, spoiled)| {
        if spoiled == 0 {
            return "no record at all".to_owned();
        }
        let (source, target, source_port, target_port, protocol) = ends;
        let (packets, bytes, start, end, interface, action, status) = rest;
        let value = |field: &str| -> String {
            match field {
                "version" => "2".to_owned(),
                "account-id" => "123456789012".to_owned(),
                "interface-id" => interface.to_owned(),
                "srcaddr" => source.clone(),
                "dstaddr" => target.clone(),
                "srcport" => source_port.clone(),
                "dstport" => target_port.clone(),
                "protocol" => protocol.to_owned(),
                "packets" => packets.clone(),
                "bytes" => bytes.clone(),
                "start" => start.clone(),
                "end" => end.clone(),
                "action" => action.to_owned(),
                _ => status.to_owned(),
            }
        };
        let values: Vec<String> = header.split(' ').map(value).collect();
        values.join(" ")
    })
}

/// The formats of files: with all fields, and with few.
pub(crate) const HEADERS: [&str; 5] = [
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start \
     end action log-status",
    "srcaddr dstaddr packets start end action",
    "interface-id dstport protocol bytes",
    "bytes start",
    "dstaddr srcaddr bytes action log-status interface-id end start",
];

/// A file of one of these formats.
pub(crate) fn log() -> impl Strategy<Value = String> {
    let header = prop::sample::select(HEADERS.to_vec());
    header.prop_flat_map(|header| {
        let lines = prop::collection::vec(line(header), 0..60);
        lines.prop_map(move |lines| format!("{header}\n{}\n", lines.join("\n")))
    })
}
