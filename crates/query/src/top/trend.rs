//! A measure over time, in few steps: what a row's trend is drawn from.

/// Steps that a trend is kept in, at most.
pub(super) const MAX_CELLS: usize = 32;
/// The widths of a step that people count in, in seconds; from a day on they double.
/// Each is a multiple of the one before, so that a coarser step has whole finer ones.
const USUAL_WIDTHS: [i64; 13] = [
    1, 2, 10, 20, 60, 120, 600, 1200, 3600, 7200, 14_400, 43_200, 86_400,
];
/// Widths enough for all times that microseconds in 64 bits can tell.
pub(super) const WIDTHS: [i64; 40] = widths();

const fn widths() -> [i64; 40] {
    let mut widths = [0; 40];
    let mut index = 0;
    while index < widths.len() {
        widths[index] = if index < USUAL_WIDTHS.len() {
            USUAL_WIDTHS[index]
        } else {
            2 * widths[index - 1]
        };
        index += 1;
    }
    widths
}

/// The times of all records so far, and the step that a trend over all of them is
/// drawn in: a row's own trend need not be finer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from_s: i64,
    to_s: i64,
    step: u8,
}

impl Span {
    /// Of no time yet.
    pub(super) fn new() -> Span {
        Span {
            from_s: i64::MAX,
            to_s: i64::MIN,
            step: 0,
        }
    }

    /// Takes a time in, in seconds since 1970.
    #[inline]
    pub(super) fn add(&mut self, time_s: i64) {
        if time_s < self.from_s || time_s > self.to_s {
            self.from_s = self.from_s.min(time_s);
            self.to_s = self.to_s.max(time_s);
            self.step = step_over(self.from_s, self.to_s, MAX_CELLS) as u8;
        }
    }

    /// The first time and the last; `None` of no time yet.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        (self.from_s <= self.to_s).then_some((self.from_s, self.to_s))
    }

    /// The least of the widths that leaves few steps.
    pub(super) fn step(&self) -> u8 {
        self.step
    }
}

/// Sums over steps of equal width, which begin at whole multiples of it since 1970.
/// The width is one that people count in and that leaves few steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trend {
    /// Of the widths.
    step: u8,
    /// The number of the first step.
    first: i64,
    cells: Vec<i64>,
}

impl Trend {
    /// Of these amounts, one for each step from the first on.
    pub(super) fn new(step: u8, first: i64, cells: Vec<i64>) -> Trend {
        Trend { step, first, cells }
    }

    /// Adds an amount at a time, in seconds since 1970.
    pub(super) fn add(&mut self, time_s: i64, amount: i64) {
        loop {
            let cell = step_of(time_s, WIDTHS[usize::from(self.step)]);
            if self.reach(cell) {
                let sum = &mut self.cells[(cell - self.first) as usize];
                *sum = sum.wrapping_add(amount);
                return;
            }
            self.coarsen();
        }
    }

    /// Makes room for this step, unless there would be too many.
    fn reach(&mut self, cell: i64) -> bool {
        if self.cells.is_empty() {
            self.first = cell;
        }
        let (first, last) = (self.first.min(cell), self.last().max(cell));
        if last - first >= MAX_CELLS as i64 {
            return false;
        }
        if first < self.first {
            let missing = (self.first - first) as usize;
            self.cells.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = first;
        }
        self.cells.resize((last - first + 1) as usize, 0);
        true
    }

    fn last(&self) -> i64 {
        self.first + self.cells.len() as i64 - 1
    }

    /// Goes on to the next width.
    fn coarsen(&mut self) {
        let next = usize::from(self.step) + 1;
        let factor = WIDTHS[next] / WIDTHS[next - 1];
        let first = self.first.div_euclid(factor);
        let mut count = 0;
        for index in 0..self.cells.len() {
            // No further back than it is, so that what is there is read before.
            let cell = ((self.first + index as i64).div_euclid(factor) - first) as usize;
            let amount = std::mem::take(&mut self.cells[index]);
            self.cells[cell] = self.cells[cell].wrapping_add(amount);
            count = cell + 1;
        }
        self.cells.truncate(count);
        self.step += 1;
        self.first = first;
    }

    /// The amounts over a span of time, from its first step to its last, and the
    /// width of a step in seconds: of at most `max_cells` steps. The span, in seconds,
    /// has all of the trend in it.
    pub fn over(&self, from_s: i64, to_s: i64, max_cells: usize) -> (Vec<i64>, i64) {
        let step = step_over(from_s, to_s, max_cells).max(usize::from(self.step));
        let width = WIDTHS[step];
        let first = from_s.div_euclid(width);
        let count = to_s.div_euclid(width) - first + 1;
        let mut cells = vec![0_i64; count.max(0) as usize];
        let own = WIDTHS[usize::from(self.step)];
        for (index, amount) in self.cells.iter().enumerate() {
            let time_s = (self.first + index as i64).saturating_mul(own);
            let cell = usize::try_from(time_s.div_euclid(width) - first);
            if let Some(cell) = cell.ok().and_then(|cell| cells.get_mut(cell)) {
                *cell = cell.wrapping_add(*amount);
            }
        }
        (cells, width)
    }
}

/// The number of the step that a time is in. Until 2106 a division of 32 bits will do,
/// which takes a part of the time of one of 64.
#[inline]
pub(super) fn step_of(time_s: i64, width: i64) -> i64 {
    match (u32::try_from(time_s), u32::try_from(width)) {
        (Ok(time_s), Ok(width)) => i64::from(time_s / width),
        _ => time_s.div_euclid(width),
    }
}

/// The width of steps that a span of time is counted in, in seconds.
pub(super) fn usual_width(span_s: i64) -> i64 {
    WIDTHS[step_over(0, span_s.max(1) - 1, MAX_CELLS)]
}

/// The least width whose steps over a span are few enough.
fn step_over(from_s: i64, to_s: i64, max_cells: usize) -> usize {
    let cells = |width: i64| to_s.div_euclid(width) - from_s.div_euclid(width) + 1;
    let max_cells = max_cells.clamp(2, MAX_CELLS) as i64;
    let fits = |width: &i64| cells(*width) <= max_cells;
    WIDTHS.iter().position(fits).unwrap_or(WIDTHS.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_width_is_a_multiple_of_the_one_before() {
        for pair in WIDTHS.windows(2) {
            assert_eq!(pair[1] % pair[0], 0, "{pair:?}");
        }
        // The whole of time that 64 bits of microseconds have is 18 trillion seconds.
        assert!(WIDTHS[WIDTHS.len() - 1] * (MAX_CELLS as i64 - 1) > 18_446_744_073_709);
    }

    #[test]
    fn an_hour_is_in_steps_of_two_minutes() {
        let minutes: Vec<_> = (0..60).map(|minute| (minute * 60, 1)).collect();
        let trend = trend(&minutes);
        let (cells, width) = trend.over(0, 3599, 32);
        assert_eq!((cells.len(), width), (30, 120));
        assert!(cells.iter().all(|cell| *cell == 2), "{cells:?}");
        let (cells, width) = trend.over(0, 3599, 12);
        assert_eq!((cells, width), (vec![10; 6], 600));
    }

    fn trend(amounts: &[(i64, i64)]) -> Trend {
        let mut trend = Trend::default();
        for (time_s, amount) in amounts {
            trend.add(*time_s, *amount);
        }
        trend
    }

    fn amounts() -> impl Strategy<Value = Vec<(i64, i64)>> {
        let near = (0..5_000_i64, 0..100_i64);
        let far = (-9_000_000_000_000..9_000_000_000_000_i64, 0..100_i64);
        proptest::collection::vec(prop_oneof![20 => near, 1 => far], 1..60)
    }

    proptest! {
        /// However they came together, amounts are in the step of their time.
        #[test]
        fn amounts_are_in_their_steps(
            all in amounts(), max_cells in 2..40_usize,
        ) {
            let from_s = all.iter().map(|(time_s, _)| *time_s).min().unwrap();
            let to_s = all.iter().map(|(time_s, _)| *time_s).max().unwrap();
            let (cells, width) = trend(&all).over(from_s, to_s, max_cells);
            prop_assert!(cells.len() <= max_cells.clamp(2, MAX_CELLS));
            let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
            for (time_s, amount) in &all {
                *expected.entry(time_s.div_euclid(width)).or_default() += amount;
            }
            for (index, cell) in cells.iter().enumerate() {
                let step = from_s.div_euclid(width) + index as i64;
                prop_assert_eq!(*cell, expected.get(&step).copied().unwrap_or(0));
            }
        }
    }
}
