//! Records in JSON envelopes, as text.

use std::io::{self, BufRead, BufReader, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use vpcflow_record::{Field, Format};

/// The longest JSON value; a longer one is passed on in pieces and refused.
const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;
/// The most text in the base64 of one value, whatever its gzip claims to hold.
const MAX_DATA_BYTES: usize = 256 * 1024 * 1024;
/// The part of a long line that is looked at first.
const PIECE_BYTES: u64 = 1024 * 1024;
/// Envelopes inside of envelopes: an array of Firehose's requests with what a
/// subscription sent is five.
const MAX_DEPTH: usize = 8;

/// Whether text that begins so is JSON: no record begins with a bracket.
pub(crate) fn is_json(start: &[u8]) -> bool {
    matches!(start.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Reads JSON and gives the records in it as lines of text.
///
/// | JSON | becomes |
/// |---|---|
/// | `{"logEvents": [{"message": …}, …]}`, of a [subscription filter] | the messages; control messages have none |
/// | `{"events": [{"message": …}, …]}`, of `aws logs filter-log-events` | the messages |
/// | `{"message": …}`, `{"@message": …}` | the message |
/// | `{"records": [{"data": base64}, …]}`, of [Firehose], `{"awslogs": {"data": base64}}` | the data, gzip undone, unwrapped again |
/// | `{"srcaddr": …, "dstport": …, …}` | a header line and a record |
/// | an array of these, or several of them one after the other | each in turn |
///
/// What it cannot unwrap it passes on as it is, so that the decoder refuses it
/// with its place and reason.
///
/// ```
/// use std::io::Read;
/// use vpcflow_ingest::EnvelopeReader;
///
/// let json = br#"{"logEvents": [{"id": "1", "message": "2 1 eni-1 - - - - - - - 10 20 - NODATA"}]}"#;
/// let mut text = String::new();
/// EnvelopeReader::new(&json[..]).read_to_string(&mut text)?;
/// assert_eq!(text, "2 1 eni-1 - - - - - - - 10 20 - NODATA\n");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// [subscription filter]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
/// [Firehose]: https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
pub struct EnvelopeReader<R> {
    input: BufReader<R>,
    /// JSON that is not a whole value yet.
    partial: Vec<u8>,
    /// Size of `partial` at which it is tried again.
    retry_bytes: usize,
    /// The fields of the last header line written.
    header: Option<Format>,
    text: Vec<u8>,
    /// How much of `text` was handed out.
    taken: usize,
    /// What the base64 of the present value held.
    data_bytes: usize,
    /// What reading failed with after there was text.
    failed: Option<io::Error>,
}

impl<R: Read> EnvelopeReader<R> {
    /// Unwraps what `input` gives.
    pub fn new(input: R) -> EnvelopeReader<R> {
        EnvelopeReader {
            input: BufReader::with_capacity(256 * 1024, input),
            partial: Vec::new(),
            retry_bytes: 0,
            header: None,
            text: Vec::new(),
            taken: 0,
            data_bytes: 0,
            failed: None,
        }
    }

    /// Reads until there is text, or the input ends.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        while self.text.is_empty() {
            let mut line = (&mut self.input).take(PIECE_BYTES);
            match line.read_until(b'\n', &mut self.partial) {
                Ok(0) => {
                    self.unwrap_partial(true);
                    break;
                }
                // A value over many lines is tried when it has doubled: never
                // once for each line.
                Ok(_) if self.partial.len() >= self.retry_bytes => {
                    self.unwrap_partial(self.partial.len() > MAX_VALUE_BYTES);
                }
                Ok(_) => {}
                Err(error) => {
                    // Values that are whole come before the failure.
                    self.unwrap_partial(false);
                    self.failed = Some(error);
                    break;
                }
            }
        }
        match self.failed.take_if(|_| self.text.is_empty()) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn unwrap_partial(&mut self, end: bool) {
        let mut partial = std::mem::take(&mut self.partial);
        self.data_bytes = 0;
        let done = self.values(&partial, 0, end);
        partial.drain(..done);
        self.retry_bytes = partial.len() * 2;
        self.partial = partial;
    }

    /// Unwraps the values in a text and returns how much of it that is: what is
    /// left waits for its end, unless this is the end. Lines that are no JSON
    /// are passed on: the decoder has the last word on them.
    fn values(&mut self, text: &[u8], depth: usize, end: bool) -> usize {
        let mut done = 0;
        // Commas are from arrays that were cut up into lines.
        let is_value = |byte: &u8| !byte.is_ascii_whitespace() && *byte != b',';
        while let Some(space) = text[done..].iter().position(is_value) {
            let start = done + space;
            let rest = &text[start..];
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Value>();
            let waits = match values.next() {
                Some(Ok(value)) if matches!(rest[0], b'{' | b'[' | b'"') => {
                    self.value(&value, depth);
                    done = start + values.byte_offset();
                    continue;
                }
                Some(Err(error)) if is_json(rest) => error.is_eof(),
                _ => !rest.contains(&b'\n'),
            };
            if waits && !end {
                return start;
            }
            let line_end = rest.iter().position(|byte| *byte == b'\n');
            let line_end = line_end.unwrap_or(rest.len());
            self.line(&rest[..line_end]);
            done = start + line_end;
        }
        text.len()
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Array(values) if depth < MAX_DEPTH => {
                for value in values {
                    self.value(value, depth + 1);
                }
            }
            Value::String(text) => self.data(text.as_bytes(), depth),
            Value::Object(object) => self.object(object, value, depth),
            value => self.line(value.to_string().as_bytes()),
        }
    }

    fn object(&mut self, object: &Map<String, Value>, value: &Value, depth: usize) {
        let events = object.get("logEvents").or_else(|| object.get("events"));
        let records = object.get("records");
        let message = object.get("message").or_else(|| object.get("@message"));
        if depth >= MAX_DEPTH {
            self.line(value.to_string().as_bytes());
        } else if object.get("messageType").and_then(Value::as_str) == Some("CONTROL_MESSAGE") {
            // Sent by the service to see whether anybody listens.
        } else if let Some(Value::Array(events)) = events.or(records) {
            for event in events {
                self.value(event, depth + 1);
            }
        } else if let Some(inner) = object.get("awslogs") {
            self.value(inner, depth + 1);
        } else if let Some(Value::String(message)) = message {
            self.data(message.as_bytes(), depth + 1);
        } else if let Some(text) = object.get("data").and_then(|data| self.decode_data(data)) {
            self.data(&text, depth + 1);
        } else if !self.record(object) {
            self.line(value.to_string().as_bytes());
        }
    }

    /// The text inside of a value: JSON again, or records.
    fn data(&mut self, text: &[u8], depth: usize) {
        if is_json(text) && depth < MAX_DEPTH {
            self.values(text, depth, true);
        } else {
            self.line(text.strip_suffix(b"\n").unwrap_or(text));
        }
    }

    /// Base64, with gzip undone if that is what it holds.
    fn decode_data(&mut self, data: &Value) -> Option<Vec<u8>> {
        let bytes = STANDARD.decode(data.as_str()?.trim()).ok()?;
        if !bytes.starts_with(b"\x1f\x8b") {
            return Some(bytes);
        }
        let room = MAX_DATA_BYTES.saturating_sub(self.data_bytes);
        let mut text = Vec::new();
        let mut limited = MultiGzDecoder::new(bytes.as_slice()).take(room as u64 + 1);
        limited.read_to_end(&mut text).ok()?;
        self.data_bytes += text.len();
        (text.len() <= room).then_some(text)
    }

    /// An object whose keys are fields, as a record; `false` if it is none.
    fn record(&mut self, object: &Map<String, Value>) -> bool {
        let known = object
            .keys()
            .filter(|key| Field::from_name(key).is_some())
            .count();
        if known == 0 || known * 2 < object.len() {
            return false;
        }
        // In one order, whichever the object has: there is one header then.
        let mut fields: Vec<(&String, &Value)> = object.iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        if !names.iter().all(|name| is_word(name)) {
            return false;
        }
        let header = names.join(" ");
        let Some(format) = Format::from_header(header.as_bytes()) else {
            return false;
        };
        let values: Option<Vec<String>> = fields.iter().map(|(_, value)| token(value)).collect();
        let Some(values) = values else { return false };
        if self.header.as_ref() != Some(&format) {
            self.line(header.as_bytes());
            self.header = Some(format);
        }
        self.line(values.join(" ").as_bytes());
        true
    }

    fn line(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
    }
}

impl<R> std::fmt::Debug for EnvelopeReader<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvelopeReader").finish_non_exhaustive()
    }
}

impl<R: Read> Read for EnvelopeReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.text.len() {
            self.fill()?;
        }
        let rest = &self.text[self.taken..];
        let size = rest.len().min(buffer.len());
        buffer[..size].copy_from_slice(&rest[..size]);
        self.taken += size;
        Ok(size)
    }
}

/// Whether a text stays one value in a line of text.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == ',')
}

/// A value as it would stand in a record; `None` if it cannot.
fn token(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("-".to_owned()),
        Value::String(text) if text.is_empty() => Some("-".to_owned()),
        Value::String(text) => is_word(text).then(|| text.clone()),
        Value::Number(number) => match number.as_f64() {
            // Written by languages in which every number is a float. Up to 2⁵³
            // a float is the whole number that it shows.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Some(format!("{float:.0}"))
            }
            _ => Some(number.to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::*;

    const A: &str = "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1418530010 1418530070 ACCEPT OK";
    const B: &str = "2 1 eni-1 10.0.0.3 10.0.0.4 1 2 6 1 40 1418530010 1418530070 REJECT OK";

    fn unwrap(json: &str) -> String {
        let mut text = String::new();
        EnvelopeReader::new(json.as_bytes())
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    fn subscription() -> String {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","logGroup":"g","logStream":"eni-1-all","logEvents":[{{"id":"1","timestamp":1,"message":"{A}"}},{{"id":"2","timestamp":2,"message":"{B}\n"}}]}}"#
        )
    }

    #[test]
    fn a_subscription_and_what_the_command_line_prints() {
        let both = format!("{A}\n{B}\n");
        assert_eq!(unwrap(&subscription()), both);
        let printed = format!(
            "{{\n  \"events\": [\n    {{\n      \"message\": \"{A}\"\n    }},\n    {{\n      \
             \"message\": \"{B}\"\n    }}\n  ],\n  \"searchedLogStreams\": []\n}}\n"
        );
        assert_eq!(unwrap(&printed), both);
        assert_eq!(
            unwrap(r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"message":"x"}]}"#),
            ""
        );
    }

    #[test]
    fn one_after_the_other_with_and_without_line_feeds() {
        let message = |line: &str| format!(r#"{{"message":"{line}"}}"#);
        let both = format!("{A}\n{B}\n");
        assert_eq!(unwrap(&format!("{}{}", message(A), message(B))), both);
        assert_eq!(unwrap(&format!("{}\n{}\n", message(A), message(B))), both);
        assert_eq!(unwrap(&format!("[{},\n{}]", message(A), message(B))), both);
        assert_eq!(unwrap(&format!(r#"["{A}", "{B}"]"#)), both);
    }

    #[test]
    fn firehose_and_lambda_hold_base64_of_gzip() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(subscription().as_bytes()).unwrap();
        let data = STANDARD.encode(encoder.finish().unwrap());
        let both = format!("{A}\n{B}\n");
        assert_eq!(
            unwrap(&format!(
                r#"{{"requestId":"r","records":[{{"data":"{data}"}}]}}"#
            )),
            both
        );
        assert_eq!(
            unwrap(&format!(r#"{{"awslogs":{{"data":"{data}"}}}}"#)),
            both
        );
        let plain = STANDARD.encode(A);
        assert_eq!(
            unwrap(&format!(r#"{{"records":[{{"data":"{plain}"}}]}}"#)),
            format!("{A}\n")
        );
    }

    #[test]
    fn objects_with_fields_for_keys() {
        let json = r#"{"version": "2", "srcaddr": "10.0.0.1", "bytes": 25238.0, "action": null, "vpc_id": "-"}
{"srcaddr": "10.0.0.2", "version": "2", "bytes": 9223372036854775807, "vpc_id": "vpc-1", "action": ""}
{"srcaddr": "10.0.0.3", "bytes": 1.5}
"#;
        assert_eq!(
            unwrap(json),
            "action bytes srcaddr version vpc_id\n- 25238 10.0.0.1 2 -\n\
             - 9223372036854775807 10.0.0.2 2 vpc-1\nbytes srcaddr\n1.5 10.0.0.3\n"
        );
    }

    #[test]
    fn what_cannot_be_unwrapped_is_passed_on() {
        assert_eq!(unwrap("{\"message\":\n"), "{\"message\":\n");
        let broken = format!("{{broken}}\n{{\"message\":\"{A}\"}}\n");
        assert_eq!(unwrap(&broken), format!("{{broken}}\n{A}\n"));
        assert_eq!(unwrap("{\"other\": [1]}"), "{\"other\":[1]}\n");
        assert_eq!(
            unwrap("{\"srcaddr\": \"10.0.0.1 x\"}"),
            "{\"srcaddr\":\"10.0.0.1 x\"}\n"
        );
        // A key that would be two fields.
        assert_eq!(
            unwrap("{\"bytes\": 1, \"srcaddr dstaddr\": \"-\"}"),
            "{\"bytes\":1,\"srcaddr dstaddr\":\"-\"}\n"
        );
    }

    #[test]
    fn records_between_envelopes_are_records() {
        let text = format!("[]\n{A}\n{{\"message\":\"{B}\"}},\n{A}");
        assert_eq!(unwrap(&text), format!("{A}\n{B}\n{A}\n"));
    }

    #[test]
    fn whole_values_of_an_array_that_breaks_off_are_unwrapped() {
        let text = format!("[\n{{\"message\":\"{A}\"}},\n{{\"message\":\"{B}\"}},\n{{\"mess");
        assert_eq!(unwrap(&text), format!("[\n{A}\n{B}\n{{\"mess\n"));
    }

    #[test]
    fn json_inside_of_a_message_is_unwrapped_too() {
        let inner = json!({"srcaddr": "10.0.0.1", "action": "ACCEPT"}).to_string();
        let text = json!({ "message": inner }).to_string();
        assert_eq!(unwrap(&text), "action srcaddr\nACCEPT 10.0.0.1\n");
    }

    #[test]
    fn what_ends_a_message_stays() {
        // Not a space of records: the decoder is to see it.
        let text = json!([format!("{A}\u{a0}"), format!("{A} \r\n")]).to_string();
        assert_eq!(unwrap(&text), format!("{A}\u{a0}\n{A} \r\n"));
    }

    #[test]
    fn a_long_line_of_many_values_is_unwrapped_as_it_comes() {
        let value = format!(r#"{{"message":"{A}"}}"#);
        let text = value.repeat(40_000);
        let mut reader = EnvelopeReader::new(text.as_bytes());
        let mut buffer = vec![0; 1000];
        assert!(reader.read(&mut buffer).unwrap() > 0);
        assert!(reader.text.len() < 2 * PIECE_BYTES as usize);
        let lines = unwrap(&text);
        assert_eq!(lines.lines().count(), 40_000);
        assert!(lines.lines().all(|line| line == A));
    }

    #[test]
    fn values_come_before_the_failure_that_follows_them() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let text = format!("{{\n\"message\":\"{A}\"\n}}\n{{\"message\":\"{B}\"}}");
        let mut reader = EnvelopeReader::new(text.as_bytes().chain(Failing));
        let mut found = Vec::new();
        let error = reader.read_to_end(&mut found).unwrap_err();
        assert_eq!(error.to_string(), "unplugged");
        assert_eq!(found, format!("{A}\n{B}\n").into_bytes());
    }
}
