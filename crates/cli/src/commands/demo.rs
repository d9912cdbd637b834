//! `vpcflow demo`: the whole path on this machine.
//!
//! Synthetic traffic becomes the events of a log group in memory, each visible
//! when the service would have delivered it. The group is followed with the
//! same state machine as a real one, by a clock that jumps over the waits; the
//! records are decoded by the same decoder and asked by the same queries.

use std::fmt::Write;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vpcflow_ingest::{
    Budget, Clock, Collected, DecodingSink, EventDecoder, Follow, FollowOptions, Follower,
    LogEvent, MemoryLogGroup, SimulatedClock,
};
use vpcflow_query::{
    Library, Measure, Parameters, ReadCounts, Session, Sources, Stat, Top, Window,
};
use vpcflow_record::{Format, Policy};
use vpcflow_synth::{Config, Generator, Incident, Layout};

use crate::args::DemoArgs;
use crate::commands::top::look;
use crate::failure::Failure;
use crate::incidents::planted;
use crate::output::Output;
use crate::print::{Notes, bytes, grouped, out};
use crate::progress::Progress;

/// The log group's name: it exists nowhere but here.
const GROUP: &str = "/vpcflow/demo";
/// How long after its end a record reaches the log group, at the least: "about
/// five minutes", says AWS.
const DELIVERY_MS: i64 = 5 * 60 * 1000;
/// One record in so many comes later,
const STRAGGLERS: i64 = 50;
/// by this much at the most.
const STRAGGLER_SPREAD_MS: i64 = 10 * 60 * 1000;

pub(crate) async fn run(args: DemoArgs) -> Result<(), Failure> {
    let notes = Notes::new(false);
    let config = Config {
        records: args.records,
        seed: args.seed,
        ..Config::default()
    };
    let (events, incidents) = events(&config);
    let (first_ms, last_ms) = (config.start * 1000, config.end() * 1000);

    let clock = Arc::new(SimulatedClock::new(first_ms));
    let group = MemoryLogGroup::new(GROUP, Arc::clone(&clock) as Arc<dyn Clock>, events);
    let decoder = EventDecoder::new(GROUP, Format::default(), Policy::Default);
    let schema = Arc::clone(decoder.schema());
    let mut sink = DecodingSink::new(decoder, Collected::default());
    let mut state = Follow::new(FollowOptions {
        since_ms: first_ms,
        poll: std::time::Duration::from_secs(30),
        lateness: std::time::Duration::from_secs(30 * 60),
        audit: None,
    });
    let stop = CancellationToken::new();
    // Until every bucket is settled, so that nothing more can come.
    let until_ms = last_ms + 35 * 60 * 1000;
    let follower = Follower {
        group: &group,
        clock: &*clock,
        budget: Budget::unlimited(),
        progress: None,
    };
    follower
        .follow(&mut state, &mut sink, &stop, Some(until_ms))
        .await?;
    let progress = state.progress();
    let collected = sink.into_inner();

    let mut text = format!(
        "Followed the log group {GROUP}, made up on this machine: {} log streams, {} records, {}.\n",
        progress.streams,
        grouped(progress.events),
        bytes(collected.bytes)
    );
    let _ = writeln!(
        text,
        "{} came after a newer record of their stream, {} were met again and dropped, none was lost.",
        grouped(progress.late),
        grouped(progress.repeats)
    );
    out(&text)?;

    let mut sources = Sources::new(Policy::Default);
    sources.add_collected(schema, collected);
    let session = Session::new(sources, Window::default()).await?;
    talkers(&session).await?;
    library(
        &session,
        "Rejected traffic, ranked",
        "top-rejected",
        &[("limit", "5")],
    )
    .await?;
    library(&session, "Port scans", "port-scan", &[("limit", "5")]).await?;
    library(
        &session,
        "Large transfers",
        "large-transfers",
        &[("min_bytes", "20000000000")],
    )
    .await?;
    library(&session, "Silent interfaces", "silent-interfaces", &[]).await?;
    out("\nWhat was planted in the traffic:\n")?;
    out(&planted(&incidents))?;
    out(NEXT)?;
    let counts = session.counts();
    if counts
        != (ReadCounts {
            records: args.records,
            rejects: 0,
            bytes: counts.bytes,
            cut: 0,
        })
    {
        return Err(Failure::new(format!(
            "{} records were made and {} read, {} refused: this must not happen",
            args.records, counts.records, counts.rejects
        )));
    }
    notes.summary(counts);
    Ok(())
}

const NEXT: &str = "
Try next:
  vpcflow generate logs                                 files to play with
  vpcflow top srcaddr,dstport --by flows --from logs    your own ranking
  vpcflow sql \"SELECT action, count(*) FROM flows GROUP BY action\" --from logs
  vpcflow query                                         the queries above, and how to run them
  vpcflow setup --vpc vpc-… --dry-run                   what it takes on your account
";

/// The traffic as events of a log group, and what is planted in it.
fn events(config: &Config) -> (Vec<LogEvent>, Vec<Incident>) {
    let generator = Generator::new(config);
    let incidents = generator.incidents().to_vec();
    let streams: Vec<Arc<str>> = generator
        .interfaces()
        .iter()
        .map(|interface| interface.stream_name().into())
        .collect();
    let mut events = Vec::new();
    let mut line = Vec::new();
    for (number, record) in generator.enumerate() {
        line.clear();
        record.write_line(Layout::V2, &mut line);
        let number = number as i64;
        let mut delay_ms = DELIVERY_MS;
        if number % STRAGGLERS == 0 {
            // A factor without a common one spreads the times evenly.
            delay_ms += (number * 7_919) % STRAGGLER_SPREAD_MS;
        }
        events.push(LogEvent {
            stream: Arc::clone(&streams[record.interface.index]),
            event_id: format!("{number:056}"),
            timestamp_ms: record.start * 1000,
            ingestion_time_ms: Some(record.end * 1000 + delay_ms),
            message: String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
        });
    }
    (events, incidents)
}

/// The pairs of addresses with the most bytes.
async fn talkers(session: &Session) -> Result<(), Failure> {
    let pairs = Stat::parse("srcaddr,dstaddr", Measure::Bytes).map_err(Failure::new)?;
    let top = Top {
        stats: vec![pairs],
        limit: 5,
        condition: None,
        bidirectional: false,
        once: false,
        compare: None,
        trends: true,
    };
    let ranked = Box::pin(top.rank(session)).await?;
    out("\nTop talkers, by bytes\n\n")?;
    let output = Output::table();
    output.print_text(&ranked.text(session.counts(), &look(&output)))
}

async fn library(
    session: &Session,
    title: &str,
    name: &str,
    given: &[(&str, &str)],
) -> Result<(), Failure> {
    let library = Library::shipped()?;
    let query = library.find(name)?;
    let given: Vec<_> = given
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
        .collect();
    let title = format!("{title} (vpcflow query {name})");
    section(session, &title, &query.sql, query.bind(&given)?).await
}

async fn section(
    session: &Session,
    title: &str,
    sql: &str,
    parameters: Parameters,
) -> Result<(), Failure> {
    out(&format!("\n{title}\n\n"))?;
    Output::table()
        .print(session.sql(sql, parameters).await?, Progress::none())
        .await
}
