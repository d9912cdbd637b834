//! What the fuzz targets share: decoding in one way, to compare with another.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use vpcflow_record::{CpuLevel, DecodeCounts, DecodeOptions, Decoder, Format, Policy, Reject};

/// All that a decoder has to say about an input.
pub type Outcome = (Vec<RecordBatch>, Vec<Reject>, DecodeCounts, Format);

/// Formats of every kind of field at every kind of place; the data choose one.
const FORMATS: [&str; 6] = [
    "default",
    "srcport dstport action",
    "account-id srcaddr bytes start log-status",
    "az-id packets pkt-dstaddr my-field end tcp-flags",
    "srcaddr",
    "my-field version vpc-id srcaddr",
];

/// The format that a byte stands for.
///
/// # Panics
/// Never: the formats are valid.
pub fn format(choice: u8) -> Format {
    Format::parse(FORMATS[usize::from(choice) % FORMATS.len()]).expect("a valid format")
}

/// The policy that a byte stands for.
pub fn policy(choice: u8) -> Policy {
    Policy::ALL[usize::from(choice) % Policy::ALL.len()]
}

/// Decodes pieces of a text, one after the other.
///
/// # Panics
/// When a batch cannot be built, which is a finding.
pub fn decode<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    format: &Format,
    policy: Policy,
    cpu: CpuLevel,
    share: bool,
) -> Outcome {
    let options = DecodeOptions {
        policy,
        cpu,
        ..DecodeOptions::default()
    };
    decode_with(pieces, format, options, share)
}

/// The same with any options.
///
/// # Panics
/// As [`decode`].
pub fn decode_with<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    format: &Format,
    options: DecodeOptions,
    share: bool,
) -> Outcome {
    let options = DecodeOptions {
        batch_rows: 64,
        ..options
    };
    let mut decoder = Decoder::new(format.clone(), options);
    let (mut batches, mut rejects) = (Vec::new(), Vec::new());
    let mut drain = |decoder: &mut Decoder| {
        batches.extend(decoder.flush().expect("the columns fit the schema"));
        rejects.extend(decoder.take_rejects());
    };
    for piece in pieces {
        let buffer = Buffer::from(piece);
        let mut used = 0;
        while used < piece.len() {
            used += if share {
                decoder.decode_buffer(&buffer.slice(used))
            } else {
                decoder.decode(&piece[used..])
            };
            if decoder.is_full() {
                drain(&mut decoder);
            }
        }
    }
    decoder.finish();
    drain(&mut decoder);
    (batches, rejects, decoder.counts(), decoder.format().clone())
}
