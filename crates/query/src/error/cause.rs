//! What is behind a failure of the engine, which wraps what others say.

use datafusion::error::DataFusionError;
use datafusion::object_store;
use datafusion::parquet::errors::ParquetError;
use vpcflow_ingest::InputError;

use super::shortage::Shortage;
use crate::paths::PathError;

/// Whether a source is at fault rather than the statement.
pub(crate) fn is_of_source(error: &DataFusionError) -> bool {
    input_error(error).is_some()
        || matches!(error.find_root(), DataFusionError::External(_))
        || object_error(error).is_some()
}

/// The way out when a source cannot be read.
pub(super) fn source_hint(error: &DataFusionError) -> Option<String> {
    if let Some(error) = input_error(error) {
        return error.hint();
    }
    if let DataFusionError::External(error) = error.find_root() {
        if let Some(error) = error.downcast_ref::<PathError>() {
            return error.hint();
        }
        if let Some(error) = error.downcast_ref::<vpcflow_store::Error>() {
            return error.hint();
        }
    }
    match object_error(error)? {
        object_store::Error::NotFound { .. } => Some(
            "a store keeps what compaction and retention replaced for an hour: ask again, and if it \
             is still missing, `vpcflow store check` lists all damage"
                .to_owned(),
        ),
        _ => None,
    }
}

/// The failure to read a file that is behind a failed query, if it is that.
fn input_error(error: &DataFusionError) -> Option<&InputError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.find_root());
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        // These hide what they hold from those who ask for the source.
        cause = match (error.downcast_ref(), error.downcast_ref()) {
            (Some(DataFusionError::External(error)), _) => Some(error.as_ref()),
            (_, Some(ParquetError::External(error))) => Some(error.as_ref()),
            _ => error.source(),
        };
    }
    None
}

/// The failure to read a file of a store that is behind a failed query, if it is
/// that.
fn object_error(error: &DataFusionError) -> Option<&object_store::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.find_root());
    while let Some(error) = cause {
        if let Some(DataFusionError::ObjectStore(error)) = error.downcast_ref() {
            return Some(error);
        }
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        cause = error.source();
    }
    None
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A failure without the engine's prefixes.
pub(super) fn describe(error: &DataFusionError) -> String {
    if let Some(error) = input_error(error) {
        return error.to_string();
    }
    if let Some(shortage) = Shortage::of(error) {
        return shortage.to_string();
    }
    match object_error(error) {
        Some(object_store::Error::NotFound { path, .. }) => {
            return format!("the store's file `{path}` is missing");
        }
        Some(error) => return format!("cannot read a file of the store: {}", chain(error)),
        None => {}
    }
    match error.find_root() {
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => message.clone(),
        DataFusionError::External(error) => match error.downcast_ref::<vpcflow_store::Error>() {
            Some(error) => chain(error),
            None => error.to_string(),
        },
        DataFusionError::ArrowError(error, _) => {
            let text = error.to_string();
            text.strip_suffix(" error").unwrap_or(&text).to_lowercase()
        }
        error => error.strip_backtrace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_file_of_a_store_that_cannot_be_read_is_told_with_the_cause() {
        let told = |cause: object_store::Error| {
            let error = ParquetError::External(Box::new(cause));
            let error = Error::from(DataFusionError::ParquetError(Box::new(error)));
            (error.to_string(), error.hint().is_some())
        };
        let path = || "store/part.parquet".to_owned();
        let denied = object_store::Error::PermissionDenied {
            path: path(),
            source: "permission denied".into(),
        };
        let (text, _) = told(denied);
        assert!(
            text.starts_with("cannot read a file of the store: "),
            "{text}"
        );
        assert!(text.contains(&path()), "{text}");
        let missing = object_store::Error::NotFound {
            path: path(),
            source: "no such file".into(),
        };
        let text = "the store's file `store/part.parquet` is missing".to_owned();
        assert_eq!(told(missing), (text, true));
    }
}
