//! The page of `vpcflow report` in a browser: it opens without a word, asks nothing of
//! a network, has the sums that SQL has, and can be read by everybody.
//!
//! Skipped where there is no Chromium.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vpcflow_tests::{Browser, Outcome, Scheme, vpcflow};

const LOOKS: [(Scheme, u32); 4] = [
    (Scheme::Light, 1280),
    (Scheme::Dark, 1280),
    (Scheme::Light, 360),
    (Scheme::Dark, 360),
];

/// Text whose contrast to what is behind it is less than WCAG 2 asks for at AA.
const FAINT: &str = include_str!("report_browser/contrast.js");

/// What somebody who does not see the page, or uses no pointer, would miss.
const BARRIERS: &str = include_str!("report_browser/barriers.js");

/// Sums of the tables: of the column of the first measure, by the name of the table.
const SUMS: &str = include_str!("report_browser/sums.js");

fn logs(directory: &Path) {
    let mut command = vpcflow();
    command
        .current_dir(directory)
        .args(["generate", "logs", "--records", "10000"]);
    Outcome::of(&mut command).success();
    // A line that is none, and a name that would like to be markup.
    let evil = "</td><script>console.log(1)</script><img/src=https://example.com/x>\u{202e}";
    let line = format!("2 1 {evil} 10.0.0.1 10.0.0.2 1 22 6 1 40 1767225600 1767225660 REJECT OK");
    fs::write(
        directory.join("logs/hostile.log"),
        format!("{line}\nrefused\n"),
    )
    .unwrap();
}

fn page(directory: &Path, more: &[&str]) -> PathBuf {
    let mut command = vpcflow();
    command
        .current_dir(directory)
        .args(["report", "--from", "logs", "--out", "report.html", "-q"])
        .args(more);
    Outcome::of(&mut command).success();
    directory.join("report.html")
}

fn sql(directory: &Path, statement: &str) -> Value {
    let mut command = vpcflow();
    command
        .current_dir(directory)
        .args(["sql", statement, "--from", "logs", "-q", "-o", "ndjson"]);
    Outcome::of(&mut command).success().rows().remove(0)
}

#[test]
fn it_opens_quietly_and_is_for_everybody() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    logs(directory.path());
    let page = page(directory.path(), &["--title", "<script>alert(1)</script>"]);
    let url = format!("file://{}", page.display());
    for (scheme, width) in LOOKS {
        browser.look(scheme, width, 900);
        browser.open(&page);
        let look = format!("{scheme:?}, {width}");
        assert_eq!(browser.console(), [] as [&str; 0], "{look}");
        assert_eq!(browser.requests(), [url.as_str()], "{look}");
        // The style is the one that the page allows.
        let padding =
            browser.evaluate("getComputedStyle(document.querySelector('.card')).paddingTop");
        assert_ne!(padding, json!("0px"), "{look}");
        let overflow = "document.documentElement.scrollWidth - innerWidth";
        assert!(browser.evaluate(overflow).as_i64().unwrap() <= 0, "{look}");
        assert_eq!(browser.evaluate(FAINT), json!([]), "{look}");
    }
    assert_eq!(browser.evaluate(BARRIERS), json!([]));
    assert_eq!(
        browser.evaluate("document.scripts.length + document.images.length"),
        json!(0)
    );
    let title = browser.evaluate("document.title + document.querySelector('h1').textContent");
    assert_eq!(title, json!("<script>alert(1)</script>".repeat(2)));
    let pdf = browser.print();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 20_000);
}

#[test]
fn its_sums_are_those_of_sql() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    logs(directory.path());
    let page = page(directory.path(), &["-n", "5"]);
    browser.open(&page);
    let sums = browser.evaluate(SUMS);
    let all = sql(
        directory.path(),
        "SELECT sum(bytes) AS bytes, count(*) AS flows, count(*) FILTER (WHERE action = 'REJECT') \
         AS rejected, (SELECT count(*) FROM flows) AS records, (SELECT count(*) FROM rejects) AS \
         refused FROM flows WHERE log_status = 'OK'",
    );
    for table in [
        "sources",
        "destinations",
        "interfaces",
        "protocols",
        "services",
        "directions",
    ] {
        assert_eq!(sums[table], all["bytes"], "{table}");
    }
    assert_eq!(sums["pairs"], all["bytes"]);
    assert_eq!(sums["rejected-sources"], all["rejected"]);
    assert_eq!(sums["rejected-ports"], all["rejected"]);
    assert_eq!(sums["timeline"], all["bytes"]);
    assert_eq!(sums["rejects"], all["refused"]);
    assert_eq!(sums["records"], all["records"]);
}

/// What the tests above look for, they would find.
#[test]
fn what_a_page_does_is_seen() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    logs(directory.path());
    let page = page(directory.path(), &[]);
    let text = fs::read_to_string(&page).unwrap();
    let markup = "<script>console.log('ran')</script><img src=\"https://192.0.2.1/x.png\">\
                  <p style=\"color:#777;background:#888\">faint</p><h6>too deep</h6></body>";
    let spoiled = directory.path().join("spoiled.html");

    // The page's own policy keeps markup of others from doing anything.
    fs::write(&spoiled, text.replace("</body>", markup)).unwrap();
    browser.open(&spoiled);
    let console = browser.console().join("\n");
    assert!(console.contains("Content Security Policy"), "{console}");
    assert!(!console.contains("\"ran\""), "{console}");
    let faint = browser.evaluate(FAINT);
    assert_eq!(
        faint,
        json!([]),
        "a style that is not the page's own is not applied"
    );

    // Without it, all of it is done, and seen.
    let open = text.replace("http-equiv=\"Content-Security-Policy\"", "name=\"none\"");
    fs::write(&spoiled, open.replace("</body>", markup)).unwrap();
    browser.open(&spoiled);
    let console = browser.console().join("\n");
    assert!(console.contains("\"ran\""), "{console}");
    let requests = browser.requests();
    assert!(
        requests.iter().any(|url| url.contains("192.0.2.1")),
        "{requests:?}"
    );
    let faint = browser.evaluate(FAINT).to_string();
    assert!(faint.contains("faint"), "{faint}");
    let barriers = browser.evaluate(BARRIERS).to_string();
    assert!(
        barriers.contains("too deep") && barriers.contains("IMG"),
        "{barriers}"
    );
}
