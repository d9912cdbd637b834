//! Why a bucket or an object cannot be read, in words that name the way out.

use std::error::Error;

use object_store::Error as StoreError;

/// Why a bucket or an object in it cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// There is no such bucket.
    #[error("there is no bucket `{bucket}`")]
    NoBucket {
        /// Its name.
        bucket: String,
    },
    /// The object was deleted, perhaps since it was listed.
    #[error("`{object}` is not there any more")]
    Gone {
        /// The object.
        object: String,
    },
    /// The object was written anew since it was listed, or while it was read.
    #[error("`{object}` was replaced since it was listed")]
    Replaced {
        /// The object.
        object: String,
    },
    /// There is nothing to read.
    #[error("no object in `{location}`{}", if *.in_times { " has records of these times" } else { "" })]
    Nothing {
        /// What was named.
        location: String,
        /// Others may be there, with records of other times.
        in_times: bool,
    },
    /// The caller lacks a permission.
    #[error("AWS refuses to {} `{name}`: {reason}", access.verb())]
    Denied {
        /// To do what.
        access: Access,
        /// The object, or the keys to list.
        name: String,
        /// The bucket.
        bucket: String,
        /// What AWS says.
        reason: String,
    },
    /// The credentials are wrong or have expired.
    #[error("AWS does not take the credentials for `{name}`: {reason}")]
    Credentials {
        /// The object, or the keys to list.
        name: String,
        /// What AWS says.
        reason: String,
    },
    /// The bucket is in another region than that of the calls.
    #[error("the bucket `{bucket}` is in another region{}", region_text(region.as_deref()))]
    Region {
        /// Its name.
        bucket: String,
        /// Where it is, if AWS says so.
        region: Option<String>,
    },
    /// Anything else, after it was tried again.
    #[error("cannot {} `{name}`: {reason}", access.verb())]
    Failed {
        /// To do what.
        access: Access,
        /// The object, or the keys to list.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

/// What is done in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Objects are listed.
    List,
    /// An object is read.
    Read,
}

impl Access {
    fn verb(self) -> &'static str {
        match self {
            Access::List => "list",
            Access::Read => "read",
        }
    }
}

fn region_text(region: Option<&str>) -> String {
    region
        .map(|region| format!(": {region}"))
        .unwrap_or_default()
}

impl BucketError {
    /// What a call for `name`, of this bucket, failed with.
    pub(crate) fn new(access: Access, bucket: &str, name: &str, error: &StoreError) -> BucketError {
        let text = chain(error);
        let code = element(&text, "Code").unwrap_or_default();
        let (bucket, name) = (bucket.to_owned(), name.to_owned());
        let reason = match element(&text, "Message") {
            Some(message) => message.to_owned(),
            None => last_cause(error),
        };
        match code {
            "NoSuchBucket" => return BucketError::NoBucket { bucket },
            "PermanentRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException" => {
                let region = element(&text, "Region").map(ToOwned::to_owned);
                return BucketError::Region { bucket, region };
            }
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
                return BucketError::Credentials { name, reason };
            }
            "AccessDenied" | "AllAccessDisabled" => {
                return BucketError::Denied {
                    access,
                    name,
                    bucket,
                    reason,
                };
            }
            _ => {}
        }
        match error {
            StoreError::NotFound { .. } if access == Access::List => {
                BucketError::NoBucket { bucket }
            }
            StoreError::NotFound { .. } => BucketError::Gone { object: name },
            StoreError::Precondition { .. } => BucketError::Replaced { object: name },
            StoreError::PermissionDenied { .. } => BucketError::Denied {
                access,
                name,
                bucket,
                reason,
            },
            StoreError::Unauthenticated { .. } => BucketError::Credentials { name, reason },
            // What object_store says of a redirection.
            _ if text.contains("without LOCATION") => BucketError::Region {
                bucket,
                region: None,
            },
            _ => BucketError::Failed {
                access,
                name,
                reason,
            },
        }
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            BucketError::NoBucket { .. } => {
                "its name may be misspelt, or the calls go to another endpoint".to_owned()
            }
            BucketError::Gone { .. } => "the same command reads what is there now".to_owned(),
            BucketError::Replaced { .. } => "the same command reads it as it is now".to_owned(),
            BucketError::Nothing { in_times: true, .. } => {
                "`--since` and `--until` name others; the keys tell the times of AWS's own files"
                    .to_owned()
            }
            BucketError::Nothing { location, .. } => format!(
                "a prefix goes up to a slash, `{location}*` takes all that begins so; log files are \
                 those named {}",
                crate::input::LOG_NAMES
            ),
            BucketError::Denied {
                access: Access::List,
                bucket,
                ..
            } => format!(
                "the caller, and the bucket's policy, must allow s3:ListBucket on \
                 arn:aws:s3:::{bucket}; reading takes s3:GetObject on arn:aws:s3:::{bucket}/* too"
            ),
            BucketError::Denied { bucket, .. } => format!(
                "the caller, and the bucket's policy, must allow s3:GetObject on \
                 arn:aws:s3:::{bucket}/*, and kms:Decrypt on the key if objects are encrypted with \
                 one"
            ),
            BucketError::Credentials { .. } => {
                "log in again, or choose another profile with `--profile`".to_owned()
            }
            BucketError::Region {
                region: Some(region),
                ..
            } => format!("`--region {region}` goes there"),
            BucketError::Region { region: None, .. } => {
                "name its region with `--region`".to_owned()
            }
            BucketError::Failed { .. } => return None,
        })
    }
}

/// An error and what caused it. Bodies of answers are somewhere in it.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What is at the bottom of it, without how often it was tried.
fn last_cause(error: &dyn Error) -> String {
    let mut last: &dyn Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    // Some answers have no body.
    last.to_string().trim_end_matches([':', ' ']).to_owned()
}

/// The text of an element of the XML that S3 answers a failure with.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once(&format!("</{name}>"))?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> BucketError {
        let source = format!("Server returned non-2xx status code: 400: {body}").into();
        let error = StoreError::Generic {
            store: "S3",
            source,
        };
        BucketError::new(Access::Read, "logs", "s3://logs/a.log", &error)
    }

    #[test]
    fn what_aws_answers_is_told_with_the_way_out() {
        let moved = error(
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is \
             wrong</Message><Region>eu-west-1</Region></Error>",
        );
        assert_eq!(
            moved.to_string(),
            "the bucket `logs` is in another region: eu-west-1"
        );
        assert_eq!(moved.hint().unwrap(), "`--region eu-west-1` goes there");
        let moved = error("Received redirect without LOCATION, this normally …");
        assert_eq!(moved.to_string(), "the bucket `logs` is in another region");
        let expired =
            error("<Error><Code>ExpiredToken</Code><Message>It has expired.</Message></Error>");
        assert_eq!(
            expired.to_string(),
            "AWS does not take the credentials for `s3://logs/a.log`: It has expired."
        );
        let other =
            error("<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>");
        assert_eq!(
            other.to_string(),
            "cannot read `s3://logs/a.log`: Reduce your rate"
        );

        let missing = |access| {
            let source = "<Error><Code>NoSuchKey</Code></Error>".into();
            let path = "a.log".to_owned();
            let error = StoreError::NotFound { path, source };
            BucketError::new(access, "logs", "s3://logs/a.log", &error).to_string()
        };
        assert_eq!(
            missing(Access::Read),
            "`s3://logs/a.log` is not there any more"
        );
        assert_eq!(missing(Access::List), "there is no bucket `logs`");
    }
}
