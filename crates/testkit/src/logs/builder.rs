//! What a server is told before it starts.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use super::FakeLogs;
use super::Traffic;
use super::api::Service;
use super::pages::{MAX_EVENTS, Random};

/// How a [`FakeLogs`] behaves. The default is an AWS on its best day: full
/// pages, no failures, tokens that last.
#[derive(Debug, Default)]
#[must_use]
pub struct FakeLogsBuilder {
    service: Service,
    port: u16,
}

impl FakeLogsBuilder {
    /// Seeds the decisions about empty and partial pages. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.service.pager.random = Random::seeded(seed);
        self
    }

    /// At most this many events a page, whatever limit the caller asks for.
    /// Default 10,000, as on AWS.
    ///
    /// # Panics
    ///
    /// When `events` is zero or above 10,000.
    pub fn page_events(mut self, events: usize) -> Self {
        assert!((1..=MAX_EVENTS).contains(&events), "{events} events");
        self.service.pager.max_events = events;
        self
    }

    /// At most this many bytes a page. Default 1 MB, as on AWS.
    pub fn page_bytes(mut self, bytes: usize) -> Self {
        self.service.pager.max_bytes = bytes;
        self
    }

    /// The share of calls answered with no events and a token. Default 0.
    ///
    /// # Panics
    ///
    /// When `rate` is not in `[0, 1)`: reading would never end.
    pub fn empty_page_rate(mut self, rate: f64) -> Self {
        assert!((0.0..1.0).contains(&rate), "rate {rate}");
        self.service.pager.empty_rate = rate;
        self
    }

    /// The share of calls answered with fewer events than would fit. Default 0.
    ///
    /// # Panics
    ///
    /// When `rate` is not in `[0, 1]`.
    pub fn partial_page_rate(mut self, rate: f64) -> Self {
        assert!((0.0..=1.0).contains(&rate), "rate {rate}");
        self.service.pager.partial_rate = rate;
        self
    }

    /// A page token works this often and then is invalid. Default: always.
    pub fn token_uses(mut self, uses: u32) -> Self {
        self.service.pager.token_uses = Some(uses);
        self
    }

    /// Every `n`-th call of an operation is throttled. Default never.
    ///
    /// # Panics
    ///
    /// When `n` is zero.
    pub fn throttle_every(mut self, n: u64) -> Self {
        self.service.faults.throttle_every = Some(nth(n));
        self
    }

    /// Every `n`-th call of an operation gets HTTP 500. Default never.
    ///
    /// # Panics
    ///
    /// When `n` is zero.
    pub fn unavailable_every(mut self, n: u64) -> Self {
        self.service.faults.unavailable_every = Some(nth(n));
        self
    }

    /// The connection breaks in the middle of every `n`-th answer of an
    /// operation. Default never.
    ///
    /// # Panics
    ///
    /// When `n` is zero.
    pub fn drop_every(mut self, n: u64) -> Self {
        self.service.faults.drop_every = Some(nth(n));
        self
    }

    /// Every `n`-th answer of an operation comes after a pause. Default never.
    ///
    /// # Panics
    ///
    /// When `n` is zero.
    pub fn slow_every(mut self, n: u64, pause: Duration) -> Self {
        self.service.faults.slow_every = Some(nth(n));
        self.service.faults.slow_by = pause;
        self
    }

    /// Adds a log group whose records are made up while they are read. They are
    /// visible by the time that [`FakeLogs::set_now`] sets; all of them, until
    /// then. Of the faults, those of whole calls hold for it.
    pub fn traffic(mut self, traffic: Traffic) -> Self {
        self.service.store.create_group(&traffic.group);
        self.service.traffic = Some(Arc::new(traffic));
        self.service.now_ms = i64::MAX;
        self
    }

    /// Listens on this port. Default: one that is free.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Throttles each operation above this many calls a second. A second ends
    /// when the test says so: [`FakeLogs::next_second`]. Default no limit.
    pub fn calls_per_second(mut self, calls: u64) -> Self {
        self.service.faults.calls_per_second = Some(calls);
        self
    }

    /// `DescribeLogStreams` shows the times that a stream had after its first
    /// batch, for ever: on AWS they lag by up to an hour and more
    /// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html>).
    pub fn stale_stream_times(mut self) -> Self {
        self.service.stale_stream_times = true;
        self
    }

    /// Starts the server in the caller's tokio runtime.
    ///
    /// # Panics
    ///
    /// When no loopback port can be bound.
    pub async fn start(self) -> FakeLogs {
        FakeLogs::start(self.service, self.port).await
    }
}

fn nth(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("a count is at least one")
}
