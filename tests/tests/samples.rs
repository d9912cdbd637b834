//! Flow logs that others have collected, where they are at hand: real records
//! are read as an independent count reads them.
//!
//! `VPCFLOW_SAMPLES` names the folder, else it is `../shared/samples` beside the
//! workspace. Without it these tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vpcflow_tests::{Outcome, vpcflow, workspace};

const SAMPLES_VARIABLE: &str = "VPCFLOW_SAMPLES";
/// A CloudWatch Logs export: a time before each record. Real traffic.
const EXPORT: &str = "drewpypro-eks-2024-12-20-redacted-cwexport.log";

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn samples() -> Option<PathBuf> {
    let folder = env::var_os(SAMPLES_VARIABLE).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace("../shared/samples"));
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: there is no `{}` ({SAMPLES_VARIABLE} names another folder of samples)",
        folder.display()
    );
    None
}

fn sql(sql: &str, path: &Path, more: &[&str]) -> Outcome {
    let mut command = vpcflow();
    command
        .args(["sql", sql, "-o", "ndjson", "--from"])
        .arg(path)
        .args(more);
    Outcome::of(&mut command).success()
}

/// How often each value stands in a column of the text, most first: the fields
/// are counted from the time before each record.
fn counts(text: &str, column: usize, matches: impl Fn(&[&str]) -> bool) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if matches(&fields) {
            *counts.entry(fields[column]).or_default() += 1;
        }
    }
    ranked(
        counts
            .into_iter()
            .map(|(value, count)| (value.to_owned(), count)),
    )
}

fn ranked(counts: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by_key(|(value, count)| (Reverse(*count), value.clone()));
    counts
}

/// The rows `value, records` of an answer, in its order. NULL is `-`.
fn answered(outcome: &Outcome) -> Vec<(String, u64)> {
    let pair = |row: &Value| {
        let value = row["value"].as_str().unwrap_or("-").to_owned();
        (value, row["records"].as_u64().unwrap())
    };
    outcome.rows().iter().map(pair).collect()
}

#[test]
fn a_real_export_is_counted_as_its_text_is() {
    let Some(samples) = samples() else { return };
    let path = samples.join(EXPORT);
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().count() as u64;

    let by_source = "SELECT srcaddr AS value, count(*) AS records FROM flows \
                     WHERE action = 'REJECT' GROUP BY 1 ORDER BY 2 DESC, 1";
    let answer = sql(by_source, &path, &[]);
    assert_eq!(answer.counts(), (lines, 0));
    assert_eq!(
        answered(&answer),
        counts(&text, 4, |fields| fields[13] == "REJECT")
    );

    for (name, column) in [("action", 13), ("log_status", 14), ("interface_id", 3)] {
        let by_column =
            format!("SELECT {name} AS value, count(*) AS records FROM flows GROUP BY 1");
        let answer = answered(&sql(&by_column, &path, &[]));
        let answer = ranked(answer.into_iter());
        assert_eq!(answer, counts(&text, column, |_| true), "{name}");
    }

    let sum = sql("SELECT sum(bytes) AS records FROM flows", &path, &[]);
    let bytes = |line: &str| line.split_whitespace().nth(10)?.parse::<u64>().ok();
    let expected: u64 = text.lines().filter_map(bytes).sum();
    assert_eq!(answered(&sum)[0].1, expected);
}

/// Each line of text is a record or a reject: none is lost, none is two.
#[test]
fn every_sample_is_read_to_its_end() {
    let Some(samples) = samples() else { return };
    let list = fs::read_to_string(samples.join("FORMATS.tsv")).unwrap();
    let mut read = 0;
    for (name, fields) in list.lines().skip(1).filter_map(|row| row.split_once('\t')) {
        let format = match fields {
            // The time before each record is no field of the format.
            fields if fields.starts_with('(') => "default",
            fields => fields,
        };
        let declared = ["--log-format", format];
        let declared = if format.is_empty() {
            &[][..]
        } else {
            &declared
        };
        let path = samples.join(name);
        let tables = "SELECT (SELECT count(*) FROM flows) AS records, \
                      (SELECT count(*) FROM rejects) AS rejects";
        let answer = sql(tables, &path, declared);
        let (records, rejects) = answer.counts();
        let row = &answer.rows()[0];
        assert_eq!(row["records"], records, "{name}");
        assert_eq!(row["rejects"], rejects, "{name}");

        // An envelope has several records a line, and a header line is none.
        let text = fs::read_to_string(&path).unwrap();
        let is_text = |line: &&str| !line.trim().is_empty() && !line.starts_with("version ");
        let lines = text.lines().filter(is_text).count() as u64;
        if !format.is_empty() && !name.ends_with(".csv") && !text.starts_with(['{', '[']) {
            let headers = lines - (records + rejects);
            assert!(headers <= 1, "{name}: {lines} lines, {records} + {rejects}");
        }
        read += 1;
    }
    assert!(read > 40, "{read} samples");
}
