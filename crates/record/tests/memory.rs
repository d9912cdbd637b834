//! Batches share memory with their successors, and nobody notices.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use vpcflow_record::{CpuLevel, DecodeOptions, Decoder, Format};

/// Line `number`, which every column is of; some values are NULL.
fn line(number: usize) -> String {
    let port = if number.is_multiple_of(7) {
        "-".to_owned()
    } else {
        number.to_string()
    };
    format!("interface-of-line-{number} {port} {number}00000000\n")
}

fn format() -> Format {
    Format::parse("interface-id srcport bytes").unwrap()
}

/// Whether a batch has the lines from `first` on.
fn check(batch: &RecordBatch, first: usize) {
    let names = batch.column_by_name("interface_id").unwrap();
    let ports = batch.column_by_name("srcport").unwrap();
    let bytes = batch.column_by_name("bytes").unwrap();
    let rows = names.as_string_view().iter();
    let rows = rows.zip(ports.as_primitive::<Int32Type>());
    let rows = rows.zip(bytes.as_primitive::<Int64Type>());
    for (row, ((name, port), bytes)) in rows.enumerate() {
        let number = first + row;
        assert_eq!(name.unwrap(), format!("interface-of-line-{number}"));
        assert_eq!(port, (!number.is_multiple_of(7)).then_some(number as i32));
        assert_eq!(bytes, Some(number as i64 * 100_000_000));
    }
}

#[test]
fn a_batch_that_is_held_does_not_change() {
    let text: String = (0..20_000).map(line).collect();
    for cpu in CpuLevel::supported() {
        let options = DecodeOptions {
            batch_rows: 100,
            cpu,
            ..DecodeOptions::default()
        };
        let mut decoder = Decoder::new(format(), options);
        let (mut used, mut rows, mut held) = (0, 0, Vec::new());
        while used < text.len() {
            used += decoder.decode(&text.as_bytes()[used..]);
            let batch = decoder.flush().unwrap().unwrap();
            check(&batch, rows);
            rows += batch.num_rows();
            // Some are dropped at once, some after others, some never.
            match rows / 100 % 5 {
                0 => drop(batch),
                1 => held.insert(0, (rows - batch.num_rows(), batch)),
                2 if held.len() > 3 => drop(held.pop()),
                _ => held.push((rows - batch.num_rows(), batch)),
            }
        }
        assert_eq!(rows, 20_000);
        drop(decoder);
        for (first, batch) in &held {
            check(batch, *first);
        }
    }
}

#[test]
fn messages_beyond_a_full_batch_are_kept() {
    let options = DecodeOptions {
        batch_rows: 3,
        ..DecodeOptions::default()
    };
    let mut decoder = Decoder::new(format(), options);
    for number in 0..1_000 {
        assert!(decoder.decode_message(line(number).as_bytes()));
    }
    let batch = decoder.flush().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 1_000);
    check(&batch, 0);
}

/// Batches of few rows, as they come when a log is followed, keep only those.
#[test]
fn a_few_rows_do_not_keep_the_memory_of_many() {
    let mut decoder = Decoder::new(format(), DecodeOptions::default());
    for number in 0..100 {
        decoder.decode(line(number).as_bytes());
        let batch = decoder.flush().unwrap().unwrap();
        check(&batch, number);
        assert!(batch.get_array_memory_size() < 10_000);
    }
}

/// Room is not taken before it is needed.
#[test]
fn a_batch_of_any_size_may_be_asked_for() {
    let text: String = (0..100_000).map(line).collect();
    let options = DecodeOptions {
        batch_rows: usize::MAX,
        ..DecodeOptions::default()
    };
    let mut decoder = Decoder::new(format(), options);
    assert_eq!(decoder.decode(text.as_bytes()), text.len());
    let batch = decoder.flush().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 100_000);
    check(&batch, 0);
}
