//! `vpcflow report`: where the page goes, and what stands in its way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use vpcflow_tests::{Outcome, binary, on_a_terminal, vpcflow, workspace};

fn report(directory: &Path, arguments: &[&str]) -> Outcome {
    let log = workspace("tests/cli/data/examples.log");
    let mut command = vpcflow();
    command.current_dir(directory).args(["report", "--from"]);
    Outcome::of(command.arg(log).args(arguments))
}

#[test]
fn a_page_goes_to_standard_output_or_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let printed = report(directory.path(), &["--title", "Seven records"]).success();
    assert_eq!(printed.counts(), (7, 0));
    assert!(
        printed
            .stdout
            .starts_with("<!DOCTYPE html>\n<html lang=\"en\">")
    );
    assert!(printed.stdout.contains("<title>Seven records</title>"));
    assert!(printed.stdout.ends_with("</html>\n"));

    let written = report(directory.path(), &["--out", "report.html"]).success();
    assert_eq!(written.stdout, "");
    let page = fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(page.ends_with("</html>\n"));
    let told = format!("`report.html`, {:.1} kB", page.len() as f64 / 1000.0);
    written.tells(&[&told]);
}

#[test]
fn a_report_that_fails_leaves_the_older_one() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    fs::write(&page, "older").unwrap();
    let arguments = [
        "--out",
        "report.html",
        "--where",
        "10 / (bytes - bytes) > 1",
    ];
    let outcome = report(directory.path(), &arguments).failure(1);
    outcome.tells(&["error: "]);
    assert_eq!(fs::read_to_string(&page).unwrap(), "older");
    let files = fs::read_dir(directory.path()).unwrap();
    assert_eq!(files.count(), 1, "nothing else is left");
}

/// The part of a page that is about the records.
fn main_of(page: &str) -> &str {
    page.split_once("<main").unwrap().1
}

#[test]
fn a_store_of_the_records_gives_the_same_report() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = vpcflow();
        Outcome::of(command.current_dir(directory.path()).args(arguments)).success()
    };
    run(&["generate", "logs", "--records", "5000"]);
    run(&["ingest", "logs", "--store", "flows", "-q"]);
    for more in [
        &["--network-bits", "32"][..],
        &["--where", "action = 'REJECT'"],
    ] {
        let of_text = run(&[&["report", "--from", "logs"], more].concat());
        let of_store = run(&[&["report", "--store", "flows"], more].concat());
        assert_eq!(of_text.counts(), (5000, 0));
        assert_eq!(main_of(&of_text.stdout), main_of(&of_store.stdout));
    }
}

#[test]
fn little_memory_gives_the_same_report_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = vpcflow();
        Outcome::of(command.current_dir(directory.path()).args(arguments))
    };
    run(&["generate", "logs", "--records", "20000"]).success();
    let report = ["report", "--from", "logs", "--threads", "2", "-q"];
    let whole = run(&report).success().stdout;
    for limit in ["2MB", "16MB", "32MB", "40MB", "48MB", "80MB"] {
        let outcome = run(&[&report[..], &["--memory-limit", limit]].concat());
        if limit != "80MB" && outcome.status == 1 {
            outcome
                .failure(1)
                .tells(&["more memory than the limit", "--memory-limit"]);
        } else {
            assert_eq!(
                main_of(&outcome.success().stdout),
                main_of(&whole),
                "{limit}"
            );
        }
    }
}

#[test]
fn reading_that_fails_ends_all_statements() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = vpcflow();
    let generate = command.current_dir(directory.path());
    Outcome::of(generate.args(["generate", "logs", "--records", "2000"])).success();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    for file in fs::read_dir(directory.path().join("logs")).unwrap() {
        gzip.write_all(&fs::read(file.unwrap().path()).unwrap())
            .unwrap();
    }
    let whole = gzip.finish().unwrap();
    let cut = directory.path().join("cut.log.gz");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let mut command = vpcflow();
    let outcome = Outcome::of(command.args(["report", "--from"]).arg(cut));
    outcome.failure(1).tells(&["cut.log.gz"]);
}

#[test]
fn a_terminal_gets_no_page() {
    let mut command = vpcflow();
    let log = workspace("tests/cli/data/examples.log");
    command.args(["report", "--from"]).arg(log);
    let Some(outcome) = on_a_terminal(&command, "") else {
        return;
    };
    let outcome = outcome.ends_with(2);
    let said = "error: a report is a page for a browser, not text for a terminal\n\
                hint: write it to a file with `--out report.html`";
    assert!(outcome.stdout.contains(said), "{}", outcome.stdout);
}

#[test]
fn the_examples_of_the_help_work() {
    let help = Outcome::of(vpcflow().args(["report", "--help"])).success();
    let examples = help.stdout.split_once("Examples:\n").unwrap().1;
    let examples: Vec<&str> = examples.lines().map(str::trim).collect();
    assert_eq!(examples.len(), 3, "{examples:?}");

    let directory = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/bin:/bin", binary().parent().unwrap().display());
    let run = |line: &str| {
        let shell = vpcflow();
        let variables = shell.get_envs();
        let mut command = Command::new("sh");
        command
            .env_clear()
            .envs(variables.filter_map(|(name, value)| Some((name, value?))))
            .env("PATH", &path)
            .current_dir(directory.path())
            .args(["-c", line]);
        Outcome::of(&mut command).success()
    };
    run("vpcflow generate logs --records 2000");
    run("vpcflow ingest logs --store flows -q");
    for example in examples {
        run(example);
        let file = example.rsplit(' ').next().unwrap();
        let page = fs::read_to_string(directory.path().join(file)).unwrap();
        assert!(page.ends_with("</html>\n"), "{example}");
    }
}
