//! Text to standard output, words to standard error.

use std::io::{self, Write};
use std::time::{Duration, Instant};

pub(crate) use vpcflow_query::grouped;
use vpcflow_query::{ReadCounts, Size};

use crate::failure::Failure;

/// Prints text to standard output.
pub(crate) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Words on standard error, unless the user wants none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notes {
    quiet: bool,
    began: Instant,
}

impl Notes {
    /// From now on, for the summary's seconds.
    pub(crate) fn new(quiet: bool) -> Notes {
        Notes {
            quiet,
            began: Instant::now(),
        }
    }

    /// Whether the user wants none.
    pub(crate) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// A sentence that is no part of the answer.
    pub(crate) fn say(self, text: &str) {
        if !self.quiet {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(io::stderr(), "{}", vpcflow_query::escape_lines(text));
        }
    }

    /// A line that the user has asked for, in one write, however quiet it is to
    /// be otherwise.
    pub(crate) fn always(self, text: &str) {
        let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
    }

    /// The last line of a command that reads records.
    pub(crate) fn summary(self, counts: ReadCounts) {
        if counts.cut > 0 {
            self.say(&format!(
                "note: {} records are without the values that followed their last field",
                grouped(counts.cut)
            ));
        }
        self.say(&summary(counts, self.began.elapsed()));
    }
}

fn summary(counts: ReadCounts, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = if seconds > 0.0 {
        (counts.records as f64 / seconds) as u64
    } else {
        0
    };
    format!(
        "{} records, {} rejects, {}, {seconds:.2} s, {} records/s",
        grouped(counts.records),
        grouped(counts.rejects),
        bytes(counts.bytes),
        grouped(rate)
    )
}

/// A number of things that have a regular plural.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// Bytes in the largest unit of 1000 that leaves a whole part.
pub(crate) fn bytes(number: u64) -> String {
    Size(number).to_string()
}

/// A span in its largest whole units.
pub(crate) fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours @ ..48, minutes, _) => format!("{hours} h {minutes} min"),
        (hours, ..) => format!("{} d", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(
            [0, 999, 1000, 1234567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn spans_are_for_people() {
        let minute = 60_000;
        let texts = [5_999, minute, 59 * minute, 61 * minute, 49 * 60 * minute].map(span);
        assert_eq!(texts, ["5 s", "1 min", "59 min", "1 h 1 min", "2 d"]);
    }

    #[test]
    fn the_summary_has_counts_and_rate() {
        let counts = ReadCounts {
            records: 1_000_000,
            rejects: 3,
            bytes: 115_000_000,
            cut: 0,
        };
        assert_eq!(
            summary(counts, Duration::from_millis(500)),
            "1,000,000 records, 3 rejects, 115.0 MB, 0.50 s, 2,000,000 records/s"
        );
    }
}
