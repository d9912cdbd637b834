//! Whether text is an IPv6 address, told by where its colons and digits are.

/// A bit a character of one text; those after the end may be anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Characters {
    pub(super) colons: u64,
    /// Hexadecimal ones.
    pub(super) digits: u64,
}

/// Whether a text of so many characters is an address. `None` for those that
/// end as IPv4, and everything that is too long without it.
#[inline]
pub(super) fn is_address(characters: Characters, len: usize) -> Option<bool> {
    /// Eight groups of four, and what separates them.
    const MAX_BYTES: usize = 39;
    if !(2..=MAX_BYTES).contains(&len) {
        return None;
    }
    let inside = (1_u64 << len) - 1;
    let (colons, digits) = (characters.colons & inside, characters.digits & inside);
    if colons | digits != inside {
        return None;
    }
    let (first, last) = (1, 1 << (len - 1));
    // Where a `::` starts.
    let doubles = colons & colons >> 1;
    let lone = |colon| colons & colon != 0;
    let ends = (!lone(first) || doubles & first != 0) && (!lone(last) || doubles & last >> 1 != 0);
    let at_most_one = doubles & doubles.wrapping_sub(1) == 0;
    let pairs = digits & digits >> 1;
    let five = pairs & pairs >> 2 & digits >> 4;
    let groups = (digits & !(digits << 1)).count_ones();
    let enough = if doubles == 0 {
        groups == 8
    } else {
        groups < 8
    };
    Some(ends && at_most_one && five == 0 && enough)
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn ipv6_as_the_standard_library(
            word in "([0-9a-fA-F]{0,5}:){0,9}[0-9a-f]{0,4}|[0-9A-F:]{0,39}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}",
            after in "[ :0f]{64}",
        ) {
            let ahead = format!("{word}{after}").into_bytes();
            let ahead = ahead.first_chunk().unwrap();
            if let Some(answer) = crate::simd::is_ipv6(ahead, word.len()) {
                prop_assert_eq!(answer, word.parse::<Ipv6Addr>().is_ok(), "{}", word);
            } else {
                prop_assert!(word.parse::<Ipv6Addr>().is_err(), "{}", word);
            }
        }
    }
}
