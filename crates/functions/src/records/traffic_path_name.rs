//! `traffic_path_name`.

use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use super::name_of;
use crate::arguments::integer;
use crate::function::{Function, document, signature, unchecked};

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "traffic_path_name",
        signature: signature(vec![integer()]),
        returns: DataType::Utf8View,
        document: document(
            "traffic_path_name(traffic_path)",
            "What the number of a traffic path means: the way that egress traffic takes. NULL for \
             numbers that AWS does not document.",
            "traffic_path_name(8) = 'internet gateway'",
        ),
        check: unchecked,
        compute: |arguments| name_of(arguments, name),
    }
    .udf()
}

/// `traffic-path` in
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>
fn name(path: i64) -> Option<&'static str> {
    Some(match path {
        1 => "same VPC",
        2 => "internet gateway or gateway endpoint",
        3 => "virtual private gateway",
        4 => "intra-region peering",
        5 => "inter-region peering",
        6 => "local gateway",
        7 => "gateway endpoint",
        8 => "internet gateway",
        _ => return None,
    })
}
