//! Failures of a query that needed more than it may have.

use std::error::Error;
use std::fmt;
use std::io;

use datafusion::error::DataFusionError;
use vpcflow_ingest::system_message;

/// What there was not enough of.
#[derive(Debug)]
pub(super) enum Shortage {
    /// Memory; who needed it.
    Memory(String),
    /// Memory, and there is no directory to go on in.
    Directory,
    /// Of what temporary files may take.
    Allowance,
    /// Of the disk that they are on, or something else is wrong with it.
    Disk(String),
}

/// What the engine says where it may write no files.
const DISABLED: &str = "DiskManager is disabled";
/// What the engine calls the limit of temporary files.
const ALLOWANCE: &str = "datafusion.runtime.max_temp_directory_size";

impl Shortage {
    /// The shortage that a failure is, if it is one. A query writes no other files
    /// than temporary ones, and reads the sources by ways of their own.
    pub(super) fn of(error: &DataFusionError) -> Option<Shortage> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(DataFusionError::ResourcesExhausted(text)) = error.downcast_ref() {
                return Some(match text.contains(DISABLED) {
                    true => Shortage::Directory,
                    false => Shortage::Memory(text.clone()),
                });
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                // The engine puts its own errors into those of the system as well.
                if let Some(inner) = error.get_ref()
                    && inner.is::<DataFusionError>()
                {
                    cause = Some(inner);
                    continue;
                }
                let text = error.to_string();
                return Some(match text.contains(ALLOWANCE) {
                    true => Shortage::Allowance,
                    false => Shortage::Disk(system_message(error)),
                });
            }
            // Sources tell their failures themselves, which may have the system's
            // behind them.
            match error.downcast_ref() {
                Some(DataFusionError::External(error)) if !error.is::<DataFusionError>() => {
                    return None;
                }
                Some(DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_)) => {
                    return None;
                }
                _ => cause = error.source(),
            }
        }
        None
    }

    /// The way out.
    pub(super) fn hint(&self) -> String {
        match self {
            Shortage::Memory(_) => {
                "give it more with `--memory-limit`, or ask for less: a shorter time with `--since` \
                 and `--until`, fewer columns, a condition"
            }
            Shortage::Directory => {
                "name a directory with `--temp-dir`, or give it more memory with `--memory-limit`"
            }
            Shortage::Allowance => {
                "give it more with `--temp-limit`, or write less: `--memory-limit` holds more in \
                 memory"
            }
            Shortage::Disk(_) => "name another directory with `--temp-dir`",
        }
        .to_owned()
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shortage::Memory(text) => f.write_str(text),
            Shortage::Directory => f.write_str(
                "the query needs more memory than the limit, and there is no directory for temporary \
                 files",
            ),
            Shortage::Allowance => {
                f.write_str("the query needs more temporary files than the limit of them")
            }
            Shortage::Disk(reason) => write!(
                f,
                "cannot write to a file what memory does not hold: {reason}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::error::ArrowError;

    use super::*;

    #[test]
    fn shortages_are_found_behind_what_the_engine_says() {
        let memory = || DataFusionError::ResourcesExhausted("the query needs more".to_owned());
        let shared = DataFusionError::Shared(Arc::new(memory().context("sorting")));
        let shortage = Shortage::of(&shared).unwrap();
        assert_eq!(shortage.to_string(), "the query needs more");
        assert!(shortage.hint().contains("--memory-limit"));

        let text = format!("Memory Exhausted while Sorting ({DISABLED})");
        let shortage = Shortage::of(&DataFusionError::ResourcesExhausted(text)).unwrap();
        assert!(shortage.hint().contains("--temp-dir"));

        let full = io::Error::other(format!("exceeded: increase `{ALLOWANCE}`"));
        let shortage = Shortage::of(&DataFusionError::IoError(full)).unwrap();
        assert!(shortage.hint().contains("--temp-limit"));

        let full = DataFusionError::IoError(io::Error::from(io::ErrorKind::StorageFull));
        let full = io::Error::other(full);
        let arrow = ArrowError::IoError("no space".to_owned(), full);
        let shortage = Shortage::of(&DataFusionError::ArrowError(Box::new(arrow), None)).unwrap();
        assert!(
            shortage
                .to_string()
                .ends_with("does not hold: no storage space"),
            "{shortage}"
        );
        assert!(shortage.hint().contains("--temp-dir"));
    }

    #[test]
    fn failures_of_sources_are_no_shortage() {
        let read = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = DataFusionError::External(Box::new(read));
        assert!(Shortage::of(&error).is_none());
        assert!(Shortage::of(&DataFusionError::Plan("no".to_owned())).is_none());
    }
}
