//! `vpcflow tail`.

mod sinks;
mod status;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::future::{BoxFuture, join_all};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use vpcflow_aws::CloudWatchLogGroup;
use vpcflow_ingest::{
    Budget, Clock, DecodingSink, DirectoryFollower, EventDecoder, FilesProgress, Follow,
    FollowOptions, Follower, Location, Progress, SourceProgress, SystemClock,
};
use vpcflow_query::{RowFilter, Window};

use self::sinks::{Intake, SharedSink};
use self::status::{Board, StatusLine};
use crate::args::TailArgs;
use crate::commands::refused;
use crate::failure::Failure;
use crate::open::{config, default_budget, group_format, warn_unknown};
use crate::print::{Notes, Output};

/// What is followed, ready to go.
enum Source {
    Group {
        name: String,
        group: Box<CloudWatchLogGroup>,
        decoder: Box<EventDecoder>,
        /// Shared by the groups of a region.
        budget: Budget,
    },
    Files(Box<DirectoryFollower>),
}

impl Source {
    fn schema(&self) -> &SchemaRef {
        match self {
            Source::Group { decoder, .. } => decoder.schema(),
            Source::Files(follower) => follower.schema(),
        }
    }

    /// Has its progress shown.
    fn show_on(&self, board: &mut Board) -> watch::Sender<SourceProgress> {
        match self {
            Source::Group { name, budget, .. } => {
                let nothing_yet = SourceProgress::LogGroup(Progress::default());
                board.add(name.clone(), nothing_yet, Some(budget.clone()))
            }
            Source::Files(_) => {
                let nothing_yet = SourceProgress::Files(FilesProgress::default());
                board.add("files".to_owned(), nothing_yet, None)
            }
        }
    }
}

pub(crate) async fn run(args: TailArgs) -> Result<(), Failure> {
    let notes = Notes::new(args.decode.quiet);
    warn_unknown(args.decode.log_format.as_ref(), notes);
    let sources = open(&args, notes).await?;
    let schema = unite(sources.iter().map(Source::schema))?;

    let now_ms = SystemClock.now_ms();
    let since_ms = args.since.to_ms(now_ms);
    let until_ms = args
        .r#for
        .map(|span| now_ms.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)));
    let window = Window {
        since_us: Some(since_ms.saturating_mul(1000)),
        until_us: None,
    };
    let filter = RowFilter::new(&schema, window, args.r#where.as_deref())?;
    let output = Output::new(&args.output);
    let line = StatusLine::new(&args, notes);
    let intake = match &args.sql {
        None => Intake::printing(schema, filter, output, line.clone()),
        Some(sql) => Intake::asking(schema, filter, output, line.clone(), sql, args.every).await?,
    };
    let intake = Arc::new(Mutex::new(intake));

    let stop = CancellationToken::new();
    let mut board = Board::new(line.clone(), Arc::clone(&intake));
    let follow_all = join_all(sources.into_iter().map(|source| {
        let sink = SharedSink::new(Arc::clone(&intake), line.clone());
        let shown = source.show_on(&mut board);
        follow_one(source, &args, since_ms, until_ms, sink, shown, stop.clone())
    }));
    let follow_all = Box::pin(follow_all);
    let followed: Result<(), Failure> = tokio::select! {
        results = follow_all => results.into_iter().collect(),
        // At once: the second signal says so.
        left = interrupted_twice(&stop) => return left,
        () = board.show() => Ok(()),
    };
    board.end();
    let mut intake = intake.lock().await;
    let ended = intake.end().await;
    followed?;
    ended?;
    let counts = intake.counts();
    notes.summary(counts);
    if args.decode.strict && counts.rejects > 0 {
        return Err(refused(counts.rejects));
    }
    Ok(())
}

/// Opens the sources: each log group, and all files and directories together.
async fn open(args: &TailArgs, notes: Notes) -> Result<Vec<Source>, Failure> {
    let declared = args.decode.log_format.as_ref();
    let mut sources = Vec::new();
    let mut files = Vec::new();
    let mut aws = None;
    let mut budgets: HashMap<String, Budget> = HashMap::new();
    for (index, location) in args.sources.iter().enumerate() {
        // A source that is named twice is followed once.
        if args.sources[..index].contains(location) {
            continue;
        }
        match location {
            Location::Stdin => {
                return Err(Failure::usage("standard input cannot be followed")
                    .hint("`vpcflow sql --from -` reads it to its end"));
            }
            Location::Path(_) | Location::Glob(_) => files.push(location.clone()),
            Location::LogGroup(name) => {
                if aws.is_none() {
                    aws = Some(config(&args.aws).await?);
                }
                let Some(config) = &aws else { continue };
                let group = CloudWatchLogGroup::new(config, name)?;
                group.check().await?;
                let format = group_format(config, name, declared, notes).await?;
                let decoder = Box::new(EventDecoder::new(name, format, args.decode.policy));
                let budget = budgets
                    .entry(group.region().to_owned())
                    .or_insert_with(|| match args.max_calls_per_second {
                        Some(calls) => Budget::new(calls),
                        None => default_budget(group.region()),
                    });
                let budget = budget.clone();
                sources.push(Source::Group {
                    name: location.to_string(),
                    group: Box::new(group),
                    decoder,
                    budget,
                });
            }
        }
    }
    if !files.is_empty() {
        sources.push(Source::Files(Box::new(DirectoryFollower::new(
            files,
            declared.cloned(),
            args.decode.policy,
        )?)));
    }
    Ok(sources)
}

/// The columns of all sources, united by name.
fn unite<'a>(schemas: impl Iterator<Item = &'a SchemaRef>) -> Result<SchemaRef, Failure> {
    let schemas = schemas.map(|schema| Schema::clone(schema));
    let schema = Schema::try_merge(schemas).map_err(vpcflow_query::Error::from)?;
    Ok(Arc::new(schema))
}

fn follow_one<'a>(
    source: Source,
    args: &'a TailArgs,
    since_ms: i64,
    until_ms: Option<i64>,
    mut sink: SharedSink,
    shown: watch::Sender<SourceProgress>,
    stop: CancellationToken,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let result = match source {
            Source::Group {
                group,
                decoder,
                budget,
                ..
            } => {
                let mut state = Follow::new(FollowOptions {
                    since_ms,
                    poll: args.poll,
                    lateness: args.lateness,
                    ..FollowOptions::default()
                });
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
            Source::Files(mut follower) => follower
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

/// Asks the sources to end in order when the user or the system asks for the
/// first time; returns at the second.
async fn interrupted_twice(stop: &CancellationToken) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    for _ in 0..2 {
        tokio::select! {
            _ = interrupt.recv() => stop.cancel(),
            _ = terminate.recv() => stop.cancel(),
        }
    }
    Err(Failure::interrupted())
}
