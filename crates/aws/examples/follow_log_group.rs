//! Measures the reading of log groups from a server in a process of its own:
//! `scripts/bench-follow` builds both and runs this.
//!
//! - `pass`: groups of 10, 1,000 and 10,000 interfaces are read once and
//!   decoded. Calls beside the fewest that would do, records a second.
//! - `lag SECONDS`: a live group of 1,000 interfaces is followed for that long.
//!   How long after it is visible a record is handed on.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use vpcflow_aws::{CloudWatchLogGroup, SdkConfig, SdkOptions, load_config};
use vpcflow_ingest::{
    Budget, Clock, Decoded, DecodingSink, EventDecoder, Follow, FollowOptions, Follower, Sink,
    SinkError, SystemClock,
};
use vpcflow_record::{Format, Policy};
use vpcflow_testkit::Traffic;

const GROUP: &str = "/vpc/bench";
const MINUTE_MS: i64 = 60_000;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["pass"] => {
            for (interfaces, minutes) in [(10, 24 * 60), (1_000, 60), (10_000, 10)] {
                pass(interfaces, minutes).await?;
            }
            Ok(())
        }
        ["lag", seconds] => lag(Duration::from_secs(seconds.parse()?)).await,
        _ => Err("say `pass` or `lag SECONDS`".into()),
    }
}

/// The server, which ends with this.
struct Server {
    child: Child,
    config: SdkConfig,
}

impl Server {
    async fn start(arguments: &[String]) -> Outcome<Server> {
        let program = std::env::current_exe()?.with_file_name("log_server");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut url = String::new();
        BufReader::new(stdout).read_line(&mut url)?;
        let config = load_config(&SdkOptions {
            profile: None,
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(url.trim().to_owned()),
            ..SdkOptions::default()
        })
        .await?;
        Ok(Server { child, config })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends by itself when its input does; this is quicker.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Counts records and adds up what tells them apart.
#[derive(Default)]
struct Count {
    records: u64,
    sum: u64,
    /// How long records waited since they were visible, in milliseconds.
    waits_ms: Vec<i64>,
    live_from_us: i64,
}

#[async_trait]
impl Sink for Count {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        let column = |name| batch.rows.column_by_name(name).ok_or("no column");
        let numbers = column("bytes")?.as_primitive::<Int64Type>();
        self.records += numbers.len() as u64;
        self.sum += numbers
            .values()
            .iter()
            .map(|number| *number as u64)
            .sum::<u64>();
        if batch.rejects.num_rows() > 0 {
            return Err("records were refused".into());
        }
        let now_us = SystemClock.now_ms() * 1_000;
        let visible = column("ingestion_time")?.as_primitive::<TimestampMicrosecondType>();
        let live = visible
            .values()
            .iter()
            .filter(|at| **at >= self.live_from_us);
        self.waits_ms.extend(live.map(|at| (now_us - at) / 1_000));
        Ok(())
    }

    fn notice(&mut self, _message: &str) {}
}

fn sink(live_from_us: i64) -> DecodingSink<Count> {
    let decoder = EventDecoder::new(GROUP, Format::default(), Policy::Default);
    let count = Count {
        live_from_us,
        ..Count::default()
    };
    DecodingSink::new(decoder, count)
}

async fn pass(interfaces: u64, minutes: i64) -> Outcome<()> {
    let server = Server::start(&[
        format!("interfaces={interfaces}"),
        format!("minutes={minutes}"),
        "everything=1".to_owned(),
    ])
    .await?;
    // The server has whole minutes: as many of them, at the most.
    let now_ms = SystemClock.now_ms();
    let (start_ms, end_ms) = (now_ms - (minutes + 2) * MINUTE_MS, now_ms + MINUTE_MS);
    let group = CloudWatchLogGroup::new(&server.config, GROUP)?;
    let follower = Follower {
        group: &group,
        clock: &SystemClock,
        budget: Budget::unlimited(),
        progress: None,
    };
    let mut state = Follow::once(start_ms, end_ms);
    let mut sink = sink(i64::MAX);
    let began = Instant::now();
    let stop = CancellationToken::new();
    follower.follow(&mut state, &mut sink, &stop, None).await?;
    let seconds = began.elapsed().as_secs_f64();
    let count = sink.into_inner();
    // Each record's bytes are its number.
    assert_eq!(
        count.sum,
        count.records * (count.records - 1) / 2,
        "not each once"
    );
    let traffic = Traffic {
        interfaces,
        ..Traffic::new(
            GROUP,
            0,
            count.records as i64 * 60_000 / (50 * interfaces as i64),
        )
    };
    let (calls, fewest) = (state.progress().pages, traffic.fewest_pages());
    println!(
        "{interfaces} interfaces, {} records: {calls} calls, {:.3} of the fewest ({fewest}); \
         {:.0} records a second; {} MB at the most so far",
        count.records,
        calls as f64 / fewest as f64,
        count.records as f64 / seconds,
        peak_mb()?,
    );
    Ok(())
}

/// The most memory that this process has had.
fn peak_mb() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.ok_or("no peak")?.trim().trim_end_matches(" kB");
    Ok(kilobytes.parse::<u64>()? / 1_000)
}

async fn lag(span: Duration) -> Outcome<()> {
    let server = Server::start(&[
        "interfaces=1000".to_owned(),
        "minutes=180".to_owned(),
        "ahead_minutes=60".to_owned(),
    ])
    .await?;
    let now_ms = SystemClock.now_ms();
    let group = CloudWatchLogGroup::new(&server.config, GROUP)?;
    let budget = Budget::new(6.0);
    let follower = Follower {
        group: &group,
        clock: &SystemClock,
        budget: budget.clone(),
        progress: None,
    };
    let mut state = Follow::new(FollowOptions {
        since_ms: now_ms - 60 * MINUTE_MS,
        ..FollowOptions::default()
    });
    // A minute to catch up with the last hour.
    let live_from_ms = now_ms + MINUTE_MS;
    let mut sink = sink(live_from_ms * 1_000);
    let stop = CancellationToken::new();
    let end_ms = live_from_ms + i64::try_from(span.as_millis())?;
    follower
        .follow(&mut state, &mut sink, &stop, Some(end_ms))
        .await?;
    let mut waits_ms = sink.into_inner().waits_ms;
    waits_ms.sort_unstable();
    let at = |part: usize| waits_ms[(waits_ms.len() - 1) * part / 100] as f64 / 1_000.0;
    println!(
        "1,000 interfaces, {} records: handed on {:.1} s (median), {:.1} s (99 of 100) after they \
         are visible; {:.2} calls a second",
        waits_ms.len(),
        at(50),
        at(99),
        budget.usage(SystemClock.now_ms()).calls as f64 / (60.0 + span.as_secs_f64()),
    );
    Ok(())
}
