//! Memory for the columns of batches.
//!
//! All columns of a batch are in one slab, and a slab whose batch has been
//! dropped serves the next one: a reader that looks at batch after batch stays
//! in the CPU's cache, and never pays for fresh memory. When batches are held,
//! slabs come from regions of some megabytes that the system may back with huge
//! pages: the first touch of ordinary ones costs more than decoding.

#![expect(
    unsafe_code,
    reason = "Arrow's buffers share memory that is lent to one slab at a time"
)]

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow_buffer::Buffer;

/// Bytes at a multiple of which each column starts: a cache line.
const ALIGNMENT: usize = 64;

/// The largest region: what a batch that is held may keep alive.
const REGION_BYTES: usize = 16 << 20;

/// Slabs whose batches are looked at for having been dropped, at least.
const LENT_SLABS: usize = 8;

/// Bytes of the slabs that are looked at, unless those are fewer: more than a store
/// that writes files has in hand at a time.
const LENT_BYTES: usize = 128 << 20;

/// Bytes of a huge page.
#[cfg(target_os = "linux")]
const HUGE_PAGE: usize = 2 << 20;

/// A value that a column is made of: any bytes are one.
pub(crate) trait Native: Copy + private::Sealed {}
impl Native for i32 {}
impl Native for i64 {}
impl Native for u128 {}

mod private {
    pub(crate) trait Sealed {}
    impl Sealed for i32 {}
    impl Sealed for i64 {}
    impl Sealed for u128 {}
}

/// Zeroed memory that several slabs share, each its own part.
#[derive(Debug)]
struct Region {
    words: NonNull<u128>,
    len: usize,
    mapped: bool,
}

// SAFETY: a region is owned memory without anything of a thread in it; that it
// is not written while it is read is up to `Slab`.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    fn new(bytes: usize) -> Region {
        if let Some(memory) = map_huge_pages(bytes) {
            return Region {
                words: memory.cast(),
                len: memory.len() / size_of::<u128>(),
                mapped: true,
            };
        }
        let len = bytes.div_ceil(size_of::<u128>());
        let words = vec![0_u128; len].into_boxed_slice();
        Region {
            words: NonNull::from(Box::leak(words)).cast(),
            len,
            mapped: false,
        }
    }

    fn bytes(&self) -> usize {
        self.len * size_of::<u128>()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        #[cfg(target_os = "linux")]
        if self.mapped {
            // SAFETY: this is what `map_huge_pages` mapped, and nothing refers
            // to it any more.
            unsafe { libc::munmap(self.words.as_ptr().cast(), self.bytes()) };
            return;
        }
        let words = NonNull::slice_from_raw_parts(self.words, self.len);
        // SAFETY: this is the boxed slice that `Region::new` leaked.
        drop(unsafe { Box::from_raw(words.as_ptr()) });
    }
}

/// Zeroed memory that the system backs with huge pages if it can; `None` for
/// less than some of them, or where that is not possible.
///
/// Straight from the system, since allocators zero memory that they have had
/// before, and do not ask for huge pages.
#[cfg(target_os = "linux")]
fn map_huge_pages(bytes: usize) -> Option<NonNull<[u8]>> {
    if bytes < 2 * HUGE_PAGE {
        return None;
    }
    // Only whole huge pages are placed at a multiple of one.
    let bytes = bytes.next_multiple_of(HUGE_PAGE);
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping of the system's choice touches no other memory, and begins
    // at a page.
    unsafe {
        let start = libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0);
        if start == libc::MAP_FAILED {
            return None;
        }
        advise_huge_pages(start, bytes);
        NonNull::new(start.cast()).map(|start| NonNull::slice_from_raw_parts(start, bytes))
    }
}

#[cfg(not(target_os = "linux"))]
fn map_huge_pages(_: usize) -> Option<NonNull<[u8]>> {
    None
}

/// Asks for huge pages where pages are first touched from now on.
///
/// # Safety
/// The memory begins at a page, and is mapped.
#[cfg(target_os = "linux")]
unsafe fn advise_huge_pages(start: *mut libc::c_void, bytes: usize) {
    // SAFETY: the caller says that this is memory, and the advice, which may fail, does
    // not change what is in it.
    unsafe { libc::madvise(start, bytes, libc::MADV_HUGEPAGE) };
}

/// A vector with room for so many values, which the system backs with huge pages if it
/// can: for tables of some megabytes that are looked at anywhere, where most of the time
/// goes into finding the pages of memory.
#[must_use]
pub fn huge_vec<T>(capacity: usize) -> Vec<T> {
    let vec: Vec<T> = Vec::with_capacity(capacity);
    #[cfg(target_os = "linux")]
    {
        let bytes = vec.capacity() * size_of::<T>();
        let start = vec.as_ptr().cast_mut().cast::<libc::c_void>();
        let before = start.align_offset(HUGE_PAGE);
        if let Some(rest) = bytes.checked_sub(before).filter(|rest| *rest >= HUGE_PAGE) {
            // SAFETY: `before` and `rest` together are the memory of the vector, and a
            // huge page begins where a page does.
            unsafe { advise_huge_pages(start.byte_add(before), rest) };
        }
    }
    vec
}

/// A part of a region that nothing else refers to, except buffers that hold
/// the slab itself.
#[derive(Debug)]
pub(crate) struct Slab {
    /// In the region.
    start: NonNull<u8>,
    len: usize,
    /// Only held: it has the memory.
    _region: Arc<Region>,
}

// SAFETY: a slab is a part of a region, which may be sent and shared. It is
// written only where it is borrowed exclusively.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

impl Slab {
    #[inline(always)]
    fn at(&self, section: Section) -> NonNull<u8> {
        assert!(section.end() <= self.len, "the section is of this slab");
        // SAFETY: the section was just compared with the slab.
        unsafe { self.start.byte_add(section.start) }
    }

    /// The values of a column.
    #[inline]
    pub(crate) fn column<T: Native>(&mut self, section: Section) -> &mut [T] {
        let len = section.bytes / size_of::<T>();
        let start = self.at(section).cast();
        // SAFETY: the memory is initialised, aligned for every `Native`, and
        // only this slab's, which is borrowed exclusively.
        unsafe { NonNull::slice_from_raw_parts(start, len).as_mut() }
    }

    /// Sets one value of a column.
    #[inline(always)]
    pub(crate) fn set<T: Native>(&mut self, section: Section, row: usize, value: T) {
        let len = section.bytes / size_of::<T>();
        assert!(
            row < len && section.end() <= self.len,
            "the row is of this slab"
        );
        // SAFETY: the place was just compared with the slab, which is borrowed
        // exclusively; columns are aligned for every `Native`.
        unsafe {
            let column = self.start.byte_add(section.start).cast::<T>();
            column.add(row).write(value);
        }
    }

    /// A copy of the first bytes of a column.
    pub(crate) fn copy(&self, section: Section, bytes: usize) -> Buffer {
        let start = self.at(section);
        let len = bytes.min(section.bytes);
        // SAFETY: the memory is initialised and this slab's; who has it shared
        // cannot write to it.
        Buffer::from_slice_ref(unsafe { NonNull::slice_from_raw_parts(start, len).as_ref() })
    }

    /// The first bytes of a column, for as long as they are needed: the slab is
    /// lent until then.
    pub(crate) fn lend(self: &Arc<Slab>, section: Section, bytes: usize) -> Buffer {
        let section = Section {
            bytes: bytes.min(section.bytes),
            ..section
        };
        let owner = Arc::clone(self);
        // SAFETY: the memory is initialised and lives as long as `owner`; as
        // long as that is shared, nobody has the slab exclusively.
        unsafe { Buffer::from_custom_allocation(self.at(section), section.bytes, owner) }
    }
}

/// Where a column is in every slab of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Section {
    start: usize,
    bytes: usize,
}

impl Section {
    fn end(self) -> usize {
        self.start + self.bytes
    }

    /// Sections for columns of so many bytes, one after the other.
    pub(crate) fn lay_out(columns: impl IntoIterator<Item = usize>) -> Vec<Section> {
        let mut start = 0;
        let place = |bytes: usize| {
            let section = Section { start, bytes };
            start = section.end().next_multiple_of(ALIGNMENT);
            section
        };
        columns.into_iter().map(place).collect()
    }
}

/// Hands out slabs of one size.
#[derive(Debug)]
pub(crate) struct Slabs {
    slab_bytes: usize,
    region: Option<Arc<Region>>,
    /// Where the next slab of the region starts.
    next: usize,
    lent: VecDeque<Arc<Slab>>,
}

impl Slabs {
    /// For batches with these columns.
    pub(crate) fn new(sections: &[Section]) -> Slabs {
        let end = sections.last().map_or(0, |last| last.end());
        Slabs {
            slab_bytes: end.next_multiple_of(ALIGNMENT),
            region: None,
            next: 0,
            lent: VecDeque::new(),
        }
    }

    /// A slab with anything in it.
    pub(crate) fn take(&mut self) -> Slab {
        let dropped = |slab: &Arc<Slab>| Arc::strong_count(slab) == 1;
        if let Some(index) = self.lent.iter().rposition(dropped)
            && let Some(slab) = self.lent.remove(index)
            && let Some(slab) = Arc::into_inner(slab)
        {
            return slab;
        }
        self.carve()
    }

    /// Takes a slab back, or notes that it is lent.
    pub(crate) fn give_back(&mut self, slab: Arc<Slab>) {
        let most = (LENT_BYTES / self.slab_bytes.max(1)).clamp(LENT_SLABS, LENT_SLABS * 16);
        if self.lent.len() >= most {
            self.lent.pop_front();
        }
        self.lent.push_back(slab);
    }

    fn carve(&mut self) -> Slab {
        let fits =
            |region: &&Arc<Region>| self.next + self.slab_bytes <= region.len * size_of::<u128>();
        let region = match self.region.as_ref().filter(fits) {
            Some(region) => Arc::clone(region),
            None => {
                // Who reads only one batch, or drops each, takes one slab.
                let slabs = match self.region {
                    None => 1,
                    Some(_) => (REGION_BYTES / self.slab_bytes.max(1)).max(1),
                };
                let region = Arc::new(Region::new(self.slab_bytes * slabs + ALIGNMENT));
                self.next = region.words.addr().get().wrapping_neg() % ALIGNMENT;
                self.region = Some(Arc::clone(&region));
                region
            }
        };
        // SAFETY: the slab ends within the region, and is carved only once.
        let start = unsafe { region.words.cast().byte_add(self.next) };
        let slab = Slab {
            start,
            len: self.slab_bytes,
            _region: region,
        };
        self.next += self.slab_bytes;
        slab
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_is_used_again_when_its_buffers_are_dropped() {
        let sections = Section::lay_out([10, 100]);
        let mut slabs = Slabs::new(&sections);
        let mut address = |value: i32, keep: &mut Vec<Buffer>| {
            let mut slab = slabs.take();
            slab.column::<i32>(sections[1]).fill(value);
            let slab = Arc::new(slab);
            keep.push(slab.lend(sections[1], 8));
            slabs.give_back(slab);
            keep.last().map(|buffer| buffer.as_ptr().addr())
        };
        let mut kept = Vec::new();
        let first = address(1, &mut kept);
        let second = address(2, &mut kept);
        assert_ne!(first, second);
        assert_eq!(kept[0].typed_data::<i32>(), [1, 1]);
        kept.remove(0);
        assert_eq!(address(3, &mut kept), first);
        assert_eq!(kept[0].typed_data::<i32>(), [2, 2]);
        assert_eq!(kept[1].typed_data::<i32>(), [3, 3]);
    }

    #[test]
    fn a_vector_on_huge_pages_is_like_others() {
        for len in [0, 1, 3_000_000_u64] {
            let mut vec = huge_vec(len as usize);
            vec.extend(0..len);
            assert!(vec.iter().copied().eq(0..len));
        }
        assert_eq!(huge_vec::<()>(usize::MAX).len(), 0);
    }

    #[test]
    fn one_of_many_that_are_held_is_found() {
        let sections = Section::lay_out([1000]);
        let mut slabs = Slabs::new(&sections);
        let mut held = VecDeque::new();
        for _ in 0..60 {
            let slab = Arc::new(slabs.take());
            held.push_back(slab.lend(sections[0], 8));
            slabs.give_back(slab);
        }
        let first = held.pop_front().map(|buffer| buffer.as_ptr());
        let again = Arc::new(slabs.take());
        assert_eq!(Some(again.lend(sections[0], 8).as_ptr()), first);
    }

    #[test]
    fn slabs_of_a_region_do_not_overlap() {
        let sections = Section::lay_out([48, 400_000]);
        let mut slabs = Slabs::new(&sections);
        let mut held = Vec::new();
        for value in 0..100 {
            let mut slab = slabs.take();
            for section in &sections {
                let column = slab.column::<i64>(*section);
                assert_eq!(column.as_ptr().addr() % ALIGNMENT, 0);
                column.fill(value);
            }
            let slab = Arc::new(slab);
            held.push(
                sections
                    .clone()
                    .into_iter()
                    .map(|section| slab.lend(section, usize::MAX))
                    .collect::<Vec<_>>(),
            );
            slabs.give_back(slab);
        }
        drop(slabs);
        for (value, buffers) in held.iter().enumerate() {
            assert_eq!(
                buffers.iter().map(Buffer::len).collect::<Vec<_>>(),
                [48, 400_000]
            );
            let values = buffers.iter().flat_map(|buffer| buffer.typed_data::<i64>());
            assert!(values.into_iter().all(|found| *found == value as i64));
        }
    }
}
