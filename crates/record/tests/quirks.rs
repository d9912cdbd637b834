//! What real files hold that no documentation mentions, a test for each. All
//! of it is decoded at every CPU level, in whole and in small pieces.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

mod support;

use vpcflow_record::{CpuLevel, DecodeOptions, Format, Policy, Reason};

use support::{Decoded, Feed, decode};

const ROW: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
const NODATA: &str =
    "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA";

/// Decodes in every way, all of which must agree.
fn read_as(text: &str, format: &Format, options: &DecodeOptions) -> Decoded {
    let whole = decode(text.as_bytes(), format, options, &Feed::Slices(Vec::new()));
    for cpu in CpuLevel::supported() {
        let options = DecodeOptions {
            cpu,
            ..options.clone()
        };
        for feed in [
            Feed::Slices(vec![]),
            Feed::Slices((0..400).map(|at| at * 7).collect()),
            Feed::Buffers(vec![]),
        ] {
            assert_eq!(
                decode(text.as_bytes(), format, &options, &feed),
                whole,
                "{cpu}"
            );
        }
    }
    whole
}

fn read(text: &str) -> Decoded {
    read_as(text, &Format::default(), &DecodeOptions::default())
}

/// So many rows around a line that the fast path is taken for them.
fn among_others(line: &str) -> String {
    let others = format!("{ROW}\n").repeat(300);
    format!("{others}{line}\n{others}")
}

/// The values of the one row of a text that stands among others.
fn row_among_others(line: &str) -> Vec<Option<String>> {
    let decoded = read(&among_others(line));
    assert_eq!(decoded.rejects, []);
    assert_eq!(decoded.rows.len(), 601, "{line}");
    decoded.rows[300].clone()
}

/// The columns of a format that starts like version 2: by index of the field.
fn column(row: &[Option<String>], name: &str) -> Option<String> {
    let format = Format::default();
    let index = format
        .fields()
        .iter()
        .position(|field| field.name() == name);
    row[index.unwrap()].clone()
}

#[test]
fn quirk_01_iso_timestamp_prefix() {
    let exported = format!("2024-12-14T16:25:12.000Z {ROW}\n").repeat(600);
    let decoded = read(&exported);
    assert_eq!((decoded.rows.len(), decoded.counts.rejects), (600, 0));
    assert_eq!(decoded.rows, read(&format!("{ROW}\n").repeat(600)).rows);
    // Also before a single one, and not in place of a value.
    assert_eq!(
        row_among_others(&format!("2024-12-14T16:25:12.000Z {ROW}")),
        decoded.rows[0]
    );
    let short = ROW.replacen("2 1234", "2024-12-14T16:25:12.000Z 1234", 1);
    assert_eq!(read(&among_others(&short)).counts.rejects, 1);
}

#[test]
fn quirk_02_token_count_does_not_identify_a_format() {
    let format = Format::parse(
        "version srcaddr dstaddr srcport dstport protocol start end action log-status \
         reject-reason resource-id encryption-status interface-type",
    )
    .unwrap();
    let line = "11 10.0.0.1 10.0.0.2 1 2 6 1418530010 1418530070 REJECT OK BPA - 0 nat_gateway";
    assert_eq!(read(&among_others(line)).counts.rejects, 1);
    let decoded = read_as(line, &format, &DecodeOptions::default());
    assert_eq!((decoded.rows.len(), decoded.counts.rejects), (1, 0));
}

#[test]
fn quirk_03_headers_repeated_unknown_and_aliased() {
    let header = Format::default().to_string();
    let capitals = header.to_uppercase().replace('-', "_");
    let aliases = header.replace(" start end ", " windowstart windowend ");
    let text =
        format!("{header}\n{ROW}\n\n{header}\n{ROW}\n  \n{capitals}\n{ROW}\n{aliases}\n{ROW}\n");
    let decoded = read(&text);
    assert_eq!(
        (
            decoded.rows.len(),
            decoded.counts.rejects,
            decoded.counts.skipped
        ),
        (4, 0, 6)
    );
    let unknown = Format::from_header(format!("{header} field-of-tomorrow").as_bytes()).unwrap();
    let decoded = read_as(
        &format!("{unknown}\n{ROW} x\n"),
        &unknown,
        &DecodeOptions::default(),
    );
    assert_eq!(decoded.rows[0].last().unwrap().as_deref(), Some("x"));
}

#[test]
fn quirk_04_nodata_and_skipdata() {
    let row = row_among_others(NODATA);
    assert_eq!(column(&row, "action"), None);
    assert_eq!(column(&row, "log-status").as_deref(), Some("NODATA"));
    let unknown = NODATA
        .replace("123456789010", "unknown")
        .replace("NODATA", "SKIPDATA");
    let row = row_among_others(&unknown);
    assert_eq!(column(&row, "account-id").as_deref(), Some("unknown"));
    // All of them at once, so that whole columns are NULL.
    let decoded = read(&format!("{NODATA}\n").repeat(600));
    assert_eq!((decoded.rows.len(), decoded.counts.rejects), (600, 0));
}

#[test]
fn quirk_05_milliseconds() {
    let line = NODATA.replace("1431280876", "1512564058000");
    let start = column(&row_among_others(&line), "start");
    assert_eq!(start.as_deref(), Some("1512564058000000"));
}

#[test]
fn quirk_06_spacing() {
    let expected = row_among_others(ROW);
    for line in [
        ROW.replacen(' ', "  ", 1),
        ROW.replacen(' ', "\t", 3),
        format!(" {ROW}"),
        format!("{ROW} "),
        format!("{ROW}\r"),
    ] {
        assert_eq!(row_among_others(&line), expected, "{line:?}");
    }
    assert_eq!(read(ROW).rows, std::slice::from_ref(&expected));
    assert_eq!(read(&format!("{ROW}\r\n").repeat(600)).rows.len(), 600);
    for line in ["...", &format!("{ROW} #a comment")] {
        assert_eq!(read(&among_others(line)).counts.rejects, 1, "{line}");
    }
    let lenient = DecodeOptions {
        policy: Policy::Lenient,
        ..DecodeOptions::default()
    };
    let text = among_others(&format!("{ROW} #a comment"));
    let decoded = read_as(&text, &Format::default(), &lenient);
    assert_eq!((decoded.rows.len(), decoded.counts.cut), (601, 1));
}

#[test]
fn quirk_07_non_ascii() {
    let line = ROW.replace("eni-1235b8ca123456789", "eni-\u{431}");
    assert_eq!(
        column(&row_among_others(&line), "interface-id").as_deref(),
        Some("eni-\u{431}")
    );
}

#[test]
fn quirk_08_account_ids_are_text() {
    for account in [
        "1234",
        "086112738802",
        "000000000000",
        "unknown",
        "<ACCOUNT-ID>",
        "6.02485E+11",
    ] {
        let row = row_among_others(&ROW.replace("123456789010", account));
        assert_eq!(column(&row, "account-id").as_deref(), Some(account));
    }
}

#[test]
fn quirk_09_interface_ids_are_text() {
    for id in ["eni-102010ab", "eni-xxxxxxxx", "eni-0ghijklmnop", "eth0"] {
        let row = row_among_others(&ROW.replace("eni-1235b8ca123456789", id));
        assert_eq!(column(&row, "interface-id").as_deref(), Some(id));
    }
    let row = row_among_others(&ROW.replace("eni-1235b8ca123456789", "-"));
    assert_eq!(column(&row, "interface-id"), None);
}

#[test]
fn quirk_10_ranges() {
    let line = ROW.replace(" 20 4249 ", " 9223372036854775807 9223372036854775807 ");
    let row = row_among_others(&line);
    assert_eq!(
        column(&row, "bytes").as_deref(),
        Some("9223372036854775807")
    );
    let row = row_among_others(&ROW.replace(" 6 20 ", " 999 20 ").replace("20641", "65543"));
    assert_eq!(column(&row, "protocol").as_deref(), Some("999"));
    assert_eq!(column(&row, "srcport").as_deref(), Some("65543"));
    let row = row_among_others(
        &ROW.replace("1418530070", "4294967295")
            .replace("1418530010", "157766400"),
    );
    assert_eq!(column(&row, "end").as_deref(), Some("4294967295000000"));
    for line in [
        ROW.replace("4249", "9223372036854775808"),
        ROW.replace("20641", "2147483648"),
    ] {
        let decoded = read(&among_others(&line));
        assert_eq!(decoded.rejects[0].reason, Reason::OutOfRange);
    }
}

#[test]
fn quirk_11_icmp() {
    let row = row_among_others(&ROW.replace(" 20641 22 6 ", " 0 8 1 "));
    assert_eq!(column(&row, "dstport").as_deref(), Some("8"));
}

#[test]
fn quirk_12_extra_values_and_dashes() {
    let text = among_others(&format!("{ROW} extra"));
    assert_eq!(
        read(&text).rejects[0].reason,
        Reason::FieldCount {
            expected: 14,
            found: 15
        }
    );
    // A value less and a value more on neighbouring lines add up to two rows.
    let less = ROW.replacen("2 ", "", 1);
    let text = among_others(&format!("{less}\n{ROW} 7"));
    let decoded = read(&text);
    assert_eq!((decoded.rows.len(), decoded.counts.rejects), (600, 2));
    let row = row_among_others(&ROW.replace(" 20641 22 6 20 4249 1418530010 ", " - - - - - - "));
    assert_eq!(column(&row, "start"), None);
}

/// Envelopes are unwrapped before this crate sees the messages.
#[test]
fn quirk_13_json_is_refused_as_a_record() {
    let line = r#"{"message": "2 123456789010 eni-1"}"#;
    assert_eq!(read(&among_others(line)).counts.rejects, 1);
}

#[test]
fn quirk_14_comma_separated() {
    let header = "Version,Account_id,Srcaddr,Srcport,Bytes,Start,Action,Traffic_path";
    let rows = "7,369096419186,10.119.32.34,51256,3881,1723542839,ACCEPT,\r\n\
                7,,-,,,,REJECT,1\n\
                7,1,10.0.0.300,1,1,1,ACCEPT,1\n\
                7,1,10.0.0.1,1,1,1,ACCEPT\n\
                w,,,,w,,w,\n";
    let format = Format::from_header(header.as_bytes()).unwrap();
    let decoded = read_as(
        &format!("{header}\n{rows}"),
        &format,
        &DecodeOptions::default(),
    );
    assert_eq!(decoded.counts.records, 2);
    let fields: Vec<_> = decoded
        .rejects
        .iter()
        .map(|reject| reject.field.as_deref())
        .collect();
    assert_eq!(fields, [Some("srcaddr"), None, Some("version")]);
    let row = &decoded.rows[0];
    assert_eq!(column(row, "srcport").as_deref(), Some("51256"));
    assert_eq!(row.last().unwrap(), &None);
    assert_eq!(column(&decoded.rows[1], "srcaddr"), None);
    // Declared fields still take the separator from the header.
    let declared = DecodeOptions {
        headers: false,
        ..DecodeOptions::default()
    };
    let plain = Format::parse(&format.to_string()).unwrap();
    let decoded = read_as(&format!("{header}\n{rows}"), &plain, &declared);
    assert_eq!(decoded.counts.records, 2);
}

#[test]
fn quirk_15_duplicates_and_disorder_are_kept() {
    let later = ROW.replace("1418530010", "1418539999");
    let decoded = read(&format!("{later}\n{ROW}\n{ROW}\n{later}\n").repeat(200));
    assert_eq!(decoded.rows.len(), 800);
    assert_eq!(decoded.rows[1], decoded.rows[2]);
    assert_eq!(decoded.rows[0], decoded.rows[3]);
}

#[test]
fn quirk_16_rejects_of_others_are_no_specification() {
    let row = row_among_others(&ROW.replace("ACCEPT OK", "SUCCESS GO_AWAY"));
    assert_eq!(column(&row, "action").as_deref(), Some("SUCCESS"));
    for policy in Policy::ALL {
        let options = DecodeOptions {
            policy,
            ..DecodeOptions::default()
        };
        let decoded = read_as(&among_others(NODATA), &Format::default(), &options);
        assert_eq!(decoded.counts.rejects, 0, "{policy}");
    }
}

/// Found by fuzzing: under the lenient policy an address may be any word, also
/// one that starts a comment or is a header.
#[test]
fn lenient_addresses_are_not_comments_or_headers() {
    let options = DecodeOptions {
        policy: Policy::Lenient,
        ..DecodeOptions::default()
    };
    let format = Format::parse("srcaddr").unwrap();
    let text = "10.0.x.x\n#srcport\nsrcaddr\n".repeat(300);
    let decoded = read_as(&text, &format, &options);
    assert_eq!((decoded.counts.records, decoded.counts.skipped), (300, 600));
    let format = Format::parse("srcaddr dstaddr").unwrap();
    let text = "# comment\n10.0.x.x 10.0.0.1\n".repeat(300);
    let decoded = read_as(&text, &format, &options);
    assert_eq!((decoded.counts.records, decoded.counts.skipped), (300, 300));
}
