//! One gzip member by libdeflate, which wants all of it at once.
//!
//! `libdeflater`, the safe interface to it, does not say how much input a member
//! took, so that what follows it would be lost.

#![expect(unsafe_code, reason = "the interface of a C library")]

use std::ffi::c_void;
use std::ptr::NonNull;

use libdeflate_sys::{
    libdeflate_alloc_decompressor, libdeflate_decompressor, libdeflate_free_decompressor,
    libdeflate_gzip_decompress_ex,
    libdeflate_result_LIBDEFLATE_INSUFFICIENT_SPACE as INSUFFICIENT_SPACE,
    libdeflate_result_LIBDEFLATE_SUCCESS as SUCCESS,
};

/// What became of a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// It was undone, and its checksum is right.
    Whole {
        /// Bytes of the member.
        input_bytes: usize,
        /// Bytes of its text.
        text_bytes: usize,
    },
    /// There is not enough room for its text.
    TooLong,
    /// The input is no gzip, damaged or cut off.
    Unreadable,
}

/// Undoes members, one a call.
pub(super) struct MemberDecoder {
    decompressor: NonNull<libdeflate_decompressor>,
}

// SAFETY: a decompressor is memory of its own without ties to a thread, and is
// used through `&mut` only.
unsafe impl Send for MemberDecoder {}

impl MemberDecoder {
    /// `None` when there is no memory for it.
    pub(super) fn new() -> Option<MemberDecoder> {
        // SAFETY: has no conditions; it returns null when out of memory.
        let decompressor = NonNull::new(unsafe { libdeflate_alloc_decompressor() })?;
        Some(MemberDecoder { decompressor })
    }

    /// Undoes the member that `input` begins with into `text`.
    pub(super) fn decode(&mut self, input: &[u8], text: &mut [u8]) -> Member {
        let (mut input_bytes, mut text_bytes) = (0, 0);
        // SAFETY: the decompressor is alive until `drop`; it reads at most
        // `input.len()` bytes of `input`, and writes at most `text.len()` bytes
        // of `text` and the two sizes.
        let result = unsafe {
            libdeflate_gzip_decompress_ex(
                self.decompressor.as_ptr(),
                input.as_ptr().cast::<c_void>(),
                input.len(),
                text.as_mut_ptr().cast::<c_void>(),
                text.len(),
                &raw mut input_bytes,
                &raw mut text_bytes,
            )
        };
        match result {
            SUCCESS => Member::Whole {
                input_bytes,
                text_bytes,
            },
            INSUFFICIENT_SPACE => Member::TooLong,
            _ => Member::Unreadable,
        }
    }
}

impl Drop for MemberDecoder {
    fn drop(&mut self) {
        // SAFETY: it was allocated by `new`, and nothing uses it afterwards.
        unsafe { libdeflate_free_decompressor(self.decompressor.as_ptr()) }
    }
}
