//! Requests and answers of the AWS JSON 1.1 protocol
//! (<https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>), as far
//! as the fake understands them. A member that it does not know is refused
//! rather than ignored: a test must not pass because the fake looked away.

use serde::{Deserialize, Serialize};
use serde_json::json;

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
        }
    }

    pub(super) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterException", message)
    }

    pub(super) fn invalid_token() -> Self {
        Self::invalid_parameter("The specified nextToken is invalid.")
    }

    pub(super) fn group_not_found() -> Self {
        let message = "The specified log group does not exist.";
        Self::new(400, "ResourceNotFoundException", message)
    }

    pub(super) fn stream_not_found() -> Self {
        let message = "The specified log stream does not exist.";
        Self::new(400, "ResourceNotFoundException", message)
    }

    pub(super) fn already_exists(what: &str) -> Self {
        let message = format!("The specified {what} already exists");
        Self::new(400, "ResourceAlreadyExistsException", message)
    }

    pub(super) fn body(&self) -> String {
        json!({"__type": self.code, "message": self.message}).to_string()
    }
}

/// Names a group by `logGroupName` or by `logGroupIdentifier`: one of them.
pub(super) fn group_name(
    name: Option<String>,
    identifier: Option<String>,
) -> Result<String, ApiError> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) if identifier.contains('*') => Err(ApiError::invalid_parameter(
            "logGroupIdentifier must not end with an asterisk",
        )),
        (None, Some(identifier)) => Ok(match identifier.split_once(":log-group:") {
            Some((_, name)) => name.to_owned(),
            None => identifier,
        }),
        _ => Err(ApiError::invalid_parameter(
            "either logGroupName or logGroupIdentifier must be given, but not both",
        )),
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FilterLogEvents {
    pub(super) log_group_name: Option<String>,
    pub(super) log_group_identifier: Option<String>,
    pub(super) log_stream_names: Option<Vec<String>>,
    pub(super) log_stream_name_prefix: Option<String>,
    pub(super) start_time: Option<i64>,
    pub(super) end_time: Option<i64>,
    pub(super) limit: Option<i64>,
    pub(super) next_token: Option<String>,
    /// Accepted and without effect: AWS always interleaves.
    #[serde(rename = "interleaved")]
    pub(super) _interleaved: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilteredEvents<'a> {
    pub(super) events: Vec<FilteredEvent<'a>>,
    /// AWS has left it empty since 2019.
    pub(super) searched_log_streams: [&'a str; 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilteredEvent<'a> {
    pub(super) log_stream_name: &'a str,
    pub(super) timestamp: u64,
    pub(super) message: &'a str,
    pub(super) ingestion_time: u64,
    pub(super) event_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeLogStreams {
    pub(super) log_group_name: Option<String>,
    pub(super) log_group_identifier: Option<String>,
    pub(super) log_stream_name_prefix: Option<String>,
    pub(super) order_by: Option<StreamOrder>,
    pub(super) descending: Option<bool>,
    pub(super) limit: Option<i64>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum StreamOrder {
    LogStreamName,
    LastEventTime,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DescribeLogGroups {
    pub(super) log_group_name_prefix: Option<String>,
    pub(super) log_group_name_pattern: Option<String>,
    pub(super) limit: Option<i64>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateLogGroup {
    pub(super) log_group_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateLogStream {
    pub(super) log_group_name: String,
    pub(super) log_stream_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PutLogEvents {
    pub(super) log_group_name: String,
    pub(super) log_stream_name: String,
    pub(super) log_events: Vec<InputEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputEvent {
    pub(super) timestamp: u64,
    pub(super) message: String,
}
