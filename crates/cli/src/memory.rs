//! What the system's allocator keeps of memory that was given back.

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
