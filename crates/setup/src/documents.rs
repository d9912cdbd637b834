//! The two IAM policy documents of a delivery, and their comparison.

use serde_json::{Value, json};
use vpcflow_record::{Format, FormatField};

use crate::account::Account;
use crate::wish::is_tag_field;

/// The service that assumes the delivery role.
pub(crate) const FLOW_LOGS_SERVICE: &str = "vpc-flow-logs.amazonaws.com";

/// What the delivery role may do: the five actions that AWS asks for, narrowed
/// to one log group where that means something.
///
/// Both forms of the ARN are needed: `…:NAME` for actions on the group,
/// `…:NAME:*` for those on its streams; without the second one delivery ends in
/// `Access error`. Listing groups is not an action on a group. A format with the
/// value of a tag needs to read tags, which are not of a log group either.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>
pub fn delivery_policy(account: &Account, log_group: &str, format: &Format) -> Value {
    let arn = account.log_group_arn(log_group);
    let streams_arn = format!("{arn}:*");
    delivery_policy_of([arn.into(), streams_arn.into()], format)
}

/// The same for the two ARNs of a log group, which may be expressions of a
/// template.
pub(crate) fn delivery_policy_of(log_group_arns: [Value; 2], format: &Format) -> Value {
    let mut statements = vec![
        json!({
            "Sid": "Deliver",
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": log_group_arns,
        }),
        json!({
            "Sid": "FindTheGroup",
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        }),
    ];
    let mut fields = format.fields().iter();
    if fields.any(|field| matches!(field, FormatField::Known(field) if is_tag_field(*field))) {
        statements.push(json!({
            "Sid": "ReadTheTags",
            "Effect": "Allow",
            "Action": ["ec2:DescribeTags", "autoscaling:DescribeTags"],
            "Resource": "*",
        }));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Who may assume the delivery role: the flow logs service, and only for flow
/// logs of this account and region, so that no one else's flow log can use it
/// (the "confused deputy").
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>
pub fn trust_policy(account: &Account) -> Value {
    trust_policy_of(account.id().into(), account.flow_log_arn_pattern().into())
}

/// The same for an account and flow logs that may be expressions of a template.
pub(crate) fn trust_policy_of(account_id: Value, flow_log_arns: Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": FLOW_LOGS_SERVICE },
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": { "aws:SourceAccount": account_id },
                "ArnLike": { "aws:SourceArn": flow_log_arns },
            },
        }],
    })
}

/// Reads a document as IAM returns it: JSON, percent-encoded as in RFC 3986.
/// `None` when it is none.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyVersion.html>
pub(crate) fn decode(text: &str) -> Option<Value> {
    serde_json::from_slice(&percent_decode(text)?).ok()
}

pub(crate) fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    Some(decoded)
}

/// Whether two documents mean the same: the order of members, actions and
/// statements does not count, nor does `"a"` written as `["a"]`.
pub(crate) fn mean_the_same(one: &Value, other: &Value) -> bool {
    canonical(one) == canonical(other)
}

/// IAM takes a lone value and a list of it for the same thing, and every list
/// for a set.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() == 1 => canonical(&items[0]),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), canonical(member)))
            .collect(),
        scalar => scalar.clone(),
    }
}

/// Whether a trust policy lets the flow logs service assume the role under any
/// condition at all. A policy that passes can still refuse a given flow log.
pub(crate) fn trusts_flow_logs(trust: &Value) -> bool {
    one_or_many(&trust["Statement"]).iter().any(|statement| {
        statement["Effect"] == "Allow"
            && contains(&statement["Principal"]["Service"], FLOW_LOGS_SERVICE)
            && ["sts:AssumeRole", "sts:*", "*"]
                .iter()
                .any(|action| contains(&statement["Action"], action))
    })
}

fn contains(value: &Value, text: &str) -> bool {
    one_or_many(value).iter().any(|item| item == text)
}

/// A list, or the lone value that stands for a list of one.
pub(crate) fn one_or_many(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let caller = "arn:aws-cn:iam::123456789012:user/me";
        Account::of_caller(caller, "123456789012", "cn-north-1").unwrap()
    }

    #[test]
    fn the_delivery_policy_is_narrow() {
        let policy = delivery_policy(&account(), "/flows", &Format::default());
        let arn = "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/flows";
        assert_eq!(
            policy["Statement"][0]["Resource"],
            json!([arn, format!("{arn}:*")])
        );

        let statements = policy["Statement"].as_array().unwrap();
        let mut actions: Vec<&str> = statements
            .iter()
            .flat_map(|statement| one_or_many(&statement["Action"]))
            .filter_map(Value::as_str)
            .collect();
        actions.sort_unstable();
        assert_eq!(
            actions,
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ]
        );
        let wide: Vec<&Value> = statements
            .iter()
            .filter(|statement| contains(&statement["Resource"], "*"))
            .collect();
        assert_eq!(wide.len(), 1);
        assert_eq!(wide[0]["Action"], "logs:DescribeLogGroups");
    }

    #[test]
    fn the_trust_policy_names_account_and_region() {
        let trust = trust_policy(&account());
        let condition = &trust["Statement"][0]["Condition"];
        assert_eq!(
            condition["StringEquals"]["aws:SourceAccount"],
            "123456789012"
        );
        assert_eq!(
            condition["ArnLike"]["aws:SourceArn"],
            "arn:aws-cn:ec2:cn-north-1:123456789012:vpc-flow-log/*"
        );
        assert!(trusts_flow_logs(&trust));
    }

    #[test]
    fn documents_are_compared_by_meaning() {
        let ours = delivery_policy(&account(), "/flows", &Format::default());
        let mut rewritten = ours.clone();
        rewritten["Statement"][1]["Action"] = json!(["logs:DescribeLogGroups"]);
        rewritten["Statement"][0]["Resource"]
            .as_array_mut()
            .unwrap()
            .reverse();
        rewritten["Statement"].as_array_mut().unwrap().reverse();
        assert!(mean_the_same(&ours, &rewritten));

        rewritten["Statement"][1]["Resource"] = json!("*");
        assert!(!mean_the_same(&ours, &rewritten));
        assert!(!mean_the_same(&ours, &Value::Null));
    }

    #[test]
    fn encoded_documents_are_decoded() {
        let encoded = "%7B%22a%22%3A%20%5B%22arn%3Aaws%3A*%22%2C%20%22c%C3%BC+d%22%5D%7D";
        assert_eq!(decode(encoded), Some(json!({"a": ["arn:aws:*", "cü+d"]})));
        assert_eq!(decode(r#"{"plain": 1}"#), Some(json!({"plain": 1})));
        for broken in ["%7", "%zz", "%", "{", "%FF"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }

    #[test]
    fn a_foreign_trust_policy_needs_the_service_in_an_allow() {
        let trust = |effect: &str, service: Value| {
            json!({"Statement": {
                "Effect": effect, "Principal": {"Service": service}, "Action": "sts:AssumeRole",
            }})
        };
        assert!(trusts_flow_logs(&trust(
            "Allow",
            json!(["ec2.amazonaws.com", FLOW_LOGS_SERVICE])
        )));
        assert!(!trusts_flow_logs(&trust("Deny", json!(FLOW_LOGS_SERVICE))));
        assert!(!trusts_flow_logs(&trust(
            "Allow",
            json!("ec2.amazonaws.com")
        )));
        assert!(!trusts_flow_logs(&Value::Null));
    }
}
