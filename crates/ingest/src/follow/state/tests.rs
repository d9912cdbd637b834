use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MINUTE_MS: i64 = 60_000;

fn options(since_ms: i64, lateness_ms: u64) -> FollowOptions {
    FollowOptions {
        since_ms,
        poll: Duration::from_secs(5),
        lateness: Duration::from_millis(lateness_ms),
    }
}

fn event(id: &str, timestamp_ms: i64) -> LogEvent {
    LogEvent {
        stream: "eni-1-all".into(),
        event_id: id.to_owned(),
        timestamp_ms,
        ingestion_time_ms: None,
        message: String::new(),
    }
}

fn page(events: impl IntoIterator<Item = LogEvent>, next_token: Option<&str>) -> EventPage {
    EventPage {
        events: events.into_iter().collect(),
        next_token: next_token.map(str::to_owned),
    }
}

fn read(start_ms: i64, end_ms: i64, token: Option<&str>) -> Step {
    Step::Read(PageRequest {
        start_ms,
        end_ms,
        token: token.map(str::to_owned),
    })
}

#[test]
fn history_is_read_as_one_range_and_paged_through() {
    let mut follow = Follow::new(options(90_500, 600_000));
    let now_ms = 10 * MINUTE_MS + 1;
    assert_eq!(follow.step(now_ms), read(60_000, 11 * MINUTE_MS - 1, None));
    assert_eq!(follow.page(page([event("1", 90_500)], Some("t1"))).len(), 1);
    assert_eq!(
        follow.step(now_ms),
        read(60_000, 11 * MINUTE_MS - 1, Some("t1"))
    );
    // An empty page with a token is not the end.
    assert!(follow.page(page([], Some("t2"))).is_empty());
    assert_eq!(
        follow.step(now_ms),
        read(60_000, 11 * MINUTE_MS - 1, Some("t2"))
    );
    assert!(!follow.is_caught_up(now_ms));
    assert_eq!(follow.page(page([event("2", 120_000)], None)).len(), 1);
    assert!(follow.is_caught_up(now_ms));
    assert_eq!(
        follow.step(now_ms),
        Step::Wait {
            until_ms: now_ms + 5_000
        }
    );
}

#[test]
fn an_event_seen_again_is_dropped_and_a_late_one_is_counted() {
    let mut follow = Follow::new(options(0, 600_000));
    let mut now_ms = MINUTE_MS + 30_000;
    follow.step(now_ms);
    assert_eq!(follow.page(page([event("1", 10)], None)).len(), 1);
    now_ms += 15_000;
    assert_eq!(follow.step(now_ms), read(0, 2 * MINUTE_MS - 1, None));
    // The same time and another id is another event; another stream too. Only
    // the one that is older than its stream's newest is late.
    let twin = LogEvent {
        stream: "eni-2-all".into(),
        ..event("1", 10)
    };
    let events = [event("2", 9), event("1", 10), event("3", 10), twin];
    assert_eq!(follow.page(page(events, None)).len(), 3);
    let progress = follow.progress();
    assert_eq!(
        (progress.events, progress.repeats, progress.late),
        (4, 1, 1)
    );
    assert_eq!((progress.streams, progress.newest_event_ms), (2, Some(10)));
}

#[test]
fn a_bucket_settles_once_its_lateness_has_passed() {
    let mut follow = Follow::new(options(0, 120_000));
    let mut settled = Vec::new();
    for now_ms in (0..=10 * MINUTE_MS).step_by(1_000) {
        while let Step::Read(_) = follow.step(now_ms) {
            follow.page(EventPage::default());
        }
        settled.push((now_ms, follow.progress().complete_to_ms));
    }
    for (now_ms, complete_to_ms) in settled {
        // The end of a bucket is complete two minutes later, to the poll.
        let expected = ((now_ms - 120_000) / MINUTE_MS).max(0) * MINUTE_MS;
        assert!(
            (expected - MINUTE_MS..=expected).contains(&complete_to_ms),
            "at {now_ms}"
        );
    }
    assert!(follow.buckets.len() < 5, "settled buckets are forgotten");
}

#[test]
fn throttling_backs_off_and_an_expired_token_begins_again() {
    let mut follow = Follow::new(options(0, 600_000));
    follow.step(0);
    follow.page(page([event("1", 1)], Some("t1")));
    let mut waits = Vec::new();
    let mut now_ms = 0;
    for _ in 0..9 {
        follow.failed(now_ms, ReadErrorKind::Throttled);
        let Step::Wait { until_ms } = follow.step(now_ms) else {
            panic!("it has to wait")
        };
        waits.push(until_ms - now_ms);
        now_ms = until_ms;
        assert_eq!(follow.step(now_ms), read(0, MINUTE_MS - 1, Some("t1")));
    }
    assert_eq!(
        waits,
        [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
        ]
    );
    follow.failed(now_ms, ReadErrorKind::InvalidToken);
    now_ms += 30_000;
    assert_eq!(follow.step(now_ms), read(0, MINUTE_MS - 1, None));
    assert!(
        follow.page(page([event("1", 1)], None)).is_empty(),
        "known by its id"
    );
    assert_eq!(follow.progress().throttled, 9);
    assert_eq!(follow.progress().failures, 1);
}

#[test]
fn catching_up_with_a_day_does_not_keep_new_records_waiting() {
    let day_ms = 24 * 60 * MINUTE_MS;
    let mut follow = Follow::new(options(0, 600_000));
    let mut reads_since_newest = 0;
    let mut reads = 0;
    while let Step::Read(request) = follow.step(day_ms) {
        assert!(request.end_ms - request.start_ms < SWEEP_MS);
        reads_since_newest += 1;
        if request.end_ms >= day_ms {
            reads_since_newest = 0;
        }
        assert!(reads_since_newest <= 25);
        reads += 1;
        follow.page(EventPage::default());
    }
    assert_eq!(reads, 25, "every hour of the history once");
}

/// A group whose events become visible at a time of their own, paged by index.
fn visible(events: &[(i64, i64)], now_ms: i64, request: &PageRequest, size: usize) -> EventPage {
    let from: usize = request
        .token
        .as_deref()
        .map_or(0, |token| token.parse().unwrap());
    let mut matching: Vec<_> = events
        .iter()
        .enumerate()
        .filter(|(_, (time, at))| {
            (request.start_ms..=request.end_ms).contains(time) && *at <= now_ms
        })
        .collect();
    matching.sort_by_key(|(_, (time, _))| *time);
    let next = from + size;
    EventPage {
        next_token: (next < matching.len()).then(|| next.to_string()),
        events: matching
            .into_iter()
            .skip(from)
            .take(size)
            .map(|(id, (time, _))| event(&id.to_string(), *time))
            .collect(),
    }
}

proptest! {
    /// Whatever the order of arrival, page size and failures: each event that
    /// arrives within the lateness is handed on exactly once.
    #[test]
    fn every_event_comes_exactly_once(
        arrivals in prop::collection::vec((0i64..30 * MINUTE_MS, 0i64..10 * MINUTE_MS), 0..300),
        page_size in 1usize..50,
        page_takes_ms in 0i64..3_000,
        failures in prop::collection::vec(0u8..12, 0..200),
        since_minutes in 0i64..10,
    ) {
        let events: Vec<_> = arrivals.iter().map(|(time, delay)| (*time, time + delay)).collect();
        let since_ms = since_minutes * MINUTE_MS;
        let mut follow = Follow::new(options(since_ms, 10 * 60_000));
        let mut failures = failures.into_iter();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut now_ms = since_ms + 1;
        let end_ms = 45 * MINUTE_MS;
        let mut steps = 0;
        while now_ms < end_ms || follow.progress().complete_to_ms < 30 * MINUTE_MS {
            steps += 1;
            prop_assert!(steps < 100_000, "the follower does not come to an end");
            match follow.step(now_ms) {
                Step::Wait { until_ms } => {
                    prop_assert!(until_ms > now_ms);
                    now_ms = until_ms;
                }
                Step::Read(request) => {
                    now_ms += page_takes_ms;
                    match failures.next() {
                        Some(0) => follow.failed(now_ms, ReadErrorKind::Throttled),
                        Some(1) => follow.failed(now_ms, ReadErrorKind::Transient),
                        Some(2) => follow.failed(now_ms, ReadErrorKind::InvalidToken),
                        _ => {
                            for event in follow.page(visible(&events, now_ms, &request, page_size)) {
                                *counts.entry(event.event_id).or_default() += 1;
                            }
                        }
                    }
                }
            }
        }
        for (id, (time, _)) in events.iter().enumerate() {
            let count = counts.get(&id.to_string()).copied().unwrap_or(0);
            prop_assert_eq!(count, usize::from(*time >= since_ms), "event {} at {}", id, time);
        }
    }
}
