//! `--out`: rows to a file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vpcflow_tests::{Outcome, on_a_terminal, vpcflow};

const ROWS: &str = "SELECT * FROM (VALUES ('10.0.0.1', 7), (NULL, 8)) AS t(address, bytes)";

fn sql(directory: &Path, arguments: &[&str]) -> Outcome {
    Outcome::of(
        vpcflow()
            .current_dir(directory)
            .arg("sql")
            .args(arguments)
            .arg("-q"),
    )
}

#[test]
fn the_name_of_a_file_tells_its_format() {
    let directory = tempfile::tempdir().unwrap();
    let written = |name: &str, more: &[&str]| {
        let arguments = [&[ROWS, "--out", name], more].concat();
        let outcome = sql(directory.path(), &arguments);
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (0, ""),
            "{}",
            outcome.stderr
        );
        fs::read(directory.path().join(name)).unwrap()
    };
    let text = |name, more| String::from_utf8(written(name, more)).unwrap();
    assert_eq!(text("rows.csv", &[]), "address,bytes\n10.0.0.1,7\n,8\n");
    assert_eq!(text("rows.jsonl", &[]).lines().count(), 2);
    assert_eq!(text("rows.txt", &[]).lines().count(), 4);
    assert_eq!(
        text("rows.csv", &["-o", "tsv"]),
        "address\tbytes\n10.0.0.1\t7\n\t8\n"
    );
    let parquet = written("rows.parquet", &[]);
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
    let arrow = written("rows.feather", &[]);
    assert!(arrow.starts_with(b"ARROW1") && arrow.ends_with(b"ARROW1"));
    let mode = fs::metadata(directory.path().join("rows.csv"))
        .unwrap()
        .permissions()
        .mode();
    assert_ne!(
        mode & 0o044,
        0,
        "others may read it, as far as the umask lets them"
    );
}

#[test]
fn the_environment_stands_back_for_a_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = vpcflow();
    command
        .current_dir(&directory)
        .env("VPCFLOW_OUTPUT", "markdown");
    let outcome = Outcome::of(command.args(["sql", ROWS, "-q", "--out", "rows.tsv"]));
    assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    let text = fs::read_to_string(directory.path().join("rows.tsv")).unwrap();
    assert!(text.starts_with("address\tbytes\n"), "{text}");
    let mut command = vpcflow();
    command.env("VPCFLOW_OUTPUT", "markdown");
    let outcome = Outcome::of(command.args(["sql", ROWS, "-q"]));
    assert!(
        outcome.stdout.starts_with("| address"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn a_query_that_fails_leaves_the_file_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.csv");
    fs::write(&path, "before").unwrap();
    let fails = "SELECT 1 / (bytes - 8) FROM (VALUES (7), (8)) AS t(bytes)";
    let outcome = sql(directory.path(), &[fails, "--out", "rows.csv"]);
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(
        fs::read_dir(&directory).unwrap().count(),
        1,
        "no part of it is left"
    );
}

#[test]
fn mistakes_are_told() {
    let directory = tempfile::tempdir().unwrap();
    for (arguments, status, message) in [
        (
            &[ROWS, "--out", "rows"][..],
            2,
            "the name `rows` tells no format",
        ),
        (
            &["SELECT 1; SELECT 2", "--out", "rows.csv"],
            2,
            "there are 2 statements, and a file takes the rows of one",
        ),
        (
            &[ROWS, "--out", "none/rows.csv"],
            1,
            "cannot write `none/rows.csv`: no such file",
        ),
        (
            &[ROWS, "-o", "excel"],
            2,
            "the formats are table, json, ndjson, csv, tsv, markdown, parquet, arrow",
        ),
    ] {
        let outcome = sql(directory.path(), arguments);
        assert_eq!(outcome.status, status, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(message), "{}", outcome.stderr);
    }
}

#[test]
fn a_terminal_takes_text_that_fits() {
    let mut command = vpcflow();
    command.args(["sql", ROWS, "-q", "-o", "parquet"]);
    let Some(outcome) = on_a_terminal(&command, "") else {
        return;
    };
    assert_eq!(outcome.status, 2);
    assert!(
        outcome
            .stdout
            .contains("`parquet` is no text for a terminal"),
        "{}",
        outcome.stdout
    );
}
