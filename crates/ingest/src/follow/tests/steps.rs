//! Single rules of the state machine.

use super::world::{HOUR_MS, MINUTE_MS, event, options};
use crate::follow::{CommittedEvents, Follow, GroupCheckpoint, Read, ReadKind, Step};
use crate::group::{EventPage, LogEvent, ReadErrorKind};

fn page(events: impl IntoIterator<Item = LogEvent>, next_token: Option<&str>) -> EventPage {
    EventPage {
        events: events.into_iter().collect(),
        next_token: next_token.map(str::to_owned),
    }
}

#[track_caller]
fn read(follow: &mut Follow, now_ms: i64) -> Read {
    match follow.step(now_ms) {
        Step::Read(read) => read,
        step => panic!("{step:?}"),
    }
}

fn ids(delivery: Option<crate::follow::Delivery>) -> Vec<String> {
    let events = delivery.map(|delivery| delivery.events).unwrap_or_default();
    events.into_iter().map(|event| event.event_id).collect()
}

#[test]
fn a_range_is_paged_through_and_empty_pages_are_not_its_end() {
    let mut follow = Follow::new(options(90_500, HOUR_MS));
    let now_ms = 10 * MINUTE_MS + 1;
    let first = read(&mut follow, now_ms);
    let request = &first.request;
    assert_eq!((request.start_ms, request.end_ms), (90_000, 609_999));
    assert!(matches!(
        follow.step(now_ms),
        Step::Wait { until_ms: i64::MAX }
    ));
    for (token, events) in [("t1", vec![event("a", "1", 90_500)]), ("t2", vec![])] {
        let expected: Vec<_> = events.iter().map(|event| event.event_id.clone()).collect();
        let delivery = follow.page(now_ms, first.id, page(events, Some(token)));
        assert_eq!(ids(delivery), expected);
        let next = read(&mut follow, now_ms);
        assert_eq!(next.request.token.as_deref(), Some(token));
        assert_eq!(next.id, first.id);
    }
    let delivery = follow.page(now_ms, first.id, page([event("a", "2", 120_000)], None));
    assert_eq!(ids(delivery), ["2"]);
    // Three pages: half as long again as for two.
    let until_ms = now_ms + 7_500;
    assert_eq!(follow.step(now_ms), Step::Wait { until_ms });
}

#[test]
fn an_event_seen_again_is_dropped_and_a_late_one_is_counted() {
    let mut follow = Follow::new(options(0, HOUR_MS));
    let first = read(&mut follow, 90_000);
    let delivery = follow.page(90_000, first.id, page([event("a", "1", 10)], None));
    assert_eq!(ids(delivery), ["1"]);
    let again = read(&mut follow, 95_000);
    // The same time and another id is another event; another stream too. Only
    // the one that is older than its stream's newest is late.
    let events = [
        event("a", "2", 9),
        event("a", "1", 10),
        event("a", "3", 10),
        event("b", "1", 10),
    ];
    let delivery = follow.page(95_000, again.id, page(events, None));
    assert_eq!(ids(delivery), ["2", "3", "1"]);
    let progress = follow.progress();
    assert_eq!(
        (progress.events, progress.repeats, progress.late),
        (4, 1, 1)
    );
    assert_eq!((progress.streams, progress.newest_event_ms), (2, Some(10)));
}

#[test]
fn an_answer_outside_of_the_range_is_neither_lost_nor_repeated() {
    let mut follow = Follow::new(options(0, HOUR_MS));
    for (now_ms, expected) in [(90_000, vec!["1"]), (95_000, vec![])] {
        let read = read(&mut follow, now_ms);
        let delivery = follow.page(now_ms, read.id, page([event("a", "1", HOUR_MS)], None));
        assert_eq!(ids(delivery), expected);
    }
}

#[test]
fn throttling_backs_off_and_an_expired_token_begins_again() {
    let mut follow = Follow::new(options(0, HOUR_MS));
    let first = read(&mut follow, 0);
    follow.page(0, first.id, page([event("a", "1", 1)], Some("t1")));
    let mut waits = Vec::new();
    let mut now_ms = 0;
    for _ in 0..9 {
        let again = read(&mut follow, now_ms);
        assert_eq!(again.request.token.as_deref(), Some("t1"));
        follow.failed(now_ms, again.id, ReadErrorKind::Throttled);
        let Step::Wait { until_ms } = follow.step(now_ms) else {
            panic!("it has to wait")
        };
        waits.push(until_ms - now_ms);
        now_ms = until_ms;
    }
    assert_eq!(
        waits,
        [
            500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000
        ]
    );
    let again = read(&mut follow, now_ms);
    follow.failed(now_ms, again.id, ReadErrorKind::InvalidToken);
    now_ms += 30_000;
    let again = read(&mut follow, now_ms);
    assert_eq!(again.request.token, None);
    let delivery = follow.page(now_ms, again.id, page([event("a", "1", 1)], None));
    assert_eq!(ids(delivery), Vec::<String>::new(), "known by its id");
    let progress = follow.progress();
    assert_eq!((progress.throttled, progress.failures), (9, 1));
}

#[test]
fn nothing_is_read_while_the_group_may_not_be_read() {
    let mut follow = Follow::new(options(0, HOUR_MS));
    let first = read(&mut follow, 0);
    follow.failed(0, first.id, ReadErrorKind::Denied);
    assert_eq!(follow.step(500), Step::Wait { until_ms: 5_000 });
    assert_eq!(read(&mut follow, 5_000).id, first.id);
}

#[test]
fn catching_up_with_a_day_does_not_keep_new_records_waiting() {
    let mut follow = Follow::new(options(0, HOUR_MS));
    let day_ms = 24 * HOUR_MS;
    let mut now_ms = day_ms;
    let mut fresh_ms = now_ms;
    let mut kinds = [0; 2];
    let mut at_once = 0;
    loop {
        let mut reads = Vec::new();
        while let Step::Read(read) = follow.step(now_ms) {
            reads.push(read);
        }
        if follow.progress().backlog_ms == 0 {
            break;
        }
        at_once = at_once.max(reads.len());
        now_ms += 300;
        for read in reads {
            let fresh = read.kind == ReadKind::Fresh;
            kinds[usize::from(fresh)] += 1;
            if fresh {
                fresh_ms = now_ms;
            }
            assert!(now_ms - fresh_ms <= 11_000, "the newest data waits");
            // A page for each half minute: 2,880 pages in a day.
            let request = read.request;
            let from_ms = request
                .token
                .map_or(request.start_ms, |at| at.parse().unwrap());
            let to_ms = (from_ms + 30_000).min(request.end_ms + 1);
            let events = (from_ms..to_ms).step_by(10_000);
            let events = events.map(|at| LogEvent {
                ingestion_time_ms: Some(at + 30_000),
                ..event("a", &at.to_string(), at)
            });
            let next = (to_ms <= request.end_ms).then(|| to_ms.to_string());
            follow.page(now_ms, read.id, page(events, next.as_deref()));
        }
    }
    assert!(at_once > 6, "{at_once} reads at once");
    let [history, _] = kinds;
    assert!(
        (2_840..=3_100).contains(&history),
        "{history} pages of history"
    );
    assert!(follow.progress().remembered < 1_000);
}

#[test]
fn a_checkpoint_goes_on_where_it_stands_and_an_earlier_since_reads_more() {
    let mut follow = Follow::new(options(HOUR_MS, 10 * MINUTE_MS));
    let mut checkpoint = GroupCheckpoint::default();
    let now_ms = 2 * HOUR_MS;
    while let Step::Read(read) = follow.step(now_ms) {
        let delivery = follow.page(now_ms, read.id, page([], None));
        checkpoint.apply(&delivery.unwrap().checkpoint);
    }
    assert_eq!(checkpoint.since_ms(), Some(HOUR_MS));
    assert_eq!(checkpoint.complete_to_ms(), Some(now_ms - 10 * MINUTE_MS));
    let unsettled = vec![now_ms - 10 * MINUTE_MS..i64::MAX; 1];
    assert_eq!(checkpoint.unsettled(), unsettled);

    let backlog = |since_ms: i64| {
        let options = options(since_ms, 10 * MINUTE_MS);
        let mut follow = Follow::resume(options, &checkpoint, CommittedEvents::default());
        // A step only, to let time pass.
        let _ = follow.step(now_ms + HOUR_MS);
        follow.progress().backlog_ms
    };
    let stopped_ms = HOUR_MS - 10_000 + 10_000;
    assert_eq!(backlog(HOUR_MS), stopped_ms);
    assert_eq!(backlog(now_ms + HOUR_MS), stopped_ms, "no gap");
    assert_eq!(backlog(0), stopped_ms + HOUR_MS);
}

#[test]
fn a_bounded_reading_asks_for_exactly_its_times_and_ends() {
    let mut follow = Follow::once(1_234, 50_001);
    let only = read(&mut follow, 0);
    let request = &only.request;
    assert_eq!((request.start_ms, request.end_ms), (1_234, 50_000));
    assert_eq!(
        ids(follow.page(0, only.id, page([event("a", "1", 1_234)], None))),
        ["1"]
    );
    assert_eq!(follow.step(0), Step::Done);
    assert_eq!(Follow::once(5, 5).step(0), Step::Done);
}

#[test]
fn completeness_is_what_is_durable() {
    let mut follow = Follow::new(options(0, 0));
    let mut sequence = 0;
    while let Step::Read(read) = follow.step(60_000) {
        let delivery = follow.page(60_000, read.id, page([], None)).unwrap();
        sequence = delivery.sequence;
    }
    assert_eq!(follow.progress().complete_to_ms, 0);
    follow.acknowledged(sequence);
    assert_eq!(follow.progress().complete_to_ms, 60_000);
}
