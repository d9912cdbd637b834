//! Where the separators of a text are: every space and line feed.

/// Bytes that are looked at together.
pub(crate) const CHUNK_BYTES: usize = 64;

/// Places written at once, however many separators a chunk has.
const STEP: usize = 12;

/// Room that [`write_bits`] wants for the places of a chunk.
pub(crate) const WRITE_ROOM: usize = CHUNK_BYTES.next_multiple_of(STEP);

/// What is where in a chunk: a bit a byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks {
    /// Spaces and lesser bytes.
    pub(crate) separators: u64,
    pub(crate) line_feeds: u64,
    /// Not 0 when there is a byte that is no ASCII.
    pub(crate) non_ascii: u64,
}

/// What a chunk is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Masks {
    /// A bit for each space or lesser byte.
    pub(super) separators: u64,
    /// How many line feeds.
    pub(super) line_feeds: u32,
    /// Not 0 when there is a control character other than the line feed.
    pub(super) controls: u64,
    /// Not 0 when there is a byte that is no ASCII.
    pub(super) non_ascii: u64,
}

/// What was found in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Separators, and so places written.
    pub(super) separators: usize,
    /// Bytes looked at, in whole chunks.
    pub(super) bytes: usize,
    /// Line feeds among the separators.
    pub(super) line_feeds: usize,
    /// A control character other than the line feed, or two separators with
    /// nothing between them (also a separator as the first byte).
    pub(super) odd: bool,
    /// All bytes are ASCII.
    pub(super) ascii: bool,
}

/// Room that a list of places needs beyond the `wanted` ones.
pub(super) const SPARE_PLACES: usize = 2 * CHUNK_BYTES;

/// Scans whole chunks of `text` until `wanted` separators were found, and
/// writes the place after each of them.
///
/// Inlined into a function for each level of CPU, with that level's `classify`
/// and `write`, which writes the places of a mask's bits and may write up to
/// [`CHUNK_BYTES`] of anything.
#[inline(always)]
pub(super) fn scan_with(
    text: &[u8],
    places: &mut [u32],
    wanted: usize,
    mut classify: impl FnMut(&[u8; CHUNK_BYTES]) -> Masks,
    write: impl Fn(u64, u32, &mut [u32]),
) -> Scan {
    let mut scan = Scan::default();
    let (mut odd, mut non_ascii) = (0, 0);
    // The text starts a line: as if after a separator.
    let mut after_separator = 1;
    for chunk in text.as_chunks::<CHUNK_BYTES>().0 {
        if scan.separators >= wanted {
            break;
        }
        let masks = classify(chunk);
        odd |= masks.controls | (masks.separators & (masks.separators << 1 | after_separator));
        after_separator = masks.separators >> (CHUNK_BYTES - 1);
        non_ascii |= masks.non_ascii;
        write(
            masks.separators,
            scan.bytes as u32 + 1,
            &mut places[scan.separators..],
        );
        scan.separators += masks.separators.count_ones() as usize;
        scan.line_feeds += masks.line_feeds as usize;
        scan.bytes += CHUNK_BYTES;
    }
    scan.odd = odd != 0;
    scan.ascii = non_ascii == 0;
    scan
}

/// Writes the places of a mask's bits one by one, in rounds of [`STEP`], so
/// that the usual chunk takes one round.
#[inline(always)]
pub(crate) fn write_bits(mut bits: u64, base: u32, places: &mut [u32]) {
    let mut rounds = places.as_chunks_mut::<STEP>().0.iter_mut();
    loop {
        let Some(round) = rounds.next() else { return };
        for place in round {
            *place = base.wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
        if bits == 0 {
            return;
        }
    }
}
