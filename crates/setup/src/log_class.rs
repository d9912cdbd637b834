//! The class of a log group: what can be done with its events, and what they
//! cost.

use std::fmt;
use std::str::FromStr;

use aws_sdk_cloudwatchlogs::types::LogGroupClass;

use crate::wish::WishError;

/// The class of a log group. It is chosen when the group is made and cannot be
/// changed:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch_Logs_Log_Classes.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogClass {
    /// Everything that CloudWatch Logs can do.
    #[default]
    Standard,
    /// Half the price, and a part of it only.
    InfrequentAccess,
    /// For AWS Lambda to hand on elsewhere; keeps events for a day.
    Delivery,
    /// One that is newer than this program.
    Unknown,
}

impl LogClass {
    /// A log group without a class is of the standard one.
    pub(crate) fn of_logs(class: Option<&LogGroupClass>) -> LogClass {
        match class {
            None | Some(LogGroupClass::Standard) => LogClass::Standard,
            Some(LogGroupClass::InfrequentAccess) => LogClass::InfrequentAccess,
            Some(LogGroupClass::Delivery) => LogClass::Delivery,
            Some(_) => LogClass::Unknown,
        }
    }

    /// As CreateLogGroup takes it; `None` for what only AWS can make.
    pub(crate) fn to_logs(self) -> Option<LogGroupClass> {
        match self {
            LogClass::Standard => Some(LogGroupClass::Standard),
            LogClass::InfrequentAccess => Some(LogGroupClass::InfrequentAccess),
            LogClass::Delivery => Some(LogGroupClass::Delivery),
            LogClass::Unknown => None,
        }
    }
}

/// The classes that a log group of flow logs can have.
impl FromStr for LogClass {
    type Err = WishError;

    fn from_str(word: &str) -> Result<LogClass, WishError> {
        match word.to_ascii_lowercase().replace('_', "-").as_str() {
            "standard" => Ok(LogClass::Standard),
            "infrequent-access" => Ok(LogClass::InfrequentAccess),
            _ => Err(WishError::LogClass {
                word: word.to_owned(),
            }),
        }
    }
}

impl fmt::Display for LogClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            LogClass::Standard => "standard",
            LogClass::InfrequentAccess => "infrequent-access",
            LogClass::Delivery => "delivery",
            LogClass::Unknown => "unknown",
        })
    }
}
