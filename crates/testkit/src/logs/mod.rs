//! An in-process CloudWatch Logs server.

mod api;
mod builder;
mod event_id;
mod faults;
mod pages;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod traffic;
mod wire;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use self::api::Service;
use self::store::Batch;

pub use self::builder::FakeLogsBuilder;
pub use self::faults::Fault;
pub use self::store::BatchId;
pub use self::traffic::Traffic;

/// A CloudWatch Logs server on a loopback port, which speaks AWS JSON 1.1 to
/// any AWS client and ends when the value is dropped.
///
/// It knows `FilterLogEvents`, `DescribeLogStreams`, `DescribeLogGroups`,
/// `CreateLogGroup`, `CreateLogStream` and `PutLogEvents`, and returns events
/// as AWS documents it
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>):
/// sorted by timestamp, then ingestion time, then order of arrival; `startTime`
/// and `endTime` both inclusive; pages of at most 10,000 events and 1 MB. An
/// event that becomes visible behind the place of a page token is not seen by
/// the rest of that read.
///
/// Signatures are not checked. No decision depends on a clock: calls are
/// counted, and random ones come from the seed in the order of the calls.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use vpcflow_testkit::FakeLogs;
///
/// let logs = FakeLogs::builder().seed(7).empty_page_rate(0.2).start().await;
/// logs.put("flows", "eni-0a1b-all", [(1_702_918_083_000, "2 123456789010 …".to_owned())]);
/// let late = logs.put_hidden("flows", "eni-0a1b-all", [(1_702_918_023_000, "2 …".to_owned())]);
/// // … read from `logs.endpoint_url()`, then let the late record in:
/// logs.release(late);
/// assert_eq!(logs.calls("FilterLogEvents"), 0);
/// # });
/// ```
pub struct FakeLogs {
    service: Arc<Mutex<Service>>,
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl FakeLogs {
    /// Starts from an AWS on its best day.
    pub fn builder() -> FakeLogsBuilder {
        FakeLogsBuilder::default()
    }

    async fn start(service: Service, port: u16) -> Self {
        let service = Arc::new(Mutex::new(service));
        let (address, server) = server::start(Arc::clone(&service), port).await;
        Self {
            service,
            address,
            server,
        }
    }

    /// The URL to give to an AWS client.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds an empty log group. Nothing happens if it exists.
    pub fn create_group(&self, name: &str) {
        self.service().store.create_group(name);
    }

    /// Deletes a log group with all that is in it. Nothing happens if there is none.
    pub fn delete_group(&self, name: &str) {
        self.service().store.groups.remove(name);
    }

    /// Adds events, in any order, to a stream; group and stream are created
    /// when they do not exist. An event is a timestamp in milliseconds since
    /// 1970 and a message. Their ingestion time is five minutes after the
    /// newest of them, but never before that of an earlier batch.
    ///
    /// # Panics
    ///
    /// When a timestamp is negative.
    pub fn put(&self, group: &str, stream: &str, events: impl IntoIterator<Item = (i64, String)>) {
        let batch = batch(group, stream, None, events);
        self.service().store.put(batch);
    }

    /// As [`put`](Self::put), with the given ingestion time.
    ///
    /// # Panics
    ///
    /// When a time is negative.
    pub fn put_ingested_at(
        &self,
        group: &str,
        stream: &str,
        ingestion_time_ms: i64,
        events: impl IntoIterator<Item = (i64, String)>,
    ) {
        let batch = batch(group, stream, Some(ingestion_time_ms), events);
        self.service().store.put(batch);
    }

    /// Keeps events back until [`release`](Self::release) or
    /// [`release_after`](Self::release_after): records that arrive late. A
    /// stream that has only hidden events does not exist yet.
    ///
    /// # Panics
    ///
    /// When a timestamp is negative.
    pub fn put_hidden(
        &self,
        group: &str,
        stream: &str,
        events: impl IntoIterator<Item = (i64, String)>,
    ) -> BatchId {
        let batch = batch(group, stream, None, events);
        self.service().store.hide(batch)
    }

    /// Lets a hidden batch in, as [`put`](Self::put) would now.
    ///
    /// # Panics
    ///
    /// When the batch has been released before.
    pub fn release(&self, batch: BatchId) {
        let released = self.service().store.release(batch);
        assert!(released, "{batch:?} has been released before");
    }

    /// Lets a hidden batch in once `calls` more `FilterLogEvents` calls, failed
    /// ones included, have been answered: the call after them sees it.
    pub fn release_after(&self, batch: BatchId, calls: u64) {
        self.service().release_after(batch, calls);
    }

    /// How often clients have called `operation` (such as `FilterLogEvents`),
    /// failed calls included.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.service().calls(operation)
    }

    /// Makes every page token handed out so far invalid, as AWS does 24 hours
    /// after it was handed out.
    pub fn expire_tokens(&self) {
        self.service().pager.expire_tokens();
    }

    /// The next `calls` calls, of whatever operation, fail with `fault`. It
    /// takes the place of what an earlier `fail_next` left.
    pub fn fail_next(&self, fault: Fault, calls: u64) {
        self.service().faults.fail_next(fault, calls);
    }

    /// Refuses `operation` with `AccessDeniedException` from now on.
    pub fn deny(&self, operation: &str) {
        self.service().faults.deny(operation);
    }

    /// Takes back [`deny`](Self::deny).
    pub fn allow(&self, operation: &str) {
        self.service().faults.allow(operation);
    }

    /// From now on, calls that are signed with another access key than this one are
    /// refused with `ExpiredTokenException`: those credentials have expired.
    pub fn accept_only(&self, access_key: &str) {
        self.service().faults.access_key = Some(access_key.to_owned());
    }

    /// Begins a new second of [`calls_per_second`](FakeLogsBuilder::calls_per_second).
    pub fn next_second(&self) {
        self.service().faults.next_second();
    }

    /// Sets the time by which records of [`Traffic`] are visible, in milliseconds
    /// since 1970.
    pub fn set_now(&self, now_ms: i64) {
        self.service().now_ms = now_ms;
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        lock(&self.service)
    }
}

impl fmt::Debug for FakeLogs {
    /// Without the events, which can be a million.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FakeLogs")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for FakeLogs {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A test that failed while it held the lock has reported that already.
fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}

fn batch(
    group: &str,
    stream: &str,
    ingestion_time_ms: Option<i64>,
    events: impl IntoIterator<Item = (i64, String)>,
) -> Batch {
    let events = events.into_iter();
    Batch {
        group: group.to_owned(),
        stream: stream.to_owned(),
        ingestion_time_ms: ingestion_time_ms.map(unsigned),
        events: events
            .map(|(timestamp_ms, message)| (unsigned(timestamp_ms), message))
            .collect(),
    }
}

fn unsigned(time_ms: i64) -> u64 {
    u64::try_from(time_ms).expect("a time is not before 1970")
}
