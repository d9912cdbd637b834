//! An AWS account that somebody has used before: network, and things that are
//! not vpcflow's.

use serde_json::{Value, json};
use vpcflow_tests::Boto3;

const TRUST_LAMBDA: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;

/// What a delivery role must be allowed:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>.
const DELIVERY_ACTIONS: [&str; 5] = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
];

/// An event on its way: log stream, time in milliseconds, message.
pub(crate) type Event = (String, i64, String);

pub(crate) struct Account {
    boto3: Boto3,
    pub(crate) vpc: String,
    pub(crate) interface: String,
}

impl Account {
    pub(crate) const FOREIGN_GROUP: &str = "/somebody/else";

    pub(crate) fn new(mut boto3: Boto3) -> Account {
        let vpc = boto3.call("ec2", "create_vpc", json!({"CidrBlock": "10.0.0.0/16"}));
        let vpc = text(&vpc["Vpc"]["VpcId"]);
        let subnet = json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"});
        let subnet = boto3.call("ec2", "create_subnet", subnet);
        let interface = json!({"SubnetId": subnet["Subnet"]["SubnetId"]});
        let interface = boto3.call("ec2", "create_network_interface", interface);
        let interface = text(&interface["NetworkInterface"]["NetworkInterfaceId"]);

        boto3.call(
            "logs",
            "create_log_group",
            json!({"logGroupName": Account::FOREIGN_GROUP}),
        );
        boto3.call(
            "iam",
            "create_role",
            json!({"RoleName": "somebody-else", "AssumeRolePolicyDocument": TRUST_LAMBDA}),
        );
        Account {
            boto3,
            vpc,
            interface,
        }
    }

    /// Everything that a set-up could make or change.
    pub(crate) fn inventory(&mut self) -> Value {
        self.boto3.inventory()
    }

    /// Asserts that flow logs of the VPC can be delivered to `group`, and that
    /// nobody can borrow the permission to.
    pub(crate) fn assert_delivers(&mut self, group: &str, interval: u64, retention_days: u64) {
        let flow_logs = self.boto3.call("ec2", "describe_flow_logs", json!({}));
        let [flow_log] = &list(&flow_logs["FlowLogs"]).collect::<Vec<_>>()[..] else {
            panic!("{flow_logs}");
        };
        assert_eq!(flow_log["ResourceId"], self.vpc);
        assert_eq!(flow_log["LogGroupName"], group);
        assert_eq!(flow_log["TrafficType"], "ALL");
        assert_eq!(flow_log["MaxAggregationInterval"], interval);
        let tag = json!({"Key": "vpcflow:managed-by", "Value": "vpcflow"});
        assert!(
            list(&flow_log["Tags"]).any(|found| *found == tag),
            "{flow_log}"
        );

        let prefix = json!({"logGroupNamePrefix": group});
        let groups = self.boto3.call("logs", "describe_log_groups", prefix);
        assert_eq!(groups["logGroups"][0]["retentionInDays"], retention_days);

        let role_arn = text(&flow_log["DeliverLogsPermissionArn"]);
        let role_name = role_arn.rsplit('/').next().unwrap();
        let role = json!({"RoleName": role_name});
        let trust = self.boto3.call("iam", "get_role", role.clone());
        let trust = &trust["Role"]["AssumeRolePolicyDocument"]["Statement"][0];
        assert_eq!(trust["Principal"]["Service"], "vpc-flow-logs.amazonaws.com");
        let condition = trust["Condition"].to_string();
        for key in ["aws:SourceAccount", "aws:SourceArn"] {
            assert!(condition.contains(key), "{trust}");
        }
        let attached = self.boto3.call("iam", "list_attached_role_policies", role);
        self.assert_allows_delivery(&attached["AttachedPolicies"][0]["PolicyArn"], group);
    }

    fn assert_allows_delivery(&mut self, policy_arn: &Value, group: &str) {
        let policy = json!({"PolicyArn": policy_arn});
        let policy = self.boto3.call("iam", "get_policy", policy);
        let version = &policy["Policy"]["DefaultVersionId"];
        let version = json!({"PolicyArn": policy_arn, "VersionId": version});
        let version = self.boto3.call("iam", "get_policy_version", version);
        let statements = &version["PolicyVersion"]["Document"]["Statement"];
        let mut actions: Vec<String> = list(statements)
            .flat_map(|statement| match &statement["Action"] {
                Value::Array(actions) => actions.iter().map(text).collect(),
                action => vec![text(action)],
            })
            .collect();
        actions.sort();
        assert_eq!(actions, DELIVERY_ACTIONS);
        assert!(statements.to_string().contains(group), "{statements}");
    }

    /// Delivers events, as the service would: a batch for each stream, which is
    /// made when it is not there.
    pub(crate) fn put(&mut self, group: &str, mut events: Vec<Event>) {
        events.sort_by_key(|(stream, time_ms, _)| (stream.clone(), *time_ms));
        for batch in events.chunk_by(|(one, ..), (other, ..)| one == other) {
            let stream = &batch[0].0;
            self.make_stream(group, stream);
            let events: Vec<Value> = batch
                .iter()
                .map(|(_, time_ms, message)| json!({"timestamp": time_ms, "message": message}))
                .collect();
            let reply = self.boto3.call(
                "logs",
                "put_log_events",
                json!({"logGroupName": group, "logStreamName": stream, "logEvents": events}),
            );
            assert_eq!(
                reply.get("rejectedLogEventsInfo").unwrap_or(&json!({})),
                &json!({})
            );
        }
    }

    fn make_stream(&mut self, group: &str, stream: &str) {
        let known = json!({"logGroupName": group, "logStreamNamePrefix": stream});
        let known = self.boto3.call("logs", "describe_log_streams", known);
        if list(&known["logStreams"]).next().is_none() {
            let stream = json!({"logGroupName": group, "logStreamName": stream});
            self.boto3.call("logs", "create_log_stream", stream);
        }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
