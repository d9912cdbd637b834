//! The flow logs of the account, and what they watch.

use std::collections::BTreeMap;

use super::{Call, Reply, State, escaped};

#[derive(Clone, Default, Debug, PartialEq)]
pub(crate) struct FlowLogState {
    pub(crate) resource_id: String,
    pub(crate) log_group: String,
    pub(crate) role_arn: String,
    pub(crate) traffic: String,
    pub(crate) interval: String,
    pub(crate) log_format: String,
    pub(crate) tags: BTreeMap<String, String>,
}

impl State {
    pub(super) fn ec2(&mut self, call: &Call) -> Reply {
        match call.name() {
            "CreateFlowLogs" => self.create_flow_logs(call),
            "DescribeFlowLogs" => self.describe_flow_logs(call),
            "DeleteFlowLogs" => self.delete_flow_logs(call),
            "CreateTags" => {
                let flow_log = self.flow_logs.get_mut(call.get("ResourceId.1"));
                flow_log.unwrap().tags.extend(call.tags("Tag"));
                reply("CreateTags", "<return>true</return>")
            }
            "DescribeVpcs" => self.describe(call, "vpc-", "vpcSet", "vpcId"),
            "DescribeSubnets" => self.describe(call, "subnet-", "subnetSet", "subnetId"),
            "DescribeNetworkInterfaces" => {
                self.describe(call, "eni-", "networkInterfaceSet", "networkInterfaceId")
            }
            other => panic!("{other} is not faked"),
        }
    }

    fn describe(&self, call: &Call, prefix: &str, set: &str, id_field: &str) -> Reply {
        let wanted = call.list("Filter.1.Value");
        let is_tag = call.get("Filter.1.Name").starts_with("tag");
        let items: String = self
            .resources
            .iter()
            .filter(|id| id.starts_with(prefix) && (is_tag || wanted.contains(id)))
            .map(|id| format!("<item><{id_field}>{id}</{id_field}></item>"))
            .collect();
        reply(call.name(), &format!("<{set}>{items}</{set}>"))
    }

    fn create_flow_logs(&mut self, call: &Call) -> Reply {
        let role_arn = call.get("DeliverLogsPermissionArn");
        let role_exists = self.roles.values().any(|role| role.arn == role_arn);
        if self.role_attempts > 0 || !role_exists {
            self.role_attempts = self.role_attempts.saturating_sub(1);
            let message = format!("Unable to assume given IAM role: '{role_arn}'");
            return refusal("InvalidParameter", &message);
        }
        let log_format = call.get("LogFormat");
        if self.lacks_ecs && log_format.contains("ecs-") {
            let message = "Caller is not authorized to obtain ECS field(s). A minimum of 1 ECS \
                           Cluster is required";
            return refusal("InvalidParameter", message);
        }
        let (mut ids, mut refused) = (String::new(), String::new());
        for resource_id in call.list("ResourceId") {
            if !self.resources.contains(&resource_id) {
                refused += &item_refusal(&resource_id, "InvalidVpcID.NotFound", "no such id");
                continue;
            }
            let flow_log = FlowLogState {
                resource_id: resource_id.clone(),
                log_group: call.get("LogGroupName").to_owned(),
                role_arn: role_arn.to_owned(),
                traffic: call.get("TrafficType").to_owned(),
                interval: call.get("MaxAggregationInterval").to_owned(),
                log_format: log_format.to_owned(),
                tags: call.tags("TagSpecification.1.Tag"),
            };
            if self
                .flow_logs
                .values()
                .any(|other| self.clash(other, &flow_log))
            {
                let message = "There is an existing Flow Log with the same configuration and log \
                               destination";
                refused += &item_refusal(&resource_id, "FlowLogAlreadyExists", message);
                continue;
            }
            self.flow_logs_made += 1;
            let id = format!("fl-{}", self.flow_logs_made);
            ids += &format!("<item>{id}</item>");
            self.flow_logs.insert(id, flow_log);
        }
        let content =
            format!("<flowLogIdSet>{ids}</flowLogIdSet><unsuccessful>{refused}</unsuccessful>");
        reply("CreateFlowLogs", &content)
    }

    fn clash(&self, one: &FlowLogState, other: &FlowLogState) -> bool {
        let settings = |log: &FlowLogState| {
            let log = log.clone();
            (log.traffic, log.interval, log.log_format)
        };
        one.resource_id == other.resource_id
            && one.log_group == other.log_group
            && (self.takes_one_a_group || settings(one) == settings(other))
    }

    fn describe_flow_logs(&mut self, call: &Call) -> Reply {
        let wanted = call.list("Filter.1.Value");
        let filter = call.get("Filter.1.Name");
        let delivery = if filter == "flow-log-id" {
            self.deliveries.pop_front().unwrap_or("SUCCESS")
        } else {
            "SUCCESS"
        };
        let items: String = self
            .flow_logs
            .iter()
            .filter(|(id, log)| match filter {
                "log-group-name" => wanted.contains(&log.log_group),
                "flow-log-id" => wanted.contains(id),
                "resource-id" => wanted.contains(&log.resource_id),
                _ => true,
            })
            .map(|(id, log)| flow_log_text(id, log, delivery))
            .collect();
        reply(
            "DescribeFlowLogs",
            &format!("<flowLogSet>{items}</flowLogSet>"),
        )
    }

    fn delete_flow_logs(&mut self, call: &Call) -> Reply {
        let mut refused = String::new();
        for id in call.list("FlowLogId") {
            if self.flow_logs.remove(&id).is_none() {
                refused += &item_refusal(&id, "InvalidFlowLogId.NotFound", "no such flow log");
            }
        }
        reply(
            "DeleteFlowLogs",
            &format!("<unsuccessful>{refused}</unsuccessful>"),
        )
    }
}

fn flow_log_text(id: &str, log: &FlowLogState, delivery: &str) -> String {
    let tag = |(key, value): (&String, &String)| {
        let (key, value) = (escaped(key), escaped(value));
        format!("<item><key>{key}</key><value>{value}</value></item>")
    };
    let tags: String = log.tags.iter().map(tag).collect();
    // The reason stands in place of the status when it fails.
    let delivery = match delivery {
        "SUCCESS" => "<deliverLogsStatus>SUCCESS</deliverLogsStatus>".to_owned(),
        "" => String::new(),
        reason => format!(
            "<deliverLogsStatus>FAILED</deliverLogsStatus>\
             <deliverLogsErrorMessage>{reason}</deliverLogsErrorMessage>"
        ),
    };
    let log_format = match log.log_format.as_str() {
        "" => vpcflow_record::Format::default().to_log_format(),
        text => text.to_owned(),
    };
    format!(
        "<item><flowLogId>{id}</flowLogId><resourceId>{}</resourceId>\
         <logGroupName>{}</logGroupName><trafficType>{}</trafficType>\
         <deliverLogsPermissionArn>{}</deliverLogsPermissionArn>\
         <maxAggregationInterval>{}</maxAggregationInterval>\
         <logFormat>{log_format}</logFormat>{delivery}<tagSet>{tags}</tagSet></item>",
        log.resource_id, log.log_group, log.traffic, log.role_arn, log.interval
    )
}

/// A success in which every resource is refused.
pub(super) fn unsuccessful(call: &Call, code: &str, message: &str) -> Reply {
    let ids = call.list("ResourceId");
    let refused: String = ids
        .iter()
        .map(|id| item_refusal(id, code, message))
        .collect();
    reply(
        call.name(),
        &format!("<unsuccessful>{refused}</unsuccessful>"),
    )
}

fn item_refusal(id: &str, code: &str, message: &str) -> String {
    format!(
        "<item><resourceId>{id}</resourceId><error><code>{code}</code>\
         <message>{message}</message></error></item>"
    )
}

fn reply(action: &str, content: &str) -> Reply {
    (
        200,
        format!("<{action}Response>{content}</{action}Response>"),
    )
}

pub(super) fn refusal(code: &str, message: &str) -> Reply {
    let code = match code {
        "AccessDenied" => "UnauthorizedOperation",
        other => other,
    };
    let error = format!("<Code>{code}</Code><Message>{}</Message>", escaped(message));
    let status = if code == "UnauthorizedOperation" {
        403
    } else {
        400
    };
    (
        status,
        format!("<Response><Errors><Error>{error}</Error></Errors></Response>"),
    )
}
