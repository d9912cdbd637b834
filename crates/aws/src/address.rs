//! Names of log groups.

use crate::{Error, Result};

const MAX_NAME_BYTES: usize = 512;

/// A log group as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupAddress {
    pub(crate) name: String,
    pub(crate) arn: Option<GroupArn>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupArn {
    /// Without `:*` at its end, which reading calls refuse.
    pub(crate) text: String,
    pub(crate) region: String,
}

impl GroupAddress {
    /// Takes a name, or an ARN with or without the `:*` that
    /// `DescribeLogGroups` and policies put at its end
    /// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html>).
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let address = if text.starts_with("arn:") {
            parse_arn(text)
        } else {
            Some(Self {
                name: text.to_owned(),
                arn: None,
            })
        };
        address
            .filter(|address| is_group_name(&address.name))
            .ok_or_else(|| Error::InvalidGroupName {
                name: text.to_owned(),
            })
    }
}

fn parse_arn(text: &str) -> Option<GroupAddress> {
    let text = text.strip_suffix(":*").unwrap_or(text);
    let mut parts = text.splitn(7, ':').skip(2);
    let (service, region, _account) = (parts.next()?, parts.next()?, parts.next()?);
    let (resource, name) = (parts.next()?, parts.next()?);
    (service == "logs" && resource == "log-group" && !region.is_empty()).then(|| GroupAddress {
        name: name.to_owned(),
        arn: Some(GroupArn {
            text: text.to_owned(),
            region: region.to_owned(),
        }),
    })
}

/// The rule of
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>.
fn is_group_name(name: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_as_it_is() {
        let address = GroupAddress::parse("/aws/vpc/flow-logs_1.2#3").unwrap();
        assert_eq!(address.name, "/aws/vpc/flow-logs_1.2#3");
        assert_eq!(address.arn, None);
    }

    #[test]
    fn an_arn_gives_region_and_name() {
        let arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/vpc/flows";
        let expected = GroupAddress {
            name: "/vpc/flows".to_owned(),
            arn: Some(GroupArn {
                text: arn.to_owned(),
                region: "cn-north-1".to_owned(),
            }),
        };
        assert_eq!(GroupAddress::parse(arn).unwrap(), expected);
        assert_eq!(GroupAddress::parse(&format!("{arn}:*")).unwrap(), expected);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "flow logs",
            "flows:*",
            "arn:aws:logs:us-east-1:123456789012:log-group:",
            "arn:aws:logs::123456789012:log-group:flows",
            "arn:aws:logs:us-east-1:123456789012:log-group:flows:log-stream:eni-1-all",
            "arn:aws:s3:::bucket",
            "arn:aws:logs",
            &"x".repeat(513),
        ] {
            let error = GroupAddress::parse(text).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidGroupName { name } if name == text),
                "{text}"
            );
        }
    }
}
