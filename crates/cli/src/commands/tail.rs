//! `vpcflow tail`.

mod sinks;

use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use futures::future::{BoxFuture, join_all};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use vpcflow_aws::CloudWatchLogGroup;
use vpcflow_ingest::{
    Clock, DecodingSink, DirectoryFollower, EventDecoder, Follow, FollowOptions, Location,
    SystemClock, follow,
};
use vpcflow_query::{RowFilter, Window};

use self::sinks::{Intake, SharedSink};
use crate::args::TailArgs;
use crate::commands::refused;
use crate::failure::Failure;
use crate::open::{config, group_format, warn_unknown};
use crate::print::{Notes, Output};

/// What is followed, ready to go.
enum Source {
    Group {
        group: CloudWatchLogGroup,
        decoder: Box<EventDecoder>,
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
    let intake = match &args.sql {
        None => Intake::printing(schema, filter, output, notes),
        Some(sql) => Intake::asking(schema, filter, output, notes, sql, args.every).await?,
    };
    let intake = Arc::new(Mutex::new(intake));

    let stop = CancellationToken::new();
    let follow_all = join_all(sources.into_iter().map(|source| {
        let sink = SharedSink::new(Arc::clone(&intake), notes);
        follow_one(source, &args, since_ms, until_ms, sink, stop.clone())
    }));
    // Asked to stop, the sources end in order: what was read is written.
    let signals = async {
        interrupted().await;
        stop.cancel();
        std::future::pending().await
    };
    let followed: Result<(), Failure> = tokio::select! {
        results = follow_all => results.into_iter().collect(),
        never = signals => never,
    };
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
                sources.push(Source::Group { group, decoder });
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
    stop: CancellationToken,
) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let result = match source {
            Source::Group { group, decoder } => {
                let mut state = Follow::new(FollowOptions {
                    since_ms,
                    poll: args.poll,
                    lateness: args.lateness,
                });
                let mut sink = DecodingSink::new(*decoder, sink);
                follow(&group, &SystemClock, &mut state, &mut sink, &stop, until_ms)
                    .await
                    .map_err(Failure::from)
            }
            Source::Files(mut follower) => follower
                .follow(&SystemClock, args.poll, &mut sink, &stop, until_ms)
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

/// Returns when the user or the system asks the process to end.
pub(super) async fn interrupted() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(_) => {
                let _ = tokio::signal::ctrl_c().await;
                return;
            }
        };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
