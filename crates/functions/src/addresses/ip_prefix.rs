//! `ip_prefix`.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, StringViewBuilder};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::ScalarUDF;
use ipnet::IpNet;

use crate::address::Address;
use crate::arguments::{Arguments, addresses, integer, text};
use crate::function::{Function, document, signatures};
use crate::memo::Memo;

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "ip_prefix",
        signature: signatures([vec![text(), integer()], vec![text(), integer(), integer()]]),
        returns: DataType::Utf8View,
        document: document(
            "ip_prefix(address, bits [, bits_ipv6])",
            "The network that the first bits of an address make, in CIDR notation: to group \
             addresses. IPv6 addresses have a length of their own if a third argument says so. \
             NULL where the address has fewer bits.",
            "ip_prefix('10.1.2.3', 24) = '10.1.2.0/24'",
        ),
        check,
        compute,
    }
    .udf()
}

fn check(constants: &[Option<&ScalarValue>]) -> Result<()> {
    for constant in constants.iter().skip(1).flatten() {
        if let Ok(ScalarValue::Int64(Some(bits))) = constant.cast_to(&DataType::Int64)
            && !(0..=128).contains(&bits)
        {
            return plan_err!("no prefix has {bits} bits: 0 to 32 of IPv4, 0 to 128 of IPv6");
        }
    }
    Ok(())
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let texts = arguments.texts(0)?;
    let bits = arguments.integers(1)?;
    let bits_v6 = arguments.integers(arguments.len() - 1)?;
    let mut prefixes = StringViewBuilder::with_capacity(texts.len());
    // Of the lengths seen last: they are nearly always constants.
    let mut memo = Memo::new();
    let mut lengths = (None, None);
    for (row, address) in addresses(&texts).enumerate() {
        let valid = |bits: &dyn Array| bits.is_valid(row);
        let here = (
            valid(&bits).then(|| bits.value(row)),
            valid(&bits_v6).then(|| bits_v6.value(row)),
        );
        if here != lengths {
            (memo, lengths) = (Memo::new(), here);
        }
        let prefix =
            address.and_then(|address| memo.get(address, || prefix(address, here)).as_ref());
        prefixes.append_option(prefix);
    }
    Ok(Arc::new(prefixes.finish()))
}

fn prefix(address: Address, (bits_v4, bits_v6): (Option<i64>, Option<i64>)) -> Option<String> {
    let bits = match address {
        Address::V4(_) => bits_v4,
        Address::V6(_) => bits_v6,
    };
    let bits = u8::try_from(bits?).ok()?;
    let network = IpNet::new(address.into(), bits).ok()?;
    Some(network.trunc().to_string())
}
