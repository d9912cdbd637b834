//! All records in order of delivery.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use crate::config::Config;
use crate::incident::{Incident, Plan};
use crate::internet::Internet;
use crate::network::{Interface, Network, Role};
use crate::record::{Observation, Record};
use crate::sampling::{Random, Sequence};
use crate::traffic::{INTERVAL_SECS, Traffic};

const LATE_PER_MILLE: u64 = 10;
const MOST_LATE_SECS: u64 = 300;

/// An iterator over the records of a [`Config`], in order of delivery: by
/// `start`, except that one in a hundred comes up to five minutes late.
///
/// Conversations that go on are held in memory: about the records of two
/// minutes.
#[derive(Debug)]
pub struct Generator {
    traffic: Traffic,
    idle: IdleIntervals,
    incidents: Vec<Incident>,
    random: Random,
    window: (i64, i64),
    /// Background records in all, and those not yet drawn.
    background: u64,
    remaining: u64,
    /// To be delivered now, in this order.
    ready: VecDeque<Record>,
    /// To be delivered later.
    pending: BinaryHeap<Reverse<Pending>>,
    sequence: u64,
    drawn: Vec<Record>,
}

impl Generator {
    /// Prepares the network and plants the incidents.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let network = Network::new(config);
        let plan = Plan::new(config, &network);
        let idle = IdleIntervals::new(config, network.of_role(Role::Standby));
        let background = config.records - plan.records.len() as u64 - idle.count;
        let mut generator = Self {
            traffic: Traffic::new(
                network,
                Internet::new(config),
                Random::new(config.seed, Sequence::Traffic),
                plan.silence,
            ),
            idle,
            incidents: plan.incidents,
            random: Random::new(config.seed, Sequence::Delivery),
            window: (config.start, config.end()),
            background,
            remaining: background,
            ready: VecDeque::new(),
            pending: BinaryHeap::new(),
            sequence: 0,
            drawn: Vec::new(),
        };
        for record in plan.records {
            generator.deliver_at(record.start, record);
        }
        generator
    }

    /// What is planted in the records; nothing if the configuration does not
    /// want it or [has no room](Config::has_room_for_incidents).
    #[must_use]
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// The interfaces of the network, by [`Interface::index`].
    #[must_use]
    pub fn interfaces(&self) -> &[Arc<Interface>] {
        self.traffic.interfaces()
    }

    /// When the next conversation begins: the window is filled evenly.
    fn next_draw(&self) -> Option<i64> {
        let (start, end) = self.window;
        (self.remaining > 0).then(|| {
            let drawn = u128::from(self.background - self.remaining);
            let passed = drawn * (end - start) as u128 / u128::from(self.background);
            start + passed as i64
        })
    }

    /// Draws a conversation and keeps its records, as many as are wanted.
    fn draw(&mut self, now: i64) {
        let mut drawn = std::mem::take(&mut self.drawn);
        self.traffic.draw(now, &mut drawn);
        let last_second = (self.window.1 - 1).max(now);
        for record in drawn.drain(..) {
            if record.start > last_second || self.remaining == 0 {
                continue;
            }
            self.remaining -= 1;
            if self.random.per_mille(LATE_PER_MILLE) {
                let delay = self.random.between(30, MOST_LATE_SECS);
                self.deliver_at(record.start + delay as i64, record);
            } else if record.start > now {
                self.deliver_at(record.start, record);
            } else {
                self.ready.push_back(record);
            }
        }
        self.drawn = drawn;
    }

    fn deliver_at(&mut self, delivery: i64, record: Record) {
        self.pending.push(Reverse(Pending {
            delivery,
            sequence: self.sequence,
            record,
        }));
        self.sequence += 1;
    }
}

impl Iterator for Generator {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(record);
            }
            let pending = self.pending.peek().map(|Reverse(pending)| pending.delivery);
            let idle = self.idle.next_start();
            let draw = self.next_draw();
            let now = [pending, idle, draw].into_iter().flatten().min()?;
            if pending == Some(now) {
                return self.pending.pop().map(|Reverse(pending)| pending.record);
            }
            if idle == Some(now) {
                return self.idle.next();
            }
            self.draw(now);
        }
    }
}

/// A record to be delivered at a later time.
#[derive(Debug)]
struct Pending {
    delivery: i64,
    /// Keeps the order among equal times.
    sequence: u64,
    record: Record,
}

impl Pending {
    fn key(&self) -> (i64, u64) {
        (self.delivery, self.sequence)
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Pending {}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The `NODATA` records of the standby interfaces: one a minute of each, or
/// evenly fewer if they would be more than 0.6 % of all records.
#[derive(Debug)]
struct IdleIntervals {
    interfaces: Vec<Arc<Interface>>,
    start: i64,
    /// Interfaces times minutes.
    slots: u64,
    count: u64,
    next: u64,
}

impl IdleIntervals {
    fn new(config: &Config, interfaces: &[Arc<Interface>]) -> Self {
        let minutes = i64::from(config.duration_secs) / INTERVAL_SECS;
        let slots = interfaces.len() as u64 * minutes as u64;
        Self {
            interfaces: interfaces.to_vec(),
            start: config.start,
            slots,
            count: slots.min((u128::from(config.records) * 6 / 1000) as u64),
            next: 0,
        }
    }

    /// The interface and the second of the next record. Each interface has its
    /// place in the minute, so that the records come in order.
    fn next_slot(&self) -> Option<(&Arc<Interface>, i64)> {
        if self.next >= self.count {
            return None;
        }
        let slot = u128::from(self.next) * u128::from(self.slots) / u128::from(self.count);
        let interfaces = self.interfaces.len() as u128;
        let interface = self.interfaces.get((slot % interfaces) as usize)?;
        let second = slot * INTERVAL_SECS as u128 / interfaces;
        Some((interface, self.start + second as i64))
    }

    fn next_start(&self) -> Option<i64> {
        self.next_slot().map(|(_, start)| start)
    }
}

impl Iterator for IdleIntervals {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let (interface, start) = self.next_slot()?;
        let record = Record {
            interface: Arc::clone(interface),
            start,
            end: start + INTERVAL_SECS - 1,
            observation: Observation::NoData,
        };
        self.next += 1;
        Some(record)
    }
}
