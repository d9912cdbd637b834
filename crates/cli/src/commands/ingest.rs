//! `vpcflow ingest`.

use std::collections::HashSet;
use std::io;

use async_trait::async_trait;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use vpcflow_aws::CloudWatchLogGroup;
use vpcflow_ingest::{
    CheckpointDelta, Clock, CommittedEvents, Decoded, DecodingSink, Delivery, DirectoryFollower,
    EventDecoder, EventSink, InputError, Location, LogGroup, ObjectCounts, OpenFile, Sink,
    SinkError, SystemClock, expand, read_history,
};
use vpcflow_query::ReadCounts;
use vpcflow_record::{DecodeOptions, flows_schema};
use vpcflow_store::{Checkpoint, SharedStore, SourceId, StoreSink};

use crate::args::{AwsArgs, IngestArgs};
use crate::commands::refused;
use crate::ending::Ending;
use crate::failure::Failure;
use crate::memory;
use crate::open::{DEFAULT_SINCE_MS, budget, config, group_format, patiently, warn_unknown};
use crate::print::{Notes, bytes, counted};
use crate::store;

mod buckets;

/// Batches of standard input that are decoded ahead of the store.
const AHEAD: usize = 2;

pub(crate) async fn run(args: IngestArgs, ending: Ending) -> Result<(), Failure> {
    let notes = Notes::new(args.decode.quiet);
    warn_unknown(args.decode.log_format.as_ref(), notes);
    look_for(&args.sources)?;
    let store = store::open(&args.store, args.keep, args.commit_every, &args.aws, None).await?;
    let stop = CancellationToken::new();
    let mut ingest = Ingest {
        args: &args,
        notes,
        store: &store,
        stop: stop.clone(),
        counts: ReadCounts::default(),
        objects: ObjectCounts::default(),
        repeats: 0,
    };
    ending.in_order(&stop)?;
    let read = Box::pin(memory::giving_back(ingest.all())).await;
    // What was read before a failure stays: the next run goes on after it.
    let closed = store.close().await;
    read?;
    let totals = closed?;
    let (counts, repeats) = (ingest.counts, ingest.repeats);
    if repeats > 0 {
        notes.say(&format!(
            "note: {} of the log group were stored before",
            counted(repeats, "event")
        ));
    }
    buckets::tell(ingest.objects, notes);
    if counts.records + counts.rejects == 0 {
        notes.say("note: the store has all of it already");
    }
    notes.summary(counts);
    notes.say(&format!(
        "{}, {} stored in `{}`",
        counted(totals.commits, "commit"),
        bytes(totals.size_bytes),
        args.store
    ));
    if stop.is_cancelled() {
        return Err(Failure::interrupted().hint("the same command reads the rest"));
    }
    if args.decode.strict && counts.rejects > 0 {
        return Err(refused(counts.rejects));
    }
    Ok(())
}

/// Finds what is not there before a store is made for it. A directory may be empty
/// for the time being.
fn look_for(sources: &[Location]) -> Result<(), Failure> {
    for source in sources {
        match expand(source) {
            Ok(_) | Err(InputError::NoLogs(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// One run.
struct Ingest<'a> {
    args: &'a IngestArgs,
    notes: Notes,
    store: &'a SharedStore,
    stop: CancellationToken,
    counts: ReadCounts,
    objects: ObjectCounts,
    /// Events that the store had.
    repeats: u64,
}

impl Ingest<'_> {
    /// Reads all sources: files together, then standard input, then buckets, then log
    /// groups.
    async fn all(&mut self) -> Result<(), Failure> {
        let is_file =
            |location: &&Location| matches!(location, Location::Path(_) | Location::Glob(_));
        let files: Vec<_> = self.args.sources.iter().filter(is_file).cloned().collect();
        if !files.is_empty() {
            self.files(files).await?;
        }
        if self.args.sources.contains(&Location::Stdin) {
            self.standard_input().await?;
        }
        self.buckets().await?;
        let mut seen = HashSet::new();
        for location in &self.args.sources {
            if let Location::LogGroup(name) = location
                && seen.insert(name)
                && !self.stop.is_cancelled()
            {
                self.log_group(name, &self.args.aws).await?;
            }
        }
        Ok(())
    }

    async fn files(&mut self, files: Vec<Location>) -> Result<(), Failure> {
        let source = SourceId::new(super::FILES);
        let checkpoint = self.store.checkpoint(&source).await?;
        let stand = super::files_checkpoint(checkpoint.as_ref());
        let declared = self.args.decode.log_format.clone();
        let policy = self.args.decode.policy;
        let mut follower = DirectoryFollower::resume(files, declared, policy, &stand)?;
        let sink = self.sink(source, checkpoint, None).await;
        let mut sink = Counted {
            sink,
            counts: &mut self.counts,
            reading: None,
        };
        follower.read_once(&mut sink, &self.stop).await?;
        Ok(())
    }

    /// All of it in one commit: a run that is broken off has kept nothing.
    async fn standard_input(&mut self) -> Result<(), Failure> {
        let source = SourceId::new(super::STDIN);
        let notes = self.notes;
        let declared = self.args.decode.log_format.clone();
        let policy = self.args.decode.policy;
        let (sender, mut batches) = tokio::sync::mpsc::channel(AHEAD);
        let stop = self.stop.clone();
        let reading = tokio::task::spawn_blocking(move || -> Result<(), InputError> {
            let input = OpenFile::new("-", io::stdin(), None)?;
            let format = input.format(declared.as_ref());
            let options = DecodeOptions {
                table: Some(flows_schema([&format.format])),
                policy,
                ..DecodeOptions::default()
            };
            for batch in input.decode(&format, options) {
                if stop.is_cancelled() || sender.blocking_send(batch?).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let sink = self.sink(source.clone(), None, None).await;
        let mut sink = Counted {
            sink,
            counts: &mut self.counts,
            reading: None,
        };
        loop {
            let batch = tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    // Nobody waits for the thread, which may wait for input for ever.
                    notes.say("note: of standard input nothing was kept: it is stored as a whole");
                    return Ok(());
                }
                batch = batches.recv() => batch,
            };
            match batch {
                Some(batch) => sink.write(batch).await?,
                None => break,
            }
        }
        let read = reading.await;
        read.map_err(|error| Failure::new(error.to_string()))??;
        let now_ms = SystemClock.now_ms();
        let cursor = Checkpoint::full(json!({ "read_ms": now_ms }));
        Ok(self.store.note(&source, cursor).await?)
    }

    async fn log_group(&mut self, name: &str, aws: &AwsArgs) -> Result<(), Failure> {
        let config = config(aws).await?;
        let group = CloudWatchLogGroup::new(&config, name)?;
        let arn = patiently(|| group.arn()).await?;
        let declared = self.args.decode.log_format.as_ref();
        let format = group_format(&config, name, declared, self.notes).await?;
        let now_ms = SystemClock.now_ms();
        let since_ms = match self.args.since {
            Some(since) => since.to_ms(now_ms),
            None => now_ms - DEFAULT_SINCE_MS,
        };
        let until_ms = self.args.until.map_or(now_ms, |until| until.to_ms(now_ms));
        if since_ms >= until_ms {
            return Err(Failure::usage(
                "`--since` is not before `--until`: no event is between",
            ));
        }
        let name = group.name();
        let mut known = CommittedEvents::default();
        let times = since_ms..until_ms;
        self.store.events(name, times, &mut known).await?;
        // Apart from what `tail` knows of the group: these times alone were read.
        let source = SourceId::new(format!("read:{arn}"));
        let sink = self.sink(source.clone(), None, Some(name.to_owned())).await;
        let cursor = Checkpoint::full(json!({ "since_ms": since_ms, "until_ms": until_ms }));
        let reading = Reading {
            store: self.store.clone(),
            source,
            cursor,
        };
        let counted = Counted {
            sink,
            counts: &mut self.counts,
            reading: Some(reading),
        };
        let decoder = EventDecoder::new(name, format, self.args.decode.policy);
        let mut sink = NewEvents {
            known,
            repeats: &mut self.repeats,
            sink: DecodingSink::new(decoder, counted),
        };
        let budget = budget(group.region(), self.args.max_calls_per_second);
        let clock = &SystemClock;
        read_history(
            &group, clock, &budget, since_ms, until_ms, &mut sink, &self.stop,
        )
        .await?;
        Ok(())
    }

    async fn sink(
        &self,
        source: SourceId,
        checkpoint: Option<vpcflow_ingest::Checkpoint>,
        log_group: Option<String>,
    ) -> StoreSink {
        let notes = self.notes;
        let notice = move |text: &str| notes.say(&format!("note: {text}"));
        self.store.sink(source, checkpoint, log_group, notice).await
    }
}

/// Counts what goes into the store.
struct Counted<'a> {
    sink: StoreSink,
    counts: &'a mut ReadCounts,
    /// Of a log group.
    reading: Option<Reading>,
}

/// A reading of a log group between two times. It leaves no place to go on from:
/// the next one tells what the store has by the ids of its events.
struct Reading {
    store: SharedStore,
    source: SourceId,
    cursor: Checkpoint,
}

#[async_trait]
impl Sink for Counted<'_> {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        self.counts.add(&batch);
        self.sink.write(batch).await
    }

    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        match &self.reading {
            Some(reading) => {
                let cursor = reading.cursor.clone();
                reading.store.note(&reading.source, cursor).await?;
                self.sink.settle().await
            }
            None => self.sink.checkpoint(sequence, step).await,
        }
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        self.sink.settle().await
    }

    fn notice(&mut self, message: &str) {
        self.sink.notice(message);
    }
}

/// Drops events that the store has; each is read once.
struct NewEvents<'a, S> {
    known: CommittedEvents,
    repeats: &'a mut u64,
    sink: S,
}

#[async_trait]
impl<S: EventSink> EventSink for NewEvents<'_, S> {
    async fn deliver(&mut self, mut delivery: Delivery) -> Result<(), SinkError> {
        let before = delivery.events.len();
        let known = &mut self.known;
        delivery
            .events
            .retain(|event| !known.take(&event.stream, &event.event_id));
        *self.repeats += (before - delivery.events.len()) as u64;
        self.sink.deliver(delivery).await
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        self.sink.settle().await
    }

    fn notice(&mut self, message: &str) {
        self.sink.notice(message);
    }
}
