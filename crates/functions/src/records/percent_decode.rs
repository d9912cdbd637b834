//! `percent_decode`.

use std::sync::Arc;

use datafusion_common::Result;
use datafusion_common::arrow::array::{ArrayRef, StringViewArray};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;
use percent_encoding::percent_decode_str;

use crate::arguments::{Arguments, text};
use crate::function::{Function, document, signature, unchecked};

pub(super) fn udf() -> ScalarUDF {
    Function {
        name: "percent_decode",
        signature: signature(vec![text()]),
        returns: DataType::Utf8View,
        document: document(
            "percent_decode(text)",
            "Text with its percent-encoding undone, as the values of tags have it in flow logs of \
             version 11. A `%` that begins no code stays; text that is no UTF-8 when decoded stays \
             as it is.",
            "percent_decode('web%2Dserver') = 'web-server'",
        ),
        check: unchecked,
        compute,
    }
    .udf()
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let texts = arguments.texts(0)?;
    let decoded = texts.iter().map(|text| {
        let text = text?;
        Some(
            percent_decode_str(text)
                .decode_utf8()
                .unwrap_or(text.into()),
        )
    });
    Ok(Arc::new(decoded.collect::<StringViewArray>()))
}
