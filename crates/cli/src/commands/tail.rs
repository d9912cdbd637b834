//! `vpcflow tail`.

mod keep;
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
    Budget, Clock, DecodingSink, DirectoryFollower, EventDecoder, FilesProgress, FollowOptions,
    Follower, Location, LogGroup, Progress, SourceProgress, SystemClock,
};
use vpcflow_query::{Limits, RowFilter, SessionOptions, Window};
use vpcflow_store::{SharedStore, StoreSink};

use self::keep::Stand;
use self::sinks::{Intake, Question, SharedSink};
use self::status::{Board, StatusLine};
use crate::args::TailArgs;
use crate::commands::{end_in_order, files_checkpoint, refused};
use crate::failure::Failure;
use crate::open::{config, default_budget, functions, group_format, patiently, warn_unknown};
use crate::output::Output;
use crate::print::Notes;
use crate::store;

/// What is followed, ready to go.
enum Source {
    Group {
        name: String,
        group: Box<CloudWatchLogGroup>,
        decoder: Box<EventDecoder>,
        /// Shared by the groups of a region.
        budget: Budget,
        stand: Stand,
    },
    Files {
        follower: Box<DirectoryFollower>,
        stand: Stand,
    },
}

impl Source {
    fn schema(&self) -> &SchemaRef {
        match self {
            Source::Group { decoder, .. } => decoder.schema(),
            Source::Files { follower, .. } => follower.schema(),
        }
    }

    /// Where its records are kept.
    async fn sink(&self, store: &SharedStore, line: StatusLine) -> StoreSink {
        let (stand, group) = match self {
            Source::Group { stand, group, .. } => (stand, Some(group.name().to_owned())),
            Source::Files { stand, .. } => (stand, None),
        };
        let notice = move |text: &str| line.say(&format!("note: {text}"));
        let (source, checkpoint) = (stand.source.clone(), stand.checkpoint.clone());
        store.sink(source, checkpoint, group, notice).await
    }

    /// Has its progress shown.
    fn show_on(&self, board: &mut Board) -> watch::Sender<SourceProgress> {
        match self {
            Source::Group { name, budget, .. } => {
                let nothing_yet = SourceProgress::LogGroup(Progress::default());
                board.add(name.clone(), nothing_yet, Some(budget.clone()))
            }
            Source::Files { .. } => {
                let nothing_yet = SourceProgress::Files(FilesProgress::default());
                board.add("files".to_owned(), nothing_yet, None)
            }
        }
    }
}

pub(crate) async fn run(args: TailArgs, limits: Limits) -> Result<(), Failure> {
    let notes = Notes::new(args.decode.quiet);
    warn_unknown(args.decode.log_format.as_ref(), notes);
    let stop = CancellationToken::new();
    let store = match &args.keep.store {
        Some(name) => {
            let (days, every) = (args.keep.keep, args.keep.commit_every);
            Some(store::open(name, days, every, &args.aws, Some(&stop)).await?)
        }
        None => None,
    };
    let sources = open(&args, store.as_ref(), notes).await?;
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
        let shown = source.show_on(&mut board);
        follow_one(source, &args, since_ms, until_ms, sink, shown, stop.clone())
    }));
    let follow_all = Box::pin(follow_all);
    let shown = async {
        tokio::select! {
            results = follow_all => results.into_iter().collect(),
            () = board.show() => Ok(()),
        }
    };
    // The last commit may take long, too: a second signal does not wait for it.
    let ended = async {
        let followed: Result<(), Failure> = shown.await;
        let closed = match &store {
            Some(store) => store.close().await.map(Some),
            None => Ok(None),
        };
        Ok((followed, closed))
    };
    let ended = end_in_order(&stop, Box::pin(ended)).await;
    board.end();
    let (followed, closed) = ended?;
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

/// Opens the sources: each log group, and all files and directories together.
async fn open(
    args: &TailArgs,
    store: Option<&SharedStore>,
    notes: Notes,
) -> Result<Vec<Source>, Failure> {
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
            Location::S3 { .. } => {
                return Err(
                    Failure::usage(format!("`{location}` cannot be followed")).hint(
                        "`vpcflow ingest` reads what is new in it, each object once, as often as it \
                         is run",
                    ),
                );
            }
            Location::Path(_) | Location::Glob(_) => files.push(location.clone()),
            Location::LogGroup(name) => {
                if aws.is_none() {
                    aws = Some(config(&args.aws).await?);
                }
                let Some(config) = &aws else { continue };
                let group = CloudWatchLogGroup::new(config, name)?;
                patiently(|| group.check()).await?;
                let format = group_format(config, name, declared, notes).await?;
                let decoder = Box::new(EventDecoder::new(group.name(), format, args.decode.policy));
                let stand = match store {
                    Some(store) => {
                        let since_ms = args.since.to_ms(SystemClock.now_ms());
                        Stand::of_group(store, &group, since_ms).await?
                    }
                    None => Stand::default(),
                };
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
                    stand,
                });
            }
        }
    }
    if !files.is_empty() {
        let stand = match store {
            Some(store) => Stand::of_files(store).await?,
            None => Stand::default(),
        };
        let follower = DirectoryFollower::resume(
            files,
            declared.cloned(),
            args.decode.policy,
            &files_checkpoint(stand.checkpoint.as_ref()),
        )?;
        sources.push(Source::Files {
            follower: Box::new(follower),
            stand,
        });
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
