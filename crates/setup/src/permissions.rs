//! What the caller of vpcflow must be allowed.

use serde_json::{Value, json};
use vpcflow_record::{Format, FormatField};

use crate::account::IAM_PATH;
use crate::tags::{MANAGED_BY, MANAGER};
use crate::wish::{is_ecs_field, is_tag_field};

/// Where a caller's permissions are to hold. An account is not among it: IAM
/// lets a policy reach no other account than its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PermissionScope {
    /// The region; `None` for every region of the partition `aws`.
    pub region: Option<String>,
    /// The log group; `None` for those below `/vpcflow/`, vpcflow's default.
    pub log_group: Option<String>,
    /// A role that delivers and that vpcflow did not name.
    pub role_name: Option<String>,
    /// The fields of a record: some need more than others.
    pub format: Format,
}

impl PermissionScope {
    fn partition(&self) -> &'static str {
        partition_of(self.region.as_deref().unwrap_or_default())
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        let region = self.region.as_deref().unwrap_or("*");
        format!("arn:{}:{service}:{region}:*:{resource}", self.partition())
    }

    fn iam_arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::*:{resource}", self.partition())
    }

    fn ec2_arns(&self, kinds: &[&str]) -> Vec<String> {
        let arn = |kind: &&str| self.arn("ec2", &format!("{kind}/*"));
        kinds.iter().map(arn).collect()
    }

    /// The roles that may deliver. IAM looks a role up by its name alone, and
    /// of one that does not exist it knows no path.
    fn role_arns(&self) -> Vec<String> {
        let names = [&format!("{}*", &IAM_PATH[1..]), "vpcflow-delivery-*"]
            .map(str::to_owned)
            .into_iter()
            .chain(self.role_name.clone());
        names
            .map(|name| self.iam_arn(&format!("role/{name}")))
            .collect()
    }

    fn has_field(&self, is_wanted: fn(vpcflow_record::Field) -> bool) -> bool {
        let mut fields = self.format.fields().iter();
        fields.any(|field| matches!(field, FormatField::Known(field) if is_wanted(*field)))
    }
}

/// The partition of a region: <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>.
fn partition_of(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    let known = PREFIXES
        .iter()
        .find(|(prefix, _)| region.starts_with(prefix));
    known.map_or("aws", |(_, partition)| partition)
}

/// The IAM policy that a caller needs to set up, look after, read and tear down
/// flow logs, and no more. `sts:GetCallerIdentity` needs no permission.
pub fn caller_policy(scope: &PermissionScope) -> Value {
    let allow = |sid: &str, actions: &[&str], resources: Value| json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources});
    let log_groups = match &scope.log_group {
        Some(name) => {
            let arn = scope.arn("logs", &format!("log-group:{name}"));
            json!([arn, format!("{arn}:*")])
        }
        None => json!([scope.arn("logs", "log-group:/vpcflow/*")]),
    };
    let mut statements = vec![
        allow("LookAround", &LOOK_AROUND, json!("*")),
        allow(
            "CreateFlowLogs",
            &["ec2:CreateFlowLogs"],
            json!(scope.ec2_arns(&["vpc", "subnet", "network-interface", "vpc-flow-log"])),
        ),
        allow(
            "TagFlowLogs",
            &["ec2:CreateTags"],
            json!(scope.ec2_arns(&["vpc-flow-log"])),
        ),
        json!({
            "Sid": "DeleteOwnFlowLogs",
            "Effect": "Allow",
            "Action": ["ec2:DeleteFlowLogs"],
            "Resource": scope.ec2_arns(&["vpc-flow-log"]),
            "Condition": { "StringEquals": { format!("aws:ResourceTag/{MANAGED_BY}"): MANAGER } },
        }),
        allow("DeliveryRole", &DELIVERY_ROLE, json!(scope.role_arns())),
        allow("PassTheRole", &["iam:PassRole"], json!(scope.role_arns())),
        allow(
            "DeliveryPolicy",
            &DELIVERY_POLICY,
            json!([scope.iam_arn(&format!("policy{IAM_PATH}*"))]),
        ),
        allow("LogGroup", &LOG_GROUP, log_groups.clone()),
        allow("ReadRecords", &READ_RECORDS, log_groups),
    ];
    if scope.has_field(is_ecs_field) {
        statements.push(allow("EcsFields", &ECS_FIELDS, json!("*")));
    }
    if scope.has_field(is_tag_field) {
        let role = "role/aws-service-role/*/AWSServiceRoleForVPCFlowLogs";
        statements.push(allow(
            "TagFields",
            &["iam:CreateServiceLinkedRole"],
            json!([scope.iam_arn(role)]),
        ));
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// Actions that IAM cannot narrow to a resource.
const LOOK_AROUND: [&str; 7] = [
    "ec2:DescribeFlowLogs",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "iam:ListPolicies",
    "iam:ListRoles",
    "logs:DescribeLogGroups",
];

const DELIVERY_ROLE: [&str; 10] = [
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
];

const DELIVERY_POLICY: [&str; 9] = [
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListEntitiesForPolicy",
    "iam:ListPolicyVersions",
    "iam:TagPolicy",
];

const LOG_GROUP: [&str; 6] = [
    "logs:AssociateKmsKey",
    "logs:CreateLogGroup",
    "logs:DeleteLogGroup",
    "logs:ListTagsForResource",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
];

const READ_RECORDS: [&str; 2] = ["logs:DescribeLogStreams", "logs:FilterLogEvents"];

/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>
const ECS_FIELDS: [&str; 5] = [
    "ecs:ListClusters",
    "ecs:ListContainerInstances",
    "ecs:ListServices",
    "ecs:ListTaskDefinitions",
    "ecs:ListTasks",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn actions(policy: &Value) -> BTreeSet<String> {
        let statements = policy["Statement"].as_array().unwrap().iter();
        let actions = statements.flat_map(|statement| statement["Action"].as_array().unwrap());
        actions
            .map(|action| action.as_str().unwrap().to_owned())
            .collect()
    }

    /// The actions that this crate's own source names when it makes a call.
    fn actions_of(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                actions_of(&path, found);
                continue;
            }
            let is_call_site = |name: &str| {
                !name.contains("tests") && !["permissions.rs", "documents.rs"].contains(&name)
            };
            if !is_call_site(path.file_name().unwrap().to_str().unwrap()) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for (start, _) in text.match_indices("of_call(") {
                let quoted = text[start..].split('"').nth(1).unwrap_or_default();
                found.insert(quoted.to_owned());
            }
            for (start, _) in text
                .match_indices("unless(")
                .chain(text.match_indices("unless_absent("))
            {
                let quoted = text[start..].split('"').nth(1).unwrap_or_default();
                found.insert(quoted.to_owned());
            }
        }
    }

    #[test]
    fn every_call_is_allowed_and_nothing_else() {
        let mut called = BTreeSet::new();
        actions_of(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut called,
        );
        called.retain(|action| {
            let service = action.split(':').next().unwrap_or_default();
            ["ec2", "iam", "logs"].contains(&service) && action != service
        });
        // EC2 asks for it on its own; another crate reads the records.
        called.extend(["iam:PassRole", "logs:FilterLogEvents"].map(str::to_owned));
        let allowed = actions(&caller_policy(&PermissionScope::default()));
        assert_eq!(allowed, called);
    }

    #[test]
    fn a_scope_is_narrow_and_in_its_partition() {
        let scope = PermissionScope {
            region: Some("us-gov-west-1".to_owned()),
            log_group: Some("/net".to_owned()),
            role_name: Some("delivery".to_owned()),
            format: Format::default(),
        };
        let text = caller_policy(&scope).to_string();
        assert!(text.contains("arn:aws-us-gov:logs:us-gov-west-1:*:log-group:/net:*"));
        assert!(text.contains("arn:aws-us-gov:iam::*:role/delivery"));
        assert!(!text.contains("arn:aws:"), "{text}");
        assert_eq!(text.matches(r#""Resource":"*""#).count(), 1, "{text}");
        assert_eq!(partition_of("cn-north-1"), "aws-cn");
        assert_eq!(partition_of("eu-west-1"), "aws");
    }

    #[test]
    fn fields_can_need_more() {
        let format = Format::up_to_version(11);
        let scope = PermissionScope {
            format,
            ..PermissionScope::default()
        };
        let actions = actions(&caller_policy(&scope));
        assert!(actions.contains("ecs:ListClusters"));
        assert!(actions.contains("iam:CreateServiceLinkedRole"));
    }
}
