//! An answer that is longer than the terminal, in a pager.

use std::io::{self, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// The options of `less`, unless the user has others: colours as they are, long lines
/// cut, the screen left as it was.
const LESS: &str = "RSX";

/// Standard output until it has more lines than the terminal; from there on the
/// standard input of a pager.
#[derive(Debug)]
pub(crate) struct Pager {
    /// Lines that fit the terminal.
    height: usize,
    lines: usize,
    to: To,
}

#[derive(Debug)]
enum To {
    /// Nobody yet: this is what there is.
    Held(Vec<u8>),
    Stdout,
    Process(Child, ChildStdin),
}

impl Pager {
    /// For a terminal of so many lines.
    pub(crate) fn new(height: usize) -> Pager {
        Pager {
            // The last is the prompt's.
            height: height.saturating_sub(1),
            lines: 0,
            to: To::Held(Vec::new()),
        }
    }

    /// Whether the user wants one: not with an empty name in the environment.
    pub(crate) fn is_wanted() -> bool {
        !program().is_empty()
    }

    /// Gives what was held to the pager, or to standard output if it cannot be run.
    fn start(&mut self) -> io::Result<()> {
        let To::Held(held) = &mut self.to else {
            return Ok(());
        };
        let held = std::mem::take(held);
        let mut shell = Command::new("sh");
        // As other programs do, so that options may stand in the variable.
        shell.arg("-c").arg(program()).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            shell.env("LESS", LESS);
        }
        self.to = match shell.spawn() {
            Ok(mut child) => match child.stdin.take() {
                Some(stdin) => To::Process(child, stdin),
                None => To::Stdout,
            },
            Err(_) => To::Stdout,
        };
        self.write_all(&held)
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.to {
            To::Held(held) => {
                held.extend_from_slice(bytes);
                self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
                if self.lines > self.height {
                    self.start()?;
                }
                Ok(bytes.len())
            }
            To::Stdout => io::stdout().write(bytes),
            To::Process(_, stdin) => stdin.write(bytes),
        }
    }

    /// The end of the answer, which fits the terminal if it was held until now.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::Held(held) => {
                let held = std::mem::take(held);
                self.to = To::Stdout;
                let mut stdout = io::stdout();
                stdout.write_all(&held)?;
                stdout.flush()
            }
            To::Stdout => io::stdout().flush(),
            To::Process(_, stdin) => stdin.flush(),
        }
    }
}

/// Returns when the user has left the pager.
impl Drop for Pager {
    fn drop(&mut self) {
        if let To::Process(mut child, stdin) = std::mem::replace(&mut self.to, To::Stdout) {
            drop(stdin);
            // How it ended is the user's.
            let _ = child.wait();
        }
    }
}

/// The user's pager, for a shell; else one of the usual that is there; else none.
fn program() -> String {
    let named = ["VPCFLOW_PAGER", "PAGER"].into_iter();
    if let Some(name) = named.flat_map(std::env::var).next() {
        return name.trim().to_owned();
    }
    let usual = ["less", "more"].into_iter();
    let found = usual.map(str::to_owned).find(|name| is_program(name));
    found.unwrap_or_default()
}

fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
