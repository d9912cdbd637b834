//! Random draws in integer arithmetic alone: logarithms and powers of
//! floating-point numbers differ between platforms in their last bits.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Independent sequences of draws under one seed, so that more of one thing
/// does not change another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sequence {
    Network = 0,
    Internet = 1,
    Incidents = 2,
    Traffic = 3,
    Delivery = 4,
}

/// A source of random draws.
#[derive(Debug, Clone)]
pub(crate) struct Random(ChaCha8Rng);

impl Random {
    pub(crate) fn new(seed: u64, sequence: Sequence) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(sequence as u64);
        Self(generator)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 if `bound` is 0. The bias is `bound` / 2⁶⁴.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `share` times in a thousand.
    pub(crate) fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// An ephemeral port, from the range that Linux uses by default.
    pub(crate) fn ephemeral_port(&mut self) -> u16 {
        32_768 + self.below(28_232) as u16
    }

    /// One of `choices`, the first ones more often than the last ones.
    ///
    /// The lower of two even draws: with two choices the first is taken three
    /// times in four.
    pub(crate) fn mostly_first<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let count = choices.len() as u64;
        let index = self.below(count).min(self.below(count));
        choices.get(index as usize)
    }
}

/// A log-normal distribution of sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogNormal {
    /// Half of the draws are smaller.
    pub(crate) median: u64,
    /// The standard deviation, in tenths of a doubling.
    pub(crate) spread_tenths: i64,
}

impl LogNormal {
    /// A number from 1 on. The normal variable is a sum of eight bytes, so it
    /// ends at 4.9 standard deviations: sizes are skewed but bounded.
    pub(crate) fn draw(self, random: &mut Random) -> u64 {
        const MEAN: i64 = 1020;
        const STANDARD_DEVIATION: i64 = 209;
        let sum: i64 = random.next().to_le_bytes().into_iter().map(i64::from).sum();
        let doublings_in_65536ths =
            (sum - MEAN) * self.spread_tenths * 65_536 / (STANDARD_DEVIATION * 10);
        scale_by_power_of_two(self.median, doublings_in_65536ths).max(1)
    }
}

/// `value` × 2^(`exponent` / 65536), the fraction of the exponent taken
/// linearly (at most 6 % off).
fn scale_by_power_of_two(value: u64, exponent: i64) -> u64 {
    let fraction = exponent.rem_euclid(65_536) as u64;
    let whole = exponent.div_euclid(65_536);
    let scaled = value * (65_536 + fraction);
    if whole >= 0 {
        scaled << whole >> 16
    } else {
        scaled >> (16 - whole)
    }
}

/// A choice among numbered things by weight.
#[derive(Debug, Clone)]
pub(crate) struct Weighted {
    cumulative: Vec<u64>,
}

impl Weighted {
    pub(crate) fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let cumulative = weights
            .into_iter()
            .scan(0, |sum, weight| {
                *sum += weight;
                Some(*sum)
            })
            .collect();
        Self { cumulative }
    }

    /// Weights of `count` things as Zipf has it: the weight falls with the
    /// rank, here flattened a little at the top so that no one stands out.
    pub(crate) fn zipf(count: usize) -> Self {
        Self::new((0..count as u64).map(|rank| (1 << 32) / (rank + 8)))
    }

    /// The index of one of the things; 0 if there is none.
    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0);
        let drawn = random.below(total);
        self.cumulative.partition_point(|&sum| sum <= drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> Random {
        Random::new(1, Sequence::Traffic)
    }

    #[test]
    fn sequences_of_one_seed_differ() {
        let first = Random::new(1, Sequence::Traffic).next();
        let second = Random::new(1, Sequence::Network).next();
        assert_ne!(first, second);
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut random = random();
        for _ in 0..10_000 {
            assert!((5..=9).contains(&random.between(5, 9)));
            assert!((32_768..=60_999).contains(&random.ephemeral_port()));
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(random.mostly_first::<u8>(&[]), None);
    }

    #[test]
    fn powers_of_two() {
        assert_eq!(scale_by_power_of_two(12, 0), 12);
        assert_eq!(scale_by_power_of_two(12, 2 * 65_536), 48);
        assert_eq!(scale_by_power_of_two(12, -65_536), 6);
        assert_eq!(scale_by_power_of_two(12, 32_768), 18);
        assert_eq!(scale_by_power_of_two(12, -20 * 65_536), 0);
    }

    #[test]
    fn log_normal_sizes_lie_around_the_median_with_a_long_tail() {
        let distribution = LogNormal {
            median: 12,
            spread_tenths: 20,
        };
        let mut random = random();
        let mut drawn: Vec<u64> = (0..10_001)
            .map(|_| distribution.draw(&mut random))
            .collect();
        drawn.sort_unstable();
        assert!((11..=13).contains(&drawn[5_000]));
        // Two standard deviations of two doublings each: sixteen times the median.
        assert!((150..=240).contains(&drawn[9_773]));
    }

    #[test]
    fn weights_are_kept() {
        let weighted = Weighted::new([1, 0, 3]);
        let mut random = random();
        let mut counts = [0; 3];
        for _ in 0..4_000 {
            counts[weighted.draw(&mut random)] += 1;
        }
        assert_eq!(counts[1], 0);
        assert!((2_850..=3_150).contains(&counts[2]));
    }
}
