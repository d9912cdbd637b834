//! An account behind a proxy that lets calls fail, with a VPC in it and things
//! that are not vpcflow's.

use std::process::Command;

use serde_json::{Value, json};
use vpcflow_testkit::{Failure, FaultProxy, Moto};
use vpcflow_tests::{Boto3, Outcome, Running, now_ms, record, vpcflow_at};

/// The log group of all set-ups here.
pub(crate) const GROUP: &str = "/vpc/prod";

const TRUST_LAMBDA: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;

pub(crate) struct Account {
    proxy: FaultProxy,
    pub(crate) boto3: Boto3,
    pub(crate) vpc: String,
    /// The calls of the last run.
    calls: Vec<(String, usize)>,
    // After the others, which call it.
    _moto: Moto,
}

impl Account {
    /// `None` when there is no moto or no boto3, which is said.
    pub(crate) fn start() -> Option<Account> {
        let moto = Moto::start()?;
        let mut boto3 = Boto3::start(&moto.endpoint_url())?;
        let vpc = boto3.call("ec2", "create_vpc", json!({"CidrBlock": "10.0.0.0/16"}));
        let group = json!({"logGroupName": "/somebody/else"});
        boto3.call("logs", "create_log_group", group);
        let role = json!({"RoleName": "a-lambda", "AssumeRolePolicyDocument": TRUST_LAMBDA});
        boto3.call("iam", "create_role", role);
        Some(Account {
            proxy: FaultProxy::start(moto.port()),
            boto3,
            vpc: vpc["Vpc"]["VpcId"].as_str().unwrap().to_owned(),
            calls: Vec::new(),
            _moto: moto,
        })
    }

    pub(crate) fn inventory(&mut self) -> Value {
        self.boto3.inventory()
    }

    /// The binary with these arguments, behind the proxy.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = vpcflow_at(&self.proxy.endpoint_url());
        command.args(arguments);
        command
    }

    fn setup_command(&self, more: &[&str]) -> Command {
        let mut command = self.command(&["setup", "--vpc", &self.vpc]);
        command.args(["--log-group", GROUP, "--yes"]).args(more);
        command
    }

    #[track_caller]
    pub(crate) fn setup(&mut self, more: &[&str]) -> Outcome {
        self.run(self.setup_command(more))
    }

    #[track_caller]
    pub(crate) fn teardown(&mut self) -> Outcome {
        self.run(self.command(&["teardown", "--log-group", GROUP, "--yes"]))
    }

    #[track_caller]
    pub(crate) fn status(&mut self, more: &[&str]) -> Outcome {
        let mut command = self.command(&["status"]);
        command.args(more);
        self.run(command)
    }

    #[track_caller]
    pub(crate) fn run_binary(&mut self, arguments: &[&str]) -> Outcome {
        self.run(self.command(arguments))
    }

    /// Runs to the end; what was to fail is forgotten then.
    #[track_caller]
    fn run(&mut self, mut command: Command) -> Outcome {
        let outcome = Outcome::of(&mut command);
        assert_eq!(
            self.proxy.unused(),
            [],
            "that did not fail:\n{}",
            outcome.stderr
        );
        self.calls = self.proxy.calls();
        self.proxy.reset();
        outcome
    }

    /// The calls of the last run, in order, each with its number among those of
    /// the same action.
    pub(crate) fn calls(&self) -> Vec<(String, usize)> {
        self.calls.clone()
    }

    /// Kills a `setup` that waits for the answer to this call, which is not
    /// carried out.
    #[track_caller]
    pub(crate) fn kill_setup_in(&self, action: &str, number: usize) {
        self.fail(action, number, Failure::NoAnswer);
        let running = Running::start(&mut self.setup_command(&[]));
        self.proxy.wait_for_call(action, number);
        running.signal("KILL");
        self.proxy.reset();
        let _ = running.finish().ends_with(-9);
    }

    /// Lets a call of the next run fail for good.
    pub(crate) fn fail(&self, action: &str, number: usize, failure: Failure) {
        self.proxy.fail(action, number, failure);
    }

    /// Lets the first attempt of a call of the next run fail.
    pub(crate) fn fail_once(&self, action: &str, number: usize, failure: Failure) {
        self.proxy.fail_once(action, number, failure);
    }

    #[track_caller]
    pub(crate) fn assert_is(&mut self, expected: &Value, when: &str) {
        let inventory = self.inventory();
        assert!(
            inventory == *expected,
            "{when}: the account is not as it was:\n{inventory:#}\nbefore:\n{expected:#}"
        );
    }

    /// Asserts that there is one of each part, and that AWS delivers.
    #[track_caller]
    pub(crate) fn assert_is_set_up(&mut self, when: &str) {
        let inventory = self.inventory();
        let numbers = ["flow_logs", "log_groups", "policies", "roles"]
            .map(|part| inventory[part].as_array().unwrap().len());
        // The log group and the role besides are somebody else's.
        assert_eq!(numbers, [1, 2, 1, 2], "{when}:\n{inventory:#}");
        assert_eq!(
            inventory["flow_logs"][0]["DeliverLogsStatus"], "SUCCESS",
            "{when}"
        );
        assert_eq!(inventory["log_groups"][1]["retentionInDays"], 30, "{when}");
        let attached = &inventory["attached"];
        let attached = attached
            .as_array()
            .unwrap()
            .iter()
            .map(|of_role| of_role.as_array());
        let attached: usize = attached.map(|of_role| of_role.unwrap().len()).sum();
        assert_eq!(attached, 1, "{when}:\n{inventory:#}");
    }

    /// Starts an instance in the VPC, which has one interface.
    pub(crate) fn add_instance(&mut self) {
        let subnet = json!({"VpcId": self.vpc, "CidrBlock": "10.0.0.0/24"});
        let subnet = self.boto3.call("ec2", "create_subnet", subnet);
        let instance = json!({
            "ImageId": "ami-12c6146b",
            "MinCount": 1,
            "MaxCount": 1,
            "SubnetId": subnet["Subnet"]["SubnetId"],
        });
        self.boto3.call("ec2", "run_instances", instance);
    }

    fn interface(&mut self) -> String {
        let in_vpc = json!({"Filters": [{"Name": "vpc-id", "Values": [self.vpc]}]});
        let interfaces = self
            .boto3
            .call("ec2", "describe_network_interfaces", in_vpc);
        let id = &interfaces["NetworkInterfaces"][0]["NetworkInterfaceId"];
        id.as_str().unwrap().to_owned()
    }

    /// Delivers a record of three minutes ago, as the service would.
    pub(crate) fn deliver(&mut self, group: &str) {
        let interface = self.interface();
        let time_ms = now_ms() - 190_000;
        let message = record(&interface, "192.0.2.1", "ACCEPT", 7, time_ms);
        let stream = json!({"logGroupName": group, "logStreamName": format!("{interface}-all")});
        self.boto3.call("logs", "create_log_stream", stream.clone());
        let mut events = stream;
        events["logEvents"] = json!([{"timestamp": time_ms, "message": message}]);
        self.boto3.call("logs", "put_log_events", events);
    }

    /// Three things that go wrong in real accounts.
    pub(crate) fn spoil(&mut self) {
        self.detach_policy();
        let group = json!({"logGroupName": GROUP});
        self.boto3.call("logs", "delete_retention_policy", group);
        let interface = self.interface();
        let flow_log = json!({
            "ResourceIds": [interface],
            "ResourceType": "NetworkInterface",
            "TrafficType": "REJECT",
            "LogGroupName": "/somebody/else",
            "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/a-lambda",
        });
        self.boto3.call("ec2", "create_flow_logs", flow_log);
    }

    /// A flow log of somebody else's, with what vpcflow made.
    pub(crate) fn add_their_flow_log(&mut self) {
        let interface = self.interface();
        let in_vpc = json!({"NetworkInterfaceIds": [interface]});
        let interface = self
            .boto3
            .call("ec2", "describe_network_interfaces", in_vpc);
        let subnet = &interface["NetworkInterfaces"][0]["SubnetId"];
        let role = json!({"RoleName": self.role_name()});
        let role = self.boto3.call("iam", "get_role", role);
        let flow_log = json!({
            "ResourceIds": [subnet],
            "ResourceType": "Subnet",
            "TrafficType": "ALL",
            "LogGroupName": GROUP,
            "DeliverLogsPermissionArn": role["Role"]["Arn"],
        });
        self.boto3.call("ec2", "create_flow_logs", flow_log);
    }

    pub(crate) fn delete_their_flow_logs(&mut self) {
        let flow_logs = self.inventory()["flow_logs"].take();
        let theirs = |flow_log: &&Value| flow_log["Tags"].as_array().is_none_or(Vec::is_empty);
        let ids: Vec<&Value> = flow_logs
            .as_array()
            .unwrap()
            .iter()
            .filter(theirs)
            .map(|flow_log| &flow_log["FlowLogId"])
            .collect();
        let ids = json!({"FlowLogIds": ids});
        self.boto3.call("ec2", "delete_flow_logs", ids);
    }

    /// The name of the role that vpcflow made.
    pub(crate) fn role_name(&mut self) -> String {
        let roles = self
            .boto3
            .call("iam", "list_roles", json!({"PathPrefix": "/vpcflow/"}));
        roles["Roles"][0]["RoleName"].as_str().unwrap().to_owned()
    }

    pub(crate) fn detach_policy(&mut self) {
        let role = self.role_name();
        let of_role = json!({"RoleName": role});
        let attached = self
            .boto3
            .call("iam", "list_attached_role_policies", of_role);
        let arn = &attached["AttachedPolicies"][0]["PolicyArn"];
        let policy = json!({"RoleName": role, "PolicyArn": arn});
        self.boto3.call("iam", "detach_role_policy", policy);
    }

    pub(crate) fn distrust(&mut self) {
        let role = self.role_name();
        let trust = json!({"RoleName": role, "PolicyDocument": TRUST_LAMBDA});
        self.boto3.call("iam", "update_assume_role_policy", trust);
    }

    pub(crate) fn delete_role(&mut self) {
        self.detach_policy();
        let role = self.role_name();
        self.boto3
            .call("iam", "delete_role", json!({"RoleName": role}));
    }
}
