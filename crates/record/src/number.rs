//! Decimal numbers, eight digits at a time.

use crate::reason::Reason;

/// Digits from which a time is in milliseconds: 12 digits of seconds would be
/// the year 5138 and later.
pub(crate) const MILLISECOND_DIGITS: usize = 12;

/// Unsigned decimal digits and nothing else: no sign, no separators. `None`:
/// there is something else, or the number is too large; [`fault`] tells which.
///
/// `word` is the first `len` bytes of `rest`; what follows is read along where
/// there is some, which saves a loop over the digits.
#[inline(always)]
pub(crate) fn int64(rest: &[u8], len: usize) -> Option<i64> {
    match rest.first_chunk::<8>() {
        Some(chunk) if len <= 8 => up_to_eight_digits(u64::from_le_bytes(*chunk), len),
        Some(chunk) if len <= 16 => {
            let high = up_to_eight_digits(u64::from_le_bytes(*chunk), len - 8)?;
            let low = rest[len - 8..].first_chunk::<8>()?;
            Some(high * 100_000_000 + up_to_eight_digits(u64::from_le_bytes(*low), 8)?)
        }
        _ => any_digits(&rest[..len]),
    }
}

/// Why a word is no number of its column.
#[cold]
pub(crate) fn fault(word: &[u8]) -> Reason {
    match word.iter().all(u8::is_ascii_digit) {
        true => Reason::OutOfRange,
        false => Reason::NotANumber,
    }
}

/// The number in the low `len` bytes of a little-endian word, 1 to 8 of them.
#[inline(always)]
pub(crate) fn up_to_eight_digits(word: u64, len: usize) -> Option<i64> {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
    // Shifted so that the last digit is the last byte; what came in are zeros.
    let digits = (word ^ ZEROS) << ((8 - len) * 8);
    if above_nine(digits) {
        return None;
    }
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let eights = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF;
    Some(eights as i64)
}

/// The high bit of each of eight bytes.
pub(crate) const HIGH: u64 = repeat(0x80);

/// Eight times the same byte.
pub(crate) const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Whether any byte is more than 9.
#[inline]
fn above_nine(bytes: u64) -> bool {
    (((bytes & !HIGH) + repeat(0x80 - 10)) | bytes) & HIGH != 0
}

/// The high bit of each byte that is `byte`, which is ASCII.
#[inline]
pub(crate) fn equal(bytes: u64, byte: u8) -> u64 {
    let other = ((bytes & !HIGH) ^ repeat(byte)) + repeat(0x7F);
    !(other | bytes) & HIGH
}

/// The high bit of each byte that is a space or a control character.
#[inline]
pub(crate) fn at_most_space(bytes: u64) -> u64 {
    let more = (bytes & !HIGH) + repeat(0x80 - (b' ' + 1));
    !(more | bytes) & HIGH
}

#[cold]
fn any_digits(word: &[u8]) -> Option<i64> {
    word.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[inline(always)]
pub(crate) fn int32(rest: &[u8], len: usize) -> Option<i32> {
    i32::try_from(int64(rest, len)?).ok()
}

/// Seconds, or from [`MILLISECOND_DIGITS`] digits on milliseconds, as
/// microseconds.
#[inline(always)]
pub(crate) fn timestamp(rest: &[u8], len: usize) -> Option<i64> {
    let micros = if len < MILLISECOND_DIGITS {
        1_000_000
    } else {
        1_000
    };
    int64(rest, len)?.checked_mul(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length, with and without bytes to read along, against the
    /// standard library.
    #[test]
    fn equals_the_standard_library() {
        let digits = "98765432101234567898";
        for len in 1..=digits.len() {
            for start in 0..=digits.len() - len {
                let word = &digits[start..start + len];
                for after in ["", " ", " 123456789 123456789"] {
                    let rest = format!("{word}{after}");
                    let expected = word.parse::<i64>().ok();
                    assert_eq!(int64(rest.as_bytes(), len), expected, "{rest}");
                }
            }
        }
    }

    #[test]
    fn any_other_byte_is_no_number() {
        for len in 1..=20 {
            for at in 0..len {
                for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
                    let mut word = vec![b'1'; len];
                    word[at] = byte;
                    assert_eq!(int64(&word, len), None);
                    assert_eq!(fault(&word), Reason::NotANumber);
                    word.extend([b' '; 20]);
                    assert_eq!(int64(&word, len), None);
                }
            }
        }
    }
}
