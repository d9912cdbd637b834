//! How Parquet packs small numbers: the hybrid of runs and packed bits of levels
//! and dictionary codes, and differences of neighbours.
//!
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>

/// Values of a packed group; codes are packed by whole groups.
const GROUP: usize = 8;

/// Values of a block of differences.
const BLOCK: usize = 128;

/// Values of a block that have a width of their own.
const MINI_BLOCK: usize = 32;

/// Appends a number as ULEB128.
fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_zigzag(number: i64, out: &mut Vec<u8>) {
    put_varint((number << 1 ^ number >> 63) as u64, out);
}

/// Bits that numbers up to this one need.
pub(super) fn width_of(greatest: u64) -> u32 {
    u64::BITS - greatest.leading_zeros()
}

/// Which rows of a page have a value.
#[derive(Debug, Default)]
pub(super) struct Levels {
    rows: usize,
    nulls: usize,
    /// A bit a row, from the lowest of each byte on. Empty until there is a NULL.
    bits: Vec<u8>,
}

impl Levels {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn nulls(&self) -> usize {
        self.nulls
    }

    /// Adds rows that all have a value.
    pub(super) fn push_values(&mut self, rows: usize) {
        if self.nulls > 0 {
            for _ in 0..rows {
                self.push_bit(true);
            }
        } else {
            self.rows += rows;
        }
    }

    pub(super) fn push(&mut self, has_value: bool) {
        if !has_value {
            if self.nulls == 0 {
                self.bits.resize(self.rows / 8, 0xff);
                if !self.rows.is_multiple_of(8) {
                    self.bits.push((1 << (self.rows % 8)) - 1);
                }
            }
            self.nulls += 1;
        }
        if self.nulls > 0 {
            self.push_bit(has_value);
        } else {
            self.rows += 1;
        }
    }

    fn push_bit(&mut self, bit: bool) {
        let place = self.rows % 8;
        if place == 0 {
            self.bits.push(0);
        }
        if let Some(last) = self.bits.last_mut() {
            *last |= u8::from(bit) << place;
        }
        self.rows += 1;
    }

    pub(super) fn clear(&mut self) {
        self.rows = 0;
        self.nulls = 0;
        self.bits.clear();
    }

    /// Appends the definition levels, which are 0 or 1, with their length.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend([0; 4]);
        if self.nulls == 0 {
            put_varint((self.rows as u64) << 1, out);
            out.push(1);
        } else {
            self.write_bits(out);
        }
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn write_bits(&self, out: &mut Vec<u8>) {
        // The last byte may be of fewer rows: it is never a run.
        let whole = self.rows / 8;
        let mut packed = 0..0;
        let mut at = 0;
        while at < self.bits.len() {
            let byte = self.bits[at];
            let end = match byte {
                0 | 0xff => whole,
                _ => at,
            };
            let rest = self.bits.get(at..end).unwrap_or_default();
            let run = rest.iter().take_while(|next| **next == byte).count();
            // Shorter runs take as many bytes as what is packed.
            if run > 2 {
                put_packed_bytes(&self.bits[packed.clone()], out);
                put_varint((run as u64 * 8) << 1, out);
                out.push(byte & 1);
                at += run;
                packed = at..at;
            } else {
                at += run.max(1);
                packed.end = at;
            }
        }
        put_packed_bytes(&self.bits[packed], out);
    }
}

fn put_packed_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        put_varint((bytes.len() as u64) << 1 | 1, out);
        out.extend_from_slice(bytes);
    }
}

/// Appends codes of so many bits each.
pub(super) fn put_codes(codes: &[u32], width: u32, out: &mut Vec<u8>) {
    out.reserve(codes.len() * width as usize / 8 + 16);
    let (mut at, mut packed) = (0, 0);
    while let Some(group) = codes.get(at..at + GROUP) {
        let first = group[0];
        if group.iter().any(|code| *code != first) {
            at += GROUP;
            continue;
        }
        let more = codes[at + GROUP..]
            .iter()
            .take_while(|code| **code == first);
        let run = GROUP + more.count();
        put_packed(&codes[packed..at], width, out);
        put_varint((run as u64) << 1, out);
        out.extend_from_slice(&first.to_le_bytes()[..width.div_ceil(8) as usize]);
        at += run;
        packed = at;
    }
    put_packed(&codes[packed..], width, out);
}

/// Appends groups; the last one is filled up with zeros.
fn put_packed(codes: &[u32], width: u32, out: &mut Vec<u8>) {
    if codes.is_empty() {
        return;
    }
    put_varint((codes.len().div_ceil(GROUP) as u64) << 1 | 1, out);
    let end = out.len() + codes.len().div_ceil(GROUP) * width as usize;
    let (mut bits, mut count) = (0_u64, 0);
    for code in codes {
        bits |= u64::from(*code) << count;
        count += width;
        if count >= u32::BITS {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= u32::BITS;
            count -= u32::BITS;
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..count.div_ceil(8) as usize]);
    out.resize(end, 0);
}

/// Appends numbers as differences of neighbours: `DELTA_BINARY_PACKED`.
pub(super) fn put_differences(numbers: &[i64], out: &mut Vec<u8>) {
    put_varint(BLOCK as u64, out);
    put_varint((BLOCK / MINI_BLOCK) as u64, out);
    put_varint(numbers.len() as u64, out);
    let Some((first, rest)) = numbers.split_first() else {
        put_zigzag(0, out);
        return;
    };
    put_zigzag(*first, out);
    let mut before = *first;
    let mut differences = [0; BLOCK];
    for block in rest.chunks(BLOCK) {
        for (difference, number) in differences.iter_mut().zip(block) {
            *difference = number.wrapping_sub(before);
            before = *number;
        }
        put_block(&differences[..block.len()], out);
    }
}

fn put_block(differences: &[i64], out: &mut Vec<u8>) {
    let least = differences.iter().copied().min().unwrap_or_default();
    put_zigzag(least, out);
    let above = |difference: &i64| difference.wrapping_sub(least) as u64;
    let widths = out.len();
    out.extend([0; BLOCK / MINI_BLOCK]);
    for (index, part) in differences.chunks(MINI_BLOCK).enumerate() {
        let width = width_of(part.iter().map(above).fold(0, |all, one| all | one));
        out[widths + index] = width as u8;
        let end = out.len() + MINI_BLOCK * width as usize / 8;
        let (mut bits, mut count) = (0_u128, 0);
        for difference in part {
            bits |= u128::from(above(difference)) << count;
            count += width;
            if count >= u64::BITS {
                out.extend_from_slice(&(bits as u64).to_le_bytes());
                bits >>= u64::BITS;
                count -= u64::BITS;
            }
        }
        out.extend_from_slice(&bits.to_le_bytes()[..count.div_ceil(8) as usize]);
        out.resize(end, 0);
    }
}
