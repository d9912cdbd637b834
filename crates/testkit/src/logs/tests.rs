//! What the fake promises about AWS's semantics.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::api::Answer;
use super::*;

const GROUP: &str = "flows";
const START_MS: i64 = 1_702_918_000_000;

fn service() -> Service {
    Service::default()
}

/// `count` events, one a millisecond from `START_MS`.
fn events(count: i64) -> impl Iterator<Item = (i64, String)> {
    (0..count).map(|index| (START_MS + index, format!("message {index}")))
}

fn put(service: &mut Service, stream: &str, events: impl IntoIterator<Item = (i64, String)>) {
    service.store.put(batch(GROUP, stream, None, events));
}

fn call(service: &mut Service, operation: &str, request: Value) -> Result<Value, String> {
    let answer = service.call(operation, "key", request.to_string().as_bytes());
    match answer.map(Answer::write) {
        Ok(body) if body.is_empty() => Ok(Value::Null),
        Ok(body) => Ok(serde_json::from_slice(&body).unwrap()),
        Err(error) => Err(error.code.to_owned()),
    }
}

fn filter(service: &mut Service, mut request: Value) -> Result<Value, String> {
    if request.get("logGroupIdentifier").is_none() {
        request["logGroupName"] = GROUP.into();
    }
    call(service, "FilterLogEvents", request)
}

/// Reads to the last page: the pages' messages.
fn read_all(service: &mut Service, request: Value) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut request = request.clone();
        request["nextToken"] = token;
        let page = filter(service, request).unwrap();
        pages.push(messages(&page));
        token = match page.get("nextToken") {
            Some(token) => token.clone(),
            None => return pages,
        };
    }
}

fn messages(page: &Value) -> Vec<String> {
    let events = page["events"].as_array().unwrap().iter();
    events
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

fn one(timestamp_ms: i64, message: &str) -> [(i64, String); 1] {
    [(timestamp_ms, message.to_owned())]
}

#[test]
fn both_ends_of_the_time_range_are_inclusive() {
    let mut service = service();
    put(&mut service, "eni-1-all", events(5));
    let request = json!({"startTime": START_MS + 1, "endTime": START_MS + 3});
    let page = filter(&mut service, request).unwrap();
    assert_eq!(messages(&page), ["message 1", "message 2", "message 3"]);
}

#[test]
fn order_is_timestamp_then_ingestion_time_then_arrival() {
    let mut service = service();
    let mut put_at = |ingested_ms, timestamp_ms, message| {
        let events = one(timestamp_ms, message);
        let batch = batch(GROUP, "eni-1-all", Some(ingested_ms), events);
        service.store.put(batch);
    };
    put_at(START_MS + 900, START_MS + 2, "d");
    put_at(START_MS + 900, START_MS + 1, "b");
    put_at(START_MS + 900, START_MS + 1, "c");
    put_at(START_MS + 800, START_MS + 1, "a");
    let page = filter(&mut service, json!({})).unwrap();
    assert_eq!(messages(&page), ["a", "b", "c", "d"]);
}

#[test]
fn a_page_ends_at_the_limit_and_the_next_token_goes_on() {
    let mut service = service();
    service.pager.max_events = 4;
    put(&mut service, "eni-1-all", events(10));
    let pages = read_all(&mut service, json!({}));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    let pages = read_all(&mut service, json!({"limit": 3}));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3, 1]);
}

#[test]
fn a_page_ends_at_one_megabyte() {
    let mut service = service();
    let message = "x".repeat(100_000 - pages::EVENT_OVERHEAD_BYTES);
    let events = (0..25).map(|index| (START_MS + index, message.clone()));
    put(&mut service, "eni-1-all", events);
    let pages = read_all(&mut service, json!({}));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
}

#[test]
fn empty_and_partial_pages_lose_and_repeat_nothing() {
    for seed in 0..20 {
        let mut service = service();
        service.pager.random = pages::Random::seeded(seed);
        service.pager.empty_rate = 0.4;
        service.pager.partial_rate = 0.5;
        service.pager.max_events = 20;
        put(&mut service, "eni-1-all", events(200));
        let pages = read_all(&mut service, json!({}));
        let expected: Vec<String> = events(200).map(|(_, message)| message).collect();
        assert_eq!(pages.concat(), expected, "seed {seed}");
        assert!(pages.iter().any(Vec::is_empty), "seed {seed}");
        assert!(pages.iter().any(|page| (1..20).contains(&page.len())));
    }
}

#[test]
fn the_seed_decides_the_pages() {
    let pages = |seed| {
        let mut service = service();
        service.pager.random = pages::Random::seeded(seed);
        service.pager.empty_rate = 0.4;
        service.pager.partial_rate = 0.5;
        put(&mut service, "eni-1-all", events(500));
        read_all(&mut service, json!({}))
    };
    assert_eq!(pages(1), pages(1));
    assert_ne!(pages(1), pages(2));
}

#[test]
fn a_token_belongs_to_its_query_and_can_expire() {
    let mut service = service();
    service.pager.max_events = 1;
    put(&mut service, "eni-1-all", events(3));
    let first = filter(&mut service, json!({})).unwrap();
    let token = &first["nextToken"];

    let other_query = json!({"nextToken": token, "startTime": START_MS});
    assert_eq!(
        filter(&mut service, other_query).unwrap_err(),
        "InvalidParameterException"
    );
    let request = json!({"nextToken": token});
    let again = filter(&mut service, request.clone()).unwrap();
    assert_eq!(messages(&again), ["message 1"]);
    service.pager.expire_tokens();
    assert_eq!(
        filter(&mut service, request).unwrap_err(),
        "InvalidParameterException"
    );
}

#[test]
fn a_token_works_as_often_as_it_may() {
    let mut service = service();
    service.pager.max_events = 1;
    service.pager.token_uses = Some(1);
    put(&mut service, "eni-1-all", events(3));
    let first = filter(&mut service, json!({})).unwrap();
    let request = json!({"nextToken": first["nextToken"]});
    assert!(filter(&mut service, request.clone()).is_ok());
    assert!(filter(&mut service, request).is_err());
}

#[test]
fn a_late_event_is_behind_the_cursor_of_a_read_under_way() {
    let mut service = service();
    service.pager.max_events = 2;
    put(&mut service, "eni-1-all", events(4));
    let late = batch(GROUP, "eni-2-all", None, one(START_MS, "late"));
    let late = service.store.hide(late);
    assert!(!messages(&filter(&mut service, json!({})).unwrap()).contains(&"late".to_owned()));

    let first = filter(&mut service, json!({})).unwrap();
    assert!(service.store.release(late));
    assert!(!service.store.release(late), "only once");
    let request = json!({"nextToken": first["nextToken"]});
    let rest = filter(&mut service, request).unwrap();
    assert_eq!(messages(&rest), ["message 2", "message 3"]);
    let reread = read_all(&mut service, json!({})).concat();
    assert_eq!(reread[..2], ["message 0", "late"]);
}

#[test]
fn a_batch_can_arrive_between_two_calls() {
    let mut service = service();
    put(&mut service, "eni-1-all", events(1));
    let late = batch(GROUP, "eni-1-all", None, one(START_MS + 9, "late"));
    let late = service.store.hide(late);
    service.release_after(late, 2);
    let counts = [(); 4].map(|()| messages(&filter(&mut service, json!({})).unwrap()).len());
    assert_eq!(counts, [1, 1, 2, 2]);
}

#[test]
fn streams_are_chosen_by_name_or_by_prefix() {
    let mut service = service();
    for stream in ["eni-1-all", "eni-2-all", "nat-1"] {
        put(&mut service, stream, one(START_MS, stream));
    }
    let mut read = |request| filter(&mut service, request).map(|page| messages(&page));
    let prefix = read(json!({"logStreamNamePrefix": "eni-"})).unwrap();
    assert_eq!(prefix, ["eni-1-all", "eni-2-all"]);
    let names = read(json!({"logStreamNames": ["nat-1", "eni-1-all"]})).unwrap();
    assert_eq!(names, ["eni-1-all", "nat-1"]);

    let unknown = json!({"logStreamNames": ["eni-9-all"]});
    assert_eq!(read(unknown).unwrap_err(), "ResourceNotFoundException");
    let many: Vec<String> = (0..101).map(|index| format!("eni-{index}")).collect();
    let many = json!({"logStreamNames": many});
    assert_eq!(read(many).unwrap_err(), "InvalidParameterException");
    let both = json!({"logStreamNames": ["nat-1"], "logStreamNamePrefix": "n"});
    assert_eq!(read(both).unwrap_err(), "InvalidParameterException");
}

#[test]
fn a_group_is_named_by_name_or_by_arn() {
    let mut service = service();
    put(&mut service, "eni-1-all", events(1));
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:flows";
    assert!(filter(&mut service, json!({"logGroupIdentifier": arn})).is_ok());
    let wildcard = json!({"logGroupIdentifier": format!("{arn}:*")});
    assert_eq!(
        filter(&mut service, wildcard).unwrap_err(),
        "InvalidParameterException"
    );
    let unknown = json!({"logGroupName": "other"});
    assert_eq!(
        call(&mut service, "FilterLogEvents", unknown).unwrap_err(),
        "ResourceNotFoundException"
    );
}

#[test]
fn what_is_not_understood_is_refused() {
    let mut service = service();
    put(&mut service, "eni-1-all", events(1));
    let pattern = json!({"filterPattern": "REJECT"});
    assert_eq!(
        filter(&mut service, pattern).unwrap_err(),
        "SerializationException"
    );
    assert_eq!(
        call(&mut service, "StartQuery", json!({})).unwrap_err(),
        "UnknownOperationException"
    );
    assert!(filter(&mut service, json!({"limit": 10_001})).is_err());
    assert!(filter(&mut service, json!({"startTime": 2, "endTime": 1})).is_err());
}

#[test]
fn event_ids_are_unique_and_carry_the_timestamp() {
    let mut service = service();
    put(&mut service, "eni-1-all", events(3).chain(events(3)));
    let page = filter(&mut service, json!({})).unwrap();
    let ids: BTreeSet<&str> = page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["eventId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 6);
    assert!(ids.iter().all(|id| id.len() == 56));
}

#[test]
fn streams_are_described_in_pages_of_fifty() {
    let mut service = service();
    for index in 0..120 {
        put(&mut service, &format!("eni-{index:03}-all"), events(1));
    }
    let mut names = Vec::new();
    let mut sizes = Vec::new();
    let mut token = Value::Null;
    loop {
        let request = json!({"logGroupName": GROUP, "nextToken": token});
        let page = call(&mut service, "DescribeLogStreams", request).unwrap();
        let streams = page["logStreams"].as_array().unwrap();
        sizes.push(streams.len());
        names.extend(streams.iter().map(|stream| stream["logStreamName"].clone()));
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert_eq!(names[119], "eni-119-all");
}

#[test]
fn stream_times_can_be_stale() {
    let last_event = |stale| {
        let mut service = service();
        service.stale_stream_times = stale;
        put(&mut service, "eni-1-all", one(START_MS, "a"));
        put(&mut service, "eni-1-all", one(START_MS + 60_000, "b"));
        let request = json!({"logGroupName": GROUP, "orderBy": "LastEventTime"});
        let page = call(&mut service, "DescribeLogStreams", request).unwrap();
        page["logStreams"][0]["lastEventTimestamp"].as_i64()
    };
    assert_eq!(last_event(false), Some(START_MS + 60_000));
    assert_eq!(last_event(true), Some(START_MS));
}

#[test]
fn groups_are_described_by_prefix_or_by_part() {
    let mut service = service();
    for name in ["/vpc/a", "/vpc/b", "/other"] {
        service.store.create_group(name);
    }
    let mut names = |request| {
        let page = call(&mut service, "DescribeLogGroups", request).unwrap();
        let groups = page["logGroups"].as_array().unwrap().iter();
        groups
            .map(|group| group["logGroupName"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(json!({"logGroupNamePrefix": "/vpc/"})),
        ["/vpc/a", "/vpc/b"]
    );
    assert_eq!(names(json!({"logGroupNamePattern": "the"})), ["/other"]);
    assert_eq!(names(json!({})).len(), 3);
}

#[test]
fn a_client_can_fill_a_group() {
    let mut service = service();
    let group = json!({"logGroupName": GROUP});
    let stream = json!({"logGroupName": GROUP, "logStreamName": "eni-1-all"});
    let mut send = |operation, request: &Value| call(&mut service, operation, request.clone());
    assert!(send("CreateLogGroup", &group).is_ok());
    assert_eq!(
        send("CreateLogGroup", &group).unwrap_err(),
        "ResourceAlreadyExistsException"
    );
    let mut batch = stream.clone();
    batch["logEvents"] = json!([
        {"timestamp": START_MS, "message": "a"},
        {"timestamp": START_MS + 1, "message": "b"},
    ]);
    assert_eq!(
        send("PutLogEvents", &batch).unwrap_err(),
        "ResourceNotFoundException"
    );
    assert!(send("CreateLogStream", &stream).is_ok());
    assert_eq!(
        send("CreateLogStream", &stream).unwrap_err(),
        "ResourceAlreadyExistsException"
    );
    assert!(send("PutLogEvents", &batch).is_ok());
    batch["logEvents"].as_array_mut().unwrap().reverse();
    assert_eq!(
        send("PutLogEvents", &batch).unwrap_err(),
        "InvalidParameterException"
    );
    batch["logEvents"] = json!([]);
    assert!(send("PutLogEvents", &batch).is_err());
    let page = filter(&mut service, json!({})).unwrap();
    assert_eq!(messages(&page), ["a", "b"]);
}

#[test]
fn calls_fail_as_planned_and_are_counted() {
    let mut service = service();
    service.store.create_group(GROUP);
    service.faults.throttle_every = std::num::NonZeroU64::new(3);
    let outcomes = [(); 6].map(|()| filter(&mut service, json!({})).err());
    let throttled = || Some("ThrottlingException".to_owned());
    assert_eq!(outcomes, [None, None, throttled(), None, None, throttled()]);
    assert_eq!(service.calls("FilterLogEvents"), 6);
    assert_eq!(service.calls("DescribeLogGroups"), 0);

    service.faults.fail_next(Fault::InternalFailure, 2);
    let outcomes = [(); 3].map(|()| call(&mut service, "DescribeLogGroups", json!({})).is_ok());
    assert_eq!(outcomes, [false, false, false], "the third is throttled");

    service.faults.deny("DescribeLogGroups");
    assert_eq!(
        call(&mut service, "DescribeLogGroups", json!({})).unwrap_err(),
        "AccessDeniedException"
    );
    service.faults.allow("DescribeLogGroups");
    assert!(call(&mut service, "DescribeLogGroups", json!({})).is_ok());
}

#[test]
fn the_quota_is_of_a_second_that_the_test_ends() {
    let mut service = service();
    service.store.create_group(GROUP);
    service.faults.calls_per_second = Some(2);
    let second = |service: &mut Service| [(); 3].map(|()| filter(service, json!({})).is_ok());
    assert_eq!(second(&mut service), [true, true, false]);
    assert_eq!(second(&mut service), [false, false, false]);
    service.faults.next_second();
    assert_eq!(second(&mut service), [true, true, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn answers_over_http_until_it_is_dropped() {
    let logs = FakeLogs::builder().start().await;
    logs.put(GROUP, "eni-1-all", events(2));
    let port = logs.address.port();
    let send = |target| {
        let headers = [("X-Amz-Target", target)];
        crate::http::request(port, "POST", "/", &headers, r#"{"logGroupName":"flows"}"#)
    };
    let (status, body) = send("Logs_20140328.FilterLogEvents").unwrap();
    assert_eq!(status, 200);
    assert_eq!(messages(&serde_json::from_str(&body).unwrap()).len(), 2);
    let (status, body) = send("Logs_20140328.CreateLogGroup").unwrap();
    assert_eq!(status, 400);
    assert!(body.contains("ResourceAlreadyExistsException"), "{body}");
    assert_eq!(logs.calls("FilterLogEvents"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn expired_credentials_are_refused_until_there_are_others() {
    let logs = FakeLogs::builder().start().await;
    logs.create_group(GROUP);
    let port = logs.address.port();
    let status = |access_key: &str| {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/20231218/us-east-1/logs/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let headers = [
            ("X-Amz-Target", "Logs_20140328.FilterLogEvents"),
            ("Authorization", &authorization),
        ];
        let request = r#"{"logGroupName":"flows"}"#;
        crate::http::request(port, "POST", "/", &headers, request).unwrap()
    };
    assert_eq!(status("old").0, 200);
    logs.accept_only("new");
    let (refused, body) = status("old");
    assert_eq!(refused, 400);
    assert!(body.contains("ExpiredTokenException"), "{body}");
    assert_eq!(status("new").0, 200);
}

#[test]
fn a_deleted_group_is_gone_with_its_events_and_can_be_made_again() {
    let mut service = service();
    put(&mut service, "eni-1-all", events(3));
    service.store.groups.remove(GROUP);
    let error = filter(&mut service, json!({})).unwrap_err();
    assert_eq!(error, "ResourceNotFoundException");
    put(&mut service, "eni-1-all", events(1));
    let page = filter(&mut service, json!({})).unwrap();
    assert_eq!(messages(&page), ["message 0"]);
}

/// A hundred thousand events in a thousand streams: each call takes its page's time,
/// not the group's.
#[test]
fn a_large_group_is_read_page_by_page() {
    let mut service = service();
    for stream in 0..1_000 {
        let events = (0..100).map(|minute| {
            let timestamp_ms = START_MS + minute * 60_000 + stream;
            (timestamp_ms, String::from("m"))
        });
        put(&mut service, &format!("eni-{stream:04}-all"), events);
    }
    for minute in 0..100 {
        let start_ms = START_MS + minute * 60_000;
        let request = json!({"startTime": start_ms, "endTime": start_ms + 59_999});
        let page = filter(&mut service, request).unwrap();
        assert_eq!(page["events"].as_array().unwrap().len(), 1_000);
    }
}
