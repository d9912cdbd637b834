//! The log groups of the account.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Call, Reply, State};

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct GroupState {
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) retention_days: Option<u64>,
    kms_key: Option<String>,
    class: Option<String>,
}

impl State {
    pub(super) fn logs(&mut self, call: &Call) -> Reply {
        let request = &call.json;
        let name = request["logGroupName"].as_str().unwrap_or_default();
        if call.name() == "DescribeLogGroups" {
            return self.describe_log_groups(request);
        }
        if call.name() == "CreateLogGroup" {
            if self.groups.contains_key(name) {
                let message = "The specified log group already exists";
                return refusal("ResourceAlreadyExistsException", message);
            }
            let group = GroupState {
                tags: tags(&request["tags"]),
                retention_days: None,
                kms_key: text(&request["kmsKeyId"]),
                class: text(&request["logGroupClass"]),
            };
            self.groups.insert(name.to_owned(), group);
            return reply(&json!({}));
        }
        let name = match request["resourceArn"].as_str() {
            Some(arn) => arn.split(":log-group:").nth(1).unwrap(),
            None => name,
        };
        let Some(group) = self.groups.get_mut(name) else {
            let message = "The specified log group does not exist.";
            return refusal("ResourceNotFoundException", message);
        };
        match call.name() {
            "PutRetentionPolicy" => group.retention_days = request["retentionInDays"].as_u64(),
            "AssociateKmsKey" => group.kms_key = text(&request["kmsKeyId"]),
            "TagResource" => group.tags.extend(tags(&request["tags"])),
            "ListTagsForResource" => return reply(&json!({"tags": group.tags})),
            "DeleteLogGroup" => drop(self.groups.remove(name)),
            other => panic!("{other} is not faked"),
        }
        reply(&json!({}))
    }

    fn describe_log_groups(&self, request: &Value) -> Reply {
        let prefix = request["logGroupNamePrefix"].as_str().unwrap_or_default();
        let described = |(name, group): (&String, &GroupState)| {
            json!({
                "logGroupName": name,
                "retentionInDays": group.retention_days,
                "kmsKeyId": group.kms_key,
                "logGroupClass": group.class,
                "storedBytes": 0,
            })
        };
        let groups = self
            .groups
            .iter()
            .filter(|(name, _)| name.starts_with(prefix));
        reply(&json!({"logGroups": groups.map(described).collect::<Vec<_>>()}))
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn tags(value: &Value) -> BTreeMap<String, String> {
    let members = value.as_object().into_iter().flatten();
    members
        .filter_map(|(key, value)| Some((key.clone(), text(value)?)))
        .collect()
}

fn reply(value: &Value) -> Reply {
    (200, value.to_string())
}

pub(super) fn refusal(code: &str, message: &str) -> Reply {
    // The service has a name of its own for what it denies.
    let code = match code {
        "AccessDenied" => "AccessDeniedException",
        other => other,
    };
    (400, json!({"__type": code, "message": message}).to_string())
}
