//! What all functions have in common.

use std::fmt;
use std::hash::{Hash, Hasher};

use datafusion_common::arrow::array::ArrayRef;
use datafusion_common::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{
    Coercion, ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use crate::arguments::{Arguments, are_constant};

/// Where the documents list them.
pub(crate) const SECTION: DocSection = DocSection {
    include: true,
    label: "Network functions",
    description: None,
};

/// A function of its arguments alone.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) returns: DataType,
    pub(crate) document: Documentation,
    /// Refuses constants that make no sense before the query runs.
    pub(crate) check: fn(&[Option<&ScalarValue>]) -> Result<()>,
    pub(crate) compute: fn(&Arguments<'_>) -> Result<ArrayRef>,
}

impl Function {
    pub(crate) fn udf(self) -> ScalarUDF {
        ScalarUDF::from(self)
    }
}

/// The signature of a function of these arguments.
pub(crate) fn signature(arguments: Vec<Coercion>) -> Signature {
    Signature::coercible(arguments, Volatility::Immutable)
}

/// The signature of a function of one of these lists of arguments.
pub(crate) fn signatures(lists: impl IntoIterator<Item = Vec<Coercion>>) -> Signature {
    let lists = lists.into_iter().map(TypeSignature::Coercible).collect();
    Signature::one_of(lists, Volatility::Immutable)
}

/// Takes constants as they are.
pub(crate) fn unchecked(_: &[Option<&ScalarValue>]) -> Result<()> {
    Ok(())
}

/// Begins the document of a function.
pub(crate) fn document(syntax: &str, description: &str, example: &str) -> Documentation {
    Documentation::builder(SECTION, description, syntax)
        .with_sql_example(example)
        .build()
}

/// Computes a column, or a constant of constants.
pub(crate) fn invoke(
    args: &ScalarFunctionArgs,
    compute: impl FnOnce(&Arguments<'_>) -> Result<ArrayRef>,
) -> Result<ColumnarValue> {
    let array = compute(&Arguments::new(&args.args, args.number_rows))?;
    if are_constant(&args.args) {
        return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(
            &array, 0,
        )?));
    }
    Ok(ColumnarValue::Array(array))
}

// By name: no two functions of a session share one.
impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        (self.check)(args.scalar_arguments)?;
        Ok(Field::new(self.name, self.returns.clone(), true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoke(&args, self.compute)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.document)
    }
}
