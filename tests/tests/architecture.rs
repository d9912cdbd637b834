//! The layout of the workspace: which crate may use which, and what must never
//! be compiled with what. The reasons are in
//! `docs/design/0001-workspace-layout.md`.
//!
//! What a crate declares is read from `cargo metadata`, what is compiled with
//! it from `cargo tree`: the former unites the features of the whole workspace
//! and so knows edges that a crate alone does not have.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// The crates that a crate may use to build; what its tests use is free.
const MAY_USE: &[(&str, &[&str])] = &[
    ("record", &[]),
    ("synth", &["record"]),
    ("ingest", &["record"]),
    ("aws", &["ingest", "record"]),
    ("setup", &["record", "aws"]),
    ("store", &["record", "ingest"]),
    ("functions", &["record"]),
    ("query", &["record", "ingest", "functions", "store"]),
    ("server", &["query", "ingest"]),
    ("cluster", &["query"]),
    (
        "cli",
        &[
            "record",
            "synth",
            "ingest",
            "aws",
            "setup",
            "store",
            "functions",
            "query",
            "server",
            "cluster",
        ],
    ),
    ("testkit", &["record", "synth"]),
];

/// Packages of tests and benchmarks, which may use everything.
const FREE: &[&str] = &["tests", "benches"];

/// The beginnings of names of packages that must not be compiled with a crate.
const NEVER_WITH: &[(&str, &[&str])] = &[
    (
        "record",
        &["tokio", "aws-", "datafusion", "serde_json", "object_store"],
    ),
    ("ingest", &["aws-"]),
    // Not `aws-lc-`: that is the cryptography under `object_store`.
    (
        "query",
        &["aws-config", "aws-runtime", "aws-sdk-", "aws-smithy-"],
    ),
    ("aws", &["datafusion"]),
    ("setup", &["datafusion"]),
];

/// Packages of which a second version is an error: their types cross from crate
/// to crate, or a second one is a second TLS.
const ONE_VERSION: &[&str] = &[
    "arrow-array",
    "arrow-schema",
    "datafusion",
    "datafusion-common",
    "object_store",
    "rustls",
    "hyper",
];

const DEPENDENCIES_DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dependencies.md");

static METADATA: LazyLock<Value> = LazyLock::new(|| {
    let arguments = ["metadata", "--format-version=1", "--filter-platform"];
    let json = cargo(&[&arguments[..], &[&host()]].concat());
    serde_json::from_str(&json).unwrap()
});

#[test]
fn crates_use_only_those_below_them() {
    let mut violations = Vec::new();
    for package in members() {
        let name = short(&package["name"]);
        if FREE.contains(&name) {
            continue;
        }
        let Some((_, may_use)) = MAY_USE.iter().find(|(listed, _)| *listed == name) else {
            violations.push(format!("crate `{name}` is not in the table `MAY_USE`"));
            continue;
        };
        for dependency in dependencies(package).filter(|edge| is_member(edge) && !is_dev(edge)) {
            let used = short(&dependency["name"]);
            if !may_use.contains(&used) {
                violations.push(format!(
                    "`{name}` -> `{used}`: `{name}` may use {may_use:?}"
                ));
            }
        }
    }
    assert_none(&violations, "edges that the layout does not have");
}

#[test]
fn what_must_never_be_compiled_together_is_not() {
    let mut violations = Vec::new();
    for (name, never) in NEVER_WITH {
        for package in tree(name, "normal,build") {
            if never.iter().any(|prefix| package.starts_with(prefix)) {
                violations.push(format!(
                    "`{name}` -> … -> `{package}`: see `cargo tree -p vpcflow-{name} -e normal,build -i {package}`"
                ));
            }
        }
    }
    assert_none(&violations, "packages where they must not be");
}

#[test]
fn the_tests_of_record_are_quick_to_build() {
    let heavy = ["tokio", "aws-", "datafusion", "object_store"];
    let mut packages = tree("record", "normal,build,dev");
    packages.retain(|package| heavy.iter().any(|prefix| package.starts_with(prefix)));
    let packages: Vec<_> = packages.into_iter().collect();
    assert_none(&packages, "packages that the tests of `record` compile");
}

#[test]
fn only_setup_waits_for_the_ec2_client() {
    let violations: Vec<_> = members()
        .filter(|package| !["setup", "tests", "benches"].contains(&short(&package["name"])))
        .filter(|package| {
            dependencies(package).any(|edge| !is_dev(edge) && edge["name"] == "aws-sdk-ec2")
        })
        .map(|package| format!("`{}` -> `aws-sdk-ec2`", short(&package["name"])))
        .collect();
    assert_none(&violations, "crates that use EC2 beside `setup`");
}

#[test]
fn shared_packages_have_one_version() {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in resolved() {
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        versions.entry(name).or_default().insert(version);
    }
    let violations: Vec<_> = ONE_VERSION
        .iter()
        .filter(|name| versions.get(*name).is_none_or(|found| found.len() != 1))
        .map(|name| format!("`{name}`: {:?}", versions.get(name)))
        .collect();
    assert_none(&violations, "packages that have none or several versions");
}

#[test]
fn every_outside_dependency_is_explained() {
    let document = fs::read_to_string(DEPENDENCIES_DOCUMENT).unwrap();
    let found: Vec<&str> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let expected = dependency_rows();
    let missing = expected
        .iter()
        .filter(|row| !found.iter().any(|line| line.starts_with(*row)))
        .map(|row| format!("there should be: {row} …"));
    let stale = found
        .iter()
        .filter(|line| !expected.iter().any(|row| line.starts_with(row)))
        .map(|line| format!("there should not be: {line}"));
    let violations: Vec<_> = missing.chain(stale).collect();
    assert_none(&violations, "rows of docs/dependencies.md to mend");
}

/// How the rows of the document begin: dependency, version, who uses it.
fn dependency_rows() -> Vec<String> {
    let mut users: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for package in members() {
        for edge in dependencies(package).filter(|edge| !is_member(edge)) {
            let dependency = (text(&edge["name"]), text(&edge["req"]));
            let users = users.entry(dependency).or_default();
            users.insert(short(&package["name"]));
        }
    }
    let row = |((name, version), users): ((&str, &str), BTreeSet<&str>)| {
        let version = version.trim_start_matches('^');
        let users = users.into_iter().collect::<Vec<_>>().join(", ");
        format!("| `{name}` | {version} | {users} |")
    };
    users.into_iter().map(row).collect()
}

/// The packages of this workspace.
fn members() -> impl Iterator<Item = &'static Value> {
    list(&METADATA["packages"]).filter(|package| package["source"].is_null())
}

/// The packages that are compiled into anything but tests, those of the
/// packages of tests and benchmarks among them.
fn resolved() -> impl Iterator<Item = &'static Value> {
    let nodes: BTreeMap<&str, &Value> = list(&METADATA["resolve"]["nodes"])
        .map(|node| (text(&node["id"]), node))
        .collect();
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = members().map(|package| text(&package["id"])).collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            let edges = list(&nodes[id]["deps"]);
            open.extend(
                edges
                    .filter(|edge| !list(&edge["dep_kinds"]).all(is_dev))
                    .map(|edge| text(&edge["pkg"])),
            );
        }
    }
    list(&METADATA["packages"]).filter(move |package| reached.contains(text(&package["id"])))
}

/// The names of the packages that are compiled with a crate, by the kinds of
/// edges that `cargo tree` knows.
fn tree(name: &str, edges: &str) -> BTreeSet<String> {
    let package = format!("vpcflow-{name}");
    let arguments = ["tree", "--prefix=none", "--package", &package];
    let output = cargo(&[&arguments[..], &["--edges", edges]].concat());
    let first_word = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    output.lines().map(first_word).collect()
}

/// The platform of the compiler, so that no package of another one is asked for.
fn host() -> String {
    let version = cargo(&["--version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// What cargo prints. Nothing is downloaded: all that these tests look at was
/// needed to build them.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(arguments)
        .arg("--frozen")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {arguments:?}:\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn dependencies(package: &'static Value) -> impl Iterator<Item = &'static Value> {
    list(&package["dependencies"])
}

/// Whether an edge leads to a package of this workspace.
fn is_member(edge: &Value) -> bool {
    edge["source"].is_null()
}

fn is_dev(edge: &Value) -> bool {
    edge["kind"] == "dev"
}

/// A crate's name without `vpcflow-`, as its folder is called.
fn short(name: &'static Value) -> &'static str {
    text(name).trim_start_matches("vpcflow-")
}

fn list(value: &'static Value) -> impl Iterator<Item = &'static Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &'static Value) -> &'static str {
    value.as_str().unwrap()
}

fn assert_none(violations: &[String], what: &str) {
    assert!(
        violations.is_empty(),
        "{what}:\n  {}\n",
        violations.join("\n  ")
    );
}
