//! Who reads which part of a text, and what each part hands to the next.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Parts of a text that several readers take, each as if it knew what the parts
/// before hand over: a guess, since they may not have been read. Whether it was
/// right shows when all before are read. If it was wrong, what was made of the
/// part does not count, and whoever comes next reads it again.
///
/// Nobody waits for a reader that does not go on: a part is taken, read and
/// reported in one go, and a part to be read again is anybody's.
#[derive(Debug)]
pub(super) struct HandOver<S> {
    parts: u64,
    /// The first part that nobody has taken.
    next: u64,
    /// A part whose guess was wrong.
    again: Option<u64>,
    /// Parts before this one count.
    settled: u64,
    /// What this one begins with.
    state: S,
    /// Parts that were read, while one before them was not.
    read: BTreeMap<u64, Report<S>>,
}

#[derive(Debug)]
struct Report<S> {
    guess: S,
    end: S,
    verdict: Verdict,
}

/// Whether what was made of a part counts, once that is known.
#[derive(Debug, Clone, Default)]
pub struct Verdict(Arc<OnceLock<bool>>);

impl Verdict {
    /// `None`: not known yet. `false`: somebody reads the part again.
    pub fn counts(&self) -> Option<bool> {
        self.0.get().copied()
    }

    fn give(&self, counts: bool) {
        // Given once: a report is taken out of the list for it.
        let _ = self.0.set(counts);
    }
}

impl<S: Clone + PartialEq> HandOver<S> {
    /// Of a text that begins with `state`.
    pub(super) fn new(parts: u64, state: S) -> HandOver<S> {
        HandOver {
            parts,
            next: 0,
            again: None,
            settled: 0,
            state,
            read: BTreeMap::new(),
        }
    }

    /// A part to read, and what it likely begins with; `None`: there is none now,
    /// and never will be if all is settled.
    pub(super) fn take(&mut self) -> Option<(u64, S)> {
        if let Some(again) = self.take_again() {
            return Some(again);
        }
        let part = self.next;
        if part == self.parts {
            return None;
        }
        self.next += 1;
        Some((part, self.state.clone()))
    }

    /// The part to read again, if there is one. What it begins with is known.
    pub(super) fn take_again(&mut self) -> Option<(u64, S)> {
        let part = self.again.take()?;
        Some((part, self.state.clone()))
    }

    /// The part was read from `guess` on, and ends with `end`.
    pub(super) fn report(&mut self, part: u64, guess: S, end: S) -> Verdict {
        let verdict = Verdict::default();
        let report = Report {
            guess,
            end,
            verdict: verdict.clone(),
        };
        self.read.insert(part, report);
        while let Some(report) = self.read.remove(&self.settled) {
            let counts = report.guess == self.state;
            report.verdict.give(counts);
            if !counts {
                self.again = Some(self.settled);
                break;
            }
            self.state = report.end;
            self.settled += 1;
        }
        verdict
    }

    /// Whether all parts count.
    pub(super) fn is_settled(&self) -> bool {
        self.settled == self.parts
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A reader in the middle of things.
    enum Reader {
        Idle,
        Reading(u64, u8),
    }

    proptest! {
        /// Whoever reads what and when: each part counts once, as it would have
        /// been read by one reader from the start.
        #[test]
        fn every_part_counts_once_with_what_it_begins_with(
            changes in prop::collection::vec(prop::option::weighted(0.3, 0..3_u8), 0..20),
            turns in prop::collection::vec((0..4_usize, any::<bool>()), 0..400),
        ) {
            let mut hand_over = HandOver::new(changes.len() as u64, 0);
            let mut readers = [const { Reader::Idle }; 4];
            let mut reports = Vec::new();
            // Those that the turns leave over are taken by everybody in order.
            let rest = (0..4).cycle().map(|turn| (turn, false)).take(400);
            for (turn, only_again) in turns.into_iter().chain(rest) {
                let take = match only_again {
                    true => HandOver::take_again,
                    false => HandOver::take,
                };
                readers[turn] = match readers[turn] {
                    Reader::Idle => match take(&mut hand_over) {
                        Some((part, guess)) => Reader::Reading(part, guess),
                        None => Reader::Idle,
                    },
                    Reader::Reading(part, guess) => {
                        let end = changes[part as usize].unwrap_or(guess);
                        reports.push((part, guess, hand_over.report(part, guess, end)));
                        Reader::Idle
                    }
                };
            }
            prop_assert!(hand_over.is_settled());
            prop_assert_eq!(hand_over.take(), None);
            let mut counted: Vec<(u64, u8)> = reports
                .iter()
                .filter(|(_, _, verdict)| verdict.counts() == Some(true))
                .map(|(part, guess, _)| (*part, *guess))
                .collect();
            counted.sort_unstable();
            let mut state = 0;
            let mut expected = Vec::new();
            for (part, change) in changes.iter().enumerate() {
                expected.push((part as u64, state));
                state = change.unwrap_or(state);
            }
            prop_assert_eq!(counted, expected);
            prop_assert!(reports.iter().all(|(_, _, verdict)| verdict.counts().is_some()));
        }
    }
}
