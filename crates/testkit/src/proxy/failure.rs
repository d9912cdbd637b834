//! How AWS fails a call, as each of its protocols writes it.

use std::io::{self, Write};

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The caller may not make it.
    AccessDenied,
    /// There are too many calls.
    Throttled,
    /// AWS has trouble of its own.
    InternalError,
    /// The connection ends before the call is carried out.
    ConnectionLost,
    /// The call is carried out, but the connection ends before the answer.
    AnswerLost,
    /// The call is not carried out, and the connection stays open without an
    /// answer.
    NoAnswer,
}

/// EC2, then IAM and STS, then CloudWatch Logs, then S3: status and code.
type Codes = [(u16, &'static str); 4];

impl Failure {
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>,
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html>,
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
    fn codes(self) -> Codes {
        match self {
            Failure::AccessDenied => [
                (403, "UnauthorizedOperation"),
                (403, "AccessDenied"),
                (400, "AccessDeniedException"),
                (403, "AccessDenied"),
            ],
            Failure::Throttled => [
                (503, "RequestLimitExceeded"),
                (400, "Throttling"),
                (400, "ThrottlingException"),
                (503, "SlowDown"),
            ],
            _ => [
                (500, "InternalError"),
                (500, "ServiceFailure"),
                (500, "ServiceUnavailableException"),
                (500, "InternalError"),
            ],
        }
    }

    fn message(self, action: &str) -> String {
        match self {
            Failure::AccessDenied => format!(
                "User: arn:aws:iam::123456789012:user/test is not authorized to perform: {action}"
            ),
            Failure::Throttled => "Rate exceeded".to_owned(),
            _ => "An internal error has occurred".to_owned(),
        }
    }

    /// Writes the answer that says so.
    pub(super) fn write_to(self, answer: &mut impl Write, action: &str) -> io::Result<()> {
        let (service, _) = action.split_once(':').unwrap_or_default();
        let message = self.message(action);
        let [ec2, iam, logs, s3] = self.codes();
        let (status, content_type, body) = match service {
            "logs" => {
                let body = format!(r#"{{"__type":"{}","message":"{message}"}}"#, logs.1);
                (logs.0, "application/x-amz-json-1.1", body)
            }
            "ec2" => {
                let error = error_element(ec2.1, &message);
                let body = format!(
                    "<Response><Errors>{error}</Errors><RequestID>failed</RequestID></Response>"
                );
                (ec2.0, "text/xml", body)
            }
            "s3" => (s3.0, "application/xml", error_element(s3.1, &message)),
            _ => {
                let error = error_element(iam.1, &message);
                let body =
                    format!("<ErrorResponse>{error}<RequestId>failed</RequestId></ErrorResponse>");
                (iam.0, "text/xml", body)
            }
        };
        write!(
            answer,
            "HTTP/1.1 {status} Failed\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        )
    }
}

fn error_element(code: &str, message: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
}
