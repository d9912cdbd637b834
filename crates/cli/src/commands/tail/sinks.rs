//! What becomes of the records that `tail` reads.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt;
use tokio::sync::Mutex;
use vpcflow_ingest::{
    CheckpointDelta, Clock, Collected, CommittedEvents, Decoded, Sink, SinkError, SystemClock,
};
use vpcflow_query::{
    Error, OutputFormat, Parameters, ReadCounts, RowFilter, Session, SessionOptions, Sources, adapt,
};

use vpcflow_record::{Policy, compact};
use vpcflow_store::{Live, StoreSink};

use super::status::StatusLine;
use crate::failure::Failure;
use crate::output::{Output, RowPrinter};
use crate::print::grouped;

/// Columns of a record that fit a terminal; other formats have all.
const TERMINAL_COLUMNS: [&str; 11] = [
    "start",
    "interface_id",
    "srcaddr",
    "srcport",
    "dstaddr",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "action",
    "log_status",
];
/// Records that a statement is asked over, the newest; memory is bounded by it.
const MAX_KEPT_ROWS: usize = 1_000_000;
/// Refused lines that are told one by one; all are counted.
const REJECTS_TOLD: u64 = 3;

/// Takes the records of all sources.
pub(super) struct Intake {
    schema: SchemaRef,
    filter: RowFilter,
    line: StatusLine,
    counts: ReadCounts,
    /// Records that the filter kept.
    kept: u64,
    purpose: Purpose,
}

enum Purpose {
    Print {
        columns: Vec<usize>,
        printer: Option<Box<RowPrinter>>,
    },
    Ask(Box<Ask>),
    /// A store keeps the records.
    Count,
}

/// What is asked every now and then.
pub(super) struct Question<'a> {
    pub(super) sql: &'a str,
    pub(super) every: Duration,
    pub(super) options: SessionOptions,
    /// What keeps the records: the statement is asked over all of it.
    pub(super) store: Option<Live>,
}

/// A statement that is answered again and again over the records so far.
struct Ask {
    sql: String,
    options: SessionOptions,
    store: Option<Live>,
    output: Output,
    every_ms: i64,
    next_ms: i64,
    rows: VecDeque<RecordBatch>,
    kept_rows: usize,
    rejects: Vec<RecordBatch>,
    /// The records or rejects changed since the last answer.
    fresh: bool,
    forgotten: u64,
}

impl Intake {
    /// Prints each record.
    pub(super) fn printing(
        schema: SchemaRef,
        filter: RowFilter,
        output: &Output,
        line: StatusLine,
    ) -> Result<Intake, Failure> {
        let for_people = matches!(output.format, OutputFormat::Table | OutputFormat::Markdown);
        let columns: Vec<usize> = match for_people {
            true => TERMINAL_COLUMNS
                .iter()
                .filter_map(|name| schema.index_of(name).ok())
                .collect(),
            false => (0..schema.fields().len()).collect(),
        };
        let printed = schema
            .project(&columns)
            .expect("the columns are those of the schema");
        let printer = Some(Box::new(output.printer(Arc::new(printed))?));
        let purpose = Purpose::Print { columns, printer };
        Ok(Intake::new(schema, filter, line, purpose))
    }

    /// Counts the records.
    pub(super) fn counting(schema: SchemaRef, filter: RowFilter, line: StatusLine) -> Intake {
        Intake::new(schema, filter, line, Purpose::Count)
    }

    /// Answers `sql` every now and then. It is planned once now, so that a
    /// mistake in it is told at once.
    pub(super) async fn asking(
        schema: SchemaRef,
        filter: RowFilter,
        output: Output,
        line: StatusLine,
        question: Question<'_>,
    ) -> Result<Intake, Failure> {
        let every_ms = i64::try_from(question.every.as_millis()).unwrap_or(i64::MAX);
        let every_ms = every_ms.max(1);
        let ask = Ask {
            sql: question.sql.to_owned(),
            options: question.options,
            store: question.store,
            output,
            every_ms,
            next_ms: SystemClock.now_ms(),
            rows: VecDeque::new(),
            kept_rows: 0,
            rejects: Vec::new(),
            fresh: true,
            forgotten: 0,
        };
        ask.session(&schema)
            .await?
            .sql(question.sql, Parameters::new())
            .await?;
        Ok(Intake::new(
            schema,
            filter,
            line,
            Purpose::Ask(Box::new(ask)),
        ))
    }

    fn new(schema: SchemaRef, filter: RowFilter, line: StatusLine, purpose: Purpose) -> Intake {
        Intake {
            schema,
            filter,
            line,
            counts: ReadCounts::default(),
            kept: 0,
            purpose,
        }
    }

    /// What was read so far.
    pub(super) fn counts(&self) -> ReadCounts {
        self.counts
    }

    /// Ends the output, with a last answer.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        let is_chosen = !matches!(self.purpose, Purpose::Count);
        if is_chosen && self.counts.records > 0 && self.kept == 0 {
            self.line
                .say("note: no record that was read starts after `--since` and fits `--where`");
        }
        match &mut self.purpose {
            Purpose::Print { printer, .. } => {
                if let Some(printer) = printer.take() {
                    printer.finish()?;
                }
            }
            Purpose::Count => {}
            Purpose::Ask(ask) => {
                if ask.fresh {
                    ask.answer(&self.schema).await?;
                }
                if ask.forgotten > 0 {
                    self.line.say(&format!(
                        "note: the statement was asked over the newest records: {} older ones had \
                         to be let go",
                        grouped(ask.forgotten)
                    ));
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, batch: &Decoded) -> Result<(), Error> {
        self.tell_rejects(&batch.rejects);
        self.counts.add(batch);
        if matches!(self.purpose, Purpose::Count) {
            return Ok(());
        }
        let rows = self.filter.apply(&adapt(&batch.rows, &self.schema)?)?;
        self.kept += rows.num_rows() as u64;
        match &mut self.purpose {
            Purpose::Print { columns, printer } => match printer {
                Some(printer) if rows.num_rows() > 0 => printer.write(&rows.project(columns)?),
                _ => Ok(()),
            },
            Purpose::Ask(ask) => {
                ask.keep(rows, batch.rejects.clone());
                Ok(())
            }
            Purpose::Count => Ok(()),
        }
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        match &mut self.purpose {
            Purpose::Print {
                printer: Some(printer),
                ..
            } => Ok(printer.flush()?),
            Purpose::Print { printer: None, .. } | Purpose::Count => Ok(()),
            Purpose::Ask(ask) => {
                let now_ms = SystemClock.now_ms();
                if ask.fresh && now_ms >= ask.next_ms {
                    ask.answer(&self.schema).await?;
                    ask.next_ms = now_ms.saturating_add(ask.every_ms);
                }
                Ok(())
            }
        }
    }

    fn tell_rejects(&self, rejects: &RecordBatch) {
        let text = |name: &str, row: usize| -> String {
            let column = rejects
                .column_by_name(name)
                .and_then(|column| column.as_string_view_opt());
            column
                .map(|column| column.value(row).to_owned())
                .unwrap_or_default()
        };
        for row in 0..rejects.num_rows() {
            match self.counts.rejects + row as u64 {
                0..REJECTS_TOLD => {}
                REJECTS_TOLD => {
                    self.line
                        .say("note: further refused lines are counted only");
                    break;
                }
                _ => break,
            }
            let (source, mut reason) = (text("source", row), text("reason", row));
            let field = text("field", row);
            if !field.is_empty() {
                reason = format!("{field} is {reason}");
            }
            self.line.say(&format!(
                "note: refused in {source}: {reason}: {}",
                text("line", row)
            ));
        }
    }
}

impl Ask {
    fn keep(&mut self, rows: RecordBatch, rejects: RecordBatch) {
        self.fresh |= rows.num_rows() > 0 || rejects.num_rows() > 0;
        if self.store.is_some() {
            return;
        }
        self.kept_rows += rows.num_rows();
        // They are kept for long, and often come a few at a time.
        self.rows.push_back(compact(rows));
        if rejects.num_rows() > 0 {
            self.rejects.push(rejects);
        }
        while self.kept_rows > MAX_KEPT_ROWS
            && let Some(oldest) = self.rows.pop_front()
        {
            self.kept_rows -= oldest.num_rows();
            self.forgotten += oldest.num_rows() as u64;
        }
    }

    async fn session(&self, schema: &SchemaRef) -> Result<Session, Error> {
        let mut sources = Sources::new(Policy::Default);
        if let Some(store) = &self.store {
            sources.add_store(store.snapshot())?;
            return Session::with_options(sources, &self.options).await;
        }
        let rows = self.rows.iter().cloned().collect();
        let collected = Collected {
            rows,
            rejects: self.rejects.clone(),
            bytes: 0,
            cut: 0,
        };
        sources.add_collected(SchemaRef::clone(schema), collected);
        Session::with_options(sources, &self.options).await
    }

    async fn answer(&mut self, schema: &SchemaRef) -> Result<(), Error> {
        self.fresh = false;
        let session = self.session(schema).await?;
        let mut rows = session.sql(&self.sql, Parameters::new()).await?;
        let mut answer = self.output.answer(rows.schema())?;
        while let Some(batch) = rows.next().await {
            answer.write(&batch?)?;
        }
        answer.finish()
    }
}

/// An intake that several sources write to, and a store that may be behind it.
pub(super) struct SharedSink {
    intake: Arc<Mutex<Intake>>,
    line: StatusLine,
    /// What keeps the records as well.
    store: Option<StoreSink>,
}

impl SharedSink {
    pub(super) fn new(
        intake: Arc<Mutex<Intake>>,
        line: StatusLine,
        store: Option<StoreSink>,
    ) -> SharedSink {
        SharedSink {
            intake,
            line,
            store,
        }
    }
}

#[async_trait]
impl Sink for SharedSink {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        if let Some(store) = &mut self.store {
            store.write(batch.clone()).await?;
        }
        Ok(self.intake.lock().await.take(&batch)?)
    }

    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        match &mut self.store {
            Some(store) => store.checkpoint(sequence, step).await,
            None => Ok(()),
        }
    }

    fn acknowledged(&self) -> u64 {
        self.store.as_ref().map_or(u64::MAX, Sink::acknowledged)
    }

    async fn committed(&mut self, times: Range<i64>) -> Result<Option<CommittedEvents>, SinkError> {
        match &mut self.store {
            Some(store) => store.committed(times).await,
            None => Ok(None),
        }
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        if let Some(store) = &mut self.store {
            store.settle().await?;
        }
        self.intake.lock().await.settle().await
    }

    fn notice(&mut self, message: &str) {
        self.line.say(&format!("note: {message}"));
    }
}
