use std::future::{pending, ready};
use std::io::{self, PipeWriter, Write};
use std::sync::Arc;

use super::*;
use crate::clock::SimulatedClock;
use crate::sink::Decoded;

const LINE: &str =
    "2 123456789010 eni-0a 10.0.0.1 10.0.0.2 40000 22 6 1 40 1767225600 1767225650 REJECT OK\n";

/// Notes what it is handed, and stops the follower at a number of rows.
#[derive(Default)]
struct Noted {
    rows: usize,
    rejects: Vec<u64>,
    durable_bytes: u64,
    sequences: Vec<u64>,
    settled: usize,
    notices: Vec<String>,
    stop: CancellationToken,
    stop_at_rows: usize,
}

#[async_trait::async_trait]
impl Sink for Noted {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        self.rows += batch.rows.num_rows();
        self.rejects.push(batch.rejects.num_rows() as u64);
        if self.rows >= self.stop_at_rows {
            self.stop.cancel();
        }
        Ok(())
    }

    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        let CheckpointDelta::Lines(delta) = step else {
            return Err("of something else".into());
        };
        self.durable_bytes += delta.bytes;
        self.sequences.push(sequence);
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        self.settled += 1;
        Ok(())
    }

    fn notice(&mut self, message: &str) {
        self.notices.push(message.to_owned());
    }
}

fn endless() -> Noted {
    Noted {
        stop_at_rows: usize::MAX,
        ..Noted::default()
    }
}

async fn follow(follower: &mut LineFollower, sink: &mut Noted) -> Result<(), SinkError> {
    let clock = SimulatedClock::new(0);
    let stop = sink.stop.clone();
    follower.follow(&clock, sink, &stop, None, None).await
}

async fn open(text: &[u8]) -> Result<LineFollower, InputError> {
    let input = io::Cursor::new(text.to_vec());
    LineFollower::open("-", input, None, Policy::Default, pending()).await
}

#[tokio::test]
async fn all_is_handed_on_and_a_last_line_needs_no_line_feed() {
    let text = [&LINE.repeat(30_000), "no record\n", LINE.trim_end()].concat();
    let mut follower = open(text.as_bytes()).await.unwrap();
    let mut sink = endless();
    follow(&mut follower, &mut sink).await.unwrap();
    assert_eq!(sink.rows, 30_001);
    assert_eq!(sink.rejects.iter().sum::<u64>(), 1);
    assert_eq!(sink.durable_bytes, text.len() as u64);
    assert!(
        sink.sequences
            .iter()
            .copied()
            .eq(1..=sink.sequences.len() as u64)
    );
    assert!(sink.settled > 0 && sink.notices.is_empty());
}

#[tokio::test]
async fn a_header_tells_the_format_and_may_come_again() {
    let text = "srcaddr vpc-id action\n10.0.0.1 vpc-1 REJECT\nsrcaddr vpc-id action\n10.0.0.2 vpc-1 ACCEPT\n";
    let mut follower = open(text.as_bytes()).await.unwrap();
    assert!(follower.schema().column_with_name("vpc_id").is_some());
    let mut sink = endless();
    follow(&mut follower, &mut sink).await.unwrap();
    assert_eq!((sink.rows, sink.rejects.iter().sum::<u64>()), (2, 0));
}

#[tokio::test]
async fn an_empty_input_has_no_rows() {
    let mut sink = endless();
    let mut follower = open(b"").await.unwrap();
    follow(&mut follower, &mut sink).await.unwrap();
    assert_eq!((sink.rows, sink.durable_bytes), (0, 0));
}

/// Nobody waits for a first line for ever.
#[tokio::test]
async fn a_first_line_is_waited_for_as_long_as_there_is_patience() {
    let (input, output) = io::pipe().unwrap();
    let opened = LineFollower::open("-", input, None, Policy::Default, ready(()));
    let mut follower = opened.await.unwrap();
    let mut sink = endless();
    sink.stop.cancel();
    follow(&mut follower, &mut sink).await.unwrap();
    assert_eq!(sink.rows, 0);
    drop(output);
}

#[tokio::test]
async fn what_is_no_plain_text_is_told() {
    let gzip = [&b"\x1f\x8b\x08\x00"[..], &[0; 100], b"\n"].concat();
    for (text, kind) in [
        (&gzip[..], "gzip data"),
        (b"\x28\xb5\x2f\xfd\x00\n", "zstd data"),
        (b"{\"messageType\":\"DATA_MESSAGE\"}\n", "JSON"),
        (b"a\0b\n", "binary data"),
    ] {
        let error = open(text).await.unwrap_err();
        let expected = format!("`-` is {kind}, not flow log text");
        assert_eq!(error.to_string(), expected);
    }
}

/// A pipe that stays open, whose lines are handed on as they come; what has come
/// when the follower is stopped is handed on, but for a line that has no end.
#[tokio::test]
async fn lines_are_handed_on_while_the_input_stays_open() {
    let (input, mut output) = io::pipe().unwrap();
    write(&mut output, LINE);
    let mut follower = LineFollower::open("-", input, None, Policy::Default, pending())
        .await
        .unwrap();
    write(&mut output, LINE);
    write(&mut output, &LINE[..20]);
    let mut sink = Noted {
        stop_at_rows: 2,
        ..Noted::default()
    };
    // Time stands still: nothing but a line that has come wakes the follower.
    let clock = Arc::new(Stopped);
    let stop = sink.stop.clone();
    let followed = follower.follow(&*clock, &mut sink, &stop, None, None);
    followed.await.unwrap();
    assert_eq!(sink.rows, 2);
    if let [notice] = sink.notices.as_slice() {
        let expected = "`-` ends in a line without its line feed: its 20 bytes were not decoded";
        assert_eq!(notice, expected);
    } else {
        // It was stopped before it saw them.
        assert!(sink.durable_bytes as usize <= 2 * LINE.len());
    }
    drop(output);
}

#[tokio::test]
async fn a_failure_comes_after_what_was_read() {
    struct Failing(usize);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => {
                    buffer[..LINE.len()].copy_from_slice(LINE.as_bytes());
                    Ok(LINE.len())
                }
                2 => Err(io::ErrorKind::Interrupted.into()),
                _ => Err(io::Error::other("the pipe is broken")),
            }
        }
    }
    let mut follower = LineFollower::open("-", Failing(0), None, Policy::Default, pending())
        .await
        .unwrap();
    let mut sink = endless();
    let error = follow(&mut follower, &mut sink).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read `-`: the pipe is broken");
    assert_eq!(sink.rows, 1);
}

/// A reader that takes its time does not let the waiting bytes grow for ever.
#[tokio::test]
async fn reading_waits_for_whoever_decodes() {
    let ahead = Ahead::start(io::repeat(b'x').take(8 * 1024 * 1024));
    let mut most = 0;
    let mut all = 0;
    let mut text = Vec::new();
    while ahead.take(&mut text).await.unwrap() {
        most = most.max(text.len());
        all += text.len();
        text.clear();
    }
    assert_eq!(all, 8 * 1024 * 1024);
    assert!(most < 1024 * 1024 + 64 * 1024, "{most}");
}

fn write(output: &mut PipeWriter, text: &str) {
    output.write_all(text.as_bytes()).unwrap();
}

/// A clock that nobody comes to the end of waiting for.
#[derive(Debug)]
struct Stopped;

#[async_trait::async_trait]
impl Clock for Stopped {
    fn now_ms(&self) -> i64 {
        0
    }

    async fn sleep_until_ms(&self, _at_ms: i64) {
        pending().await
    }
}
