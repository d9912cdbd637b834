//! Which columns a scan decodes, and when.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::split_conjunction;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::expressions::{BinaryExpr, Column, Literal};
use vpcflow_record::{DecodeOptions, Only, Policy};

use super::TextScan;
use super::condition::Condition;
use crate::table::{Kind, adapt};

/// The columns of a scan, by what they are needed for.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) kind: Kind,
    policy: Policy,
    flows: SchemaRef,
    /// Those asked for, then those that only conditions need.
    decoded: Vec<usize>,
    decoded_schema: SchemaRef,
    /// How many of these are asked for.
    asked: usize,
    /// Those asked for.
    pub(super) schema: SchemaRef,
    pub(super) condition: Option<Condition>,
    /// What the decoder itself can decide of that.
    only: Option<Only>,
    /// Those that conditions need, when to look at them first can pay.
    pub(super) first: Option<FirstColumns>,
}

/// The columns that conditions need.
#[derive(Debug)]
pub(super) struct FirstColumns {
    columns: Vec<usize>,
    pub(super) condition: Condition,
    costs: Costs,
}

impl Columns {
    pub(super) fn new(scan: &TextScan, conditions: &[Arc<dyn PhysicalExpr>]) -> Result<Columns> {
        let needed: BTreeSet<usize> = conditions
            .iter()
            .flat_map(collect_columns)
            .map(|column| column.index())
            .collect();
        let more = needed
            .iter()
            .filter(|column| !scan.projection.contains(column));
        let decoded: Vec<usize> = scan.projection.iter().chain(more).copied().collect();
        let decoded_schema: SchemaRef = Arc::new(scan.table.project(&decoded)?);
        let condition = Condition::new(conditions, &decoded_schema)?;
        let costs = Costs {
            fields: scan.flows.fields().len(),
            first: needed.len(),
            all: decoded.len(),
        };
        let first = match scan.kind {
            Kind::Flows if condition.is_some() && costs.pays(0.0, 1.0) => {
                let columns: Vec<usize> = needed.into_iter().collect();
                let schema = Arc::new(scan.table.project(&columns)?);
                let condition = Condition::new(conditions, &schema)?;
                condition.map(|condition| FirstColumns {
                    columns,
                    condition,
                    costs,
                })
            }
            _ => None,
        };
        Ok(Columns {
            kind: scan.kind,
            policy: scan.sources.policy,
            flows: Arc::clone(&scan.flows),
            asked: scan.projection.len(),
            schema: Arc::clone(&scan.schema),
            decoded,
            decoded_schema,
            condition,
            only: match scan.kind {
                Kind::Flows => conditions
                    .iter()
                    .find_map(|condition| only(condition, &scan.table)),
                Kind::Rejects => None,
            },
            first,
        })
    }

    /// How to decode all columns of all rows.
    pub(super) fn options(&self) -> DecodeOptions {
        self.options_of(match self.kind {
            Kind::Flows => self.decoded.clone(),
            Kind::Rejects => Vec::new(),
        })
    }

    /// How to decode all columns of a part of a file, for which not all rows that the
    /// conditions leave out have to be built.
    ///
    /// A batch that grew over many parts would keep the text of all of them.
    pub(super) fn part_options(&self) -> DecodeOptions {
        DecodeOptions {
            only: self.only.clone(),
            ..self.options()
        }
    }

    /// Whether rows of parts may be left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.only.is_some()
    }

    fn options_of(&self, projection: Vec<usize>) -> DecodeOptions {
        DecodeOptions {
            table: Some(Arc::clone(&self.flows)),
            projection: Some(projection),
            policy: self.policy,
            ..DecodeOptions::default()
        }
    }

    /// How to decode the columns to look at first.
    pub(super) fn first_options(&self) -> Option<DecodeOptions> {
        let first = self.first.as_ref()?;
        Some(self.options_of(first.columns.clone()))
    }

    /// The decoded columns of a batch of the table, NULL where it has none.
    pub(super) fn decoded(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        adapt(batch, &self.decoded_schema)
    }

    pub(super) fn decoded_schema(&self) -> SchemaRef {
        Arc::clone(&self.decoded_schema)
    }

    /// The columns asked for, of those decoded.
    pub(super) fn asked(&self, batch: RecordBatch) -> Result<RecordBatch> {
        if self.asked == self.decoded.len() {
            return Ok(batch);
        }
        let asked: Vec<usize> = (0..self.asked).collect();
        Ok(batch.project(&asked)?)
    }
}

impl FirstColumns {
    /// Whether it pays to decode them first, when the conditions hold for such a
    /// share of the rows, and without that such a share is built.
    pub(super) fn pay(&self, share: f64, built: f64) -> bool {
        self.costs.pays(share, built)
    }
}

/// What a decoder can decide of a condition: that a text is another.
fn only(condition: &Arc<dyn PhysicalExpr>, table: &SchemaRef) -> Option<Only> {
    split_conjunction(condition)
        .into_iter()
        .find_map(|condition| {
            let equals = condition.downcast_ref::<BinaryExpr>()?;
            let sides = [equals.left(), equals.right()];
            let column = sides
                .iter()
                .find_map(|side| side.downcast_ref::<Column>())?;
            let text = sides
                .iter()
                .find_map(|side| side.downcast_ref::<Literal>())?;
            let is_text = *table.field(column.index()).data_type() == DataType::Utf8View;
            let text = text.value().try_as_str().flatten().filter(|_| is_text)?;
            (*equals.op() == Operator::Eq).then(|| Only::new(column.name(), text))
        })
}

/// What a record costs, in the time that it takes to build one column of it: some
/// 0.4 to 1.2 ns, the more the wider records are.
#[derive(Debug, Clone, Copy)]
struct Costs {
    /// Fields of a record. All are checked, whatever is built of them.
    fields: usize,
    /// Columns that conditions need.
    first: usize,
    /// Those and all others.
    all: usize,
}

/// What it takes to find and check a field.
const CHECK_FIELD: f64 = 1.5;
/// What it takes, for each field of it, to find a line again, and to copy it.
const FIND_LINE: f64 = 0.5;
const COPY_LINE: f64 = 0.5;

impl Costs {
    /// Whether to decode the columns of the conditions first, and all columns
    /// of the rows that are kept, is faster than all columns of a share of the rows.
    fn pays(self, share: f64, built: f64) -> bool {
        let (fields, first, all) = (self.fields as f64, self.first as f64, self.all as f64);
        let kept = (COPY_LINE + CHECK_FIELD) * fields + all;
        first + FIND_LINE * fields + share * kept < all * built
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::ScalarValue;
    use datafusion::logical_expr::Operator;
    use datafusion::physical_plan::PhysicalExpr;
    use datafusion::physical_plan::expressions::{binary, col, lit};
    use vpcflow_record::Only;

    use super::{Costs, only};

    #[test]
    fn columns_are_left_for_later_when_they_are_many_and_rows_few() {
        let costs = |fields, first, all| Costs { fields, first, all };
        assert!(costs(14, 2, 14).pays(0.1, 1.0) && costs(54, 2, 54).pays(0.1, 1.0));
        assert!(!costs(14, 2, 14).pays(0.2, 1.0) && !costs(14, 2, 14).pays(1.0, 1.0));
        assert!(!costs(14, 1, 7).pays(0.0, 1.0) && !costs(14, 14, 14).pays(0.0, 1.0));
        // The decoder leaves out most of them.
        assert!(!costs(14, 2, 14).pays(0.1, 0.2) && costs(54, 2, 54).pays(0.01, 0.9));
    }

    #[test]
    fn what_a_decoder_decides() {
        let fields = [("action", DataType::Utf8View), ("dstport", DataType::Int32)];
        let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
        let table = Arc::new(Schema::new(fields.to_vec()));
        let is = |left, operator, right| binary(left, operator, right, &table).unwrap();
        let action = || col("action", &table).unwrap();
        let port = is(col("dstport", &table).unwrap(), Operator::Eq, lit(22));
        let reject = is(lit("REJECT"), Operator::Eq, action());
        let expected = Some(Only::new("action", "REJECT"));
        assert_eq!(only(&reject, &table), expected);
        assert_eq!(only(&port, &table), None);
        assert_eq!(
            only(&is(action(), Operator::NotEq, lit("REJECT")), &table),
            None
        );
        let both = |operator| is(Arc::clone(&port), operator, Arc::clone(&reject));
        assert_eq!(only(&both(Operator::And), &table), expected);
        assert_eq!(only(&both(Operator::Or), &table), None);
        let null: Arc<dyn PhysicalExpr> = lit(ScalarValue::Utf8View(None));
        assert_eq!(only(&is(action(), Operator::Eq, null), &table), None);
    }
}
