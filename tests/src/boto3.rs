//! AWS through boto3: a client that is not ours.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::REGION;

const SCRIPT: &str = include_str!("boto3.py");
/// Names the Python that has boto3, instead of `python3` from `PATH`.
const PYTHON_VARIABLE: &str = "VPCFLOW_PYTHON";
/// As for moto itself: when set, nothing may be missing.
const REQUIRED_VARIABLE: &str = "VPCFLOW_REQUIRE_MOTO";

/// A Python process that makes calls with boto3. It ends when dropped.
#[derive(Debug)]
pub struct Boto3 {
    process: Child,
    calls: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Boto3 {
    /// Starts the process, for a server at this address. `None` when there is
    /// no Python with boto3: the reason is on standard error, and the test
    /// should return.
    ///
    /// # Panics
    ///
    /// When there is none although `VPCFLOW_REQUIRE_MOTO` is set.
    #[must_use]
    pub fn start(endpoint_url: &str) -> Option<Boto3> {
        let python = env::var_os(PYTHON_VARIABLE).unwrap_or_else(|| "python3".into());
        let mut command = Command::new(&python);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("AWS_") {
                command.env_remove(name);
            }
        }
        let process = command
            .args(["-c", SCRIPT])
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ENDPOINT_URL", endpoint_url)
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let boto3 = process.ok().and_then(Boto3::greeted);
        if boto3.is_none() {
            skip(&python.to_string_lossy());
        }
        boto3
    }

    /// Waits for the script to say that boto3 is there.
    fn greeted(mut process: Child) -> Option<Boto3> {
        let calls = process.stdin.take()?;
        let replies = BufReader::new(process.stdout.take()?);
        let mut boto3 = Boto3 {
            process,
            calls,
            replies,
        };
        (boto3.line() == "ready\n").then_some(boto3)
    }

    /// Makes a call, such as `ec2`, `create_vpc`, and returns its result.
    ///
    /// # Panics
    ///
    /// When the call fails.
    #[track_caller]
    pub fn call(&mut self, service: &str, operation: &str, parameters: Value) -> Value {
        let call = json!({"service": service, "operation": operation, "parameters": parameters});
        writeln!(self.calls, "{call}").expect("boto3 takes calls");
        let reply = self.line();
        let reply: Value = serde_json::from_str(&reply).expect("boto3 replies");
        match &reply["result"] {
            Value::Null => panic!("{call}: {}", reply["error"]),
            result => result.clone(),
        }
    }

    /// Everything in the account that a set-up could make or change.
    ///
    /// # Panics
    ///
    /// When it cannot be read.
    #[must_use]
    #[track_caller]
    pub fn inventory(&mut self) -> Value {
        let mut call = |service, operation, parameters, key: &str| {
            self.call(service, operation, parameters)[key].take()
        };
        let roles = call("iam", "list_roles", json!({}), "Roles");
        let attached: Vec<Value> = roles
            .as_array()
            .into_iter()
            .flatten()
            .map(|role| {
                let role = json!({"RoleName": role["RoleName"]});
                let operation = "list_attached_role_policies";
                call("iam", operation, role, "AttachedPolicies")
            })
            .collect();
        json!({
            "flow_logs": call("ec2", "describe_flow_logs", json!({}), "FlowLogs"),
            "log_groups": call("logs", "describe_log_groups", json!({}), "logGroups"),
            "policies": call("iam", "list_policies", json!({"Scope": "Local"}), "Policies"),
            "roles": roles,
            "attached": attached,
        })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.replies
            .read_line(&mut line)
            .expect("boto3's replies are UTF-8");
        line
    }
}

impl Drop for Boto3 {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(python: &str) {
    assert!(
        env::var_os(REQUIRED_VARIABLE).is_none(),
        "{REQUIRED_VARIABLE} is set, but `{python}` has no boto3: \
         install it with `pip install boto3` or name another Python in {PYTHON_VARIABLE}"
    );
    eprintln!("skipped: `{python}` has no boto3 ({PYTHON_VARIABLE} can name another Python)");
}
