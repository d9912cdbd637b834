//! How many calls following makes, beside the fewest that would do.

use super::world::{HOUR_MS, MINUTE_MS, SECOND_MS, World, options};
use crate::follow::{Follow, Progress, Step};

/// One in so many events is there, so that the test is quick.
const THINNED: usize = 300;
/// As many of them are in a page: the number of pages is the same.
const PAGE_EVENTS: usize = 7_500 / THINNED;
/// Records of a minute and interface.
const PER_MINUTE: usize = 50;

/// A group of so many interfaces, each event five to seven minutes late and one
/// in a hundred up to an hour.
fn world(interfaces: usize, hours: i64) -> World {
    let mut world = World::new(PAGE_EVENTS);
    let events = interfaces * PER_MINUTE * 60 * hours as usize / THINNED;
    for number in 0..events {
        let time_ms = number as i64 * hours * HOUR_MS / events as i64;
        let delay_ms = match number % 100 {
            7 => HOUR_MS * (number as i64 % 59) / 59,
            other => 5 * MINUTE_MS + other as i64 * 1_200,
        };
        world.add("eni-1-all", time_ms, delay_ms);
    }
    world
}

/// Follows from `now_ms` to `end_ms`, each call taking 300 ms. Returns the calls
/// made and what was found.
fn follow(state: &mut Follow, world: &World, mut now_ms: i64, end_ms: i64) -> (u64, Progress) {
    let before = state.progress().pages;
    while now_ms < end_ms {
        let mut reads = Vec::new();
        let step = loop {
            match state.step(now_ms) {
                Step::Read(read) => reads.push(read),
                step => break step,
            }
        };
        if reads.is_empty() {
            match step {
                Step::Wait { until_ms } => now_ms = until_ms,
                _ => break,
            }
            continue;
        }
        now_ms += 300;
        for read in reads {
            let page = world.page(&read.request, now_ms);
            if let Some(delivery) = state.page(now_ms, read.id, page) {
                state.acknowledged(delivery.sequence);
            }
        }
    }
    (state.progress().pages - before, state.progress())
}

/// The fewest calls that hold all events.
fn fewest(world: &World) -> u64 {
    world.events.len().div_ceil(PAGE_EVENTS) as u64
}

#[test]
fn one_pass_makes_few_more_calls_than_the_fewest() {
    for (interfaces, hours) in [(10, 24), (1_000, 6), (10_000, 1)] {
        let world = world(interfaces, hours);
        let mut state = Follow::once(0, hours * HOUR_MS);
        let (calls, progress) = follow(&mut state, &world, 100 * HOUR_MS, i64::MAX);
        assert_eq!(progress.events, world.events.len() as u64);
        let ratio = calls as f64 / fewest(&world) as f64;
        assert!(
            ratio <= 1.2,
            "{interfaces} interfaces: {calls} calls, {ratio:.2}"
        );
    }
}

#[test]
fn steady_following_reads_each_event_a_few_times() {
    for (interfaces, hours) in [(10, 6), (1_000, 5), (10_000, 4)] {
        let world = world(interfaces, hours);
        let mut state = Follow::new(options(0, 2 * HOUR_MS));
        // Until it is steady: as long as the lateness.
        follow(&mut state, &world, 0, 2 * HOUR_MS + 10 * MINUTE_MS);
        let settled = state.progress().events;
        let span_ms = (hours - 2) * HOUR_MS - 20 * MINUTE_MS;
        let start_ms = 2 * HOUR_MS + 10 * MINUTE_MS;
        let (calls, progress) = follow(&mut state, &world, start_ms, start_ms + span_ms);
        let seconds = span_ms / SECOND_MS;
        let found = (progress.events - settled) as f64;
        let readings = calls as f64 / (found / PAGE_EVENTS as f64);
        assert!(calls as f64 / seconds as f64 <= 0.3 + 0.0007 * interfaces as f64);
        assert!(
            interfaces < 1_000 || readings < 7.0,
            "{interfaces}: {readings}"
        );
    }
}
