//! Times `parse_aws_vpc_flow_log` of the Vector Remap Language on a file of
//! version-2 records and prints what it found, for `scripts/bench-peers`.
//!
//! Argument: the file. The function is compiled once and resolved for each line,
//! as Vector does for each event. Each record is summed and dropped, which is
//! kinder than what the other readers are asked for: to hold all in memory.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;
use std::{env, fs};

use vrl::compiler::state::RuntimeState;
use vrl::compiler::{Context, Function, Program, TargetValue, TimeZone, compile};
use vrl::stdlib::ParseAwsVpcFlowLog;
use vrl::value::{Secrets, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("name a file")?;
    let text = fs::read_to_string(path)?;
    let functions: [Box<dyn Function>; 1] = [Box::new(ParseAwsVpcFlowLog)];
    let program = compile("parse_aws_vpc_flow_log!(.message)", &functions)
        .map_err(|diagnostics| format!("{diagnostics:?}"))?
        .program;
    let start = Instant::now();
    let (mut rows, mut bytes) = (0_u64, 0_i64);
    for line in text.lines() {
        rows += 1;
        bytes += parse(&program, line)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{}",
        serde_json::json!({"seconds": seconds, "rows": rows, "bytes": bytes})
    );
    Ok(())
}

/// The field `bytes` of a record; NULL counts for nothing.
fn parse(program: &Program, line: &str) -> Result<i64, Box<dyn Error>> {
    let mut target = TargetValue {
        value: Value::Object(BTreeMap::from([("message".into(), Value::from(line))])),
        metadata: Value::Object(BTreeMap::new()),
        secrets: Secrets::default(),
    };
    let (mut state, timezone) = (RuntimeState::default(), TimeZone::default());
    let mut context = Context::new(&mut target, &mut state, &timezone);
    let record = program.resolve(&mut context)?;
    match record.as_object().and_then(|record| record.get("bytes")) {
        Some(Value::Integer(bytes)) => Ok(*bytes),
        Some(Value::Null) => Ok(0),
        other => Err(format!("`bytes` is {other:?} in `{line}`").into()),
    }
}
