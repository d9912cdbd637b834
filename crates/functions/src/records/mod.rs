//! Functions of what else a record has: ports, protocol, flags, paths, tags.

mod community_id;
mod percent_decode;
mod port_service;
mod protocol_name;
mod server_port;
mod tcp_flags;
mod traffic_path_name;

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::arrow::array::{ArrayRef, StringViewArray};
use datafusion_expr::ScalarUDF;

use crate::arguments::Arguments;

/// All of them.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    vec![
        community_id::udf(),
        tcp_flags::has_tcp_flag(),
        percent_decode::udf(),
        port_service::udf(),
        protocol_name::udf(),
        server_port::udf(),
        tcp_flags::tcp_flags_text(),
        traffic_path_name::udf(),
    ]
}

/// The name of the number in the first argument.
fn name_of(
    arguments: &Arguments<'_>,
    name: impl Fn(i64) -> Option<&'static str>,
) -> Result<ArrayRef> {
    let numbers = arguments.integers(0)?;
    let names: StringViewArray = numbers
        .iter()
        .map(|number| number.and_then(&name))
        .collect();
    Ok(Arc::new(names))
}
