//! The delivery roles: whether they exist, whom they trust, what they may do.

use std::collections::BTreeMap;

use super::super::{Check, Facts, RoleFacts, Sight, Topic};
use super::some_of;
use crate::account::name_of_arn;
use crate::documents::FLOW_LOGS_SERVICE;
use crate::evaluate::{Answer, Request, evaluate};
use crate::flow_logs::FlowLog;

/// What a role must be allowed for records to arrive at all.
const NEEDED: [&str; 3] = [
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:PutLogEvents",
];
/// What AWS asks for besides, and what happens to work without:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html>.
const ASKED_FOR: [&str; 2] = ["logs:CreateLogGroup", "logs:DescribeLogGroups"];

/// A role, and one of the flow logs that deliver with it to a log group.
struct Use<'a> {
    facts: &'a Facts,
    role: &'a RoleFacts,
    name: &'a str,
    flow_log: &'a FlowLog,
}

/// One of each check for each role and log group, however many flow logs there
/// are.
pub(super) fn roles(facts: &Facts) -> Vec<Check> {
    let mut uses: BTreeMap<(Option<&str>, &str), &FlowLog> = BTreeMap::new();
    for flow_log in &facts.flow_logs {
        let key = (flow_log.role_arn.as_deref(), flow_log.log_group.as_str());
        uses.entry(key).or_insert(flow_log);
    }
    let mut checks = Vec::new();
    for ((arn, _), flow_log) in uses {
        let Some(arn) = arn else {
            checks.push(without_role(flow_log));
            continue;
        };
        let name = name_of_arn(arn);
        match facts.roles.get(arn) {
            None | Some(Sight::Unseen) => {}
            Some(Sight::Absent) => checks.push(missing_role(facts, name, flow_log)),
            Some(Sight::Seen(role)) => {
                let of_role = Use {
                    facts,
                    role,
                    name,
                    flow_log,
                };
                checks.push(Check::ok(Topic::Role, name, "exists"));
                checks.push(of_role.trust());
                checks.extend(of_role.permissions());
            }
        }
    }
    checks
}

fn without_role(flow_log: &FlowLog) -> Check {
    Check::problem(
        Topic::Role,
        &flow_log.id,
        "it has no role to deliver with",
        "delete it and make one anew with `vpcflow setup`",
    )
}

fn missing_role(facts: &Facts, name: &str, flow_log: &FlowLog) -> Check {
    let finding = format!("{} delivers with it, but it does not exist", flow_log.id);
    let fix = if flow_log.tags.is_managed() {
        format!("`{}` makes it again", facts.setup_command(flow_log))
    } else {
        "make the role again, under the same name and path".to_owned()
    };
    Check::problem(Topic::Role, name, finding, fix)
}

impl Use<'_> {
    fn trust(&self) -> Check {
        match self.may_assume(self.facts.account.id(), &self.flow_log.id) {
            Answer::Denied => Check::problem(
                Topic::Trust,
                self.name,
                format!(
                    "its trust policy does not let `{FLOW_LOGS_SERVICE}` assume it for {}",
                    self.flow_log.id
                ),
                self.trust_fix(),
            ),
            Answer::Unclear => Check::warning(
                Topic::Trust,
                self.name,
                "its trust policy has conditions that only AWS can judge",
                format!("check that it lets `{FLOW_LOGS_SERVICE}` assume the role"),
            ),
            Answer::Allowed => self.strangers(),
        }
    }

    /// Whether a flow log of another account could borrow the role:
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>.
    fn strangers(&self) -> Check {
        const STRANGER: &str = "000000000000";
        match self.may_assume(STRANGER, "fl-0") {
            Answer::Allowed => Check::warning(
                Topic::Trust,
                self.name,
                "its trust policy holds for the flow logs of every account (no \
                 `aws:SourceAccount`, no `aws:SourceArn`)",
                self.trust_fix(),
            ),
            Answer::Denied | Answer::Unclear => Check::ok(
                Topic::Trust,
                self.name,
                "the flow logs service may assume it, for this account only",
            ),
        }
    }

    fn may_assume(&self, account_id: &str, flow_log_id: &str) -> Answer {
        let (partition, region) = (self.facts.account.partition(), self.facts.account.region());
        let arn = format!("arn:{partition}:ec2:{region}:{account_id}:vpc-flow-log/{flow_log_id}");
        let request = Request {
            action: "sts:AssumeRole",
            resource: None,
            service: Some(FLOW_LOGS_SERVICE),
            context: &[("aws:SourceAccount", account_id), ("aws:SourceArn", &arn)],
        };
        evaluate(std::slice::from_ref(&self.role.trust), request)
    }

    fn trust_fix(&self) -> String {
        if self.role.is_managed {
            format!(
                "`{}` puts it right",
                self.facts.setup_command(self.flow_log)
            )
        } else {
            format!(
                "let the role trust `{FLOW_LOGS_SERVICE}`, with `aws:SourceAccount` = `{}`",
                self.facts.account.id()
            )
        }
    }

    fn permissions(&self) -> Option<Check> {
        let policies = self.role.policies.as_ref()?;
        let group = &self.flow_log.log_group;
        let refused = |actions: &[&'static str], answer: Answer| -> Vec<&str> {
            let is_so = |action: &&str| self.may(policies, action) == answer;
            actions.iter().copied().filter(is_so).collect()
        };
        let needed = refused(&NEEDED, Answer::Denied);
        let asked_for = refused(&ASKED_FOR, Answer::Denied);
        let unclear = refused(&NEEDED, Answer::Unclear);
        Some(if !needed.is_empty() {
            let finding = format!("may not {} on {group}", some_of(&needed));
            Check::problem(
                Topic::Permissions,
                self.name,
                finding,
                self.permissions_fix(),
            )
        } else if !unclear.is_empty() {
            Check::warning(
                Topic::Permissions,
                self.name,
                format!(
                    "whether it may {} on {group} depends on conditions",
                    some_of(&unclear)
                ),
                "check the conditions and variables in the policies of the role",
            )
        } else if !asked_for.is_empty() {
            let finding = format!("may not {}, which AWS asks for", some_of(&asked_for));
            Check::warning(
                Topic::Permissions,
                self.name,
                finding,
                self.permissions_fix(),
            )
        } else {
            Check::ok(
                Topic::Permissions,
                self.name,
                format!("may write to {group}"),
            )
        })
    }

    /// What both the policies and the boundary allow. Policies of the
    /// organization cannot be looked at from here.
    fn may(&self, policies: &[serde_json::Value], action: &str) -> Answer {
        let resource = self.resource_of(action);
        let request = Request {
            action,
            resource: Some(&resource),
            service: None,
            context: &[],
        };
        let by_policies = evaluate(policies, request);
        let by_boundary = match &self.role.boundary {
            Some(document) => evaluate(std::slice::from_ref(document), request),
            None => Answer::Allowed,
        };
        match (by_policies, by_boundary) {
            (Answer::Denied, _) | (_, Answer::Denied) => Answer::Denied,
            (Answer::Allowed, Answer::Allowed) => Answer::Allowed,
            _ => Answer::Unclear,
        }
    }

    /// The ARN that CloudWatch Logs asks about, which goes on after the name of
    /// the log group: a policy with `…:NAME` alone, without `:*`, allows
    /// nothing.
    fn resource_of(&self, action: &str) -> String {
        let group = match action {
            "logs:DescribeLogGroups" => "",
            _ => &self.flow_log.log_group,
        };
        let stream = match action {
            "logs:PutLogEvents" => "eni-0-all",
            _ => "",
        };
        let group_arn = self.facts.account.log_group_arn(group);
        format!("{group_arn}:log-stream:{stream}")
    }

    fn permissions_fix(&self) -> String {
        if self.role.is_managed {
            format!(
                "`{}` puts it right",
                self.facts.setup_command(self.flow_log)
            )
        } else {
            let arn = self.facts.account.log_group_arn(&self.flow_log.log_group);
            format!("allow the role that on `{arn}:*` (the ARN has to end in `:*`)")
        }
    }
}
