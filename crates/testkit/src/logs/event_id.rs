//! Event ids in AWS's form.

/// 2²⁰⁸ / 10³⁸: by how much the digits of an id before the last 38 grow with a
/// millisecond, times 2⁶⁴.
const MILLISECOND: u128 = 4_113_761_393_303_015_105_387_422;
/// The last two groups of digits have 19.
const GROUP: u64 = 10_u64.pow(19);

/// Appends the id of an event: 56 decimal digits whose value shifted right by 144
/// bits is the event's timestamp, as in the ids that AWS publishes in its examples
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>).
/// The last digits are `sequence`, which makes the id unique; those between come
/// from it, so that ids of one millisecond differ all over, as AWS's do.
///
/// AWS documents no meaning of the digits: a reader must not depend on it.
pub(super) fn push_event_id(text: &mut Vec<u8>, timestamp_ms: u64, sequence: u64) {
    let spread = scramble(sequence);
    // Of the 223,007 values that belong to the millisecond, one of the first 131,072.
    let first = (u128::from(timestamp_ms) * MILLISECOND) >> 64;
    let high = first as u64 + 2 + (spread >> 47);
    push_digits(text, high, 18);
    push_digits(text, spread % GROUP, 19);
    push_digits(text, sequence % GROUP, 19);
}

/// As [`push_event_id`], by itself.
pub(super) fn event_id(timestamp_ms: u64, sequence: u64) -> String {
    let mut id = Vec::with_capacity(56);
    push_event_id(&mut id, timestamp_ms, sequence);
    id.iter().map(|digit| char::from(*digit)).collect()
}

/// Appends a number in decimal, with zeros before it up to `width` digits.
pub(super) fn push_digits(text: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    text.extend_from_slice(&digits[first.min(digits.len() - width)..]);
}

/// The output function of SplitMix64: a bijection that spreads every bit.
pub(super) fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id >> 144`, by halving the decimal digits.
    fn shifted(id: &str) -> u64 {
        let mut digits: Vec<u8> = id.bytes().map(|digit| digit - b'0').collect();
        for _ in 0..144 {
            let mut carry = 0;
            for digit in &mut digits {
                let value = carry * 10 + *digit;
                *digit = value / 2;
                carry = value % 2;
            }
        }
        digits
            .iter()
            .fold(0, |value, digit| value * 10 + u64::from(*digit))
    }

    #[test]
    fn has_the_digits_and_the_timestamp_of_an_aws_id() {
        // An id from AWS's documentation, to check the check.
        assert_eq!(
            shifted("31953106606966983378809025079804211143289615424298221568"),
            1_432_826_855_000
        );
        for sequence in [0, 1, 77, u64::MAX] {
            let id = event_id(1_702_918_083_000, sequence);
            assert_eq!(id.len(), 56, "{id}");
            assert_eq!(shifted(&id), 1_702_918_083_000, "{id}");
        }
    }

    #[test]
    fn differs_for_events_of_one_millisecond() {
        let ids: std::collections::BTreeSet<String> = (0..1_000)
            .map(|sequence| event_id(1_702_918_083_000, sequence))
            .collect();
        assert_eq!(ids.len(), 1_000);
    }
}
