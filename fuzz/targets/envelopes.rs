//! JSON envelopes. As they come: no panic, and the same text however the input
//! is cut. Around lines of text: the same lines come out of every kind.

#![no_main]

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use vpcflow_fuzz::{decode, format, policy};
use vpcflow_record::CpuLevel;

/// The module alone: its crate would bring all that talks to a network.
#[path = "../../crates/ingest/src/input/envelope.rs"]
mod envelope;

use envelope::EnvelopeReader;

fuzz_target!(|data: &[u8]| {
    let [choice, cut, data @ ..] = data else {
        return;
    };
    if choice & 1 == 0 {
        as_it_is(data, *choice, usize::from(*cut) + 1);
    } else if let Ok(text) = std::str::from_utf8(data) {
        wrapped(text, choice >> 1, usize::from(*cut) + 1);
    }
});

/// Whatever it is, the decoder can have what becomes of it.
fn as_it_is(data: &[u8], choice: u8, cut: usize) {
    let text = unwrap(data, usize::MAX);
    assert_eq!(unwrap(data, cut), text);
    decode(
        text.chunks(cut),
        &format(choice >> 1),
        policy(choice >> 5),
        CpuLevel::detect(),
        false,
    );
}

/// Lines in an envelope come out as they went in.
fn wrapped(text: &str, kind: u8, cut: usize) {
    let lines: Vec<&str> = text.split('\n').collect();
    // JSON in a message is unwrapped as well.
    if lines.iter().any(|line| envelope::is_json(line.as_bytes())) {
        return;
    }
    let message = |line: &&str| json!({ "message": line });
    let messages: Vec<Value> = lines.iter().map(message).collect();
    let events = json!({ "messageType": "DATA_MESSAGE", "logEvents": messages });
    let envelope = match kind % 8 {
        0 => events.to_string(),
        1 => format!("{events:#}"),
        2 => messages.iter().map(Value::to_string).collect(),
        3 => messages
            .iter()
            .map(|value| format!("{value},\r\n"))
            .collect(),
        4 => json!(lines).to_string(),
        5 => json!({ "records": [{ "data": STANDARD.encode(text) }] }).to_string(),
        6 => json!({ "awslogs": { "data": base64_of_gzip(&events) } }).to_string(),
        _ => json!([{ "records": [{ "data": base64_of_gzip(&events) }] }]).to_string(),
    };
    let found = unwrap(envelope.as_bytes(), cut);
    // A text has a line feed at its end or has not: it is a line either way.
    let ended = text.strip_suffix('\n').filter(|_| kind % 8 == 5);
    let expected = format!("{}\n", ended.unwrap_or(text));
    assert_eq!(String::from_utf8(found).as_deref(), Ok(&*expected));
}

fn base64_of_gzip(value: &Value) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write!(encoder, "{value}").expect("memory suffices");
    STANDARD.encode(encoder.finish().expect("memory suffices"))
}

fn unwrap(data: &[u8], cut: usize) -> Vec<u8> {
    let mut text = Vec::new();
    EnvelopeReader::new(Cut(data, cut))
        .read_to_end(&mut text)
        .expect("memory does not fail");
    text
}

/// Gives at most so many bytes at a time.
struct Cut<'a>(&'a [u8], usize);

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.1.min(buffer.len());
        self.0.read(&mut buffer[..len])
    }
}
