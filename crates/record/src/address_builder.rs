//! A column of addresses out of their numbers.

use arrow_array::StringViewArray;
use arrow_buffer::{Buffer, NullBufferBuilder};

use crate::column::{INLINE_BYTES, view};
use crate::simd;

/// Text from which on a buffer is full: offsets of views have 32 bits.
const MAX_BUFFER_BYTES: usize = 1 << 30;

/// Builds a column of text of which most are addresses of IPv4, known by their numbers.
///
/// It is several times faster than to format each and hand it to a builder of Arrow, which
/// looks whether it is UTF-8.
///
/// ```
/// use vpcflow_record::AddressBuilder;
///
/// let mut addresses = AddressBuilder::with_capacity(3);
/// addresses.push_ipv4(0xac1f_0945);
/// addresses.push_null();
/// addresses.push_text("2001:db8::1234:5678");
/// let expected = [Some("172.31.9.69"), None, Some("2001:db8::1234:5678")];
/// assert!(addresses.finish().iter().eq(expected));
/// ```
#[derive(Debug)]
pub struct AddressBuilder {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
    full: Vec<Buffer>,
    /// Of what is longer than a view holds.
    text: Vec<u8>,
}

impl AddressBuilder {
    /// With room for so many rows.
    #[must_use]
    pub fn with_capacity(rows: usize) -> AddressBuilder {
        AddressBuilder {
            views: Vec::with_capacity(rows),
            nulls: NullBufferBuilder::new(rows),
            full: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Adds the address of this number, as AWS writes it.
    #[inline]
    pub fn push_ipv4(&mut self, number: u32) {
        let (text, len) = ipv4_text(number);
        self.push(&text, len);
    }

    /// Adds any text.
    pub fn push_text(&mut self, text: &str) {
        self.push(text.as_bytes(), text.len());
    }

    /// Adds a row without a value.
    pub fn push_null(&mut self) {
        self.views.push(0);
        self.nulls.append_null();
    }

    /// Adds the first bytes of some, which are UTF-8.
    #[inline]
    fn push(&mut self, ahead: &[u8], len: usize) {
        if len > INLINE_BYTES && self.text.len() + len > MAX_BUFFER_BYTES {
            self.full
                .push(Buffer::from_vec(std::mem::take(&mut self.text)));
        }
        let (buffer, offset) = (self.full.len() as u32, self.text.len() as u32);
        self.views.push(view(ahead, len, buffer, offset));
        if len > INLINE_BYTES {
            // What is copied along is shorter to copy than a length that is not known.
            self.text.extend_from_slice(ahead);
            self.text.truncate(offset as usize + len);
        }
        self.nulls.append_non_null();
    }

    /// The column.
    #[must_use]
    #[expect(unsafe_code, reason = "all text that was added is UTF-8")]
    pub fn finish(mut self) -> StringViewArray {
        if !self.text.is_empty() {
            self.full.push(Buffer::from_vec(self.text));
        }
        let nulls = self.nulls.finish();
        // SAFETY: views were made of an address, which is ASCII, or of a `str`; where they
        // are longer than a view holds, it was put at the place that the view has.
        unsafe { simd::views::string_views(self.views.into(), &self.full, nulls) }
    }
}

/// The digits of an octet, the first of them lowest, and how many they are.
const OCTETS: [([u8; 3], u8); 256] = {
    let mut octets = [([0; 3], 0); 256];
    let mut octet = 0;
    while octet < octets.len() {
        let [hundreds, tens, ones] = [octet / 100, octet / 10 % 10, octet % 10];
        let [hundreds, tens, ones] = [b'0' + hundreds as u8, b'0' + tens as u8, b'0' + ones as u8];
        octets[octet] = match octet {
            0..10 => ([ones, 0, 0], 1),
            10..100 => ([tens, ones, 0], 2),
            _ => ([hundreds, tens, ones], 3),
        };
        octet += 1;
    }
    octets
};

/// The text of an address, and how long it is.
#[inline]
fn ipv4_text(number: u32) -> ([u8; 16], usize) {
    let mut text: u128 = 0;
    let mut len = 0;
    for octet in number.to_be_bytes() {
        let ([first, second, third], digits) = OCTETS[usize::from(octet)];
        let digits_text = u32::from_le_bytes([first, second, third, 0]);
        text |= u128::from(digits_text) << (8 * len);
        len += u32::from(digits);
        text |= u128::from(b'.') << (8 * len);
        len += 1;
    }
    // But for the last dot.
    (text.to_le_bytes(), len as usize - 1)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use arrow_array::Array;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_octet_at_every_place() {
        let numbers = (0..4).flat_map(|place| {
            (0..=255_u32).map(move |octet| {
                0x0064_0a01_u32.rotate_left(place) & !(0xff << (8 * place)) | octet << (8 * place)
            })
        });
        let numbers: Vec<u32> = numbers.collect();
        let mut addresses = AddressBuilder::with_capacity(numbers.len());
        for number in &numbers {
            addresses.push_ipv4(*number);
        }
        let found = addresses.finish();
        let expected = numbers
            .iter()
            .map(|number| Ipv4Addr::from(*number).to_string());
        assert!(found.iter().flatten().map(ToOwned::to_owned).eq(expected));
        assert_eq!(found.null_count(), 0);
    }

    proptest! {
        #[test]
        fn rows_are_what_was_added(
            rows in proptest::collection::vec(
                proptest::option::of(prop_oneof![
                    any::<u32>().prop_map(Ok),
                    ".{0,20}".prop_map(Err),
                ]),
                0..40,
            ),
        ) {
            let mut addresses = AddressBuilder::with_capacity(rows.len());
            for row in &rows {
                match row {
                    None => addresses.push_null(),
                    Some(Ok(number)) => addresses.push_ipv4(*number),
                    Some(Err(text)) => addresses.push_text(text),
                }
            }
            let text = |row: &Result<u32, String>| match row {
                Ok(number) => Ipv4Addr::from(*number).to_string(),
                Err(text) => text.clone(),
            };
            let expected: StringViewArray = rows.iter().map(|row| row.as_ref().map(text)).collect();
            prop_assert_eq!(addresses.finish(), expected);
        }
    }
}
