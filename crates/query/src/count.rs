//! `count`, which counts distinct texts and numbers of many groups at once.
//!
//! The engine keeps a set of texts for each group and fills it row by row through
//! code that knows one group; numbers are in one set, which soon is larger than the
//! CPU's cache. Most questions about flow logs count distinct addresses or ports by
//! address: here each text is kept once, under a number, and groups have numbers,
//! which are sorted rather than looked up.

mod distinct;
mod pairs;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::count::Count;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};

use self::distinct::{Distinct, Numbers, Texts};

/// The function, which takes the place of the engine's.
pub(crate) fn count() -> AggregateUDF {
    AggregateUDF::from(TextCount::default())
}

/// As the engine's, but for distinct texts and numbers.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct TextCount {
    engine: Count,
}

/// What counts these distinct values, if it is not the engine: texts in the form that
/// tables have, and ports and the like.
fn distinct(args: &AccumulatorArgs<'_>) -> Option<Box<dyn GroupsAccumulator>> {
    let [only] = args.expr_fields else {
        return None;
    };
    match only.data_type() {
        _ if !args.is_distinct => None,
        DataType::Utf8View => Some(Box::new(Distinct::<Texts>::default())),
        DataType::Int32 => Some(Box::new(Distinct::<Numbers>::default())),
        _ => None,
    }
}

impl AggregateUDFImpl for TextCount {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engine.return_type(types)
    }

    fn is_nullable(&self) -> bool {
        self.engine.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.engine.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.engine.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        distinct(&args).is_some() || self.engine.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match distinct(&args) {
            Some(distinct) => Ok(distinct),
            None => self.engine.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.engine.create_sliding_accumulator(args)
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.engine.reverse_expr()
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.engine.value_from_stats(args)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.engine.default_value(data_type)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.engine.set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }
}
