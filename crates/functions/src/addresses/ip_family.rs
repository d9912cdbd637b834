//! `ip_family`.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::arrow::array::{ArrayRef, Int32Array};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use crate::address::Address;
use crate::arguments::{Arguments, addresses, text};
use crate::function::{Function, document, signature, unchecked};

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "ip_family",
        signature: signature(vec![text()]),
        returns: DataType::Int32,
        document: document(
            "ip_family(address)",
            "The version of the Internet Protocol that an address is of: 4 or 6.",
            "ip_family('2001:db8::1') = 6",
        ),
        check: unchecked,
        compute,
    }
    .udf()
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let family = |address| match address {
        Address::V4(_) => 4,
        Address::V6(_) => 6,
    };
    let texts = arguments.texts(0)?;
    let families: Int32Array = addresses(&texts)
        .map(|address| address.map(family))
        .collect();
    Ok(Arc::new(families))
}
