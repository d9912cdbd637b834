//! `cidr_contains`.

use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef, BooleanArray, BooleanBuilder};
use datafusion_common::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::utils::take_function_args;
use datafusion_common::{DFSchema, Result, ScalarValue, exec_err, plan_err};
use datafusion_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion_expr::{
    BinaryExpr, ColumnarValue, Documentation, Expr, ExprSchemable, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use ipnet::IpNet;

use super::predicate;
use crate::arguments::{Arguments, addresses, scalar_text, text};
use crate::function::{document, invoke, signature};
use crate::ipv4_text::{Beginnings, common_octets};
use crate::network::{NetworkSet, parse_network};

const NAME: &str = "cidr_contains";

pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::from(CidrContains::new())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CidrContains {
    signature: Signature,
    document: Documentation,
}

impl CidrContains {
    fn new() -> CidrContains {
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

    /// A network of one address is compared as the text that it is.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [networks, address] = take_function_args(NAME, args)?;
        let parsed = match constant_networks(&networks) {
            Some(Err(none)) => return plan_err!("{}", told(none)),
            Some(Ok(parsed)) => parsed,
            None => Vec::new(),
        };
        let only = match parsed.as_slice() {
            [IpNet::V4(only)] if only.prefix_len() == 32 => only.network().to_string(),
            _ => return Ok(ExprSimplifyResult::Original(vec![networks, address])),
        };
        let only = ScalarValue::from(only).cast_to(&info.get_data_type(&address)?)?;
        let same = address.eq(Expr::Literal(only, None));
        Ok(ExprSimplifyResult::Simplified(same))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.document)
    }
}

/// The networks of an argument that is a constant, or what is none among them.
fn constant_networks(networks: &Expr) -> Option<Result<Vec<IpNet>, &str>> {
    match networks {
        Expr::Literal(literal, _) => scalar_text(Some(literal)).map(parse_networks),
        _ => None,
    }
}

/// What a condition that asks for networks implies of the text of addresses, as SQL
/// that the bounds of text are compared with: `cidr_contains('10.0.0.0/8', srcaddr)`
/// implies `srcaddr LIKE '10.%'`. It decides nothing by itself, but where it holds for
/// no row, neither does the condition.
///
/// `None`: nothing is known to be implied.
pub fn implied_by_networks(condition: &Expr, columns: &DFSchema) -> Option<Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let implied = |side| implied_by_networks(side, columns);
            match (op, implied(left), implied(right)) {
                (Operator::And, Some(left), Some(right)) => Some(left.and(right)),
                (Operator::And, left, right) => left.or(right),
                (Operator::Or, Some(left), Some(right)) => Some(left.or(right)),
                _ => None,
            }
        }
        Expr::ScalarFunction(call) if call.func.inner().is::<CidrContains>() => {
            let [networks, address] = call.args.as_slice() else {
                return None;
            };
            let networks = constant_networks(networks)?.ok()?;
            if networks.len() > MAX_BEGINNINGS {
                return None;
            }
            let begins = networks
                .iter()
                .map(|network| begins(network, address, columns));
            begins
                .collect::<Option<Vec<_>>>()?
                .into_iter()
                .reduce(Expr::or)
        }
        _ => None,
    }
}

/// Networks of a condition that bounds of text are compared with.
const MAX_BEGINNINGS: usize = 8;

/// How the text of each address of a network begins.
fn begins(network: &IpNet, address: &Expr, columns: &DFSchema) -> Option<Expr> {
    match network {
        IpNet::V4(network) if network.prefix_len() >= 8 => {
            let pattern = ScalarValue::from(common_octets(*network) + "%");
            // Bounds are compared with values of their type alone.
            let pattern = pattern.cast_to(&address.get_type(columns).ok()?).ok()?;
            Some(address.clone().like(Expr::Literal(pattern, None)))
        }
        // Text of IPv6 has many forms.
        _ => None,
    }
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let networks = match arguments.constant_text(0) {
        Some(None) => return Ok(Arc::new(BooleanArray::new_null(arguments.rows()))),
        Some(Some(networks)) => match parse_networks(networks) {
            Ok(networks) => networks,
            Err(none) => return exec_err!("{}", told(none)),
        },
        None => return of_columns(arguments),
    };
    if let Some(beginnings) = Beginnings::of(&networks) {
        let texts = arguments.texts(1)?;
        let contained = beginnings.contain(&texts);
        return Ok(Arc::new(BooleanArray::new(
            contained,
            texts.nulls().cloned(),
        )));
    }
    let set = NetworkSet::new(networks);
    predicate(arguments, 1, |address| set.contains(address))
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
