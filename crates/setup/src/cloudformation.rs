//! A set-up as an AWS CloudFormation template, for teams that let nothing else
//! change their accounts.
//!
//! The template names no account, region or partition: it can be deployed
//! wherever the resources are that it watches.

use serde_json::{Map, Value, json};

use crate::documents;
use crate::resource::Resource;
use crate::tags::{MANAGED_BY, Tags};
use crate::wish::{DEFAULT_RETENTION_DAYS, Wish, WishError};

mod yaml;

/// What [`MANAGED_BY`] says of a stack's resources: a teardown leaves them to
/// CloudFormation.
const MANAGER: &str = "cloudformation";

const ROLE: &str = "DeliveryRole";
const LOG_GROUP: &str = "LogGroup";

impl Wish {
    /// The wish as a CloudFormation template, in YAML. Needs the capability
    /// `CAPABILITY_IAM`, and with a role name `CAPABILITY_NAMED_IAM`.
    ///
    /// A stack's resources carry the tag `vpcflow:managed-by =
    /// cloudformation`, so that `vpcflow teardown` leaves them alone.
    ///
    /// # Errors
    /// [`WishError::NotInTemplates`] for tag fields, which CloudFormation does
    /// not know.
    pub fn to_cloudformation(&self) -> Result<String, WishError> {
        if !self.tag_fields.is_empty() {
            return Err(WishError::NotInTemplates {
                what: "the tags of tag fields",
            });
        }
        let mut resources = Map::new();
        resources.insert(ROLE.to_owned(), self.role());
        resources.insert(LOG_GROUP.to_owned(), self.log_group_resource());
        for resource in &self.resources {
            let (kind, id) = resource.id().split_once('-').unwrap_or_default();
            let name = format!("FlowLog{}{}{id}", kind[..1].to_uppercase(), &kind[1..]);
            resources.insert(name, self.flow_log(resource));
        }
        Ok(yaml::to_yaml(&json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": format!(
                "VPC flow logs to the log group {}, written by vpcflow", self.log_group
            ),
            "Resources": resources,
        })))
    }

    fn template_tags(&self) -> Value {
        let mut tags = self.regional_tags();
        tags.set(MANAGED_BY, MANAGER);
        tag_list(&tags)
    }

    fn role(&self) -> Value {
        let log_group = format!(
            "arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{}",
            self.log_group
        );
        let flow_logs = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*";
        let trust =
            documents::trust_policy_of(json!({"Ref": "AWS::AccountId"}), substituted(flow_logs));
        let arns = [
            substituted(&log_group),
            substituted(&format!("{log_group}:*")),
        ];
        let delivery = documents::delivery_policy_of(arns, &self.format);
        let mut properties = json!({
            "Description": "Delivers VPC flow logs to one log group",
            "AssumeRolePolicyDocument": trust,
            "Policies": [{"PolicyName": "deliver", "PolicyDocument": delivery}],
            "Tags": self.template_tags(),
        });
        if let Some(name) = &self.role_name {
            properties["RoleName"] = name.as_str().into();
        }
        json!({"Type": "AWS::IAM::Role", "Properties": properties})
    }

    fn log_group_resource(&self) -> Value {
        let mut properties = json!({
            "LogGroupName": self.log_group,
            "RetentionInDays": self.retention_days.unwrap_or(DEFAULT_RETENTION_DAYS),
            "Tags": self.template_tags(),
        });
        if let Some(key) = &self.kms_key {
            properties["KmsKeyId"] = key.as_str().into();
        }
        if let Some(class) = self.log_class.and_then(|class| class.to_logs()) {
            properties["LogGroupClass"] = class.as_str().into();
        }
        // The records outlive a stack: who deletes one seldom means them.
        json!({
            "Type": "AWS::Logs::LogGroup",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": properties,
        })
    }

    fn flow_log(&self, resource: &Resource) -> Value {
        let mut properties = json!({
            "ResourceId": resource.id(),
            "ResourceType": resource.kind().to_ec2().as_str(),
            "TrafficType": self.traffic.to_ec2().as_str(),
            "MaxAggregationInterval": self.interval.seconds(),
            "LogDestinationType": "cloud-watch-logs",
            "LogGroupName": {"Ref": LOG_GROUP},
            "DeliverLogsPermissionArn": {"Fn::GetAtt": [ROLE, "Arn"]},
            "Tags": self.template_tags(),
        });
        if !self.format.is_default() {
            properties["LogFormat"] = self.format.to_log_format().into();
        }
        json!({"Type": "AWS::EC2::FlowLog", "Properties": properties})
    }
}

fn tag_list(tags: &Tags) -> Value {
    let tag = |(key, value): (&str, &str)| json!({"Key": key, "Value": value});
    tags.iter().map(tag).collect()
}

fn substituted(text: &str) -> Value {
    json!({"Fn::Sub": text})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_class::LogClass;

    fn wish() -> crate::WishBuilder {
        Wish::builder().resource("vpc-0a1b".parse().unwrap())
    }

    #[test]
    fn a_template_has_the_role_the_group_and_the_flow_logs() {
        let wish = wish()
            .resource("subnet-0c".parse().unwrap())
            .log_group("/net")
            .log_class(LogClass::InfrequentAccess)
            .kms_key("arn:aws:kms:eu-west-1:123456789012:key/1")
            .tag("team=net".parse().unwrap());
        let text = wish.build().unwrap().to_cloudformation().unwrap();
        for part in [
            "  DeliveryRole:\n",
            "  LogGroup:\n",
            "  FlowLogVpc0a1b:\n",
            "  FlowLogSubnet0c:\n",
            "      ResourceType: Subnet\n",
            "      LogGroupClass: INFREQUENT_ACCESS\n",
            "      RetentionInDays: 30\n",
            "        - Key: \"vpcflow:managed-by\"\n          Value: cloudformation\n",
            "              Service: vpc-flow-logs.amazonaws.com\n",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
        assert!(!text.contains("LogFormat"), "{text}");
        assert!(!text.contains("RoleName"), "{text}");
    }

    #[test]
    fn what_cloudformation_does_not_know_is_refused() {
        let wish = wish()
            .fields("all".parse::<crate::Fields>().unwrap())
            .tag_field("instance:Name".parse().unwrap());
        let error = wish.build().unwrap().to_cloudformation().unwrap_err();
        assert!(error.to_string().contains("tag fields"), "{error}");
    }
}
