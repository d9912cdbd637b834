//! How late the events of a log group arrive.

/// Lags are counted in steps of this.
const STEP_MS: i64 = 10_000;
/// Longer lags count as this many steps: an hour.
const STEPS: usize = 360;
/// Counts are halved at this number of events, so that newer ones weigh more.
const FORGET_AT: u64 = 1_000_000;

/// How long after their event time events became visible.
#[derive(Debug)]
pub(super) struct Lags {
    counts: Box<[u64; STEPS]>,
    events: u64,
}

impl Default for Lags {
    fn default() -> Lags {
        Lags {
            counts: Box::new([0; STEPS]),
            events: 0,
        }
    }
}

impl Lags {
    pub(super) fn note(&mut self, lag_ms: i64) {
        let step = usize::try_from(lag_ms / STEP_MS).unwrap_or(0);
        self.counts[step.min(STEPS - 1)] += 1;
        self.events += 1;
        if self.events >= FORGET_AT {
            self.events = 0;
            for count in self.counts.iter_mut() {
                *count /= 2;
                self.events += *count;
            }
        }
    }

    /// The lag that 99 of 100 events do not exceed; `None` while too few were
    /// seen to say.
    pub(super) fn most_within_ms(&self) -> Option<i64> {
        if self.events < 100 {
            return None;
        }
        let most = self.events - self.events / 100;
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen >= most
        });
        step.map(|step| (step as i64 + 1) * STEP_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lag_of_most_leaves_stragglers_out() {
        let mut lags = Lags::default();
        for _ in 0..99 {
            lags.note(301_000);
        }
        assert_eq!(lags.most_within_ms(), None);
        lags.note(7_000_000);
        assert_eq!(lags.most_within_ms(), Some(310_000));
        for _ in 0..3 * FORGET_AT {
            lags.note(61_000);
        }
        assert_eq!(lags.most_within_ms(), Some(70_000), "the newer weigh more");
        lags.note(-5);
    }
}
