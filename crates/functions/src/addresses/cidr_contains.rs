//! `cidr_contains`.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, BooleanArray, BooleanBuilder};
use datafusion_common::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::utils::take_function_args;
use datafusion_common::{Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    ColumnarValue, Documentation, Expr, Like, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};
use ipnet::IpNet;

use super::predicate;
use crate::arguments::{Arguments, addresses, scalar_text, text};
use crate::function::{document, invoke, signature};
use crate::network::{NetworkSet, parse_network};

const NAME: &str = "cidr_contains";

pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::from(CidrContains::new(false))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CidrContains {
    signature: Signature,
    document: Documentation,
    /// The condition beside it already looks at the beginning of the text.
    narrowed: bool,
}

impl CidrContains {
    fn new(narrowed: bool) -> CidrContains {
        CidrContains {
            signature: signature(vec![text(), text()]),
            document: document(
                "cidr_contains(networks, address)",
                "Whether an address is in a network, or in one of several, separated by commas or \
                 spaces. A network is in CIDR notation, or an address that stands for itself. An \
                 IPv4 network contains no IPv6 address, and text that is no address is in no \
                 network.",
                "cidr_contains('10.0.0.0/8, 192.168.0.0/16', '10.1.2.3') = true",
            ),
            narrowed,
        }
    }
}

/// The networks in a text, or what is none among them.
fn parse_networks(text: &str) -> Result<Vec<IpNet>, &str> {
    let words = text.split(|character: char| character == ',' || character.is_whitespace());
    let words = words.filter(|word| !word.is_empty());
    let networks: Vec<_> = words
        .map(|word| parse_network(word).ok_or(word))
        .collect::<Result<_, _>>()?;
    if networks.is_empty() {
        return Err(text);
    }
    Ok(networks)
}

fn told(none: &str) -> String {
    format!("`{none}` is not a network: write it as `10.0.0.0/8` or `2001:db8::/32`")
}

impl ScalarUDFImpl for CidrContains {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let networks = args.scalar_arguments.first().copied().flatten();
        if let Some(networks) = scalar_text(networks)
            && let Err(none) = parse_networks(networks)
        {
            return plan_err!("{}", told(none));
        }
        Ok(Field::new(NAME, DataType::Boolean, true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoke(&args, compute)
    }

    /// Looks at the beginning of the text first where a network of IPv4 lets it:
    /// that costs next to nothing, leaves few addresses to read, and lets files
    /// be skipped whose least and greatest address begin otherwise.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [networks, address] = take_function_args(NAME, args)?;
        let original =
            |networks, address| Ok(ExprSimplifyResult::Original(vec![networks, address]));
        let Expr::Literal(literal, _) = &networks else {
            return original(networks, address);
        };
        let Some(text) = scalar_text(Some(literal)) else {
            return original(networks, address);
        };
        let parsed = match parse_networks(text) {
            Ok(parsed) => parsed,
            Err(none) => return plan_err!("{}", told(none)),
        };
        let [IpNet::V4(network)] = parsed.as_slice() else {
            return original(networks, address);
        };
        if self.narrowed || network.prefix_len() < 8 {
            return original(networks, address);
        }
        let data_type = info.get_data_type(&address)?;
        let literal = |text: String| -> Result<Expr> {
            let value = ScalarValue::from(text).cast_to(&data_type)?;
            Ok(Expr::Literal(value, None))
        };
        if network.prefix_len() == 32 {
            let same = address.eq(literal(network.network().to_string())?);
            return Ok(ExprSimplifyResult::Simplified(same));
        }
        let octets = network.network().octets();
        let whole = usize::from(network.prefix_len() / 8);
        let prefix: String = octets[..whole]
            .iter()
            .map(|octet| format!("{octet}."))
            .collect();
        let begins = Expr::Like(Like {
            negated: false,
            expr: Box::new(address.clone()),
            pattern: Box::new(literal(prefix + "%")?),
            escape_char: None,
            case_insensitive: false,
        });
        let contains = Expr::ScalarFunction(ScalarFunction::new_udf(
            Arc::new(ScalarUDF::from(CidrContains::new(true))),
            vec![networks, address],
        ));
        Ok(ExprSimplifyResult::Simplified(begins.and(contains)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.document)
    }
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    match arguments.constant_text(0) {
        Some(None) => Ok(Arc::new(BooleanArray::new_null(arguments.rows()))),
        Some(Some(networks)) => match parse_networks(networks) {
            Ok(networks) => {
                let set = NetworkSet::new(networks);
                predicate(arguments, 1, |address| set.contains(address))
            }
            Err(none) => exec_err!("{}", told(none)),
        },
        None => of_columns(arguments),
    }
}

/// Networks that differ from row to row: text that is none contains nothing.
fn of_columns(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (networks, texts) = (arguments.texts(0)?, arguments.texts(1)?);
    let mut contained = BooleanBuilder::with_capacity(arguments.rows());
    for (row, address) in addresses(&texts).enumerate() {
        if networks.is_null(row) || texts.is_null(row) {
            contained.append_null();
            continue;
        }
        let set = NetworkSet::new(parse_networks(networks.value(row)).unwrap_or_default());
        contained.append_value(address.is_some_and(|address| set.contains(address)));
    }
    Ok(Arc::new(contained.finish()))
}
