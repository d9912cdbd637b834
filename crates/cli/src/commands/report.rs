//! `vpcflow report`.

use std::io::{self, IsTerminal};
use std::path::Path;

use vpcflow_query::{Limits, Report, ReportOptions};

use crate::args::{FromArgs, PageArgs};
use crate::commands::top::need_source;
use crate::commands::{counted_before, finish};
use crate::failure::Failure;
use crate::open::open;
use crate::output::{Unfinished, cannot_write};
use crate::print::{Notes, bytes, out};
use crate::progress::Progress;

pub(crate) async fn run(args: PageArgs, limits: Limits) -> Result<(), Failure> {
    let notes = Notes::new(args.from.decode.quiet);
    need_source(args.from.is_empty())?;
    if args.out.is_none() && io::stdout().is_terminal() {
        return Err(
            Failure::usage("a report is a page for a browser, not text for a terminal")
                .hint("write it to a file with `--out report.html`"),
        );
    }
    // Before anything is read: a report of an hour of reading is not to be lost.
    let out_path = args.out.as_deref();
    let file = out_path.map(|path| {
        let file = Unfinished::new(path).map_err(|error| cannot_write(path, &error))?;
        Ok::<_, Failure>((file, path))
    });
    let file = file.transpose()?;
    let opened = open(&args.from, &args.aws, limits, notes).await?;
    let options = ReportOptions {
        title: args.title,
        sources: sources(&args.from),
        window: opened.window,
        condition: args.r#where,
        by: args.by.into(),
        limit: args.n.into(),
        network_bits: args.network_bits,
        made_us: opened.now_ms.saturating_mul(1000),
    };
    let mut progress = Progress::new(&opened.session, notes);
    let report = progress
        .beside(Box::pin(Report::new(&opened.session, options)))
        .await;
    progress.end();
    let report = match report {
        Ok(report) => report,
        Err(error) => return Err(counted_before(&opened, notes, error.into()).await),
    };
    let page = report.to_html()?;
    match file {
        None => out(&page)?,
        Some((file, path)) => {
            let filled = file.fill(&page);
            filled.map_err(|error| cannot_write(path, &error))?;
            notes.say(&told(path, page.len()));
        }
    }
    finish(&opened, &args.from.decode, notes)
}

/// What was read, as the user has said it.
fn sources(from: &FromArgs) -> Vec<String> {
    let named = from.from.iter().map(ToString::to_string);
    named.chain(from.store.iter().cloned()).collect()
}

fn told(path: &Path, size: usize) -> String {
    format!("`{}`, {}", path.display(), bytes(size as u64))
}
