//! Pictures of the page of `vpcflow report` for the documents: `scripts/screenshots`.
//!
//! Takes the folder to write them to.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;

use vpcflow_tests::{Browser, Outcome, Scheme, vpcflow};

/// Name, scheme, width, height, and what is at its top.
const PICTURES: [(&str, Scheme, u32, u32, &str); 4] = [
    ("report.png", Scheme::Light, 1200, 1000, "header"),
    ("report-dark.png", Scheme::Dark, 1200, 900, "#time"),
    ("report-matrix.png", Scheme::Light, 1200, 620, "#matrix"),
    ("report-narrow.png", Scheme::Light, 390, 844, "header"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("name a folder")?;
    let folder = Path::new(&folder);
    let directory = tempfile::tempdir()?;
    let run = |arguments: &[&str]| {
        let mut command = vpcflow();
        Outcome::of(command.current_dir(directory.path()).args(arguments)).success()
    };
    run(&["generate", "logs"]);
    let title = "Production VPC, first hour of the year";
    run(&[
        "report",
        "--from",
        "logs",
        "--title",
        title,
        "--out",
        "report.html",
    ]);

    let mut browser = Browser::start().ok_or("there is no browser")?;
    fs::create_dir_all(folder)?;
    for (name, scheme, width, height, top) in PICTURES {
        browser.look(scheme, width, height);
        browser.open(&directory.path().join("report.html"));
        let place = format!("document.querySelector('{top}').getBoundingClientRect().top");
        let y = browser.evaluate(&place).as_f64().unwrap_or_default();
        // Some space above it.
        let picture = browser.picture((y - 24.0).max(0.0), height);
        fs::write(folder.join(name), picture)?;
    }
    Ok(())
}
