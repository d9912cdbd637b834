//! Where totals are written beside what a ranking leaves.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::ProjectionExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::window::{PlainAggregateWindowExpr, WindowExpr};
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, replace_children_if_necessary};

use super::Totals;
use super::added::AddedExec;
use super::beside::BesideExec;

/// Functions whose value does not hang on the order of rows.
const FUNCTIONS: [&str; 4] = ["count", "max", "min", "sum"];

/// Ranks first, and writes totals of all rows beside what is left: where these are all
/// that a statement has of windows, what it ranks by has no part in them, and the ranking
/// is the last that it does.
#[derive(Debug)]
pub(crate) struct TotalsBesideRanking;

impl PhysicalOptimizerRule for TotalsBesideRanking {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        ranked_first(plan)
    }

    fn name(&self) -> &'static str {
        "TotalsBesideRanking"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same plan, or what it analyzes, with its ranking first. What is above of a sort
/// might exchange rows where it no longer sees one: so only a sort that is the last.
fn ranked_first(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if plan.downcast_ref::<AnalyzeExec>().is_some() {
        let input = plan.children().into_iter().map(Arc::clone);
        let input = input.map(ranked_first).collect::<Result<_>>()?;
        return replace_children_if_necessary(plan, input);
    }
    let ranking = plan.downcast_ref::<SortExec>().and_then(Ranking::of);
    let ranked = ranking.map(Ranking::plan).transpose()?.flatten();
    Ok(ranked.unwrap_or(plan))
}

/// A sort of rows that have totals beside them.
struct Ranking<'a> {
    sort: &'a SortExec,
    /// What is made of rows and totals.
    columns: &'a [ProjectionExpr],
    rows: &'a Arc<dyn ExecutionPlan>,
    totals: Totals,
}

impl Ranking<'_> {
    fn of(sort: &SortExec) -> Option<Ranking<'_>> {
        let projection = sort.input().downcast_ref::<ProjectionExec>()?;
        let windows = projection.input().downcast_ref::<WindowAggExec>()?;
        let totals = windows.window_expr().iter();
        let totals = totals.map(total).collect::<Option<_>>()?;
        Some(Ranking {
            sort,
            columns: projection.expr(),
            rows: windows.input(),
            totals: Totals::new(totals),
        })
    }

    /// The same rows: ranked, then with totals, then as they are asked for.
    fn plan(self) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let row_columns = self.rows.schema().fields().len();
        let needs_totals = |expr: &Arc<dyn PhysicalExpr>| {
            let columns = collect_columns(expr);
            columns.iter().any(|column| column.index() >= row_columns)
        };
        // What is ranked: columns that need no totals, and what the others are made of.
        let mut ranked: Vec<ProjectionExpr> = Vec::new();
        let mut places: Vec<Option<usize>> = Vec::new();
        for column in self.columns {
            places.push((!needs_totals(&column.expr)).then(|| {
                ranked.push(column.clone());
                ranked.len() - 1
            }));
        }
        let mut parts: BTreeMap<usize, usize> = BTreeMap::new();
        for column in self
            .columns
            .iter()
            .filter(|column| needs_totals(&column.expr))
        {
            let columns = collect_columns(&column.expr);
            let mut columns: Vec<_> = columns.into_iter().collect();
            columns.sort_unstable_by_key(Column::index);
            for part in columns.iter().filter(|part| part.index() < row_columns) {
                parts.entry(part.index()).or_insert_with(|| {
                    ranked.push(ProjectionExpr {
                        expr: Arc::new(part.clone()),
                        alias: part.name().to_owned(),
                    });
                    ranked.len() - 1
                });
            }
        }
        let Some(order) = order(self.sort.expr(), &places)? else {
            return Ok(None);
        };
        let ranked_columns = ranked.len();
        let place = |column: &Column| match column.index().checked_sub(row_columns) {
            Some(total) => Some(ranked_columns + total),
            None => parts.get(&column.index()).copied(),
        };
        let asked = self.columns.iter().zip(&places);
        let asked = asked.map(|(column, ranked)| {
            let expr = match ranked {
                Some(place) => Arc::new(Column::new(&column.alias, *place)),
                None => moved(&column.expr, place)?,
            };
            let alias = column.alias.clone();
            Ok(ProjectionExpr { expr, alias })
        });
        let asked: Vec<_> = asked.collect::<Result<_>>()?;

        let totals = Arc::new(self.totals);
        let added = AddedExec::new(Arc::clone(self.rows), Arc::clone(&totals));
        let ranked = ProjectionExec::try_new(ranked, Arc::new(added))?;
        let sorted = SortExec::new(order.clone(), Arc::new(ranked))
            .with_fetch(self.sort.fetch())
            .with_preserve_partitioning(self.sort.preserve_partitioning());
        let asked = BesideExec::try_new(Arc::new(sorted), order, totals, asked.into())?;
        let is_same = asked.schema() == self.sort.schema();
        Ok(is_same.then(|| Arc::new(asked) as Arc<dyn ExecutionPlan>))
    }
}

/// The total of all rows that a window is; `None` if it is none.
fn total(window: &Arc<dyn WindowExpr>) -> Option<AggregateFunctionExpr> {
    let aggregate = window.as_any().downcast_ref::<PlainAggregateWindowExpr>()?;
    let aggregate = aggregate.get_aggregate_expr();
    let frame = window.get_window_frame();
    let is_whole = window.partition_by().is_empty()
        && window.order_by().is_empty()
        && frame.start_bound.is_unbounded()
        && frame.end_bound.is_unbounded();
    let is_plain = FUNCTIONS.contains(&aggregate.fun().name()) && !aggregate.is_distinct();
    // The engine shows a filter nowhere else but in the name, which it makes itself.
    let has_filter = aggregate.name().contains("FILTER");
    (is_whole && is_plain && !has_filter).then(|| aggregate.clone())
}

/// The order, by where the columns are; `None` if one is nowhere.
fn order(order: &LexOrdering, places: &[Option<usize>]) -> Result<Option<LexOrdering>> {
    let place = |column: &Column| places.get(column.index()).copied().flatten();
    let mut moved_order = Vec::new();
    for by in order.iter() {
        if !collect_columns(&by.expr)
            .iter()
            .all(|column| place(column).is_some())
        {
            return Ok(None);
        }
        moved_order.push(PhysicalSortExpr::new(moved(&by.expr, place)?, by.options));
    }
    Ok(LexOrdering::new(moved_order))
}

/// An expression whose columns are elsewhere.
fn moved(
    expr: &Arc<dyn PhysicalExpr>,
    place: impl Fn(&Column) -> Option<usize>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let moved = |expr: Arc<dyn PhysicalExpr>| {
        let column = expr.downcast_ref::<Column>();
        Ok(
            match column.and_then(|column| Some((column, place(column)?))) {
                Some((column, place)) => {
                    let column = Column::new(column.name(), place);
                    Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>)
                }
                None => Transformed::no(expr),
            },
        )
    };
    Arc::clone(expr).transform_up(moved).data()
}
