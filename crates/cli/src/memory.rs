//! What the system's allocator keeps of memory that was given back.

use std::convert::Infallible;
use std::time::Duration;

/// How often a command that reads for as long as there is something gives memory back.
const GIVE_BACK_EVERY: Duration = Duration::from_secs(1);

/// More memory than after the last time makes it worth the while.
const WORTH_BYTES: u64 = 16 * 1024 * 1024;

/// For commands that read for as long as there is something: memory that one thread has
/// given back is used by others. glibc has eight arenas for each processor unless told,
/// and one keeps what it had at its fullest: following 10,000 interfaces took a fifth more
/// memory, and as much time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(
    unsafe_code,
    reason = "glibc has no other way, once a process has started"
)]
pub(crate) fn share_arenas() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let arenas = libc::c_int::try_from(processors.max(2)).unwrap_or(libc::c_int::MAX);
    // SAFETY: it takes two numbers. Where it does not know the first, it does nothing.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, arenas);
    }
}

/// Other allocators do as they do.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share_arenas() {}

/// Does some work, and gives memory back beside it: what lies free between pieces that
/// are in use stays with glibc, however much it is.
pub(crate) async fn giving_back<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        never = give_back() => match never {},
    }
}

async fn give_back() -> Infallible {
    let mut least = 0;
    loop {
        tokio::time::sleep(GIVE_BACK_EVERY).await;
        let is_worth_it = resident_bytes().is_none_or(|bytes| bytes > least + WORTH_BYTES);
        if is_worth_it && tokio::task::spawn_blocking(trim).await.is_ok() {
            least = resident_bytes().unwrap_or_default();
        }
    }
}

/// The memory of this process that is not only reserved.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "it is a function of the C library")]
fn trim() {
    // SAFETY: it takes a number, and touches only memory that nobody uses.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
