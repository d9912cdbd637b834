//! `vpcflow store`: looking after a store.

use std::sync::Arc;

use serde_json::{Value, json};
use vpcflow_ingest::SystemClock;
use vpcflow_query::{OutputFormat, escape};
use vpcflow_store::{Check, Info, Maintenance, Reader, Store, StoreOptions, check, info};

use crate::args::{OutputArgs, StoreArgs, StoreCommand, StoreReadArgs, StoreWriteArgs};
use crate::failure::Failure;
use crate::print::{bytes, counted, grouped, out};
use crate::store::location;
use crate::time::{date_time_ms, date_time_us};

pub(crate) async fn run(args: StoreArgs) -> Result<(), Failure> {
    match args.command {
        StoreCommand::Info(args) => show_info(&args).await,
        StoreCommand::Check(args) => show_check(&args).await,
        StoreCommand::Compact(args) => {
            let mut store = open(&args).await?;
            let done = store.compact().await?;
            store.close().await?;
            out(&compacted(&done))
        }
        StoreCommand::Expire { store: args, keep } => {
            let mut store = open(&args).await?;
            let done = store.expire(keep).await?;
            store.close().await?;
            out(&expired(&done))
        }
    }
}

/// A store that is there, for writing.
async fn open(args: &StoreWriteArgs) -> Result<Store, Failure> {
    let location = location(&args.store, &args.aws).await?;
    let options = StoreOptions {
        create: false,
        maintain: false,
        // What the user asks for, at once: readers keep their files.
        ..StoreOptions::default()
    };
    Ok(Store::open(&location, options, Arc::new(SystemClock)).await?)
}

async fn show_info(args: &StoreReadArgs) -> Result<(), Failure> {
    let location = location(&args.store, &args.aws).await?;
    let info = info(&mut Reader::open(&location).await?).await?;
    match wants_json(&args.output)? {
        true => out(&format!("{:#}\n", info_object(&info))),
        false => out(&info_text(&args.store, &info)),
    }
}

async fn show_check(args: &StoreReadArgs) -> Result<(), Failure> {
    let location = location(&args.store, &args.aws).await?;
    let check = check(&mut Reader::open(&location).await?).await?;
    match wants_json(&args.output)? {
        true => out(&format!("{:#}\n", check_object(&check)))?,
        false => out(&check_text(&check))?,
    }
    match check.findings.is_empty() {
        true => Ok(()),
        false => Err(Failure::negative()),
    }
}

/// Reports are for people, or JSON; they are no rows.
fn wants_json(output: &OutputArgs) -> Result<bool, Failure> {
    match output.output {
        None | Some(OutputFormat::Table) => Ok(false),
        Some(OutputFormat::Json) => Ok(true),
        Some(other) => Err(Failure::usage(format!("a report is no `{other}`"))
            .hint("`-o json` is for programs; `vpcflow sql --store` prints rows in any format")),
    }
}

fn info_text(name: &str, info: &Info) -> String {
    let mut text = format!("store    {}\n", escape(name));
    text += &format!("version  {} (layout {})\n", info.version, info.layout);
    let per_row = match info.rows {
        0 => String::new(),
        rows => format!(
            ", {:.1} bytes a record",
            info.size_bytes as f64 / rows as f64
        ),
    };
    text += &format!(
        "records  {} in {}, {}{per_row}\n",
        grouped(info.rows),
        counted(info.files as u64, "file"),
        bytes(info.size_bytes),
    );
    if let Some((first, last)) = info.days {
        text += &format!("days     {first} to {last}\n");
    }
    if let Some((first_us, last_us)) = info.start_range_us {
        text += &format!(
            "start    {} to {}\n",
            date_time_us(first_us),
            date_time_us(last_us)
        );
    }
    text += &format!(
        "rejects  {} in {}\n",
        grouped(info.rejects),
        counted(info.rejects_files as u64, "file")
    );
    for source in &info.sources {
        text += &format!(
            "source   {}: {}, {}, {}, the last {}{}\n",
            escape(source.source.as_str()),
            counted(source.totals.rows, "record"),
            counted(source.totals.rejects, "reject"),
            counted(source.totals.commits, "commit"),
            date_time_ms(source.committed_ms),
            source
                .complete_to_ms
                .map(|ms| format!(", complete to {}", date_time_ms(ms)))
                .unwrap_or_default(),
        );
    }
    text
}

fn info_object(info: &Info) -> Value {
    let sources = info.sources.iter().map(|source| {
        json!({
            "source": source.source.as_str(),
            "commits": source.totals.commits,
            "records": source.totals.rows,
            "rejects": source.totals.rejects,
            "committed": date_time_ms(source.committed_ms),
            "complete_to": source.complete_to_ms.map(date_time_ms),
        })
    });
    json!({
        "version": info.version,
        "layout": info.layout,
        "records": info.rows,
        "files": info.files,
        "size_bytes": info.size_bytes,
        "first_day": info.days.map(|days| days.0.to_string()),
        "last_day": info.days.map(|days| days.1.to_string()),
        "first_start": info.start_range_us.map(|range| date_time_us(range.0)),
        "last_start": info.start_range_us.map(|range| date_time_us(range.1)),
        "rejects": info.rejects,
        "rejects_files": info.rejects_files,
        "sources": sources.collect::<Vec<_>>(),
    })
}

fn check_text(check: &Check) -> String {
    let mut text = String::new();
    for finding in &check.findings {
        text += &format!(
            "problem  {}: {}\n",
            escape(&finding.place),
            escape(&finding.problem)
        );
    }
    for orphan in &check.orphans {
        text += &format!(
            "orphan   {}: nothing refers to it, and the next writer removes it\n",
            escape(orphan.path.as_ref())
        );
    }
    text += &format!(
        "{}: {}, {} and {}, read at version {}",
        if check.findings.is_empty() {
            "whole"
        } else {
            "damaged"
        },
        counted(check.files as u64, "file"),
        counted(check.rows, "record"),
        counted(check.rejects, "reject"),
        check.version
    );
    if check.events > 0 {
        text += &format!("; {}, each once", counted(check.events, "event"));
    }
    text + "\n"
}

fn check_object(check: &Check) -> Value {
    let findings = check.findings.iter();
    let findings =
        findings.map(|finding| json!({ "place": finding.place, "problem": finding.problem }));
    json!({
        "whole": check.findings.is_empty(),
        "version": check.version,
        "files": check.files,
        "records": check.rows,
        "events": check.events,
        "rejects": check.rejects,
        "problems": findings.collect::<Vec<_>>(),
        "orphans": check.orphans.iter().map(|orphan| orphan.path.to_string()).collect::<Vec<_>>(),
    })
}

fn compacted(done: &Maintenance) -> String {
    if done.compacted_files == 0 {
        return "nothing to do: each day has as few files as can be\n".to_owned();
    }
    format!(
        "{} became {}: {}, {} before, {} after\n",
        counted(done.compacted_files as u64, "file"),
        grouped(done.new_files as u64),
        counted(done.compacted_rows, "record"),
        bytes(done.before_bytes),
        bytes(done.after_bytes)
    )
}

fn expired(done: &Maintenance) -> String {
    format!(
        "{} with {} dropped, {} of rejects\n",
        counted(done.expired_files as u64, "file"),
        counted(done.expired_rows, "record"),
        counted(done.expired_rejects_files as u64, "file")
    )
}
