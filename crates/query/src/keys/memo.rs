//! Numbers of texts that came lately.

/// Texts that are kept: of addresses in flow logs, nine of ten were among the last few
/// thousand. They take 128 KB, which a core has in a cache of its own.
const SLOTS: usize = 1 << 12;

/// The numbers of short texts, by the texts: to find one takes a third of the time that it
/// takes to make the number of an address.
#[derive(Debug)]
pub(super) struct Memo {
    slots: Box<[Slot]>,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Slot {
    text: u128,
    len: u32,
    number: u32,
}

/// No short text is as long.
const EMPTY: Slot = Slot {
    text: 0,
    len: u32::MAX,
    number: 0,
};

impl Memo {
    pub(super) fn new() -> Memo {
        Memo {
            slots: vec![EMPTY; SLOTS].into(),
        }
    }

    /// The number of a text, with zeros after it, and of this length. `find` finds it if it
    /// did not come lately.
    ///
    /// # Errors
    /// As `find`.
    #[inline]
    pub(super) fn number<E>(
        &mut self,
        text: u128,
        len: u32,
        find: impl FnOnce() -> Result<u32, E>,
    ) -> Result<u32, E> {
        let slot = &mut self.slots[slot_of(text)];
        if slot.text == text && slot.len == len {
            return Ok(slot.number);
        }
        let number = find()?;
        *slot = Slot { text, len, number };
        Ok(number)
    }
}

/// Where a text is looked for. Most addresses differ in their last octets, which are
/// anywhere: a multiplication brings all bits to the highest.
#[inline]
fn slot_of(text: u128) -> usize {
    let (low, high) = (text as u64, (text >> 64) as u64);
    let mixed = (low ^ high.rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (u64::BITS - SLOTS.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_has_the_number_that_was_found(
            texts in proptest::collection::vec((0..3_u128, 0..3_u32), 0..100),
        ) {
            let mut memo = Memo::new();
            for (text, len) in texts {
                let expected = text as u32 * 10 + len;
                let number = memo.number(text, len, || Ok::<_, ()>(expected));
                prop_assert_eq!(number, Ok(expected));
            }
        }
    }

    #[test]
    fn what_came_lately_is_not_looked_for() {
        let mut memo = Memo::new();
        assert_eq!(memo.number(7, 1, || Err("none")), Err("none"));
        assert_eq!(memo.number(7, 1, || Ok::<_, &str>(5)), Ok(5));
        assert_eq!(memo.number(7, 1, || Err("none")), Ok(5));
        assert_eq!(memo.number(7, 2, || Err("none")), Err("none"));
    }

    #[test]
    fn addresses_of_a_network_have_slots_of_their_own() {
        let text = |host: u32| {
            let mut text = [0; 16];
            let address = format!("10.0.{}.{}", host / 256, host % 256);
            text[..address.len()].copy_from_slice(address.as_bytes());
            u128::from_le_bytes(text)
        };
        let slots: std::collections::HashSet<_> =
            (0..1_024).map(|host| slot_of(text(host))).collect();
        // By chance it would be some 900.
        assert!(slots.len() > 800, "{}", slots.len());
    }
}
