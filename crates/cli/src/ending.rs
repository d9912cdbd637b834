//! Signals that ask a command to end.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// How long a command has that is to end at once: to remove its temporary files, say.
const MOMENT: Duration = Duration::from_secs(1);

/// Interrupt and terminate: what users and service managers send.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on, they do not end the process by themselves.
    pub(crate) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Lets a command hear of signals, in one of two ways.
#[derive(Debug)]
pub(crate) struct Ending(oneshot::Sender<Watch>);

/// Hears the signals of a command. It runs on a thread that does nothing else: the
/// command may be stuck, in a write to a pipe that nobody reads or to a disk that
/// hangs.
#[derive(Debug)]
pub(crate) struct Watcher(oneshot::Receiver<Watch>);

#[derive(Debug)]
struct Watch {
    signals: Signals,
    stop: CancellationToken,
    /// Whether one signal is enough.
    at_once: bool,
}

/// The two ends of it.
pub(crate) fn ending() -> (Ending, Watcher) {
    let (sender, receiver) = oneshot::channel();
    (Ending(sender), Watcher(receiver))
}

impl Ending {
    /// From now on, the first signal cancels `stop`: the command is to end in order.
    /// The second ends the process where it is, which loses nothing that was
    /// committed.
    pub(crate) fn in_order(self, stop: &CancellationToken) -> Result<(), Failure> {
        self.watch(stop, false)
    }

    /// From now on, a signal cancels `stop`, and the process ends a moment later at
    /// the latest: of a command that only reads.
    pub(crate) fn at_once(self, stop: &CancellationToken) -> Result<(), Failure> {
        self.watch(stop, true)
    }

    fn watch(self, stop: &CancellationToken, at_once: bool) -> Result<(), Failure> {
        let watch = Watch {
            signals: Signals::new()?,
            stop: stop.clone(),
            at_once,
        };
        // It fails only when the process is ending.
        drop(self.0.send(watch));
        Ok(())
    }
}

impl Watcher {
    /// Returns when the process is to end at once.
    pub(crate) async fn left(self) {
        let Ok(mut watch) = self.0.await else {
            // A command that asks for nothing hears its signals itself.
            return std::future::pending().await;
        };
        watch.signals.next().await;
        watch.stop.cancel();
        tokio::select! {
            () = watch.signals.next() => {}
            () = tokio::time::sleep(MOMENT), if watch.at_once => {}
        }
    }
}
