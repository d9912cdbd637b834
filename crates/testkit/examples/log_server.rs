//! The log server as a process of its own, with made-up traffic: for benchmarks
//! and for trying things out.
//!
//! ```text
//! cargo run --release -p vpcflow-testkit --example log_server -- interfaces=1000 minutes=60
//! ```
//!
//! It prints its URL, and ends with its standard input, when it prints how many
//! calls there were. Each argument is `name=value`:
//!
//! | name | |
//! |---|---|
//! | `port` | where to listen; any free port unless set |
//! | `interfaces`, `records_per_minute` | of the traffic; 10 and 50 |
//! | `minutes` | how far the traffic goes back; 60 |
//! | `ahead_minutes` | how far it goes on after now; 0 |
//! | `everything` | `1`: all records are visible at once, not late |
//! | `calls_per_second` | the quota, in real time |
//! | `throttle_every`, `unavailable_every`, `drop_every` | every n-th call |
//! | `slow_every`, `slow_ms` | every n-th answer, and by how much |

use std::error::Error;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::AsyncReadExt;
use vpcflow_testkit::{FakeLogs, Traffic};

const MINUTE_MS: i64 = 60_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let start_ms = now_ms()?;
    let mut traffic = Traffic::new("/vpc/bench", start_ms, 0);
    let mut builder = FakeLogs::builder();
    let (mut minutes, mut ahead_minutes, mut everything) = (60, 0, 0);
    let (mut slow_every, mut slow_ms) = (0, 0);
    for argument in std::env::args().skip(1) {
        let (name, value) = argument.split_once('=').ok_or("write name=value")?;
        let value: u64 = value.parse()?;
        match name {
            "port" => builder = builder.port(u16::try_from(value)?),
            "interfaces" => traffic.interfaces = value,
            "records_per_minute" => traffic.records_per_minute = value,
            "minutes" => minutes = i64::try_from(value)?,
            "ahead_minutes" => ahead_minutes = i64::try_from(value)?,
            "everything" => everything = value,
            "calls_per_second" => builder = builder.calls_per_second(value),
            "throttle_every" => builder = builder.throttle_every(value),
            "unavailable_every" => builder = builder.unavailable_every(value),
            "drop_every" => builder = builder.drop_every(value),
            "slow_every" => slow_every = value,
            "slow_ms" => slow_ms = value,
            _ => return Err(format!("there is no `{name}`").into()),
        }
    }
    if slow_every > 0 {
        builder = builder.slow_every(slow_every, Duration::from_millis(slow_ms));
    }
    traffic.start_ms = (start_ms - minutes * MINUTE_MS) / MINUTE_MS * MINUTE_MS;
    traffic.end_ms = start_ms + ahead_minutes * MINUTE_MS;
    let logs = builder.traffic(traffic).start().await;
    if everything == 0 {
        logs.set_now(start_ms);
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", logs.endpoint_url())?;
    stdout.flush()?;

    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let mut moments = tokio::time::interval(Duration::from_millis(50));
    let mut stdin = tokio::io::stdin();
    let mut input = [0; 64];
    loop {
        tokio::select! {
            _ = seconds.tick() => logs.next_second(),
            _ = moments.tick(), if everything == 0 => logs.set_now(now_ms()?),
            read = stdin.read(&mut input) => if read? == 0 { break },
        }
    }
    writeln!(
        stdout,
        "FilterLogEvents calls: {}",
        logs.calls("FilterLogEvents")
    )?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a server in real time")]
fn now_ms() -> Result<i64, Box<dyn Error>> {
    Ok(i64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}
