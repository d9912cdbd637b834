//! Records that other parsers were tested with, and what those made of them.
//!
//! The files are not part of the project; without them these tests only say
//! so. `VPCFLOW_SAMPLES` tells where they are.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test says what is wrong by panicking"
)]

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value as Json};
use vpcflow_record::{
    CpuLevel, DecodeOptions, Decoder, Field, Format, Policy, Reason, Value, parse_record,
    parse_record_with,
};

fn samples() -> Option<PathBuf> {
    let beside = || {
        PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../../shared/samples"
        ))
    };
    let folder = std::env::var_os("VPCFLOW_SAMPLES").map_or_else(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no samples at {}", folder.display());
    None
}

struct Case {
    file: String,
    line: String,
    format: Format,
    /// The values stated, when the peer takes the line.
    accepted: Option<Map<String, Json>>,
    /// When it does not: how general that is.
    class: String,
}

/// The cases of one line each; others are about sums of many.
fn cases(folder: &std::path::Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder.join("expected")).unwrap() {
        let path = entry.unwrap().path();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            let (Some(format), Some(line)) = (case["format"].as_str(), case["line"].as_str())
            else {
                continue;
            };
            let ok = case["ok"].as_bool().unwrap();
            cases.push(Case {
                file: path.file_name().unwrap().to_string_lossy().into_owned(),
                line: line.to_owned(),
                format: Format::parse(format).unwrap(),
                accepted: ok.then(|| case["expect"].as_object().unwrap().clone()),
                class: case["class"].as_str().unwrap_or_default().to_owned(),
            });
        }
    }
    cases
}

/// A stated value as ours.
fn matches(stated: &Json, value: Value<'_>) -> bool {
    match value {
        Value::Null => stated.is_null(),
        Value::Int32(number) => stated.as_i64() == Some(number.into()),
        Value::Int64(number) => stated.as_i64() == Some(number),
        // Seconds, or the milliseconds of some SKIPDATA records.
        Value::Timestamp(micros) => stated
            .as_i64()
            .is_some_and(|time| time * 1_000_000 == micros || time * 1_000 == micros),
        Value::Text(text) => stated.as_str() == Some(text),
        other => panic!("a value of a new kind: {other:?}"),
    }
}

#[test]
fn what_others_accept_has_the_stated_values() {
    let Some(folder) = samples() else { return };
    let mut accepted = 0;
    for case in cases(&folder) {
        let Some(stated) = &case.accepted else {
            continue;
        };
        let context = format!("{}: {}", case.file, case.line);
        // Values after the last field: one peer leaves them out, others
        // refuse the record. By default it is refused, since nothing says
        // which of its values were meant; the lenient policy does as the peer.
        let policy =
            if case.format.is_default() && case.line.ends_with("extra-data-should-not-break") {
                let refused = parse_record(case.line.as_bytes(), &case.format).unwrap_err();
                assert!(
                    matches!(refused.reason, Reason::FieldCount { .. }),
                    "{context}"
                );
                Policy::Lenient
            } else {
                Policy::Default
            };
        let record = parse_record_with(case.line.as_bytes(), &case.format, policy)
            .unwrap_or_else(|error| panic!("{error} in {context}"));
        for (name, stated) in stated {
            let value = match Field::from_name(name) {
                Some(field) => record.get(field),
                None => record
                    .values()
                    .find(|(field, _)| field.name() == name)
                    .map(|(_, value)| value),
            };
            let value = value.unwrap_or_else(|| panic!("no {name} in {context}"));
            // One peer makes NULL of an account that AWS calls `unknown`; the
            // column keeps what AWS wrote.
            if stated.is_null() && value == Value::Text("unknown") {
                continue;
            }
            assert!(matches(stated, value), "{name} is {value:?} in {context}");
        }
        accepted += 1;
    }
    assert!(accepted >= 100, "{accepted} cases");
}

#[test]
fn what_nobody_can_read_is_refused_or_blank() {
    let Some(folder) = samples() else { return };
    for case in cases(&folder) {
        if case.accepted.is_some() || case.class != "structural" {
            continue;
        }
        for cpu in CpuLevel::supported() {
            let options = DecodeOptions {
                cpu,
                ..DecodeOptions::default()
            };
            let mut decoder = Decoder::new(case.format.clone(), options);
            decoder.decode(format!("{}\n", case.line).as_bytes());
            let counts = decoder.counts();
            assert_eq!(counts.records, 0, "{}", case.line);
            // An empty line is no record, and no reason for concern either.
            let blank = case.line.trim().is_empty();
            assert_eq!(
                (counts.skipped, counts.rejects),
                (blank.into(), (!blank).into())
            );
        }
    }
}

/// What some peer refuses as a matter of opinion: kept, because the values fit
/// their columns, unless the strict policy was asked for.
#[test]
fn opinions_of_others_are_for_the_strict_policy() {
    let Some(folder) = samples() else { return };
    let mut found = 0;
    for case in cases(&folder) {
        if case.class != "policy" {
            continue;
        }
        let refused = |policy| {
            let result = parse_record_with(case.line.as_bytes(), &case.format, policy);
            result.err().map(|error| error.reason)
        };
        assert_eq!(refused(Policy::Default), None, "{}", case.line);
        assert_eq!(refused(Policy::Lenient), None, "{}", case.line);
        // Missing start, end or address of an OK record; unknown action or
        // status; and in two of them a port of 65543 before that.
        assert!(
            matches!(
                refused(Policy::Strict),
                Some(Reason::Missing | Reason::Undocumented | Reason::OutOfRange)
            ),
            "{}",
            case.line
        );
        found += 1;
    }
    assert!(found >= 7, "{found} cases");
}

/// Lines that a peer refuses because it lacks IPv6, or knows version 2 only.
#[test]
fn defects_of_others_are_not_imitated() {
    let Some(folder) = samples() else { return };
    for case in cases(&folder) {
        if case.class != "peer-defect" {
            continue;
        }
        for policy in Policy::ALL {
            let result = parse_record_with(case.line.as_bytes(), &case.format, policy);
            assert!(result.is_ok(), "{}", case.line);
        }
    }
}

/// A header is neither a record nor a reject.
#[test]
fn headers_are_skipped() {
    let Some(folder) = samples() else { return };
    for case in cases(&folder) {
        if case.class != "header" {
            continue;
        }
        let mut decoder = Decoder::new(case.format.clone(), DecodeOptions::default());
        decoder.decode(format!("{}\n", case.line).as_bytes());
        let counts = decoder.counts();
        assert_eq!((counts.records, counts.rejects, counts.skipped), (0, 0, 1));
    }
}

/// 11,057 real records of a CloudWatch export, with a time before each.
#[test]
fn a_real_export_has_no_reject() {
    let Some(folder) = samples() else { return };
    let text = fs::read(folder.join("drewpypro-eks-2024-12-20-redacted-cwexport.log")).unwrap();
    for cpu in CpuLevel::supported() {
        let options = DecodeOptions {
            cpu,
            batch_rows: 100_000,
            ..DecodeOptions::default()
        };
        let mut decoder = Decoder::new(Format::default(), options);
        assert_eq!(decoder.decode(&text), text.len());
        decoder.finish();
        assert_eq!(decoder.take_rejects(), []);
        assert_eq!(decoder.counts().records, 11_057);
        let batch = decoder.flush().unwrap().unwrap();
        let status = batch.column_by_name("log_status").unwrap();
        let status = arrow_array::cast::AsArray::as_string_view(status);
        let skipped = status.iter().filter(|status| *status == Some("SKIPDATA"));
        assert_eq!(skipped.count(), 63);
    }
}
