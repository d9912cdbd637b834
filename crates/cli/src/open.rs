//! From `--from` and `--store` to a session.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::SchemaRef;
use futures::future::try_join_all;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vpcflow_aws::{AssumeRole, CloudWatchLogGroup, SdkConfig, SdkOptions, filter_log_events_quota};
use vpcflow_ingest::{
    Budget, Clock, Collected, DecodingSink, EventDecoder, InputError, InputFile, Location,
    ReadError, ReadErrorKind, SystemClock, Times, expand, read_history, resolve_formats, spool,
};
use vpcflow_query::{Functions, Limits, Session, SessionOptions, Sources, Window};
use vpcflow_record::Format;
use vpcflow_setup::Provisioner;
use vpcflow_store::Reader;

use crate::args::{AwsArgs, DecodeArgs, FromArgs, FunctionArgs};
use crate::bucket::{Buckets, NamedObjects};
use crate::failure::Failure;
use crate::print::Notes;
use crate::store;

/// How far back a log group is read unless the user says.
pub(crate) const DEFAULT_SINCE_MS: i64 = 60 * 60 * 1000;

/// A session and what has to live as long.
pub(crate) struct Opened {
    pub(crate) session: Session,
    /// Whether anything was named to read.
    pub(crate) has_sources: bool,
    /// Whether a store is among it.
    pub(crate) has_stores: bool,
    /// The records that are in `flows`.
    pub(crate) window: Window,
    /// When it was opened.
    pub(crate) now_ms: i64,
    /// Where pipes were copied to.
    _spool: Option<TempDir>,
}

/// Opens the sources of `--from` and the stores of `--store`.
pub(crate) async fn open(
    args: &FromArgs,
    aws: &AwsArgs,
    limits: Limits,
    notes: Notes,
) -> Result<Opened, Failure> {
    let now_ms = SystemClock.now_ms();
    let declared = args.decode.log_format.as_ref();
    warn_unknown(declared, notes);
    let functions = functions(&args.functions)?;
    let since_ms = args.since.map(|since| since.to_ms(now_ms));
    let until_ms = args.until.map(|until| until.to_ms(now_ms));
    if let (Some(since_ms), Some(until_ms)) = (since_ms, until_ms)
        && since_ms >= until_ms
    {
        return Err(Failure::usage(
            "`--since` is not before `--until`: no record is between",
        ));
    }
    let mut sources = Sources::new(args.decode.policy);
    let mut pipes = Pipes::default();
    let mut stdin_read = false;
    let mut seen = HashSet::new();
    let mut groups: Vec<&String> = Vec::new();
    let mut buckets = Buckets::default();
    let mut objects = Vec::new();
    let times = Times { since_ms, until_ms };
    for location in &args.from {
        match location {
            Location::Stdin if stdin_read => {
                return Err(Failure::usage(
                    "standard input can be read once: name `-` once",
                ));
            }
            Location::Stdin => {
                sources.add_file(pipes.copy(None).await?, declared)?;
                stdin_read = true;
            }
            // A source that is named twice is read once.
            Location::LogGroup(name) if groups.contains(&name) => {}
            Location::LogGroup(name) => groups.push(name),
            Location::S3 { bucket, keys } => {
                let listed = buckets.list(bucket, keys, times, aws).await?;
                objects.extend(
                    listed
                        .into_iter()
                        .filter(|file| seen.insert(file.path.clone())),
                );
            }
            Location::Path(_) | Location::Glob(_) => {
                for file in expand(location)? {
                    let path = file
                        .path
                        .canonicalize()
                        .unwrap_or_else(|_| file.path.clone());
                    if !seen.insert(path) {
                        continue;
                    }
                    let file = if file.path.is_file() {
                        file
                    } else {
                        pipes.copy(Some(file)).await?
                    };
                    if file.size_bytes == 0 {
                        notes.say(&format!("note: `{}` is empty", file.name));
                    }
                    sources.add_file(file, declared)?;
                }
            }
        }
    }
    add_objects(&mut sources, objects, declared).await?;
    if !groups.is_empty() {
        let config = config(aws).await?;
        let since_ms = since_ms.unwrap_or_else(|| {
            notes.say("note: log groups are read from one hour ago on: `--since` says otherwise");
            now_ms - DEFAULT_SINCE_MS
        });
        let until_ms = until_ms.unwrap_or(now_ms);
        let reads = groups
            .into_iter()
            .map(|name| read_group(&config, name, &args.decode, since_ms, until_ms, notes));
        for (schema, collected) in try_join_all(reads).await? {
            sources.add_collected(schema, collected);
        }
    }
    add_stores(&mut sources, &args.store, aws).await?;
    let objects = NamedObjects::new(buckets, aws);
    sources.allow_paths(declared, Some(Arc::new(objects)));
    let window = Window {
        since_us: since_ms.map(|ms| ms.saturating_mul(1000)),
        until_us: until_ms.map(|ms| ms.saturating_mul(1000)),
    };
    let options = SessionOptions {
        window,
        functions,
        limits,
    };
    let session = Session::with_options(sources, &options).await?;
    Ok(Opened {
        session,
        has_sources: !args.is_empty(),
        has_stores: !args.store.is_empty(),
        window,
        now_ms,
        _spool: pipes.directory,
    })
}

/// Adds objects. Their formats are looked at together, on threads that may block.
async fn add_objects(
    sources: &mut Sources,
    objects: Vec<InputFile>,
    declared: Option<&Format>,
) -> Result<(), Failure> {
    let (parquet, text): (Vec<_>, Vec<_>) = objects.into_iter().partition(InputFile::is_parquet);
    for file in parquet {
        sources.add_file(file, declared)?;
    }
    for (file, format) in resolve_formats(text, declared).await? {
        sources.add_file_of(format, file);
    }
    Ok(())
}

/// Adds what each store holds now. One that is named twice is read once.
async fn add_stores(
    sources: &mut Sources,
    stores: &[String],
    aws: &AwsArgs,
) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    for store in stores {
        let location = store::location(store, aws).await?;
        if seen.insert(location.url().clone()) {
            let snapshot = Reader::open(&location).await?.snapshot().await?;
            sources.add_store(snapshot)?;
        }
    }
    Ok(())
}

/// Pipes that a query could not read twice, copied to files.
#[derive(Default)]
struct Pipes {
    directory: Option<TempDir>,
    copied: usize,
}

impl Pipes {
    /// Copies standard input, or a pipe that has a name.
    async fn copy(&mut self, pipe: Option<InputFile>) -> Result<InputFile, Failure> {
        if self.directory.is_none() {
            self.directory = Some(tempfile::tempdir()?);
        }
        let Some(directory) = &self.directory else {
            return Err(Failure::new("no directory for a copy of a pipe"));
        };
        let path = directory.path().join(self.copied.to_string());
        self.copied += 1;
        let copy = tokio::task::spawn_blocking(move || -> Result<InputFile, InputError> {
            match pipe {
                None => spool(std::io::stdin().lock(), "-", path),
                Some(pipe) => spool(pipe.open_raw()?, &pipe.name, path),
            }
        });
        let copied = copy
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(copied?)
    }
}

/// The functions of SQL, with the files that the user names.
pub(crate) fn functions(args: &FunctionArgs) -> Result<Functions, Failure> {
    let mut functions = Functions::new();
    if let Some(path) = &args.ip_ranges {
        functions.read_ip_ranges(path)?;
    }
    for path in &args.geo {
        functions.read_geo_database(path)?;
    }
    Ok(functions)
}

/// Tells about fields that the registry does not have: perhaps a slip.
pub(crate) fn warn_unknown(format: Option<&Format>, notes: Notes) {
    for name in format.into_iter().flat_map(Format::unknown) {
        notes.say(&format!(
            "note: `{name}` is no field of AWS's that is known: it is read as text"
        ));
    }
}

/// The configuration for calls to AWS.
pub(crate) async fn config(args: &AwsArgs) -> Result<SdkConfig, Failure> {
    if args.no_sign_request {
        return Err(
            Failure::usage("only buckets of S3 answer calls that are not signed")
                .hint("leave `--no-sign-request` out"),
        );
    }
    bucket_config(args).await
}

/// The configuration for calls to S3, which public buckets take without credentials.
pub(crate) async fn bucket_config(args: &AwsArgs) -> Result<SdkConfig, Failure> {
    let options = SdkOptions {
        profile: args.profile.clone(),
        region: args.region.clone(),
        endpoint_url: args.endpoint_url.clone(),
        assume_role: args.assume_role.clone().map(|arn| AssumeRole {
            arn,
            external_id: args.external_id.clone(),
        }),
        unsigned: args.no_sign_request,
    };
    let config = vpcflow_aws::load_config(&options).await?;
    if !options.unsigned {
        vpcflow_aws::check_credentials(&config).await?;
    }
    Ok(config)
}

/// The format of a log group's records: declared, or that of its flow logs.
pub(crate) async fn group_format(
    config: &SdkConfig,
    group: &str,
    declared: Option<&Format>,
    notes: Notes,
) -> Result<Format, Failure> {
    if let Some(format) = declared {
        return Ok(format.clone());
    }
    // Flow logs are asked for by name, whichever way the group is given.
    let name = group
        .split_once(":log-group:")
        .map_or(group, |(_, name)| name);
    let name = name.strip_suffix(":*").unwrap_or(name);
    let formats = match Provisioner::new(config) {
        Ok(provisioner) => provisioner.log_formats(name).await,
        Err(error) => Err(error),
    };
    match formats.as_deref() {
        Ok([]) => {
            notes.say(&format!(
                "note: no flow log delivers to `{name}`: its records are read in the default format"
            ));
            Ok(Format::default())
        }
        Ok([only]) => Ok(only.format.clone()),
        Ok(several) => {
            let list: Vec<String> = several
                .iter()
                .map(|format| format!("{} ({})", format.format, format.flow_log_ids.join(", ")))
                .collect();
            let message = format!(
                "the flow logs of `{name}` have {} formats, and a record does not tell which is its \
                 own:\n  {}",
                list.len(),
                list.join("\n  ")
            );
            Err(Failure::new(message).hint("declare one with `--log-format`"))
        }
        Err(error) => {
            notes.say(&format!(
                "note: the format of `{name}` is taken as the default, since its flow logs cannot \
                 be described ({error}): `--log-format` declares another"
            ));
            Ok(Format::default())
        }
    }
}

/// The calls that are made to the log groups of a region: as many as the user says,
/// else six in ten of the quota, since others of the account use it too.
pub(crate) fn budget(region: &str, max_calls_per_second: Option<f64>) -> Budget {
    Budget::new(max_calls_per_second.unwrap_or_else(|| 0.6 * filter_log_events_quota(region)))
}

/// The rows of a log group between two times, and their schema.
async fn read_group(
    config: &SdkConfig,
    name: &str,
    decode: &DecodeArgs,
    since_ms: i64,
    until_ms: i64,
    notes: Notes,
) -> Result<(SchemaRef, Collected), Failure> {
    let group = CloudWatchLogGroup::new(config, name)?;
    group.check().await?;
    let format = group_format(config, name, decode.log_format.as_ref(), notes).await?;
    let decoder = EventDecoder::new(name, format, decode.policy);
    let schema = Arc::clone(decoder.schema());
    let mut sink = DecodingSink::new(decoder, Collected::default());
    let stop = CancellationToken::new();
    let budget = budget(group.region(), None);
    read_history(
        &group,
        &SystemClock,
        &budget,
        since_ms,
        until_ms,
        &mut sink,
        &stop,
    )
    .await?;
    Ok((schema, sink.into_inner()))
}

/// Asks AWS about a log group; what may pass is waited for, as long as a user has
/// patience.
pub(crate) async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, ReadError>
where
    F: Future<Output = Result<T, ReadError>>,
{
    for pause_ms in [250, 500, 1_000, 2_000] {
        match ask().await {
            Err(error)
                if matches!(
                    error.kind,
                    ReadErrorKind::Throttled | ReadErrorKind::Transient
                ) => {}
            answer => return answer,
        }
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    ask().await
}
