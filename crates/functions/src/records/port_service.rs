//! `port_service`.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::arrow::array::{ArrayRef, StringViewArray};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use super::name_of;
use crate::arguments::{Arguments, integer};
use crate::function::{Function, document, signatures, unchecked};
use crate::iana;

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "port_service",
        signature: signatures([vec![integer()], vec![integer(), integer()]]),
        returns: DataType::Utf8View,
        document: document(
            "port_service(port [, protocol])",
            "The service that IANA lists at a port of TCP or UDP; of TCP first, where the protocol \
             is not given. NULL for ports without one, and for other protocols.",
            "port_service(443) = 'https'",
        ),
        check: unchecked,
        compute,
    }
    .udf()
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    if arguments.len() == 1 {
        return name_of(arguments, |port| iana::service(port, None));
    }
    let (ports, protocols) = (arguments.integers(0)?, arguments.integers(1)?);
    let services = ports.iter().zip(protocols.iter()).map(|(port, protocol)| {
        // An unknown protocol is not any protocol.
        iana::service(port?, Some(protocol?))
    });
    Ok(Arc::new(services.collect::<StringViewArray>()))
}
