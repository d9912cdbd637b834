//! Failed calls, sorted by what a reader can do about them.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use vpcflow_ingest::{ReadError, ReadErrorKind};

use crate::error::CREDENTIALS_HINT;

/// A failed call in the reader's terms.
///
/// `token_sent`: whether the call asked for a page by its token. A parameter
/// that is wrong only then is the token itself.
pub(crate) fn read_error<E>(
    error: &SdkError<E>,
    group: &str,
    region: &str,
    token_sent: bool,
) -> ReadError
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let kind = match kind(error) {
        ReadErrorKind::Fatal if token_sent && code(error) == "InvalidParameterException" => {
            ReadErrorKind::InvalidToken
        }
        kind => kind,
    };
    let cause = cause(error);
    let message = match kind {
        ReadErrorKind::Throttled => format!("reading log group `{group}` was throttled: {cause}"),
        ReadErrorKind::InvalidToken => {
            format!("a page token of log group `{group}` is no longer valid: {cause}")
        }
        ReadErrorKind::NotFound => {
            format!("log group `{group}` does not exist in region `{region}`")
        }
        ReadErrorKind::Denied => format!("log group `{group}` may not be read: {cause}"),
        ReadErrorKind::Transient | ReadErrorKind::Fatal => {
            format!("log group `{group}` could not be read: {cause}")
        }
    };
    ReadError {
        kind,
        message,
        hint: hint(error, kind).map(str::to_owned),
    }
}

fn kind<E>(error: &SdkError<E>) -> ReadErrorKind
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match error {
        SdkError::ServiceError(service) => kind_of_answer(
            service.err().code().unwrap_or_default(),
            service.raw().status().as_u16(),
        ),
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => ReadErrorKind::Transient,
        other => match credentials_error(other) {
            Some(CredentialsError::ProviderTimedOut(_)) => ReadErrorKind::Transient,
            Some(_) => ReadErrorKind::Denied,
            None if matches!(other, SdkError::DispatchFailure(failure) if !failure.is_user()) => {
                ReadErrorKind::Transient
            }
            None => ReadErrorKind::Fatal,
        },
    }
}

/// Error codes of `FilterLogEvents` and of every service:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html#API_FilterLogEvents_Errors>,
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html>.
fn kind_of_answer(code: &str, status: u16) -> ReadErrorKind {
    match code {
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "LimitExceededException" => ReadErrorKind::Throttled,
        "ServiceUnavailableException"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalServerError"
        | "RequestTimeout"
        | "RequestTimeoutException" => ReadErrorKind::Transient,
        "ResourceNotFoundException" => ReadErrorKind::NotFound,
        "AccessDeniedException"
        | "AccessDenied"
        | "NotAuthorized"
        | "OptInRequired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "RequestExpired"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => ReadErrorKind::Denied,
        _ => kind_of_status(status),
    }
}

/// For codes that nobody has documented, and for proxies.
fn kind_of_status(status: u16) -> ReadErrorKind {
    match status {
        429 => ReadErrorKind::Throttled,
        401 | 403 => ReadErrorKind::Denied,
        500.. => ReadErrorKind::Transient,
        _ => ReadErrorKind::Fatal,
    }
}

fn hint<E>(error: &SdkError<E>, kind: ReadErrorKind) -> Option<&'static str>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    match (kind, code(error)) {
        (ReadErrorKind::Denied, "AccessDeniedException" | "AccessDenied" | "NotAuthorized") => {
            Some("the caller needs `logs:FilterLogEvents` on the log group")
        }
        (ReadErrorKind::Denied, "ExpiredTokenException" | "ExpiredToken") => {
            Some("renew the credentials, for example with `aws sso login`")
        }
        (
            ReadErrorKind::Denied,
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestExpired",
        ) => Some("check the secret access key and the clock of this machine"),
        (ReadErrorKind::Denied, "UnrecognizedClientException" | "InvalidClientTokenId") => {
            Some("check the access key; it may belong to another AWS partition or be deleted")
        }
        (ReadErrorKind::Denied, _) => Some(CREDENTIALS_HINT),
        (ReadErrorKind::NotFound, _) => Some("check the name, `--region` and `--profile`"),
        (ReadErrorKind::Throttled, _) => {
            Some("the quota is one for all readers of the account in the region")
        }
        (ReadErrorKind::Transient, "") => {
            Some("check the network, `--region` and `--endpoint-url`")
        }
        _ => None,
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> &str {
    error.code().unwrap_or_default()
}

/// One line: what the service says, else the chain of causes.
fn cause<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let SdkError::ServiceError(service) = error {
        let status = service.raw().status();
        let meta = service.err().meta();
        return match (meta.code(), meta.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => format!("HTTP status {status}"),
        };
    }
    let mut texts = vec![error.to_string()];
    for cause in causes(error) {
        let text = cause.to_string();
        // Some layers repeat the text of the one below.
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn credentials_error<E>(error: &SdkError<E>) -> Option<&CredentialsError>
where
    E: StdError + 'static,
{
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_sorted_by_code_and_then_by_status() {
        for (code, status, expected) in [
            ("ThrottlingException", 400, ReadErrorKind::Throttled),
            ("LimitExceededException", 400, ReadErrorKind::Throttled),
            ("ServiceUnavailableException", 500, ReadErrorKind::Transient),
            ("ResourceNotFoundException", 400, ReadErrorKind::NotFound),
            ("AccessDeniedException", 400, ReadErrorKind::Denied),
            ("ExpiredTokenException", 400, ReadErrorKind::Denied),
            ("InvalidSignatureException", 400, ReadErrorKind::Denied),
            ("UnrecognizedClientException", 400, ReadErrorKind::Denied),
            ("InvalidParameterException", 400, ReadErrorKind::Fatal),
            ("SerializationException", 400, ReadErrorKind::Fatal),
            ("", 429, ReadErrorKind::Throttled),
            ("", 403, ReadErrorKind::Denied),
            ("", 502, ReadErrorKind::Transient),
        ] {
            assert_eq!(kind_of_answer(code, status), expected, "{code} {status}");
        }
    }
}
