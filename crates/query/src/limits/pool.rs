//! The memory of a session's queries.

use std::fmt;
use std::num::NonZero;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, TrackConsumersPool,
};

use crate::size::Size;

/// Shares the memory fairly between those that can write to files what they hold,
/// and tells in the user's words who asked for more than there is.
#[derive(Debug)]
pub(super) struct LimitedPool {
    pool: TrackConsumersPool<FairSpillPool>,
    limit: Size,
}

/// Consumers that a refusal names beside the one that was refused.
const NAMED: NonZero<usize> = NonZero::<usize>::MIN;

impl LimitedPool {
    pub(super) fn new(limit_bytes: usize) -> LimitedPool {
        LimitedPool {
            pool: TrackConsumersPool::new(FairSpillPool::new(limit_bytes), NAMED),
            limit: Size(limit_bytes as u64),
        }
    }

    /// What the user hears when a query fails of it.
    fn refusal(&self, reservation: &MemoryReservation, additional: usize) -> String {
        let consumer = reservation.consumer();
        let size = |bytes: usize| Size(bytes as u64);
        let mut text = format!(
            "the query needs more memory than the limit of {}: {} holds {} and needs {} more",
            self.limit,
            in_words(consumer.name()),
            size(reservation.size()),
            size(additional),
        );
        let metrics = self.pool.metrics();
        let others = metrics.iter().filter(|other| other.name != consumer.name());
        if let Some(largest) = others.max_by_key(|other| other.reserved)
            && largest.reserved > reservation.size()
        {
            text += &format!(
                ", while {} holds {}",
                in_words(&largest.name),
                size(largest.reserved)
            );
        }
        text
    }
}

/// What a part of the engine does, and its name.
fn in_words(name: &str) -> String {
    const WORK: [(&str, &str); 9] = [
        ("AggregateTexts", "the addresses and other texts of groups"),
        ("Aggregate", "grouping"),
        ("NestedLoopJoin", "a join without equal columns"),
        ("CrossJoin", "a join without a condition"),
        ("Join", "a join"),
        ("Sort", "sorting"),
        ("TopK", "ranking"),
        ("Window", "a window"),
        ("Repartition", "the exchange between threads"),
    ];
    let work = WORK.iter().find(|(part, _)| name.contains(part));
    match work {
        Some((_, work)) => format!("{work} (`{name}`)"),
        None => format!("`{name}`"),
    }
}

impl MemoryPool for LimitedPool {
    fn name(&self) -> &str {
        "limited"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let grown = self.pool.try_grow(reservation, additional);
        // Of this kind, since it makes others write to files what they hold.
        grown
            .map_err(|_| DataFusionError::ResourcesExhausted(self.refusal(reservation, additional)))
    }

    fn reserved(&self) -> usize {
        self.pool.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.pool.memory_limit()
    }
}

impl fmt::Display for LimitedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of memory", self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_refusal_names_who_asked_and_who_has_it() {
        let pool: Arc<dyn MemoryPool> = Arc::new(LimitedPool::new(10_000_000));
        let join = MemoryConsumer::new("HashJoinInput").register(&pool);
        join.try_grow(8_000_000).unwrap();
        let sort = MemoryConsumer::new("ExternalSorter[0]").with_can_spill(true);
        let sort = sort.register(&pool);
        sort.try_grow(1_500_000).unwrap();
        let error = sort.try_grow(1_000_000).unwrap_err();
        let DataFusionError::ResourcesExhausted(text) = error else {
            panic!("{error} does not make anybody spill");
        };
        assert_eq!(
            text,
            "the query needs more memory than the limit of 10.0 MB: sorting (`ExternalSorter[0]`) \
             holds 1.5 MB and needs 1.0 MB more, while a join (`HashJoinInput`) holds 8.0 MB"
        );
        let error = join.try_grow(3_000_000).unwrap_err();
        assert_eq!(
            error.strip_backtrace(),
            "Resources exhausted: the query needs more memory than the limit of 10.0 MB: a join \
             (`HashJoinInput`) holds 8.0 MB and needs 3.0 MB more"
        );
        drop(sort);
        assert_eq!(pool.reserved(), 8_000_000);
    }
}
