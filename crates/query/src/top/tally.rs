//! The aggregate function that keeps, of each row of a ranking, all that is shown of
//! it, in one pass over the records.
//!
//! The engine's own functions would keep each sum in a column of its own and go over
//! the records once for each. Here one loop brings a record to the one place that its
//! group has.

mod groups;
mod trends;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use self::groups::Tallies;
pub(super) use self::trends::trend_of;

/// What is kept beside the sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Wishes {
    /// The measures whose course over time is drawn, in the order of all measures.
    pub(super) trends: [bool; 3],
    /// Records that start before this time, in microseconds, are of the period that
    /// the ranking is compared with.
    pub(super) since_us: Option<i64>,
    /// Whether bytes are kept for each direction: a sixth argument tells records from
    /// the client to the server.
    pub(super) directions: bool,
}

/// The function: `start, end, packets, bytes, log_status[, is_request]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tally {
    signature: Signature,
    wishes: Wishes,
}

/// What statements call it.
pub(super) const NAME: &str = "ranking_tally";

/// The columns of numbers that every tally has, in order.
pub(super) const NUMBERS: [&str; 7] = [
    "flows", "packets", "bytes", "first", "last", "nodata", "skipdata",
];
/// Those of the period before.
pub(super) const PREVIOUS: [&str; 3] = ["previous_flows", "previous_packets", "previous_bytes"];
/// Bytes from the client to the server.
pub(super) const REQUEST_BYTES: &str = "request_bytes";
/// The trends, by measure.
pub(super) const TRENDS: [&str; 3] = ["trend_bytes", "trend_packets", "trend_flows"];

impl Tally {
    pub(super) fn new(wishes: Wishes) -> Tally {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut types = vec![
            time.clone(),
            time,
            DataType::Int64,
            DataType::Int64,
            DataType::Utf8View,
        ];
        if wishes.directions {
            types.push(DataType::Boolean);
        }
        Tally {
            signature: Signature::exact(types, Volatility::Immutable),
            wishes,
        }
    }
}

/// The columns of a tally, which are those of its state as well.
fn fields(wishes: Wishes) -> Vec<Field> {
    let number = |name: &str| Field::new(name, DataType::Int64, true);
    let mut fields: Vec<Field> = NUMBERS.iter().map(|name| number(name)).collect();
    if wishes.since_us.is_some() {
        fields.extend(PREVIOUS.iter().map(|name| number(name)));
    }
    if wishes.directions {
        fields.push(number(REQUEST_BYTES));
    }
    for (name, is_wished) in TRENDS.iter().zip(wishes.trends) {
        if is_wished {
            let item = Field::new_list_field(DataType::Int64, true);
            fields.push(Field::new(*name, DataType::List(Arc::new(item)), true));
        }
    }
    fields
}

impl AggregateUDFImpl for Tally {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(Fields::from(fields(self.wishes))))
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        internal_err!("`{NAME}` is of groups")
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let fields = fields(self.wishes).into_iter().map(|field| {
            let name = format!("{}[{}]", args.name, field.name());
            Arc::new(field.with_name(name))
        });
        Ok(fields.collect())
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Tallies::new(self.wishes)))
    }
}
