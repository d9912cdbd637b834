//! What breaks under a running tail and is mended by somebody: credentials that
//! expire, a log group that is deleted, a disk that is full, a directory that may not
//! be written. It is told, waited for, and gone on with, and nothing is lost.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use vpcflow_testkit::FakeLogs;
use vpcflow_tests::{Logs, Place, Running, Tally, binary, now_ms, record};

const GROUP: &str = "/vpc/prod";

/// Records that were put, and a log group to put them to.
struct Records {
    logs: Logs,
    given: Tally,
    made: u64,
}

impl Records {
    fn new() -> Records {
        let logs = Logs::start(FakeLogs::builder());
        let given = Tally::default();
        Records {
            logs,
            given,
            made: 0,
        }
    }

    /// Puts ten records of now.
    fn put(&mut self) {
        let now_ms = now_ms();
        let events: Vec<_> = (0..10)
            .map(|_| {
                self.made += 1;
                self.given.record(self.made as i64);
                let line = record("eni-0a", "192.0.2.1", "ACCEPT", self.made, now_ms);
                (now_ms, line)
            })
            .collect();
        self.logs.put(GROUP, "eni-0a-all", events);
    }

    fn tail(&self, store: &Path) -> Command {
        let mut command = self.logs.command(&["tail", "logs:/vpc/prod", "--store"]);
        command.arg(store).args(["--log-format", "default"]);
        command.args(["--poll", "50ms", "--commit-every", "50ms"]);
        command
    }

    /// Waits until all is in the store.
    #[track_caller]
    fn wait_until_kept(&self, running: &mut Running, store: &Path) {
        while Tally::of_store(store) != self.given {
            assert!(!running.has_ended(), "it has ended");
            std::thread::yield_now();
        }
    }

    #[track_caller]
    fn assert_kept(&self, running: Running, store: &Path) {
        running.signal("TERM");
        running.finish().success();
        Tally::of_store(store).assert_has_all(&self.given, "in the end");
    }
}

/// Somebody writes new ones to the file of credentials, which were read long ago.
#[test]
fn credentials_that_expire_are_looked_for_again() {
    let mut records = Records::new();
    let place = Place::default();
    let store = place.path().join("store");
    let give = |key: &str| {
        let text = format!(
            "[default]\naws_access_key_id = {key}\naws_secret_access_key = secret\n\
             aws_session_token = token\n"
        );
        place.write("credentials", text);
    };
    give("first");
    records.logs.accept_only("first");
    let mut command = records.tail(&store);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            place.path().join("credentials"),
        );
    records.put();
    let mut running = Running::start(&mut command);
    records.wait_until_kept(&mut running, &store);

    records.logs.accept_only("second");
    records.put();
    running.wait_for_error("may not be read: ExpiredTokenException");
    running.wait_for_error("trying again until it can be read");
    give("second");
    running.wait_for_error("is read again");
    records.wait_until_kept(&mut running, &store);
    records.assert_kept(running, &store);
}

#[test]
fn a_group_that_is_deleted_and_made_again_is_gone_on_with() {
    let mut records = Records::new();
    let place = Place::default();
    let store = place.path().join("store");
    records.put();
    let mut running = Running::start(&mut records.tail(&store));
    records.wait_until_kept(&mut running, &store);

    records.logs.delete_group(GROUP);
    running.wait_for_error("log group `/vpc/prod` does not exist");
    running.wait_for_error("trying again until it can be read");
    // What is of the new group is new, and what was of the old one stays.
    records.put();
    running.wait_for_error("is read again");
    records.wait_until_kept(&mut running, &store);
    records.assert_kept(running, &store);
}

/// Files may not grow, as on a full disk, and then may again.
#[test]
fn a_full_disk_is_waited_for() {
    let mut records = Records::new();
    let place = Place::default();
    let store = place.path().join("store");
    records.put();
    let tail = records.tail(&store);
    // The signal that comes with it would end the process.
    let mut command = wrapped(&tail, "sh", &["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    let mut running = Running::start(&mut command);
    records.wait_until_kept(&mut running, &store);

    let limit_files = |running: &Running, bytes: &str| {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &running.id().to_string()]);
        let status = command.arg(format!("--fsize={bytes}:")).status().unwrap();
        assert!(status.success());
    };
    limit_files(&running, "0");
    records.put();
    running.wait_for_error("File too large");
    running.wait_for_error("it is tried again until it works, and nothing is lost");
    limit_files(&running, "unlimited");
    running.wait_for_error("the store can be written again");
    records.wait_until_kept(&mut running, &store);
    records.assert_kept(running, &store);
}

/// A directory that may not be written is waited for, too.
#[test]
fn a_directory_that_may_not_be_written_is_waited_for() {
    let mut records = Records::new();
    let place = Place::default();
    let store = place.path().join("store");
    let owner = fs::metadata(place.path()).unwrap().uid();
    records.put();
    let tail = records.tail(&store);
    let mut command = match owner {
        // Nothing keeps root from writing: somebody else has to run it, and read it.
        0 => {
            fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).unwrap();
            let own = place.path().join("vpcflow");
            fs::copy(binary(), &own).unwrap();
            let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
            with_program(&tail, "setpriv", &nobody, &own)
        }
        _ => tail,
    };
    let mut running = Running::start(&mut command);
    records.wait_until_kept(&mut running, &store);

    let log = store.join("_delta_log");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o555)).unwrap();
    records.put();
    running.wait_for_error("Permission denied");
    running.wait_for_error("it is tried again until it works, and nothing is lost");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o755)).unwrap();
    running.wait_for_error("the store can be written again");
    records.wait_until_kept(&mut running, &store);
    records.assert_kept(running, &store);
}

/// The command, run by another program.
fn wrapped(command: &Command, program: &str, arguments: &[&str]) -> Command {
    with_program(
        command,
        program,
        arguments,
        Path::new(command.get_program()),
    )
}

/// The command, of this copy of its program, run by another program.
fn with_program(command: &Command, program: &str, arguments: &[&str], own: &Path) -> Command {
    let mut other = Command::new(program);
    other.args(arguments).arg(own).args(command.get_args());
    other.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            other.env(name, value);
        }
    }
    other
}
