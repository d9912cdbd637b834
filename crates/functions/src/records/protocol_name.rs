//! `protocol_name`.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use super::name_of;
use crate::arguments::integer;
use crate::function::{Function, document, signature, unchecked};
use crate::iana;

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "protocol_name",
        signature: signature(vec![integer()]),
        returns: DataType::Utf8View,
        document: document(
            "protocol_name(protocol)",
            "IANA's keyword for a protocol, such as TCP, UDP or IPv6-ICMP. NULL for numbers \
             without one.",
            "protocol_name(6) = 'TCP'",
        ),
        check: unchecked,
        compute: |arguments| name_of(arguments, iana::protocol),
    }
    .udf()
}
