//! Functions of an address alone.

mod cidr_contains;
mod ip_family;
mod ip_prefix;
mod kind;

pub use self::cidr_contains::implied_by_networks;

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::arrow::array::{ArrayRef, BooleanArray};
use datafusion_common::arrow::buffer::BooleanBuffer;
use datafusion_expr::ScalarUDF;

use crate::address::Address;
use crate::arguments::{Arguments, addresses};

/// All of them.
pub(crate) fn functions() -> Vec<ScalarUDF> {
    vec![
        cidr_contains::udf(),
        ip_family::udf(),
        ip_prefix::udf(),
        kind::is_global(),
        kind::is_private(),
    ]
}

/// Whether the address in an argument is one of a kind; false where there is
/// other text.
fn predicate(
    arguments: &Arguments<'_>,
    index: usize,
    is: impl Fn(Address) -> bool,
) -> Result<ArrayRef> {
    use datafusion_common::arrow::array::Array;

    let texts = arguments.texts(index)?;
    let values: BooleanBuffer = addresses(&texts)
        .map(|address| address.is_some_and(&is))
        .collect();
    Ok(Arc::new(BooleanArray::new(values, texts.nulls().cloned())))
}
