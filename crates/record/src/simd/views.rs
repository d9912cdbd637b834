//! Views, and string arrays of views that were checked before.

#![expect(
    unsafe_code,
    reason = "the text was checked to be UTF-8 a block or a line at a time, which is several \
              times faster than value by value"
)]

use arrow_array::StringViewArray;
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::column::INLINE_BYTES;

/// For text of each length: the bytes of a view that are text, after the four
/// of the length. From 13 bytes on, these are the first four only.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) static TEXT_BYTES: [[u8; 16]; INLINE_BYTES + 2] = {
    let mut masks = [[0; 16]; INLINE_BYTES + 2];
    let mut len = 0;
    while len < masks.len() {
        let text = if len > INLINE_BYTES { 4 } else { len };
        let mut byte = 0;
        while byte < text {
            masks[len][4 + byte] = 0xFF;
            byte += 1;
        }
        len += 1;
    }
    masks
};

/// The array of these views; in debug builds all of them are checked.
///
/// # Safety
/// Every view is as Arrow has it: its text is UTF-8, and either in the view or
/// at the view's offset of the view's buffer. `nulls` has as many rows as there
/// are views.
pub(crate) unsafe fn string_views(
    views: ScalarBuffer<u128>,
    buffers: &[Buffer],
    nulls: Option<NullBuffer>,
) -> StringViewArray {
    if cfg!(debug_assertions) {
        return StringViewArray::try_new(views, buffers.to_vec(), nulls)
            .expect("the views point to UTF-8 in their buffers");
    }
    // SAFETY: as the caller promises.
    unsafe { StringViewArray::new_unchecked(views, buffers.to_vec(), nulls) }
}
