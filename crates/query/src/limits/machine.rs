//! The memory that there is.

use std::fs;
use std::path::{Path, PathBuf};

/// What is taken for the machine's where nobody tells.
const UNKNOWN_BYTES: u64 = 4_000_000_000;

/// Memory of the machine, or what the control groups of the process allow if that
/// is less.
pub(super) fn memory_bytes() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total_bytes(&text));
    let group = fs::read_to_string("/proc/self/cgroup")
        .ok()
        .and_then(|text| group_bytes(Path::new("/sys/fs/cgroup"), &text));
    let known = machine.into_iter().chain(group);
    known.min().unwrap_or(UNKNOWN_BYTES)
}

/// `MemTotal` of Linux's `/proc/meminfo`.
fn total_bytes(text: &str) -> Option<u64> {
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The least limit of the groups that the process is in, and of those around them:
/// `/proc/self/cgroup` has their paths, `0::/a/b` of the second version, and
/// `4:memory:/a/b` of the first.
fn group_bytes(root: &Path, text: &str) -> Option<u64> {
    let limits = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            "memory" => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        let inner = path.trim_start_matches('/');
        // In a container, the path may be one of the machine's, which is not here.
        let places = Path::new(inner).ancestors().map(|path| root.join(path));
        places.filter_map(|place| limit_of(place.join(file))).min()
    });
    limits.min()
}

/// The limit in a file; `max` is none.
fn limit_of(path: PathBuf) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let text = "MemTotal:       24689304 kB\nMemFree:         1234 kB\n";
        assert_eq!(total_bytes(text), Some(24_689_304 * 1024));
        assert_eq!(total_bytes("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn the_least_limit_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/b/memory.max", "max\n");
        write("a/memory.max", "2000000000\n");
        write("memory/c/memory.limit_in_bytes", "1000000000\n");
        let limit = |text| group_bytes(root.path(), text);
        assert_eq!(limit("0::/a/b\n"), Some(2_000_000_000));
        assert_eq!(
            limit("5:cpu:/\n4:memory:/c\n0::/a/b\n"),
            Some(1_000_000_000)
        );
        assert_eq!(limit("0::/elsewhere\n"), None);
        assert_eq!(limit(""), None);
    }
}
