//! String arrays from views that were checked before.

#![expect(
    unsafe_code,
    reason = "the text was checked to be UTF-8 a block or a line at a time, which is several \
              times faster than value by value"
)]

use arrow_array::StringViewArray;
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};

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
