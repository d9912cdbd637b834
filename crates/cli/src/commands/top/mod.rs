//! `vpcflow top`.

mod follow;
mod look;

use vpcflow_ingest::{Clock, SystemClock};
use vpcflow_query::{Compared, Key, Limits, OutputFormat, Stat, Top};

pub(crate) use self::follow::restore;
pub(super) use self::follow::run as follow;
pub(super) use self::look::look;
use crate::args::TopArgs;
use crate::commands::concluded;
use crate::failure::Failure;
use crate::open::{Opened, open};
use crate::output::Output;
use crate::print::Notes;
use crate::progress::Progress;
use crate::time::Moment;

/// What makes a row unless the user says.
const USUAL_KEY: &str = "srcaddr";
/// The same, where both directions of a conversation count together.
const USUAL_ENDS: [&str; 3] = ["client", "server", "server_port"];

pub(crate) async fn run(mut args: TopArgs, limits: Limits) -> Result<(), Failure> {
    let notes = Notes::new(args.from.decode.quiet);
    need_source(args.from.is_empty())?;
    let output = Output::new(&args.output)?;
    let is_table = output.format == OutputFormat::Table;
    let top = Top {
        stats: stats(&args)?,
        limit: args.n as usize,
        condition: args.r#where.take(),
        bidirectional: args.bidirectional,
        once: args.once,
        compare: compared(&mut args)?,
        trends: is_table,
    };
    let opened = open(&args.from, &args.aws, limits, notes).await?;
    let answered = print(&top, &opened, &output, notes).await;
    concluded(answered, &opened, &args.from.decode, notes).await
}

async fn print(top: &Top, opened: &Opened, output: &Output, notes: Notes) -> Result<(), Failure> {
    let session = &opened.session;
    let mut progress = Progress::new(session, notes);
    let ranked = progress.beside(Box::pin(top.rank(session))).await?;
    progress.end();
    match output.format {
        OutputFormat::Table => output.print_text(&ranked.text(session.counts(), &look(output))),
        _ => output.print_rows(&ranked.rows()?),
    }
}

/// The rankings that were asked for.
fn stats(args: &TopArgs) -> Result<Vec<Stat>, Failure> {
    let by = args.by.into();
    if !args.stat.is_empty() {
        let stats = args.stat.iter().map(|text| Stat::parse(text, by));
        let stats: Result<Vec<Stat>, String> = stats.collect();
        return stats.map_err(Failure::usage);
    }
    let usual: &[&str] = match args.bidirectional {
        true => &USUAL_ENDS,
        false => &[USUAL_KEY],
    };
    let keys: Result<Vec<Key>, String> = match args.keys.is_empty() {
        true => usual.iter().map(|key| key.parse()).collect(),
        false => Ok(args.keys.clone()),
    };
    Ok(vec![Stat::new(keys.map_err(Failure::usage)?, by)])
}

/// The period that the ranking is compared with, which is read as well.
fn compared(args: &mut TopArgs) -> Result<Option<Compared>, Failure> {
    let Some(ago) = args.compare else {
        return Ok(None);
    };
    let now_ms = SystemClock.now_ms();
    let Some(since) = args.from.since else {
        return Err(
            Failure::usage("`--compare` needs to know where the time before begins")
                .hint("name the period to rank with `--since`, and `--until` if it is not now"),
        );
    };
    let since_ms = since.to_ms(now_ms);
    let until_ms = args.from.until.map_or(now_ms, |until| until.to_ms(now_ms));
    let length_ms = until_ms.saturating_sub(since_ms);
    let ago_ms = match ago {
        None => length_ms,
        Some(ago) => i64::try_from(ago.as_millis()).unwrap_or(i64::MAX),
    };
    if ago_ms < length_ms {
        return Err(Failure::usage(
            "the period to compare with is not over before the one that is ranked begins",
        )
        .hint("name a longer time with `--compare`, or none for the time right before"));
    }
    let before_ms = since_ms.saturating_sub(ago_ms);
    if length_ms > 0 {
        args.from.since = Some(Moment::At(before_ms));
        args.from.until = Some(Moment::At(until_ms));
    }
    let us = |ms: i64| ms.saturating_mul(1000);
    Ok(Some(Compared {
        since_us: us(before_ms),
        until_us: us(before_ms.saturating_add(length_ms)),
        now_us: us(since_ms),
    }))
}

/// A ranking of nothing is a slip.
pub(super) fn need_source(none: bool) -> Result<(), Failure> {
    if none {
        return Err(Failure::usage("no source was named").hint(
            "name one with `--from`: a file, a pattern, a directory, `-` or `logs:GROUP`; or a \
                   store with `--store`",
        ));
    }
    Ok(())
}
