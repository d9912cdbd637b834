//! `vpcflow top --follow`: rankings of records that are still coming, on a terminal.

mod draw;
mod keys;
mod screen;
mod sink;
mod view;

use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vpcflow_ingest::{Clock, SystemClock};
use vpcflow_query::{LiveOptions, LiveTop, ReadCounts, RowFilter, Window};

pub(crate) use self::screen::restore;
use self::screen::{Screen, Shown};
use self::sink::{Intake, LiveSink};
use super::look::{is_dumb, terminal};
use super::stats;
use crate::args::TopArgs;
use crate::commands::refused;
use crate::commands::tail::{Following, Source, follow_one, open, unite};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::open::{functions, warn_unknown};
use crate::print::Notes;
use crate::time::Moment;

/// Follows the sources until the user or a signal ends it.
pub(in crate::commands) async fn run(args: TopArgs, ending: Ending) -> Result<(), Failure> {
    let notes = Notes::new(args.from.decode.quiet);
    if !io::stdout().is_terminal() || is_dumb() {
        return Err(Failure::usage("`--follow` draws on a terminal, and there is none").hint(
            "`vpcflow tail SOURCE --sql 'SELECT …' --every 10s` prints the answer of a statement \
             again and again",
        ));
    }
    warn_unknown(args.from.decode.log_format.as_ref(), notes);
    let window_ms = i64::try_from(args.live.window.as_millis()).unwrap_or(i64::MAX);
    let options = LiveOptions {
        stats: stats(&args)?,
        limit: args.n as usize,
        window_s: (window_ms / 1000).max(1),
        bidirectional: args.bidirectional,
        key_bytes: LiveOptions::USUAL_KEY_BYTES,
    };
    let following = Following {
        sources: &args.follow,
        since: args.from.since.unwrap_or(Moment::Ago(window_ms)),
        poll: args.live.poll,
        lateness: args.live.lateness,
        max_calls_per_second: args.live.max_calls_per_second,
        r#for: args.live.r#for,
        decode: &args.from.decode,
        aws: &args.aws,
    };
    let stop = CancellationToken::new();
    ending.in_order(&stop)?;
    let sources = tokio::select! {
        opened = Box::pin(open(&following, None, notes, &stop)) => opened?,
        () = stop.cancelled() => {
            notes.summary(ReadCounts::default());
            return Ok(());
        }
    };
    let now_ms = SystemClock.now_ms();
    let times = (following.since.to_ms(now_ms), following.until_ms(now_ms));
    let intake = Arc::new(Mutex::new(intake(&args, options, &sources, times.0)?));

    let mut progress = Vec::new();
    let mut followed = Vec::new();
    for source in sources {
        let (_, nothing_yet, _) = source.shown();
        let (sender, receiver) = watch::channel(nothing_yet);
        progress.push(receiver);
        let sink = LiveSink::new(Arc::clone(&intake));
        let stop = stop.clone();
        followed.push(follow_one(source, &following, times, sink, sender, stop));
    }
    let names = args.follow.iter().map(ToString::to_string);
    let shown = Shown {
        sources: names.collect::<Vec<_>>().join(" "),
        progress,
        window_s: (window_ms / 1000).max(1),
        look: terminal(),
    };
    let screen = Screen::start(shown, Arc::clone(&intake), stop.clone())?;
    let results = Box::pin(join_all(followed)).await;
    let has_failed = results.iter().any(Result::is_err);
    if !has_failed && times.1.is_none() && !stop.is_cancelled() {
        // All has been read, and somebody may still be looking.
        screen.ended();
        stop.cancelled().await;
    }
    stop.cancel();
    let drawn = screen.finish();
    results.into_iter().collect::<Result<(), Failure>>()?;
    drawn?;
    let counts = intake
        .lock()
        .map_or_else(|_| ReadCounts::default(), |intake| intake.counts());
    notes.summary(counts);
    if args.from.decode.strict && counts.rejects > 0 {
        return Err(refused(counts.rejects));
    }
    Ok(())
}

fn intake(
    args: &TopArgs,
    options: LiveOptions,
    sources: &[Source],
    since_ms: i64,
) -> Result<Intake, Failure> {
    let schema = unite(sources.iter().map(Source::schema))?;
    let functions = functions(&args.from.functions)?;
    let window = Window {
        since_us: Some(since_ms.saturating_mul(1000)),
        until_us: None,
    };
    let condition = args.r#where.as_deref();
    let filter = RowFilter::with_functions(&schema, window, condition, &functions)?;
    let top = LiveTop::new(&schema, options, &functions)?;
    Ok(Intake::new(schema, filter, top))
}
