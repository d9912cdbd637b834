//! How many calls may be made, shared by all who read one account's region.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The rate falls by this factor when the service throttles.
const DECREASE: f64 = 0.5;
/// Throttled answers within this time of each other lower the rate once: they
/// were calls of one moment.
const DECREASE_EVERY_MS: i64 = 1_000;
/// The rate rises from nothing to the limit in this time.
const INCREASE_MS: f64 = 60_000.0;
/// The rate never falls below this: a call in ten seconds.
const MIN_RATE: f64 = 0.1;
/// The time over which calls a second are averaged.
const AVERAGE_MS: f64 = 10_000.0;

/// A budget of calls a second: a token bucket whose rate halves when the service
/// throttles and rises again, steadily, when it does not (AIMD). Everybody who
/// reads log groups of one account in one region shares a clone, since [the
/// quota] is theirs together.
///
/// Calls are made in the order in which they were [reserved](Budget::reserve),
/// so that no group can keep another waiting for ever. Time is passed in.
///
/// [the quota]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
///
/// ```
/// use vpcflow_ingest::Budget;
///
/// let budget = Budget::new(2.0);
/// let when: Vec<i64> = (0..4).map(|_| budget.reserve(1_000)).collect();
/// assert_eq!(when, [1_000, 1_000, 1_500, 2_000], "a second's worth at most at once");
/// budget.throttled(2_000);
/// assert_eq!(budget.usage(2_000).rate, 1.0);
/// ```
#[derive(Debug, Clone)]
pub struct Budget(Arc<Mutex<Calls>>);

/// How much of a budget is used.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct BudgetUsage {
    /// Calls made in a second, on the average of the last ten.
    pub calls_per_second: f64,
    /// Calls that may be made in a second now.
    pub rate: f64,
    /// Calls that may be made in a second when the service does not throttle.
    pub limit: f64,
    /// Calls made.
    pub calls: u64,
    /// Calls that the service throttled.
    pub throttled: u64,
}

#[derive(Debug)]
struct Calls {
    limit: f64,
    rate: f64,
    /// When the calls reserved so far are used up, had they come evenly.
    used_to_ms: f64,
    decreased_ms: i64,
    increased_ms: i64,
    calls: u64,
    throttled: u64,
    /// Of calls a second, as of the last call.
    average: f64,
    averaged_ms: i64,
}

impl Budget {
    /// A budget of so many calls a second. [`f64::INFINITY`] is no limit.
    pub fn new(calls_per_second: f64) -> Budget {
        let limit = calls_per_second.max(MIN_RATE);
        Budget(Arc::new(Mutex::new(Calls {
            limit,
            rate: limit,
            used_to_ms: f64::NEG_INFINITY,
            decreased_ms: i64::MIN,
            increased_ms: i64::MIN,
            calls: 0,
            throttled: 0,
            average: 0.0,
            averaged_ms: i64::MIN,
        })))
    }

    /// A budget without a limit: for log groups that are not AWS's.
    pub fn unlimited() -> Budget {
        Budget::new(f64::INFINITY)
    }

    /// Takes one call out of the budget and returns when to make it.
    pub fn reserve(&self, now_ms: i64) -> i64 {
        let mut calls = self.lock();
        calls.note_call(now_ms);
        if calls.rate.is_infinite() {
            return now_ms;
        }
        let interval_ms = 1_000.0 / calls.rate;
        // What was not used in the last second may be used at once.
        let unused = (calls.rate.floor() - 1.0).max(0.0) * interval_ms;
        let at_ms = calls.used_to_ms.max(now_ms as f64 - unused);
        calls.used_to_ms = at_ms + interval_ms;
        (at_ms.ceil() as i64).max(now_ms)
    }

    /// Notes that the service answered a call with something other than
    /// throttling.
    pub fn answered(&self, now_ms: i64) {
        let mut calls = self.lock();
        if calls.rate < calls.limit {
            let since_ms = now_ms.saturating_sub(calls.increased_ms).clamp(0, 1_000);
            calls.rate = calls
                .limit
                .min(calls.rate + calls.limit * since_ms as f64 / INCREASE_MS);
        }
        calls.increased_ms = now_ms;
    }

    /// Notes that the service throttled a call.
    pub fn throttled(&self, now_ms: i64) {
        let mut calls = self.lock();
        calls.throttled += 1;
        if now_ms.saturating_sub(calls.decreased_ms) >= DECREASE_EVERY_MS {
            // Without a limit there is nothing to halve: begin at what was used.
            let from = if calls.rate.is_finite() {
                calls.rate
            } else {
                calls.average_at(now_ms).max(1.0)
            };
            calls.rate = (from * DECREASE).max(MIN_RATE);
            if calls.limit.is_infinite() {
                calls.limit = from;
            }
            calls.decreased_ms = now_ms;
        }
        calls.increased_ms = now_ms;
    }

    /// Whether the other one is a clone: the calls of both are counted together.
    pub fn is_shared_with(&self, other: &Budget) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How much is used.
    pub fn usage(&self, now_ms: i64) -> BudgetUsage {
        let calls = self.lock();
        BudgetUsage {
            calls_per_second: calls.average_at(now_ms),
            rate: calls.rate,
            limit: calls.limit,
            calls: calls.calls,
            throttled: calls.throttled,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // Numbers are never left half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn note_call(&mut self, now_ms: i64) {
        self.calls += 1;
        self.average = self.average_at(now_ms) + 1_000.0 / AVERAGE_MS;
        self.averaged_ms = self.averaged_ms.max(now_ms);
    }

    fn average_at(&self, now_ms: i64) -> f64 {
        let age_ms = now_ms.saturating_sub(self.averaged_ms).max(0) as f64;
        self.average * (-age_ms / AVERAGE_MS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_spread_over_time() {
        let budget = Budget::new(5.0);
        let mut made = Vec::new();
        for now_ms in (0..10_000).step_by(100) {
            made.push(budget.reserve(now_ms));
        }
        for second in 0..15 {
            let within: std::ops::Range<i64> = second * 1_000..(second + 1) * 1_000;
            let calls = made.iter().filter(|at| within.contains(*at)).count();
            assert!(calls <= 10, "{calls} calls in second {second}");
        }
        let last_ms = *made.last().unwrap();
        assert!((19_000..20_001).contains(&last_ms), "{made:?}");
    }

    #[test]
    fn throttling_halves_the_rate_and_time_mends_it() {
        let budget = Budget::new(10.0);
        for at_ms in [0, 10, 999] {
            budget.throttled(at_ms);
        }
        assert_eq!(budget.usage(999).rate, 5.0, "one moment counts once");
        budget.throttled(1_000);
        assert_eq!(budget.usage(1_000).rate, 2.5);
        for now_ms in (1_000..=31_000).step_by(100) {
            budget.answered(now_ms);
        }
        assert!((budget.usage(31_000).rate - 7.5).abs() < 0.01);
        for now_ms in (31_000..=60_000).step_by(100) {
            budget.answered(now_ms);
        }
        assert_eq!(budget.usage(60_000).rate, 10.0);
        for now_ms in (100_000..200_000).step_by(1_000) {
            budget.throttled(now_ms);
        }
        assert_eq!(budget.usage(200_000).rate, MIN_RATE, "but never stops");
    }

    #[test]
    fn no_limit_becomes_one_when_the_service_has_it() {
        let budget = Budget::unlimited();
        for now_ms in 0..10_000 {
            assert_eq!(budget.reserve(now_ms), now_ms);
        }
        let used = budget.usage(10_000).calls_per_second;
        assert!((500.0..=1_000.0).contains(&used), "{used}");
        budget.throttled(10_000);
        assert!((budget.usage(10_000).rate - used / 2.0).abs() < 1.0);
    }
}
