//! How many calls following makes, beside the fewest that would do.

use std::ops::Range;

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
    world_of(interfaces, 0..hours * HOUR_MS)
}

/// The same, between these times.
fn world_of(interfaces: usize, times: Range<i64>) -> World {
    let mut world = World::new(PAGE_EVENTS);
    let span_ms = times.end - times.start;
    let events = interfaces * PER_MINUTE * (span_ms / MINUTE_MS) as usize / THINNED;
    for number in 0..events {
        let time_ms = times.start + number as i64 * span_ms / events as i64;
        let delay_ms = match number % 100 {
            7 => HOUR_MS * (number as i64 % 59) / 59,
            other => 5 * MINUTE_MS + other as i64 * 1_200,
        };
        world.add("eni-1-all", time_ms, delay_ms);
    }
    world
}

/// What following for a while came to.
struct Followed {
    calls: u64,
    progress: Progress,
    /// How long after it was visible each event was handed on, in order.
    waits_ms: Vec<i64>,
}

impl Followed {
    /// The wait that so many of a hundred events do not exceed.
    fn wait_ms(&self, of_hundred: usize) -> i64 {
        self.waits_ms[(self.waits_ms.len() - 1) * of_hundred / 100]
    }
}

/// Follows from `now_ms` to `end_ms`, each call taking 300 ms.
fn follow(state: &mut Follow, world: &World, mut now_ms: i64, end_ms: i64) -> Followed {
    let before = state.progress().pages;
    let mut waits_ms = Vec::new();
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
                let visible_ms = delivery
                    .events
                    .iter()
                    .filter_map(|event| event.ingestion_time_ms);
                waits_ms.extend(visible_ms.map(|visible_ms| now_ms - visible_ms));
            }
        }
    }
    waits_ms.sort_unstable();
    Followed {
        calls: state.progress().pages - before,
        progress: state.progress(),
        waits_ms,
    }
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
        let Followed {
            calls, progress, ..
        } = follow(&mut state, &world, 100 * HOUR_MS, i64::MAX);
        assert_eq!(progress.events, world.events.len() as u64);
        let ratio = calls as f64 / fewest(&world) as f64;
        let figures = format!("{interfaces} interfaces: {calls} calls, {ratio:.2}");
        // For docs/following.md, too.
        println!("{figures}");
        assert!(ratio <= 1.2, "{figures}");
    }
}

/// More is asked for than there is: the first page does not tell how dense the rest
/// is by how long nothing came before it.
#[test]
fn a_group_that_began_later_takes_few_calls() {
    for before_ms in [2 * MINUTE_MS, 6 * HOUR_MS] {
        let end_ms = before_ms + 20 * MINUTE_MS;
        let world = world_of(10_000, before_ms..end_ms);
        let mut state = Follow::once(0, end_ms);
        let Followed {
            calls, progress, ..
        } = follow(&mut state, &world, 100 * HOUR_MS, i64::MAX);
        assert_eq!(progress.events, world.events.len() as u64);
        let ratio = calls as f64 / fewest(&world) as f64;
        assert!(ratio <= 1.15, "{before_ms} ms: {calls} calls, {ratio:.2}");
    }
}

/// Somebody asks for all since 1970, and the group has an hour.
#[test]
fn a_long_time_without_events_takes_few_calls() {
    let mut world = World::new(PAGE_EVENTS);
    let years_ms = 56 * 365 * 24 * HOUR_MS;
    for number in 0..10_000 {
        world.add("eni-1-all", years_ms + number * HOUR_MS / 10_000, 0);
    }
    let mut state = Follow::once(-1, years_ms + HOUR_MS);
    let Followed {
        calls, progress, ..
    } = follow(&mut state, &world, years_ms + 2 * HOUR_MS, i64::MAX);
    assert_eq!(progress.events, 10_000);
    let most = fewest(&world) * 12 / 10 + years_ms as u64 / (30 * 24 * HOUR_MS) as u64 + 20;
    assert!(calls <= most, "{calls} calls, {most} at the most");
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
        let followed = follow(&mut state, &world, start_ms, start_ms + span_ms);
        let calls_per_second = followed.calls as f64 / (span_ms / SECOND_MS) as f64;
        let found = (followed.progress.events - settled) as f64;
        let readings = followed.calls as f64 / (found / PAGE_EVENTS as f64);
        let [half, most] = [50, 95].map(|of_hundred| followed.wait_ms(of_hundred) / SECOND_MS);
        let figures = format!(
            "{interfaces} interfaces: {calls_per_second:.2} calls a second, each event read \
             {readings:.1} times, handed on {half} s (median), {most} s (95 of 100) after it is visible"
        );
        // For docs/following.md: `cargo test cost -- --nocapture`.
        println!("{figures}");
        assert!(
            calls_per_second <= 0.3 + 0.0007 * interfaces as f64,
            "{figures}"
        );
        assert!(interfaces < 1_000 || readings < 7.0, "{figures}");
        assert!(half <= 60 && most <= 180, "{figures}");
    }
}
