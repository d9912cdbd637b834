//! Where groups are told apart by numbers.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::functions::core::greatest::GreatestFunc;
use datafusion::functions::core::least::LeastFunc;
use datafusion::logical_expr::ScalarUDFImpl;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};
use vpcflow_record::FieldType;

use super::layout::{Layout, Part, PartKind};
use super::packed::Keys;
use super::{Packed, Texts, Unpacked};
use crate::table::field_of;

/// Groups by numbers in place of two keys or more of which one at least is an address.
///
/// A condition on groups, if it asks for none of these keys, comes before they are taken
/// apart. It comes before the engine's rules, which may put an exchange between the two
/// steps of a grouping.
#[derive(Debug)]
pub(crate) struct NumberedKeys {
    /// What texts take their memory from.
    pub(crate) pool: Arc<dyn MemoryPool>,
}

impl PhysicalOptimizerRule for NumberedKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let numbered = match node.downcast_ref::<FilterExec>() {
                Some(filter) => filtered_first(filter)?,
                None => self.numbered(&node)?,
            };
            Ok(match numbered {
                Some(numbered) => Transformed::yes(numbered),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "NumberedKeys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl NumberedKeys {
    fn numbered(&self, node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some((last, first)) = grouping(node) else {
            return Ok(None);
        };
        let groups = first.group_expr().expr();
        let Some(chosen) = Chosen::of(groups, first)? else {
            return Ok(None);
        };
        let texts = Arc::new(Texts::new(&self.pool));
        let others = groups.iter().zip(&chosen.parts);
        let others = others.filter_map(|(group, part)| part.is_none().then_some(group));
        let packed = Packed::new(chosen.keys, chosen.layout, Arc::clone(&texts));
        let packed: (Arc<dyn PhysicalExpr>, _) = (Arc::new(packed), "keys".to_owned());
        let keys: Vec<_> = [packed].into_iter().chain(others.cloned()).collect();
        let key_count = keys.len();
        let first = AggregateExec::try_new(
            AggregateMode::Partial,
            PhysicalGroupBy::new_single(keys),
            first.aggr_expr().to_vec(),
            first.filter_expr().to_vec(),
            Arc::clone(first.input()),
            first.input_schema(),
        )?;
        let numbered = AggregateExec::try_new(
            *last.mode(),
            first.group_expr().as_final(),
            last.aggr_expr().to_vec(),
            last.filter_expr().to_vec(),
            Arc::new(first),
            last.input_schema(),
        )?;
        let schema = numbered.schema();
        let column = |index: usize| -> Arc<dyn PhysicalExpr> {
            Arc::new(Column::new(schema.field(index).name(), index))
        };
        let mut next = 1..;
        let fields = last.schema();
        let fields = fields.fields().iter();
        let parts = chosen.parts.into_iter().chain(std::iter::repeat(None));
        let columns = fields.zip(parts).map(|(field, part)| ProjectionExpr {
            alias: field.name().clone(),
            expr: match part {
                Some(part) => {
                    let (texts, field) = (Arc::clone(&texts), Arc::clone(field));
                    Arc::new(Unpacked::new(column(0), part, texts, field))
                }
                None => column(next.next().unwrap_or(key_count)),
            },
        });
        let columns: Vec<_> = columns.collect();
        let plan = ProjectionExec::try_new(columns, Arc::new(numbered))?;
        // What the engine knows of a column beside its type may be lost on the way.
        Ok((plan.schema() == last.schema()).then(|| Arc::new(plan) as Arc<dyn ExecutionPlan>))
    }
}

/// The two steps of a grouping whose rows come in no order of its keys.
fn grouping(node: &Arc<dyn ExecutionPlan>) -> Option<(&AggregateExec, &AggregateExec)> {
    let last = node.downcast_ref::<AggregateExec>()?;
    let first = last.input().downcast_ref::<AggregateExec>()?;
    let steps = matches!(
        last.mode(),
        AggregateMode::Final | AggregateMode::FinalPartitioned
    ) && *first.mode() == AggregateMode::Partial;
    let is_plain = |step: &AggregateExec| {
        step.group_expr().is_single()
            && step.limit_options().is_none()
            && *step.input_order_mode() == InputOrderMode::Linear
            && !step.aggr_expr().is_empty()
    };
    (steps && is_plain(last) && is_plain(first)).then_some((last, first))
}

/// The keys of a grouping that one number has.
struct Chosen {
    keys: Vec<Keys>,
    layout: Layout,
    /// For each key the part that it is.
    parts: Vec<Option<Part>>,
}

impl Chosen {
    /// Of these keys of a grouping; `None` if it is not worth it.
    fn of(
        groups: &[(Arc<dyn PhysicalExpr>, String)],
        first: &AggregateExec,
    ) -> Result<Option<Chosen>> {
        let mut chosen = Chosen {
            keys: Vec::new(),
            layout: Layout::default(),
            parts: vec![None; groups.len()],
        };
        for (index, (key, _)) in groups.iter().enumerate() {
            chosen.add_text(index, key, groups);
        }
        if chosen.keys.is_empty() {
            return Ok(None);
        }
        let schema = first.input().schema();
        for (index, (key, _)) in groups.iter().enumerate() {
            if key.data_type(&schema)? == DataType::Int32
                && let Some(part) = chosen.layout.add(PartKind::Number)
            {
                chosen.parts[index] = Some(part[0]);
                chosen.keys.push(Keys::Number([Arc::clone(key)], part));
            }
        }
        let count = chosen.parts.iter().flatten().count();
        Ok((count > 1).then_some(chosen))
    }

    fn add_text(
        &mut self,
        index: usize,
        key: &Arc<dyn PhysicalExpr>,
        groups: &[(Arc<dyn PhysicalExpr>, String)],
    ) {
        if is_address(key) {
            if let Some(part) = self.layout.add(PartKind::Text) {
                self.parts[index] = Some(part[0]);
                self.keys.push(Keys::Text([Arc::clone(key)], part));
            }
        } else if let Some(addresses) = addresses_of::<LeastFunc>(key)
            && let Some(greatest) = groups.iter().position(|(other, _)| {
                addresses_of::<GreatestFunc>(other).is_some_and(|others| {
                    others == addresses || others.iter().eq(addresses.iter().rev())
                })
            })
            && let Some(parts) = self.layout.add(PartKind::Text)
        {
            self.parts[index] = Some(parts[0]);
            self.parts[greatest] = Some(parts[1]);
            self.keys.push(Keys::Ordered(addresses, parts));
        }
    }
}

/// Whether this is a column of addresses: by its name, since most of other texts would
/// have to be kept.
fn is_address(key: &Arc<dyn PhysicalExpr>) -> bool {
    field_of(key).is_some_and(|field| field.field_type() == FieldType::Address)
}

/// The two addresses that this function is called with.
fn addresses_of<F: ScalarUDFImpl>(
    key: &Arc<dyn PhysicalExpr>,
) -> Option<[Arc<dyn PhysicalExpr>; 2]> {
    let call = ScalarFunctionExpr::try_downcast_func::<F>(key.as_ref())?;
    let addresses: [_; 2] = call.args().to_vec().try_into().ok()?;
    addresses.iter().all(is_address).then_some(addresses)
}

/// A condition on groups, before their keys are taken apart, if it needs none of them.
fn filtered_first(filter: &FilterExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(projection) = filter.input().downcast_ref::<ProjectionExec>() else {
        return Ok(None);
    };
    let columns = projection.expr();
    let unpacks = columns
        .iter()
        .any(|column| column.expr.downcast_ref::<Unpacked>().is_some());
    if !unpacks || filter.projection().is_some() || filter.fetch().is_some() {
        return Ok(None);
    }
    let source = |column: &Column| columns[column.index()].expr.downcast_ref::<Column>();
    let needed = collect_columns(filter.predicate());
    if !needed.iter().all(|column| source(column).is_some()) {
        return Ok(None);
    }
    let below = |expr: Arc<dyn PhysicalExpr>| {
        Ok(match expr.downcast_ref::<Column>().and_then(source) {
            Some(column) => Transformed::yes(Arc::new(column.clone()) as Arc<dyn PhysicalExpr>),
            None => Transformed::no(expr),
        })
    };
    let predicate = Arc::clone(filter.predicate()).transform_up(below).data()?;
    let filter = FilterExecBuilder::new(predicate, Arc::clone(projection.input()))
        .with_default_selectivity(filter.default_selectivity())
        .with_batch_size(filter.batch_size())
        .build()?;
    let projection = ProjectionExec::try_new(columns.to_vec(), Arc::new(filter))?;
    Ok(Some(Arc::new(projection)))
}
