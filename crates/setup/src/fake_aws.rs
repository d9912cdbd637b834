//! For tests: the few calls of AWS that this crate makes, answered in memory,
//! with failures at any of them.
//!
//! It stands behind the SDK's HTTP client, so that requests are signed, sent,
//! repeated and read as ever, but no socket is opened and no time passes.
//! It knows what emulators do not: a role that cannot be assumed yet, refusals
//! inside of a success, two flow logs that clash, deliveries that fail.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::config::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;

use crate::Provisioner;

mod ec2;
mod iam;
mod logs;

pub(crate) use ec2::FlowLogState;
pub(crate) use iam::{PolicyState, RoleState};
pub(crate) use logs::GroupState;

pub(crate) const ACCOUNT: &str = "123456789012";

/// What becomes of a call in place of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// AWS refuses the call with this code and message.
    Refused(&'static str, &'static str),
    /// CreateFlowLogs succeeds, but each item is refused so.
    Unsuccessful(&'static str, &'static str),
    /// The connection breaks before the call is carried out.
    Dropped,
    /// The call is carried out, but its answer is lost.
    AnswerLost,
    /// No answer ever comes.
    Silent,
}

impl Fault {
    /// As every service of AWS refuses those who may not.
    pub(crate) const DENIED: Fault =
        Fault::Refused("AccessDenied", "User me is not authorized to do this");
}

/// The account.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) resources: Vec<String>,
    pub(crate) roles: BTreeMap<String, RoleState>,
    pub(crate) policies: BTreeMap<String, PolicyState>,
    pub(crate) groups: BTreeMap<String, GroupState>,
    pub(crate) flow_logs: BTreeMap<String, FlowLogState>,
    flow_logs_made: usize,
    /// Attempts until a role can be assumed.
    pub(crate) role_attempts: usize,
    /// Whether two flow logs of one resource and group clash whatever their
    /// settings are.
    pub(crate) takes_one_a_group: bool,
    /// Whether the caller may not have the `ecs-*` fields.
    pub(crate) lacks_ecs: bool,
    /// What DescribeFlowLogs says of deliveries, one word a call; `SUCCESS`
    /// when there is none left.
    pub(crate) deliveries: VecDeque<&'static str>,
    faults: Vec<PlannedFault>,
    calls: Vec<String>,
    /// Bodies to answer with in place of what the account says, by action.
    written: BTreeMap<String, VecDeque<String>>,
}

struct PlannedFault {
    action: String,
    fault: Fault,
    /// Calls that do not fail yet.
    spared: usize,
    times: usize,
}

/// An account in memory. Clones are the same account.
#[derive(Clone)]
pub(crate) struct FakeAws(Arc<Mutex<State>>);

/// A reply to a call: status and body.
pub(crate) type Reply = (u16, String);

impl FakeAws {
    /// An account with these VPCs, subnets and interfaces, and nothing else.
    pub(crate) fn new(resources: &[&str]) -> FakeAws {
        FakeAws(Arc::new(Mutex::new(State {
            resources: resources.iter().map(|id| (*id).to_owned()).collect(),
            ..State::default()
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Fails the next calls of this action.
    pub(crate) fn fail(&self, action: &str, fault: Fault, times: usize) {
        self.fail_after(0, action, fault, times);
    }

    /// Fails calls of this action, but not the first ones.
    pub(crate) fn fail_after(&self, spared: usize, action: &str, fault: Fault, times: usize) {
        let action = action.to_owned();
        self.state().faults.push(PlannedFault {
            action,
            fault,
            spared,
            times,
        });
    }

    /// From here on, nothing fails.
    pub(crate) fn heal(&self) {
        self.state().faults.clear();
    }

    /// Answers the next calls of this action with these bodies, one a call.
    pub(crate) fn answer_with(&self, action: &str, bodies: &[&str]) {
        let bodies = bodies.iter().map(|body| (*body).to_owned());
        let mut state = self.state();
        let written = state.written.entry(action.to_owned()).or_default();
        written.extend(bodies);
    }

    /// Every action called so far, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    pub(crate) fn forget_calls(&self) {
        self.state().calls.clear();
    }

    /// Everything that a set-up can make, by kind and name.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let state = self.state();
        let roles = state.roles.iter().map(|(name, role)| {
            let attached = role.attached.join(", ");
            format!("role {name} with [{attached}]")
        });
        let policies = state.policies.keys().map(|arn| format!("policy {arn}"));
        let groups = state.groups.keys().map(|name| format!("log group {name}"));
        let flow_logs = state
            .flow_logs
            .iter()
            .map(|(id, flow_log)| format!("flow log {id} of {}", flow_log.resource_id));
        roles
            .chain(policies)
            .chain(groups)
            .chain(flow_logs)
            .collect()
    }

    pub(crate) fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(30))
            .operation_timeout(Duration::from_secs(120))
            .build();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url("http://aws.test")
            .timeout_config(timeouts)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.clone())
            .sleep_impl(NoTime)
            .build()
    }

    pub(crate) fn provisioner(&self) -> Provisioner {
        Provisioner::new(&self.config()).unwrap()
    }
}

/// Waiting takes no time: what is answered is answered before any time-out, and
/// what is not times out at once.
#[derive(Debug)]
struct NoTime;

impl AsyncSleep for NoTime {
    fn sleep(&self, _: Duration) -> Sleep {
        Sleep::new(std::future::ready(()))
    }
}

impl fmt::Debug for FakeAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeAws")
    }
}

impl HttpClient for FakeAws {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let target = request.headers().get("x-amz-target").map(str::to_owned);
        let mut state = self.state();
        let call = Call::read(target.as_deref(), &body);
        state.calls.push(call.action.clone());
        let reply = match state.fault_of(&call.action) {
            None => state.answer(&call),
            Some(Fault::Refused(code, message)) => call.refusal(code, message),
            Some(Fault::Unsuccessful(code, message)) => ec2::unsuccessful(&call, code, message),
            Some(Fault::AnswerLost) => {
                state.answer(&call);
                return HttpConnectorFuture::ready(Err(broken()));
            }
            Some(Fault::Dropped) => return HttpConnectorFuture::ready(Err(broken())),
            Some(Fault::Silent) => return HttpConnectorFuture::new(std::future::pending()),
        };
        let status = StatusCode::try_from(reply.0).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, reply.1.into())))
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io("connection reset by peer".into())
}

impl State {
    fn fault_of(&mut self, action: &str) -> Option<Fault> {
        let mut faults = self.faults.iter_mut();
        let planned = faults.find(|fault| fault.action == action && fault.times > 0)?;
        if planned.spared > 0 {
            planned.spared -= 1;
            return None;
        }
        planned.times -= 1;
        Some(planned.fault)
    }

    fn answer(&mut self, call: &Call) -> Reply {
        let written = self.written.get_mut(&call.action);
        if let Some(body) = written.and_then(VecDeque::pop_front) {
            return (200, body);
        }
        match call.service {
            "sts" => query_reply(
                "GetCallerIdentity",
                &format!(
                    "<Arn>arn:aws:iam::{ACCOUNT}:user/me</Arn><UserId>me</UserId>\
                     <Account>{ACCOUNT}</Account>"
                ),
            ),
            "ec2" => self.ec2(call),
            "iam" => self.iam(call),
            _ => self.logs(call),
        }
    }
}

/// One call, read from its request.
pub(crate) struct Call {
    service: &'static str,
    /// Such as `ec2:CreateFlowLogs`.
    action: String,
    /// The form's fields, decoded; empty for CloudWatch Logs.
    form: BTreeMap<String, String>,
    json: serde_json::Value,
}

impl Call {
    fn read(target: Option<&str>, body: &str) -> Call {
        if let Some(target) = target {
            let name = target.rsplit('.').next().unwrap();
            return Call {
                service: "logs",
                action: format!("logs:{name}"),
                form: BTreeMap::new(),
                json: serde_json::from_str(body).unwrap(),
            };
        }
        let form: BTreeMap<String, String> = body
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (decoded(key), decoded(value)))
            .collect();
        let service = match form["Version"].as_str() {
            "2016-11-15" => "ec2",
            "2010-05-08" => "iam",
            _ => "sts",
        };
        Call {
            service,
            action: format!("{service}:{}", form["Action"]),
            form,
            json: serde_json::Value::Null,
        }
    }

    fn name(&self) -> &str {
        self.action.split(':').nth(1).unwrap()
    }

    fn get(&self, key: &str) -> &str {
        self.form.get(key).map_or("", String::as_str)
    }

    /// The values of `PREFIX.1`, `PREFIX.2` and so on.
    fn list(&self, prefix: &str) -> Vec<String> {
        let value = |number| self.form.get(&format!("{prefix}.{number}")).cloned();
        (1..).map_while(value).collect()
    }

    /// The tags below a prefix.
    fn tags(&self, prefix: &str) -> BTreeMap<String, String> {
        let tag = |number| {
            let value = |part: &str| self.form.get(&format!("{prefix}.{number}.{part}")).cloned();
            Some((value("Key")?, value("Value").unwrap_or_default()))
        };
        (1..).map_while(tag).collect()
    }

    fn refusal(&self, code: &str, message: &str) -> Reply {
        match self.service {
            "ec2" => ec2::refusal(code, message),
            "logs" => logs::refusal(code, message),
            _ => iam::refusal(code, message),
        }
    }
}

fn decoded(text: &str) -> String {
    let bytes = crate::documents::percent_decode(&text.replace('+', " ")).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A success of IAM or STS.
fn query_reply(action: &str, result: &str) -> Reply {
    (
        200,
        format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"),
    )
}

/// Text as XML takes it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
