//! [`CloudWatchLogGroup`] against a server with AWS's semantics.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, future::ProvideCredentials as Provided,
};
use vpcflow_aws::CloudWatchLogGroup;
use vpcflow_ingest::{EventPage, LogEvent, LogGroup, PageRequest, ReadError, ReadErrorKind};
use vpcflow_testkit::{FakeLogs, Fault, Moto, unused_port};

const GROUP: &str = "/vpc/flows";
const ARN: &str = "arn:aws:logs:eu-west-1:123456789012:log-group:/vpc/flows";
const START_MS: i64 = 1_702_918_080_000;

/// A configuration that reads no environment and does not repeat calls.
fn config(endpoint_url: String) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint_url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .build()
}

fn group(logs: &FakeLogs) -> CloudWatchLogGroup {
    CloudWatchLogGroup::new(&config(logs.endpoint_url()), GROUP).unwrap()
}

fn whole_range(token: Option<String>) -> PageRequest {
    PageRequest {
        start_ms: 0,
        end_ms: i64::MAX,
        token,
    }
}

async fn first_page(group: &CloudWatchLogGroup) -> Result<EventPage, ReadError> {
    group.page(&whole_range(None)).await
}

/// Reads to the last page: the number of pages, and the events.
async fn read_all(group: &CloudWatchLogGroup) -> (usize, Vec<LogEvent>) {
    let mut pages = 0;
    let mut events = Vec::new();
    let mut token = None;
    loop {
        let page = group.page(&whole_range(token)).await.unwrap();
        pages += 1;
        events.extend(page.events);
        token = page.next_token;
        if token.is_none() {
            return (pages, events);
        }
    }
}

/// A record a second from `START_MS`.
fn records(count: i64) -> impl Iterator<Item = (i64, String)> {
    (0..count).map(|second| (START_MS + second * 1_000, format!("record {second}")))
}

#[tokio::test]
async fn every_event_is_read_once_through_partial_and_empty_pages() {
    for seed in 0..5 {
        let logs = FakeLogs::builder()
            .seed(seed)
            .page_events(40)
            .empty_page_rate(0.3)
            .partial_page_rate(0.3)
            .start()
            .await;
        for stream in ["eni-1-all", "eni-2-all", "eni-3-all"] {
            logs.put(GROUP, stream, records(200));
        }
        let (pages, events) = read_all(&group(&logs)).await;
        assert!(pages > 15, "seed {seed}: {pages} pages");
        assert_eq!(events.len(), 600, "seed {seed}");
        assert!(events.is_sorted_by_key(|event| event.timestamp_ms));
        let ids: BTreeSet<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        assert_eq!(ids.len(), 600, "seed {seed}");
        let of_second_stream = events.iter().filter(|event| &*event.stream == "eni-2-all");
        let messages: Vec<&str> = of_second_stream
            .map(|event| event.message.as_str())
            .collect();
        let expected: Vec<String> = records(200).map(|(_, message)| message).collect();
        assert_eq!(messages, expected, "seed {seed}");
    }
}

#[tokio::test]
async fn an_event_has_all_that_the_service_says() {
    let logs = FakeLogs::builder().start().await;
    let event = (START_MS, "2 123456789010 eni-1 …\u{1b}[0m".to_owned());
    logs.put_ingested_at(GROUP, "eni-1-all", START_MS + 300_000, [event]);
    let page = first_page(&group(&logs)).await.unwrap();
    let [event] = page.events.as_slice() else {
        panic!("{page:?}");
    };
    assert_eq!(&*event.stream, "eni-1-all");
    assert_eq!(event.event_id.len(), 56);
    assert_eq!(event.timestamp_ms, START_MS);
    assert_eq!(event.ingestion_time_ms, Some(START_MS + 300_000));
    assert_eq!(event.message, "2 123456789010 eni-1 …\u{1b}[0m");
    assert_eq!(page.next_token, None);
}

#[tokio::test]
async fn events_of_a_stream_share_its_name() {
    let logs = FakeLogs::builder().page_events(1).start().await;
    logs.put(GROUP, "eni-1-all", records(2));
    let (_, events) = read_all(&group(&logs)).await;
    assert!(Arc::ptr_eq(&events[0].stream, &events[1].stream));
}

#[tokio::test]
async fn both_ends_of_the_range_are_read() {
    let logs = FakeLogs::builder().start().await;
    logs.put(GROUP, "eni-1-all", records(10));
    let request = PageRequest {
        start_ms: START_MS + 2_000,
        end_ms: START_MS + 4_000,
        token: None,
    };
    let page = group(&logs).page(&request).await.unwrap();
    let messages: Vec<&str> = page.events.iter().map(|event| &*event.message).collect();
    assert_eq!(messages, ["record 2", "record 3", "record 4"]);
}

#[tokio::test]
async fn an_arn_names_group_and_region() {
    let logs = FakeLogs::builder().start().await;
    logs.put(GROUP, "eni-1-all", records(3));
    for arn in [ARN.to_owned(), format!("{ARN}:*")] {
        let group = CloudWatchLogGroup::new(&config(logs.endpoint_url()), &arn).unwrap();
        assert_eq!(group.name(), GROUP);
        assert_eq!(first_page(&group).await.unwrap().events.len(), 3);
    }
    let other = ARN.replace("flows", "other");
    let group = CloudWatchLogGroup::new(&config(logs.endpoint_url()), &other).unwrap();
    let error = group.check().await.unwrap_err();
    assert_eq!(
        error.message,
        "log group `/vpc/other` does not exist in region `eu-west-1`"
    );
}

#[tokio::test]
async fn a_check_is_one_call_and_tells_of_a_missing_group() {
    let logs = FakeLogs::builder().start().await;
    logs.put(GROUP, "eni-1-all", records(3));
    group(&logs).check().await.unwrap();
    assert_eq!(logs.calls("FilterLogEvents"), 1);

    for name in [
        "/vpc/flow-logs-test",
        "/vpc/other",
        "/vpc/zone",
        "/vpc/zoo",
        "/aws/lambda",
    ] {
        logs.create_group(name);
    }
    let misspelt = CloudWatchLogGroup::new(&config(logs.endpoint_url()), "/vpc/flowz").unwrap();
    let error = misspelt.check().await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::NotFound);
    assert_eq!(
        error.message,
        "log group `/vpc/flowz` does not exist in region `us-east-1`"
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("log groups with a similar name: `/vpc/flows`, `/vpc/flow-logs-test`, `/vpc/other`")
    );

    logs.deny("DescribeLogGroups");
    let error = misspelt.check().await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::NotFound);
    assert_eq!(
        error.hint.as_deref(),
        Some("check the name, `--region` and `--profile`")
    );
}

#[tokio::test]
async fn faults_are_sorted_by_what_a_reader_can_do() {
    let logs = FakeLogs::builder().start().await;
    logs.create_group(GROUP);
    let group = group(&logs);
    for (fault, kind, hint) in [
        (Fault::Throttled, ReadErrorKind::Throttled, "quota"),
        (Fault::Unavailable, ReadErrorKind::Transient, ""),
        (Fault::InternalFailure, ReadErrorKind::Transient, ""),
        (
            Fault::AccessDenied,
            ReadErrorKind::Denied,
            "`logs:FilterLogEvents`",
        ),
        (
            Fault::ExpiredCredentials,
            ReadErrorKind::Denied,
            "aws sso login",
        ),
        (
            Fault::UnknownCredentials,
            ReadErrorKind::Denied,
            "access key",
        ),
    ] {
        logs.fail_next(fault, 1);
        let error = first_page(&group).await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault:?}");
        assert!(error.message.contains("`/vpc/flows`"), "{}", error.message);
        let given = error.hint.unwrap_or_default();
        assert!(given.contains(hint), "{fault:?}: {given}");
        assert!(first_page(&group).await.is_ok(), "{fault:?} is over");
    }
}

#[tokio::test]
async fn an_expired_page_token_is_told_apart() {
    let logs = FakeLogs::builder().page_events(1).start().await;
    logs.put(GROUP, "eni-1-all", records(3));
    let group = group(&logs);
    let page = first_page(&group).await.unwrap();
    logs.expire_tokens();
    let error = group.page(&whole_range(page.next_token)).await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::InvalidToken);

    let wrong_range = PageRequest {
        start_ms: -1,
        end_ms: 1,
        token: None,
    };
    let error = group.page(&wrong_range).await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::Fatal);
    assert!(error.message.contains("startTime"), "{}", error.message);
}

/// Whoever follows counts the calls and adapts to throttling: a client that
/// repeats calls by itself would hide both.
#[tokio::test]
async fn a_page_is_one_call_whatever_the_client_is_told() {
    let logs = FakeLogs::builder().start().await;
    logs.put(GROUP, "eni-1-all", records(1));
    let retries = RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(1));
    let config = config(logs.endpoint_url())
        .into_builder()
        .retry_config(retries)
        .build();
    let group = CloudWatchLogGroup::new(&config, GROUP).unwrap();
    logs.fail_next(Fault::Throttled, 1);
    let error = first_page(&group).await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::Throttled);
    assert_eq!(logs.calls("FilterLogEvents"), 1);

    // The check at the start is repeated: nobody else would.
    logs.fail_next(Fault::Throttled, 2);
    group.check().await.unwrap();
    assert_eq!(logs.calls("FilterLogEvents"), 4);
}

#[tokio::test]
async fn a_server_that_is_not_there_may_come_back() {
    let endpoint_url = format!("http://127.0.0.1:{}", unused_port());
    let group = CloudWatchLogGroup::new(&config(endpoint_url), GROUP).unwrap();
    let error = first_page(&group).await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::Transient);
    assert_eq!(
        error.hint.as_deref(),
        Some("check the network, `--region` and `--endpoint-url`")
    );
}

#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        Provided::ready(Err(CredentialsError::not_loaded("nobody has any")))
    }
}

#[tokio::test]
async fn missing_credentials_are_not_a_fault_of_the_network() {
    let logs = FakeLogs::builder().start().await;
    logs.create_group(GROUP);
    let config = config(logs.endpoint_url())
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(NoCredentials))
        .build();
    let group = CloudWatchLogGroup::new(&config, GROUP).unwrap();
    let error = first_page(&group).await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::Denied, "{}", error.message);
    assert!(
        error.message.ends_with("nobody has any"),
        "{}",
        error.message
    );
    assert!(error.hint.unwrap().contains("`AWS_PROFILE`"));
    assert_eq!(logs.calls("FilterLogEvents"), 0);
}

/// An implementation of the protocol that is not ours.
#[tokio::test]
async fn moto_understands_the_calls() {
    let Some(moto) = Moto::start() else { return };
    let config = config(moto.endpoint_url());
    let client = aws_sdk_cloudwatchlogs::Client::new(&config);
    let create = client.create_log_group().log_group_name(GROUP);
    create.send().await.unwrap();

    let group = CloudWatchLogGroup::new(&config, GROUP).unwrap();
    group.check().await.unwrap();
    assert_eq!(read_all(&group).await, (1, Vec::new()));

    let misspelt = CloudWatchLogGroup::new(&config, "/vpc/flowz").unwrap();
    let error = misspelt.check().await.unwrap_err();
    assert_eq!(error.kind, ReadErrorKind::NotFound);
    assert_eq!(
        error.hint.as_deref(),
        Some("log groups with a similar name: `/vpc/flows`")
    );
}
