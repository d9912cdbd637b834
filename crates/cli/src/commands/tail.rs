//! `vpcflow tail`.

mod keep;
mod sinks;
mod source;
mod status;

use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use vpcflow_ingest::{
    Clock, DecodingSink, FollowOptions, Follower, Sink, SourceProgress, SystemClock,
};
use vpcflow_query::{Limits, ReadCounts, RowFilter, SessionOptions, Window};

use self::sinks::{Intake, Question, SharedSink};
pub(super) use self::source::{Following, Source, open, unite};
use self::status::{Board, StatusLine};
pub(super) use self::status::{group_parts, united};
use crate::args::TailArgs;
use crate::commands::refused;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::memory;
use crate::open::{functions, warn_unknown};
use crate::output::Output;
use crate::print::Notes;
use crate::store;

pub(crate) async fn run(args: TailArgs, limits: Limits, ending: Ending) -> Result<(), Failure> {
    let notes = Notes::new(args.decode.quiet);
    warn_unknown(args.decode.log_format.as_ref(), notes);
    let stop = CancellationToken::new();
    ending.in_order(&stop)?;
    let opened = async {
        let store = match &args.keep.store {
            Some(name) => {
                let (days, every) = (args.keep.keep, args.keep.commit_every);
                Some(store::open(name, days, every, &args.aws, Some(&stop)).await?)
            }
            None => None,
        };
        let sources = open(&args.following(), store.as_ref(), notes, &stop).await?;
        Ok::<_, Failure>((store, sources))
    };
    let (store, sources) = tokio::select! {
        opened = Box::pin(opened) => opened?,
        () = stop.cancelled() => {
            // Nothing was read.
            notes.summary(ReadCounts::default());
            return Ok(());
        }
    };
    let schema = unite(sources.iter().map(Source::schema))?;

    let now_ms = SystemClock.now_ms();
    let since_ms = args.since.to_ms(now_ms);
    let following = args.following();
    let until_ms = following.until_ms(now_ms);
    let window = Window {
        since_us: Some(since_ms.saturating_mul(1000)),
        until_us: None,
    };
    let functions = functions(&args.functions)?;
    let condition = args.r#where.as_deref();
    let filter = RowFilter::with_functions(&schema, window, condition, &functions)?;
    let output = Output::new(&args.output)?;
    let line = StatusLine::new(&args, notes);
    let intake = match &args.sql {
        None if store.is_some() => Intake::counting(schema, filter, line.clone()),
        None => Intake::printing(schema, filter, &output, line.clone())?,
        Some(_) if !output.takes_answers_in_turn() => {
            let message = format!("answers in turn are no `{}`", output.format);
            return Err(Failure::usage(message).hint("`--out FILE` keeps the newest"));
        }
        Some(sql) => {
            let question = Question {
                sql,
                every: args.every,
                options: SessionOptions {
                    functions,
                    limits,
                    ..SessionOptions::default()
                },
                store: store.as_ref().map(|store| store.live().clone()),
            };
            Intake::asking(schema, filter, output, line.clone(), question).await?
        }
    };
    let intake = Arc::new(Mutex::new(intake));

    let mut board = Board::new(line.clone(), Arc::clone(&intake), store.clone());
    let mut sinks = Vec::new();
    for source in &sources {
        let stored = match &store {
            Some(store) => Some(source.sink(store, line.clone()).await),
            None => None,
        };
        sinks.push(SharedSink::new(Arc::clone(&intake), line.clone(), stored));
    }
    let follow_all = join_all(sources.into_iter().zip(sinks).map(|(source, sink)| {
        let (name, nothing_yet, budget) = source.shown();
        let shown = board.add(name, nothing_yet, budget);
        let times = (since_ms, until_ms);
        follow_one(source, &following, times, sink, shown, stop.clone())
    }));
    let follow_all = Box::pin(follow_all);
    let shown = async {
        tokio::select! {
            results = follow_all => results.into_iter().collect(),
            () = board.show() => Ok(()),
        }
    };
    let followed: Result<(), Failure> = Box::pin(memory::giving_back(shown)).await;
    let closed = match &store {
        Some(store) => store.close().await.map(Some),
        None => Ok(None),
    };
    board.end();
    let mut intake = intake.lock().await;
    let ended = intake.end().await;
    followed?;
    ended?;
    let counts = intake.counts();
    notes.summary(counts);
    if let Some(totals) = closed? {
        notes.say(&keep::summary(totals, args.keep.store.as_deref()));
    }
    if args.decode.strict && counts.rejects > 0 {
        return Err(refused(counts.rejects));
    }
    Ok(())
}

/// Follows a source from a time on, to another if there is one.
pub(super) fn follow_one<'a>(
    source: Source,
    args: &'a Following<'a>,
    (since_ms, until_ms): (i64, Option<i64>),
    mut sink: impl Sink + 'a,
    shown: watch::Sender<SourceProgress>,
    stop: CancellationToken,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let result = match source {
            Source::Group {
                group,
                decoder,
                budget,
                stand,
                ..
            } => {
                let options = FollowOptions {
                    since_ms,
                    poll: args.poll,
                    lateness: args.lateness,
                    ..FollowOptions::default()
                };
                let mut state = stand.resume(options);
                let follower = Follower {
                    group: &*group,
                    clock: &SystemClock,
                    budget,
                    progress: Some(shown),
                };
                let mut sink = DecodingSink::new(*decoder, sink);
                let followed = follower
                    .follow(&mut state, &mut sink, &stop, until_ms)
                    .await;
                followed.map_err(Failure::from)
            }
            Source::Lines { mut follower, .. } => follower
                .follow(&SystemClock, &mut sink, &stop, until_ms, Some(shown))
                .await
                .map_err(Failure::from),
            Source::Files { mut follower, .. } => follower
                .follow(
                    &SystemClock,
                    args.poll,
                    &mut sink,
                    &stop,
                    until_ms,
                    Some(shown),
                )
                .await
                .map_err(Failure::from),
        };
        if result.is_err() {
            // The others end in order rather than in the middle of a write.
            stop.cancel();
        }
        result
    })
}
