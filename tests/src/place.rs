//! A directory of its own for a test.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::{Outcome, vpcflow};

/// An empty directory, removed when dropped, where the binary can be run.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
}

impl Default for Place {
    /// A new directory.
    ///
    /// # Panics
    ///
    /// When none can be made.
    fn default() -> Place {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Place { directory }
    }
}

impl Place {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).expect("a file can be written");
    }

    /// Writes a file of these lines.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn write_lines(&self, name: &str, lines: &[impl AsRef<str>]) {
        let mut text = String::new();
        for line in lines {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        self.write(name, text);
    }

    /// The binary with these arguments, in this directory.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = vpcflow();
        command.current_dir(self.path()).args(arguments);
        command
    }

    /// Runs the binary with these arguments, in this directory.
    #[must_use]
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }
}
