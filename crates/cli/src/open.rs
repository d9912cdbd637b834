//! From `--from` to a session.

use datafusion::arrow::datatypes::SchemaRef;
use futures::future::try_join_all;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use vpcflow_aws::{CloudWatchLogGroup, SdkConfig, SdkOptions};
use vpcflow_ingest::{
    Clock, Collected, DecodingSink, EventDecoder, Location, SystemClock, expand, read_history,
    spool,
};
use vpcflow_query::{Session, Sources, Window};
use vpcflow_record::Format;
use vpcflow_setup::Provisioner;

use crate::args::{AwsArgs, FromArgs};
use crate::failure::Failure;
use crate::print::Notes;

/// How far back a log group is read unless the user says.
const DEFAULT_SINCE_MS: i64 = 60 * 60 * 1000;

/// A session and what has to live as long.
pub(crate) struct Opened {
    pub(crate) session: Session,
    /// Standard input, as a file.
    _spool: Option<TempDir>,
}

/// Opens the sources of `--from`.
pub(crate) async fn open(args: &FromArgs, aws: &AwsArgs, notes: Notes) -> Result<Opened, Failure> {
    let now_ms = SystemClock.now_ms();
    let declared = args.decode.log_format.as_ref();
    warn_unknown(declared, notes);
    let since_ms = args.since.map(|since| since.to_ms(now_ms));
    let until_ms = args.until.map(|until| until.to_ms(now_ms));
    if let (Some(since_ms), Some(until_ms)) = (since_ms, until_ms)
        && since_ms >= until_ms
    {
        return Err(Failure::usage(
            "`--since` is not before `--until`: no record is between",
        ));
    }
    let mut sources = Sources::new();
    let mut spooled = None;
    let mut groups = Vec::new();
    for location in &args.from {
        match location {
            Location::Stdin if spooled.is_some() => {
                return Err(Failure::usage(
                    "standard input can be read once: name `-` once",
                ));
            }
            Location::Stdin => {
                let directory = tempfile::tempdir()?;
                let path = directory.path().to_owned();
                let read = move || spool(std::io::stdin().lock(), &path);
                let file = tokio::task::spawn_blocking(read).await;
                let file = file.map_err(|error| Failure::new(error.to_string()))??;
                sources.add_file(file, declared)?;
                spooled = Some(directory);
            }
            Location::LogGroup(name) => groups.push(name),
            Location::Path(_) | Location::Glob(_) => {
                for file in expand(location)? {
                    if file.size_bytes == 0 && file.path.is_file() {
                        notes.say(&format!("note: `{}` is empty", file.name));
                    }
                    sources.add_file(file, declared)?;
                }
            }
        }
    }
    if !groups.is_empty() {
        let config = config(aws).await?;
        let since_ms = since_ms.unwrap_or_else(|| {
            notes.say("note: log groups are read from one hour ago on: `--since` says otherwise");
            now_ms - DEFAULT_SINCE_MS
        });
        let until_ms = until_ms.unwrap_or(now_ms);
        let reads = groups
            .into_iter()
            .map(|name| read_group(&config, name, declared, since_ms, until_ms, notes));
        for (schema, collected) in try_join_all(reads).await? {
            sources.add_collected(schema, collected);
        }
    }
    let window = Window {
        since_us: since_ms.map(|ms| ms.saturating_mul(1000)),
        until_us: until_ms.map(|ms| ms.saturating_mul(1000)),
    };
    let session = Session::new(sources, window).await?;
    Ok(Opened {
        session,
        _spool: spooled,
    })
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
    let options = SdkOptions {
        profile: args.profile.clone(),
        region: args.region.clone(),
        endpoint_url: args.endpoint_url.clone(),
    };
    let config = vpcflow_aws::load_config(&options).await?;
    vpcflow_aws::check_credentials(&config).await?;
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

/// The rows of a log group between two times, and their schema.
async fn read_group(
    config: &SdkConfig,
    name: &str,
    declared: Option<&Format>,
    since_ms: i64,
    until_ms: i64,
    notes: Notes,
) -> Result<(SchemaRef, Collected), Failure> {
    let group = CloudWatchLogGroup::new(config, name)?;
    group.check().await?;
    let format = group_format(config, name, declared, notes).await?;
    let decoder = EventDecoder::new(name, format);
    let schema = decoder.schema().clone();
    let mut sink = DecodingSink::new(decoder, Collected::default());
    let stop = CancellationToken::new();
    read_history(&group, &SystemClock, since_ms, until_ms, &mut sink, &stop).await?;
    Ok((schema, sink.into_inner()))
}
