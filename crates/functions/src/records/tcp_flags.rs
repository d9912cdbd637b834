//! `tcp_flags_text` and `has_tcp_flag`.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, BooleanArray, StringViewArray};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::ScalarUDF;

use crate::arguments::{Arguments, integer, scalar_text, text};
use crate::function::{Function, document, signature, unchecked};

/// The flags of a TCP header, from the lowest bit on.
/// <https://www.rfc-editor.org/rfc/rfc9293#section-3.1>
const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

pub(super) fn tcp_flags_text() -> ScalarUDF {
    Function {
        name: "tcp_flags_text",
        signature: signature(vec![integer()]),
        returns: DataType::Utf8View,
        document: document(
            "tcp_flags_text(tcp_flags)",
            "The names of TCP flags, from the lowest bit on; `none` for 0. A record has the flags \
             of all its packets together, and of a VPC's only FIN, SYN, RST and SYN-ACK.",
            "tcp_flags_text(18) = 'SYN,ACK'",
        ),
        check: unchecked,
        compute: |arguments| {
            let flags = arguments.integers(0)?;
            let texts = flags.iter().map(|flags| names(flags?));
            Ok(Arc::new(texts.collect::<StringViewArray>()))
        },
    }
    .udf()
}

pub(super) fn has_tcp_flag() -> ScalarUDF {
    Function {
        name: "has_tcp_flag",
        signature: signature(vec![integer(), text()]),
        returns: DataType::Boolean,
        document: document(
            "has_tcp_flag(tcp_flags, name)",
            "Whether a flag is among TCP flags: FIN, SYN, RST, PSH, ACK, URG, ECE or CWR; of \
             several, separated by commas, whether all are.",
            "has_tcp_flag(18, 'SYN') = true",
        ),
        check,
        compute: has_flag,
    }
    .udf()
}

/// `None` for what no TCP header can have.
fn names(flags: i64) -> Option<String> {
    if !(0..256).contains(&flags) {
        return None;
    }
    if flags == 0 {
        return Some("none".to_owned());
    }
    let set = FLAGS
        .iter()
        .enumerate()
        .filter(|(bit, _)| flags >> bit & 1 == 1);
    Some(set.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
}

/// The bits of names, or the name that is none.
fn parse(names: &str) -> Result<i64, &str> {
    names.split(',').map(str::trim).try_fold(0, |bits, name| {
        let bit = FLAGS
            .iter()
            .position(|flag| flag.eq_ignore_ascii_case(name));
        bit.map(|bit| bits | 1 << bit).ok_or(name)
    })
}

fn check(constants: &[Option<&ScalarValue>]) -> Result<()> {
    match scalar_text(constants.get(1).copied().flatten()).map(parse) {
        Some(Err(none)) => plan_err!("`{none}` is not a TCP flag: they are {}", FLAGS.join(", ")),
        Some(Ok(_)) | None => Ok(()),
    }
}

fn has_flag(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (flags, names) = (arguments.integers(0)?, arguments.texts(1)?);
    let constant = arguments
        .constant_text(1)
        .map(|names| names.and_then(|names| parse(names).ok()));
    let found = flags.iter().enumerate().map(|(row, flags)| {
        let wanted = match constant {
            Some(wanted) => wanted?,
            None if names.is_null(row) => return None,
            None => parse(names.value(row)).ok()?,
        };
        Some(flags? & wanted == wanted)
    });
    Ok(Arc::new(found.collect::<BooleanArray>()))
}
