//! String arrays from views that were checked before.

#![expect(
    unsafe_code,
    reason = "the text was checked to be UTF-8 a block or a line at a time, which is several \
              times faster than value by value"
)]

use arrow_array::StringViewArray;
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};

/// The array of these views.
///
/// The views come from [`super::Block::views`] or from arrow's own
/// `make_view`, of text that is UTF-8, with offsets of that text in `buffers`;
/// in debug builds all of it is checked again.
pub(crate) fn string_views(
    views: ScalarBuffer<u128>,
    buffers: &[Buffer],
    nulls: Option<NullBuffer>,
) -> StringViewArray {
    if cfg!(debug_assertions) {
        return StringViewArray::try_new(views, buffers.to_vec(), nulls)
            .expect("the views point to UTF-8 in their buffers");
    }
    // SAFETY: each view is of a whole value of a line that was read as UTF-8,
    // either as a block (`Block::read`) or by the grammar, and the line's text
    // is in the batch's buffers at the offset that the view was made with
    // (`Batch`). NULL has the empty view.
    unsafe { StringViewArray::new_unchecked(views, buffers.to_vec(), nulls) }
}
