//! `server_port`.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::arrow::array::{ArrayRef, Int32Array};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use crate::arguments::{Arguments, integer};
use crate::function::{Function, document, signature, unchecked};
use crate::iana;

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "server_port",
        signature: signature(vec![integer(), integer()]),
        returns: DataType::Int32,
        document: document(
            "server_port(srcport, dstport)",
            "Which of two ports is the server's, whichever way the packets went: the one below \
             1024, else the one below 32768, where Linux takes the ports of clients from, else the \
             one where IANA lists a service, else the lower one. A guess, since records do not \
             tell; NULL where both are 0, as of ICMP.",
            "server_port(443, 51234) = 443",
        ),
        check: unchecked,
        compute,
    }
    .udf()
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (sources, destinations) = (arguments.integers(0)?, arguments.integers(1)?);
    let ports = sources.iter().zip(destinations.iter());
    let servers: Int32Array = ports
        .map(|(source, destination)| server(source?, destination?))
        .collect();
    Ok(Arc::new(servers))
}

fn server(source: i64, destination: i64) -> Option<i32> {
    if source == 0 && destination == 0 {
        return None;
    }
    let (lower, upper) = (source.min(destination), source.max(destination));
    let reserved = lower < 1024 || (lower < 32768) != (upper < 32768);
    let listed = |port| iana::service(port, None).is_some();
    let port = if !reserved && listed(upper) && !listed(lower) {
        upper
    } else {
        lower
    };
    i32::try_from(port).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_found_from_both_sides() {
        for (client, port) in [
            (51234, 443),
            (1025, 22),
            (40000, 8080),
            (2000, 53),
            (5433, 5432),
            (1026, 3389),
        ] {
            assert_eq!(server(client, port), server(port, client));
            assert_eq!(server(client, port), Some(server(port, client).unwrap()));
        }
        assert_eq!(server(51234, 443), Some(443));
        assert_eq!(server(1023, 22), Some(22));
        // Both are registered, so the lower; then only the upper is.
        assert_eq!(server(5433, 5432), Some(5432));
        assert_eq!(server(6378, 6379), Some(6379));
        assert_eq!(server(50000, 60000), Some(50000));
        assert_eq!(server(0, 0), None);
        assert_eq!(server(0, 8), Some(0));
    }
}
