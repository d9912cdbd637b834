//! Reading ahead of whoever decodes, on a thread of its own.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Bytes that wait at most; then the reading waits.
const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// Bytes that one read takes at most: what a pipe holds.
const READ_BYTES: usize = 64 * 1024;

/// What was read of an input and not taken yet.
#[derive(Debug)]
pub(super) struct Ahead(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// Some of it was taken.
    taken: Condvar,
    /// There is something to take.
    come: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The input ended, or reading it failed.
    end: Option<io::Result<()>>,
    /// Nobody takes anything any more.
    given_up: bool,
}

impl Ahead {
    /// Begins to read.
    pub(super) fn start(input: impl Read + Send + 'static) -> Ahead {
        let shared = Arc::new(Shared::default());
        let reading = Arc::clone(&shared);
        // Not waited for: nothing ends a read that nothing comes for.
        drop(tokio::task::spawn_blocking(move || reading.read(input)));
        Ahead(shared)
    }

    /// Waits for something and appends all that has come to `text`; `false` at the
    /// end of the input.
    ///
    /// # Cancel safety
    /// Cancel safe: either `text` has it, or it is there to be taken.
    ///
    /// # Errors
    /// When reading failed, after all that came before was taken.
    pub(super) async fn take(&self, text: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            {
                let mut waiting = self.0.lock();
                if !waiting.bytes.is_empty() {
                    self.0.hand_over(&mut waiting, text);
                    return Ok(true);
                }
                // A failure is told once; the end stays.
                if let Some(end) = &mut waiting.end {
                    return std::mem::replace(end, Ok(())).map(|()| false);
                }
            }
            self.0.come.notified().await;
        }
    }

    /// Appends what has come to `text`, and ends the reading.
    pub(super) fn take_rest(&self, text: &mut Vec<u8>) {
        let mut waiting = self.0.lock();
        waiting.given_up = true;
        self.0.hand_over(&mut waiting, text);
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.0.lock().given_up = true;
        self.0.taken.notify_one();
    }
}

impl Shared {
    fn read(&self, mut input: impl Read) {
        let mut piece = vec![0; READ_BYTES];
        loop {
            let read = input.read(&mut piece);
            let mut waiting = self.lock();
            match read {
                Ok(0) => waiting.end = Some(Ok(())),
                Ok(length) => waiting.bytes.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => waiting.end = Some(Err(error)),
            }
            self.come.notify_one();
            while waiting.bytes.len() >= MAX_WAITING_BYTES && !waiting.given_up {
                let woken = self.taken.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.end.is_some() || waiting.given_up {
                return;
            }
        }
    }

    fn hand_over(&self, waiting: &mut Waiting, text: &mut Vec<u8>) {
        match text.is_empty() {
            true => std::mem::swap(text, &mut waiting.bytes),
            false => text.append(&mut waiting.bytes),
        }
        self.taken.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Bytes are appended or taken whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
