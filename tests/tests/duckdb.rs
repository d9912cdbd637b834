//! DuckDB gives the same answers to the queries of the library.
//!
//! It reads the same files with a reader of its own, and the functions that know
//! networks are made of Python's standard library for it (`duckdb/ask.py`); the
//! SQL is the library's. Rows are compared in their order. Skipped where Python
//! has no DuckDB, unless `VPCFLOW_REQUIRE_MOTO` says that nothing may be missing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use vpcflow_tests::{Outcome, vpcflow, workspace};

/// Files that queries are asked of: made-up traffic, and the library's own.
const GENERATED: &str = "generated";
const INCIDENTS: &str = "incidents.log";
const FIELDS: &str = "fields.log";
const DAYS: &str = "days.log";
const TRANSIT: &str = "transit-gateway.log";

/// Data, pack and query, parameters.
type Question = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const QUESTIONS: &[Question] = &[
    (GENERATED, "talkers/top-talkers", &[]),
    (GENERATED, "talkers/top-sources", &[]),
    (GENERATED, "talkers/top-destinations", &[]),
    (GENERATED, "talkers/top-pairs", &[]),
    (GENERATED, "talkers/top-pairs-once", &[("limit", "500")]),
    (GENERATED, "talkers/top-interfaces", &[]),
    (GENERATED, "talkers/top-networks", &[("bits", "20")]),
    (GENERATED, "talkers/top-ports", &[("limit", "500")]),
    (GENERATED, "talkers/top-services", &[("limit", "100")]),
    (GENERATED, "talkers/top-protocols", &[]),
    (GENERATED, "talkers/ip-families", &[]),
    (GENERATED, "talkers/heaviest-share", &[("percent", "0.1")]),
    (GENERATED, "rejects/top-rejected", &[("limit", "100")]),
    (GENERATED, "rejects/rejected-flows", &[("limit", "500")]),
    (GENERATED, "rejects/recent-rejects", &[("limit", "500")]),
    (GENERATED, "rejects/rejected-ports", &[("ignore", "22,80")]),
    (GENERATED, "rejects/reject-ratio", &[]),
    (GENERATED, "rejects/repeated-rejects", &[]),
    (GENERATED, "rejects/rejected-then-accepted", &[]),
    (GENERATED, "access/admin-ports", &[("limit", "200")]),
    (GENERATED, "access/public-admin-ports", &[]),
    (GENERATED, "access/database-ports", &[("limit", "200")]),
    (GENERATED, "access/other-ports", &[("limit", "200")]),
    (GENERATED, "access/unusual-protocols", &[]),
    (GENERATED, "access/open-services", &[("limit", "200")]),
    (GENERATED, "access/private-public", &[]),
    (
        GENERATED,
        "access/between-networks",
        &[("source", "10.0.0.0/17"), ("limit", "300")],
    ),
    (GENERATED, "access/foreign-dns", &[]),
    (GENERATED, "investigation/port-scan", &[]),
    (
        GENERATED,
        "investigation/host-sweep",
        &[("min_targets", "3")],
    ),
    (
        GENERATED,
        "investigation/address-peers",
        &[("address", "10.0.0.4")],
    ),
    (
        GENERATED,
        "investigation/address-records",
        &[("address", "10.0.0.4")],
    ),
    (
        GENERATED,
        "investigation/conversations",
        &[("limit", "500")],
    ),
    (GENERATED, "investigation/five-tuples", &[("limit", "500")]),
    (
        GENERATED,
        "investigation/first-last-seen",
        &[("limit", "500")],
    ),
    (
        GENERATED,
        "volume/large-transfers",
        &[("min_bytes", "10000000")],
    ),
    (GENERATED, "volume/traffic-over-time", &[]),
    (
        GENERATED,
        "volume/interfaces-over-time",
        &[("minutes", "10")],
    ),
    (GENERATED, "volume/daily-traffic", &[]),
    (GENERATED, "volume/daily-top-sources", &[]),
    (GENERATED, "volume/rates", &[("limit", "200")]),
    (GENERATED, "volume/packet-floods", &[]),
    (GENERATED, "volume/small-packets", &[("limit", "200")]),
    (GENERATED, "anomaly/fan-out", &[("min_destinations", "5")]),
    (GENERATED, "anomaly/off-hours", &[]),
    (GENERATED, "health/log-status", &[]),
    (GENERATED, "health/skipped", &[("limit", "200")]),
    (GENERATED, "health/coverage", &[]),
    (GENERATED, "health/silent-interfaces", &[]),
    (GENERATED, "cost/internet-egress", &[("limit", "200")]),
    (
        GENERATED,
        "cost/network-matrix",
        &[("list", "queries/testdata/subnets.csv")],
    ),
    (
        INCIDENTS,
        "investigation/between-addresses",
        &[("a", "10.0.0.5"), ("b", "192.0.2.10")],
    ),
    (
        INCIDENTS,
        "investigation/listed-networks",
        &[("list", "queries/testdata/threats.csv")],
    ),
    (DAYS, "anomaly/beaconing", &[]),
    (DAYS, "anomaly/new-pairs", &[("hours", "1")]),
    (DAYS, "anomaly/outbound-spikes", &[("min_bytes", "1000")]),
    (DAYS, "anomaly/mining-ports", &[]),
    (FIELDS, "talkers/top-packet-pairs", &[]),
    (FIELDS, "talkers/top-instances", &[]),
    (FIELDS, "talkers/top-subnets", &[]),
    (FIELDS, "talkers/top-tags", &[]),
    (FIELDS, "talkers/top-aws-services", &[]),
    (FIELDS, "rejects/reject-reasons", &[]),
    (FIELDS, "rejects/rejected-tags", &[]),
    (FIELDS, "anomaly/unanswered-syns", &[]),
    (FIELDS, "cost/cross-zone", &[]),
    (FIELDS, "cost/nat-sources", &[]),
    (FIELDS, "cost/missing-endpoints", &[]),
    (FIELDS, "cost/traffic-paths", &[]),
    (FIELDS, "cost/interface-types", &[]),
    (TRANSIT, "health/transit-gateway-drops", &[]),
];

#[test]
fn duckdb_answers_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    let generated = Outcome::of(
        vpcflow()
            .arg("generate")
            .arg(&logs)
            .args(["--records", "20000"]),
    );
    assert_eq!(generated.status, 0, "{}", generated.stderr);

    let questions: Vec<Value> = QUESTIONS
        .iter()
        .map(|(data, query, parameters)| question(data, query, parameters, &logs))
        .collect();
    let Some(answers) = ask(&questions) else {
        return;
    };
    let mut differences = Vec::new();
    for ((data, query, parameters), theirs) in QUESTIONS.iter().zip(answers) {
        if let Value::String(error) = &theirs["error"] {
            differences.push(format!("{query}: {error}"));
            continue;
        }
        let ours = answer(data, query, parameters, &logs);
        if let Some(difference) = difference(&ours, theirs["rows"].as_array().unwrap()) {
            differences.push(format!("{query} of {data}: {difference}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

fn is_generated(data: &str) -> bool {
    data == GENERATED
}

fn source(data: &str, logs: &Path) -> String {
    if is_generated(data) {
        logs.display().to_string()
    } else {
        format!("queries/testdata/{data}")
    }
}

/// Our answer, row by row.
fn answer(data: &str, query: &str, parameters: &[(&str, &str)], logs: &Path) -> Vec<Value> {
    let name = query.split_once('/').unwrap().1;
    let mut command = vpcflow();
    command.current_dir(workspace("")).args([
        "query",
        name,
        "-q",
        "-o",
        "ndjson",
        "--from",
        &source(data, logs),
    ]);
    for (name, value) in parameters {
        command.args(["--param", &format!("{name}={value}")]);
    }
    let outcome = Outcome::of(&mut command);
    assert_eq!(outcome.status, 0, "{query}: {}", outcome.stderr);
    let rows = outcome.stdout.lines();
    rows.map(|row| serde_json::from_str(row).unwrap()).collect()
}

/// The statement of a query file, with its parameters.
fn question(data: &str, query: &str, given: &[(&str, &str)], logs: &Path) -> Value {
    let text = fs::read_to_string(workspace(&format!("queries/{query}.sql"))).unwrap();
    let mut parameters = Map::new();
    for line in text
        .lines()
        .filter_map(|line| line.strip_prefix("-- param "))
    {
        let (declaration, _) = line.split_once(": ").unwrap();
        let mut words = declaration.splitn(3, ' ');
        let (name, kind) = (words.next().unwrap(), words.next().unwrap());
        let default = words.next().map(|default| default.trim_matches('\''));
        let value = given.iter().find(|(given, _)| *given == name);
        let value = value.map(|(_, value)| *value).or(default).unwrap();
        let value = match kind {
            "INT" => json!(value.parse::<i64>().unwrap()),
            "DOUBLE" => json!(value.parse::<f64>().unwrap()),
            _ => json!(value),
        };
        parameters.insert(name.to_owned(), value);
    }
    let mut files: Vec<String> = if is_generated(data) {
        let entries = fs::read_dir(logs).unwrap();
        entries
            .map(|entry| entry.unwrap().path().display().to_string())
            .collect()
    } else {
        vec![workspace(&source(data, logs)).display().to_string()]
    };
    files.sort();
    json!({
        "sql": text,
        "parameters": parameters,
        "files": files,
        "header": data == FIELDS || data == TRANSIT,
    })
}

/// The first row that differs, if one does.
fn difference(ours: &[Value], theirs: &[Value]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("{} rows, DuckDB has {}", ours.len(), theirs.len()));
    }
    assert!(!ours.is_empty() || theirs.is_empty());
    let mut rows = ours.iter().zip(theirs);
    let (ours, theirs) = rows.find(|(ours, theirs)| !same(ours, theirs))?;
    Some(format!("\n  ours   {ours}\n  DuckDB {theirs}"))
}

fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .all(|(name, value)| theirs.get(name).is_some_and(|other| same(value, other)))
        }
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() <= 1e-9 * ours.abs().max(1.0)
        }
        _ => ours == theirs,
    }
}

/// DuckDB's answers. `None` when there is no DuckDB.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn ask(questions: &[Value]) -> Option<Vec<Value>> {
    let python = env::var_os("VPCFLOW_PYTHON").unwrap_or_else(|| "python3".into());
    let mut process = Command::new(&python)
        .arg(workspace("tests/duckdb/ask.py"))
        .current_dir(workspace(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Fails if the process ends at once, for want of DuckDB.
    let written = process
        .stdin
        .take()
        .unwrap()
        .write_all(json!(questions).to_string().as_bytes());
    let output = process.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.trim_end() == "duckdb is not installed" {
        assert!(
            env::var_os("VPCFLOW_REQUIRE_MOTO").is_none(),
            "{python:?} has no DuckDB"
        );
        eprintln!("skipped: {python:?} has no DuckDB (VPCFLOW_PYTHON can name another Python)");
        return None;
    }
    assert!(output.status.success(), "{errors}");
    written.unwrap();
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
