//! Event ids in AWS's form.

/// The id of an event: 56 decimal digits whose value shifted right by 144 bits
/// is the event's timestamp, as in the ids that AWS publishes in its examples
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>).
/// The low bits hold `sequence`, which makes the id unique, and bits derived
/// from it, so that ids of one millisecond differ all over, as AWS's do.
///
/// AWS documents no meaning of the digits: a reader must not depend on it.
pub(super) fn event_id(timestamp_ms: u64, sequence: u64) -> String {
    const CHUNK: u128 = 10_u128.pow(19);

    let mut limbs = [timestamp_ms << 16, scramble(sequence), sequence];
    let mut next_chunk = || {
        let mut remainder: u128 = 0;
        for limb in &mut limbs {
            let dividend = (remainder << 64) | u128::from(*limb);
            // The remainder is below `CHUNK`, so the quotient fits 64 bits.
            *limb = (dividend / CHUNK) as u64;
            remainder = dividend % CHUNK;
        }
        remainder
    };
    let (low, middle, high) = (next_chunk(), next_chunk(), next_chunk());
    format!("{high:018}{middle:019}{low:019}")
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
