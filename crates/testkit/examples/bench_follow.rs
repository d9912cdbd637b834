//! Measures `vpcflow` on log groups of a server in a process of its own, from the
//! server to a committed table: `scripts/bench-follow` builds all of it and runs
//! this.
//!
//! ```text
//! bench_follow VPCFLOW serve
//! bench_follow VPCFLOW pass INTERFACES MINUTES
//! bench_follow VPCFLOW backlog INTERFACES MINUTES
//! ```
//!
//! - `serve`: what the server can serve, to a reader that looks at nothing.
//! - `pass`: `ingest` of a group, once: records a second, calls beside the fewest
//!   that would do, memory, and processor time of both.
//! - `backlog`: `tail` of a group that goes on, from so many minutes ago until it has
//!   caught up, and again after a restart: the same, and what the restart takes.
//!
//! Stores are made in `TMPDIR`, and removed.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use vpcflow_testkit::Traffic;

const GROUP: &str = "/vpc/bench";
const MINUTE_MS: u64 = 60_000;
/// Of traffic that is only counted: its times have as many digits as those of the
/// server, and its pages as many records.
const START_MS: i64 = 1_700_000_000_000 / MINUTE_MS as i64 * MINUTE_MS as i64;
/// Ticks of a second in `/proc`: the same on every Linux.
const TICKS: f64 = 100.0;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [_, "serve"] => serve(),
        [vpcflow, "pass", interfaces, minutes] => {
            pass(Path::new(vpcflow), interfaces.parse()?, minutes.parse()?)
        }
        [vpcflow, "backlog", interfaces, minutes] => {
            backlog(Path::new(vpcflow), interfaces.parse()?, minutes.parse()?)
        }
        _ => Err("say VPCFLOW, and `serve`, `pass` or `backlog`".into()),
    }
}

/// The log server.
struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    url: String,
}

impl Server {
    fn start(arguments: &[String]) -> Outcome<Server> {
        let program = std::env::current_exe()?.with_file_name("log_server");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut url = String::new();
        stdout.read_line(&mut url)?;
        Ok(Server {
            child,
            stdin,
            stdout,
            url: url.trim().to_owned(),
        })
    }

    /// Ends it: the calls that were made, and the seconds of processor time.
    fn end(mut self) -> Outcome<(u64, f64)> {
        let seconds = processor_seconds(self.child.id())?;
        self.stdin = None;
        let mut told = String::new();
        self.stdout.read_to_string(&mut told)?;
        self.child.wait()?;
        let calls = told.trim().strip_prefix("FilterLogEvents calls: ");
        Ok((calls.ok_or("no number of calls")?.parse()?, seconds))
    }
}

/// The binary, watched.
struct Watched {
    child: Child,
    peak_mb: u64,
    processor_seconds: f64,
}

impl Watched {
    fn start(command: &mut Command) -> Outcome<Watched> {
        Ok(Watched {
            child: command.spawn()?,
            peak_mb: 0,
            processor_seconds: 0.0,
        })
    }

    fn look(&mut self) {
        let id = self.child.id();
        // It may have ended: then the last look counts.
        if let Ok(peak_mb) = peak_mb(id) {
            self.peak_mb = self.peak_mb.max(peak_mb);
        }
        if let Ok(seconds) = processor_seconds(id) {
            self.processor_seconds = self.processor_seconds.max(seconds);
        }
    }

    /// Waits for the end, which is to be success.
    fn wait(&mut self) -> Outcome<()> {
        loop {
            self.look();
            if let Some(status) = self.child.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(format!("the binary ended with {status}").into()),
                };
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The most memory that a process has had.
fn peak_mb(id: u32) -> Outcome<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.ok_or("no peak")?.trim().trim_end_matches(" kB");
    Ok(kilobytes.parse::<u64>()? * 1_024 / 1_000_000)
}

fn processor_seconds(id: u32) -> Outcome<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // After the name, which may have spaces: user and system time are the 12th and
    // 13th.
    let (_, values) = stat.rsplit_once(") ").ok_or("no values")?;
    let ticks = values.split(' ').skip(11).take(2);
    let ticks: Result<Vec<u64>, _> = ticks.map(str::parse).collect();
    Ok(ticks?.iter().sum::<u64>() as f64 / TICKS)
}

fn vpcflow(program: &Path, server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .args(["--log-format", "default", "--endpoint-url", &server.url])
        .args(["--region", "us-east-1", "--max-calls-per-second", "1000"])
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Counts and size of a store, by its own check.
struct Stored {
    records: u64,
    bytes: u64,
    files: u64,
}

impl Stored {
    fn look(program: &Path, store: &Path) -> Outcome<Stored> {
        let output = Command::new(program)
            .args(["store", "info", "-o", "json"])
            .arg(store)
            .output()?;
        let info: Value = serde_json::from_slice(&output.stdout)?;
        let number = |name: &str| info[name].as_u64().ok_or(format!("no {name}: {info}"));
        Ok(Stored {
            records: number("records")?,
            bytes: number("size_bytes")?,
            files: number("files")?,
        })
    }
}

fn place() -> Outcome<(TempDir, PathBuf)> {
    let directory = tempfile::tempdir()?;
    let store = directory.path().join("store");
    Ok((directory, store))
}

fn traffic(interfaces: u64, minutes: u64) -> Traffic {
    Traffic {
        interfaces,
        ..Traffic::new(GROUP, START_MS, (minutes * MINUTE_MS) as i64)
    }
}

fn serve() -> Outcome<()> {
    let arguments = ["interfaces=1000", "minutes=60", "everything=1"];
    let server = Server::start(&arguments.map(str::to_owned))?;
    let records = traffic(1_000, 60).events();
    let began = Instant::now();
    let readers: Vec<_> = (0..2)
        .map(|half| {
            let address = server.url.trim_start_matches("http://").to_owned();
            thread::spawn(move || read_half(&address, half, records))
        })
        .collect();
    let mut served = 0;
    for reader in readers {
        served += reader.join().map_err(|_| "a reader panicked")??;
    }
    let seconds = began.elapsed().as_secs_f64();
    let (_, processor) = server.end()?;
    println!(
        "server alone: {served} records, {:.0} a second, {:.2} µs of processor time each",
        served as f64 / seconds,
        processor / served as f64 * 1e6,
    );
    Ok(())
}

/// Reads one half of the records, by their tokens, over one connection.
fn read_half(address: &str, half: u64, records: u64) -> Outcome<u64> {
    let (from, to) = (half * records / 2, (half + 1) * records / 2);
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    let mut next = from;
    let mut answer = Vec::new();
    while next < to {
        let request =
            format!(r#"{{"logGroupName":"{GROUP}","startTime":0,"nextToken":"record-{next}"}}"#);
        write!(
            connection,
            "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: \
             Logs_20140328.FilterLogEvents\r\nContent-Length: {}\r\n\r\n{request}",
            request.len()
        )?;
        read_answer(&mut connection, &mut answer)?;
        let end = String::from_utf8_lossy(&answer[answer.len().saturating_sub(60)..]);
        let token = end.split("record-").nth(1);
        next = match token.and_then(|token| token.split('"').next()) {
            Some(token) => token.parse()?,
            None => records,
        };
    }
    Ok(next - from)
}

/// Reads an answer with the length of its body in its head.
fn read_answer(connection: &mut TcpStream, answer: &mut Vec<u8>) -> Outcome<()> {
    answer.clear();
    let mut piece = vec![0; 256 * 1024];
    let mut expected = None;
    while expected.is_none_or(|expected| answer.len() < expected) {
        let length = connection.read(&mut piece)?;
        if length == 0 {
            return Err("the server ended the connection".into());
        }
        answer.extend_from_slice(&piece[..length]);
        if expected.is_none()
            && let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.split("\r\n").next());
            expected = Some(end + 4 + length.ok_or("no length")?.parse::<usize>()?);
        }
    }
    Ok(())
}

fn pass(program: &Path, interfaces: u64, minutes: u64) -> Outcome<()> {
    let server = Server::start(&[
        format!("interfaces={interfaces}"),
        format!("minutes={minutes}"),
        "everything=1".to_owned(),
    ])?;
    let (_place, store) = place()?;
    let since = format!("{}m", minutes + 2);
    let mut command = vpcflow(program, &server, &["ingest", "logs:/vpc/bench"]);
    command.args(["--since", &since, "--store"]).arg(&store);
    let began = Instant::now();
    let mut watched = Watched::start(&mut command)?;
    watched.wait()?;
    let seconds = began.elapsed().as_secs_f64();
    let (calls, server_seconds) = server.end()?;
    let stored = Stored::look(program, &store)?;
    // Whole minutes, and what has passed of the last.
    let fewest = Traffic {
        end_ms: START_MS + (stored.records * MINUTE_MS / (50 * interfaces)) as i64,
        ..traffic(interfaces, 0)
    }
    .fewest_pages();
    let each = |seconds: f64| seconds / stored.records as f64 * 1e6;
    println!(
        "pass, {interfaces} interfaces: {} records in {seconds:.1} s, {:.0} a second; {calls} calls, \
         {:.3} of the fewest ({fewest}); {} MB at the most; processor time {:.2} µs a record, \
         {:.2} of the server; {:.2} bytes a record in {} files",
        stored.records,
        stored.records as f64 / seconds,
        calls as f64 / fewest as f64,
        watched.peak_mb,
        each(watched.processor_seconds),
        each(server_seconds),
        stored.bytes as f64 / stored.records as f64,
        stored.files,
    );
    Ok(())
}

/// A group that goes on always has some time that was not read yet.
const LIVE_BACKLOG_MS: u64 = 60_000;

fn backlog(program: &Path, interfaces: u64, minutes: u64) -> Outcome<()> {
    let server = Server::start(&[
        format!("interfaces={interfaces}"),
        format!("minutes={minutes}"),
        "ahead_minutes=120".to_owned(),
    ])?;
    let (_place, store) = place()?;
    for run in ["from nothing", "after a restart"] {
        let since = format!("{}m", minutes + 2);
        let mut command = vpcflow(program, &server, &["tail", "logs:/vpc/bench"]);
        command.args(["--since", &since, "--progress", "json", "--store"]);
        command.arg(&store).stderr(Stdio::piped());
        let began = Instant::now();
        let mut watched = Watched::start(&mut command)?;
        let stderr = watched.child.stderr.take().ok_or("no errors")?;
        let mut caught_up = false;
        let mut last = Value::Null;
        let mut first_seconds = 0.0;
        for line in BufReader::new(stderr).lines() {
            watched.look();
            let Ok(report) = serde_json::from_str::<Value>(&line?) else {
                continue;
            };
            let progress = &report["sources"][0]["progress"];
            let backlog_ms = progress["backlog_ms"].as_u64().unwrap_or(u64::MAX);
            last = report;
            if !caught_up && backlog_ms <= LIVE_BACKLOG_MS {
                caught_up = true;
                first_seconds = began.elapsed().as_secs_f64();
                let kill = format!("kill -TERM {}", watched.child.id());
                Command::new("sh").args(["-c", &kill]).status()?;
            }
        }
        watched.wait()?;
        let progress = &last["sources"][0]["progress"];
        println!(
            "backlog, {interfaces} interfaces, {run}: {} records and {} repeats in {first_seconds:.0} s \
             to be caught up (to a minute); {} MB at the most; {} hashes held; {} pages; processor time {:.1} s",
            last["records"],
            progress["repeats"],
            watched.peak_mb,
            progress["remembered"],
            progress["pages"],
            watched.processor_seconds,
        );
    }
    let stored = Stored::look(program, &store)?;
    let (calls, server_seconds) = server.end()?;
    println!(
        "backlog, {interfaces} interfaces: {} records in {} files, {:.2} bytes each; {calls} calls; \
         processor time of the server {server_seconds:.1} s",
        stored.records,
        stored.files,
        stored.bytes as f64 / stored.records as f64,
    );
    Ok(())
}
