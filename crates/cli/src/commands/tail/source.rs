//! What a tail follows.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use tokio_util::sync::CancellationToken;
use vpcflow_aws::{CloudWatchLogGroup, SdkConfig};
use vpcflow_ingest::{
    Budget, Clock, DirectoryFollower, EventDecoder, FilesProgress, InputError, LineFollower,
    LinesProgress, Location, LogGroup, Progress, SourceProgress, SystemClock,
};
use vpcflow_store::{SharedStore, StoreSink};

use super::keep::Stand;
use super::status::StatusLine;
use crate::args::{AwsArgs, DecodeArgs, TailArgs};
use crate::commands::{STDIN, files_checkpoint};
use crate::failure::Failure;
use crate::open::{budget, config, group_format, patiently};
use crate::print::Notes;
use crate::time::Moment;

/// What is to be followed, and how.
pub(in crate::commands) struct Following<'a> {
    pub(in crate::commands) sources: &'a [Location],
    pub(in crate::commands) since: Moment,
    pub(in crate::commands) poll: Duration,
    pub(in crate::commands) lateness: Duration,
    pub(in crate::commands) max_calls_per_second: Option<f64>,
    pub(in crate::commands) r#for: Option<Duration>,
    pub(in crate::commands) decode: &'a DecodeArgs,
    pub(in crate::commands) aws: &'a AwsArgs,
}

impl Following<'_> {
    /// When it ends by itself.
    pub(in crate::commands) fn until_ms(&self, now_ms: i64) -> Option<i64> {
        let span = self.r#for?;
        Some(now_ms.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl TailArgs {
    /// What it is to follow.
    pub(super) fn following(&self) -> Following<'_> {
        Following {
            sources: &self.sources,
            since: self.since,
            poll: self.poll,
            lateness: self.lateness,
            max_calls_per_second: self.max_calls_per_second,
            r#for: self.r#for,
            decode: &self.decode,
            aws: &self.aws,
        }
    }
}

/// What is followed, ready to go.
pub(in crate::commands) enum Source {
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
    /// Standard input.
    Lines {
        follower: Box<LineFollower>,
        stand: Stand,
    },
}

impl Source {
    pub(in crate::commands) fn schema(&self) -> &SchemaRef {
        match self {
            Source::Group { decoder, .. } => decoder.schema(),
            Source::Files { follower, .. } => follower.schema(),
            Source::Lines { follower, .. } => follower.schema(),
        }
    }

    /// Where its records are kept.
    pub(super) async fn sink(&self, store: &SharedStore, line: StatusLine) -> StoreSink {
        let (stand, group) = match self {
            Source::Group { stand, group, .. } => (stand, Some(group.name().to_owned())),
            Source::Files { stand, .. } | Source::Lines { stand, .. } => (stand, None),
        };
        let notice = move |text: &str| line.say(&format!("note: {text}"));
        let (source, checkpoint) = (stand.source.clone(), stand.checkpoint.clone());
        store.sink(source, checkpoint, group, notice).await
    }

    /// Its name, its progress before it has any, and the calls that it may make.
    pub(in crate::commands) fn shown(&self) -> (String, SourceProgress, Option<Budget>) {
        match self {
            Source::Group { name, budget, .. } => {
                let nothing_yet = SourceProgress::LogGroup(Progress::default());
                (name.clone(), nothing_yet, Some(budget.clone()))
            }
            Source::Files { .. } => {
                let nothing_yet = SourceProgress::Files(FilesProgress::default());
                ("files".to_owned(), nothing_yet, None)
            }
            Source::Lines { .. } => {
                let nothing_yet = SourceProgress::Lines(LinesProgress::default());
                (STDIN.to_owned(), nothing_yet, None)
            }
        }
    }
}

/// Opens the sources: each log group, all files and directories together, and
/// standard input last, whose first line may be long in coming.
pub(in crate::commands) async fn open(
    args: &Following<'_>,
    store: Option<&SharedStore>,
    notes: Notes,
    stop: &CancellationToken,
) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    let mut files = Vec::new();
    let mut stdin = false;
    let mut aws = None;
    let mut budgets = HashMap::new();
    for (index, location) in args.sources.iter().enumerate() {
        // A source that is named twice is followed once.
        if args.sources[..index].contains(location) {
            continue;
        }
        match location {
            Location::Stdin => stdin = true,
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
                    aws = Some(config(args.aws).await?);
                }
                let Some(config) = &aws else { continue };
                sources.push(open_group(args, name, config, store, &mut budgets, notes).await?);
            }
        }
    }
    if !files.is_empty() {
        sources.push(open_files(args, files, store).await?);
    }
    if stdin {
        sources.push(open_lines(args, stop).await?);
    }
    Ok(sources)
}

async fn open_group(
    args: &Following<'_>,
    name: &str,
    config: &SdkConfig,
    store: Option<&SharedStore>,
    budgets: &mut HashMap<String, Budget>,
    notes: Notes,
) -> Result<Source, Failure> {
    let group = CloudWatchLogGroup::new(config, name)?;
    patiently(|| group.check()).await?;
    let declared = args.decode.log_format.as_ref();
    let format = group_format(config, name, declared, notes).await?;
    let decoder = Box::new(EventDecoder::new(group.name(), format, args.decode.policy));
    let stand = match store {
        Some(store) => {
            let since_ms = args.since.to_ms(SystemClock.now_ms());
            Stand::of_group(store, &group, since_ms).await?
        }
        None => Stand::default(),
    };
    let region = group.region();
    let budget = budgets
        .entry(region.to_owned())
        .or_insert_with(|| budget(region, args.max_calls_per_second));
    Ok(Source::Group {
        name: Location::LogGroup(name.to_owned()).to_string(),
        budget: budget.clone(),
        group: Box::new(group),
        decoder,
        stand,
    })
}

async fn open_files(
    args: &Following<'_>,
    files: Vec<Location>,
    store: Option<&SharedStore>,
) -> Result<Source, Failure> {
    let stand = match store {
        Some(store) => Stand::of_files(store).await?,
        None => Stand::default(),
    };
    let follower = DirectoryFollower::resume(
        files,
        args.decode.log_format.clone(),
        args.decode.policy,
        &files_checkpoint(stand.checkpoint.as_ref()),
    )?;
    Ok(Source::Files {
        follower: Box::new(follower),
        stand,
    })
}

async fn open_lines(args: &Following<'_>, stop: &CancellationToken) -> Result<Source, Failure> {
    let declared = args.decode.log_format.as_ref();
    let patience = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(args.r#for.unwrap_or(Duration::MAX)) => {}
        }
    };
    let policy = args.decode.policy;
    let opened = LineFollower::open("-", io::stdin(), declared, policy, patience).await;
    let follower = opened.map_err(|error| {
        let undone_elsewhere = matches!(error, InputError::NotText { .. });
        let failure = Failure::from(error);
        match undone_elsewhere {
            true => failure.hint("`vpcflow ingest -` reads gzip, zstd and JSON, to their end"),
            false => failure,
        }
    })?;
    Ok(Source::Lines {
        follower: Box::new(follower),
        stand: Stand::of_lines(),
    })
}

/// The columns of all sources, united by name.
pub(in crate::commands) fn unite<'a>(
    schemas: impl Iterator<Item = &'a SchemaRef>,
) -> Result<SchemaRef, Failure> {
    let schemas = schemas.map(|schema| Schema::clone(schema));
    let schema = Schema::try_merge(schemas).map_err(vpcflow_query::Error::from)?;
    Ok(Arc::new(schema))
}
