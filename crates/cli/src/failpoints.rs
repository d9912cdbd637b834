//! Points at which tests end this process. A release has none of them.

use std::sync::atomic::{AtomicU32, Ordering};

use fail::FailScenario;

/// `NAME` or `NAME:N`: the process ends at this point, when it comes there for the
/// `N`th time, as after `kill -9`: no destructor runs, nothing is flushed.
const ABORT_AT: &str = "VPCFLOW_ABORT_AT";

/// What `FAILPOINTS` and [`ABORT_AT`] ask for, until the value is dropped; nothing
/// unless built with the feature `fail/failpoints`.
pub(crate) fn set_up() -> Option<FailScenario<'static>> {
    if !fail::has_failpoints() {
        return None;
    }
    let scenario = FailScenario::setup();
    if let Ok(wanted) = std::env::var(ABORT_AT) {
        let (name, times) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        let left = AtomicU32::new(times.parse().unwrap_or(1));
        let come = move || {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                std::process::abort();
            }
        };
        // It fails only without the feature.
        let _ = fail::cfg_callback(name, come);
    }
    Some(scenario)
}
