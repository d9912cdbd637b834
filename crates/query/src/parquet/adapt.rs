//! What a scan asks of the table, as what it asks of one file.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal};
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use datafusion::physical_plan::PhysicalExpr;

use super::schema::column_name;
use super::times::{TimeOfNumber, compare};

/// Reads files by the names and types of the table: columns that a file lacks are NULL,
/// others are cast, and numbers of seconds become times. A comparison with a time
/// becomes one with what the file has in its place, since only then can the file's
/// statistics decide it.
#[derive(Debug)]
pub(super) struct FlowsAdapters;

impl PhysicalExprAdapterFactory for FlowsAdapters {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let renamed = file.fields().iter().map(|field| {
            let field = field.as_ref().clone();
            let name = column_name(field.name()).to_owned();
            field.with_name(name)
        });
        let renamed = Arc::new(Schema::new(renamed.collect::<Vec<_>>()));
        let by_name =
            DefaultPhysicalExprAdapterFactory.create(Arc::clone(&table), Arc::clone(&renamed))?;
        Ok(Arc::new(FlowsAdapter {
            table,
            file,
            renamed,
            by_name,
        }))
    }
}

#[derive(Debug)]
struct FlowsAdapter {
    table: SchemaRef,
    file: SchemaRef,
    /// The file's columns with the names that the table has for them.
    renamed: SchemaRef,
    by_name: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for FlowsAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let done = |expr| Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump));
        expr.transform_down(|expr| {
            if let Some(condition) = self.time_condition(expr.as_ref()) {
                return done(condition);
            }
            match expr.downcast_ref::<Column>() {
                Some(column) => done(self.column(column)?),
                None => Ok(Transformed::no(expr)),
            }
        })
        .data()
    }
}

impl FlowsAdapter {
    /// The column of the file, under its own name; `None`: it has none.
    fn of_file(&self, name: &str) -> Option<(Column, &DataType)> {
        let index = self.renamed.index_of(name).ok()?;
        let field = self.file.field(index);
        Some((Column::new(field.name(), index), field.data_type()))
    }

    /// The type of a column of times.
    fn is_time(&self, name: &str) -> bool {
        let field = self.table.field_with_name(name);
        field.is_ok_and(|field| matches!(field.data_type(), DataType::Timestamp(..)))
    }

    fn column(&self, column: &Column) -> Result<Arc<dyn PhysicalExpr>> {
        let name = column.name();
        if let Some((number, data_type)) = self.of_file(name)
            && data_type.is_integer()
            && self.is_time(name)
        {
            let field = Arc::new(self.table.field_with_name(name)?.clone());
            return Ok(Arc::new(TimeOfNumber::new(Arc::new(number), field)));
        }
        let adapted = self.by_name.rewrite(Arc::new(column.clone()))?;
        let under_own_name = |expr: Arc<dyn PhysicalExpr>| match expr.downcast_ref::<Column>() {
            Some(column) => {
                let name = self.file.field(column.index()).name();
                let column = Column::new(name, column.index());
                Ok(Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>))
            }
            None => Ok(Transformed::no(expr)),
        };
        adapted.transform_up(under_own_name).data()
    }

    /// A comparison of a column of times with a time.
    fn time_condition(&self, expr: &dyn PhysicalExpr) -> Option<Arc<dyn PhysicalExpr>> {
        let comparison = expr.downcast_ref::<BinaryExpr>()?;
        let (left, right) = (comparison.left(), comparison.right());
        let (column, operator, literal) = match left.downcast_ref::<Column>() {
            Some(column) => (column, *comparison.op(), right),
            None => (
                right.downcast_ref::<Column>()?,
                comparison.op().swap()?,
                left,
            ),
        };
        let ScalarValue::TimestampMicrosecond(Some(us), _) =
            literal.downcast_ref::<Literal>()?.value()
        else {
            return None;
        };
        if !self.is_time(column.name()) {
            return None;
        }
        let (column, data_type) = self.of_file(column.name())?;
        compare(&column, data_type, operator, *us)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Field;
    use datafusion::logical_expr::Operator;
    use datafusion::physical_expr::expressions::{col, lit};
    use vpcflow_record::flows_schema;

    use super::*;

    fn adapted(file: &Schema, expr: Arc<dyn PhysicalExpr>) -> String {
        let adapter = FlowsAdapters
            .create(flows_schema([]), Arc::new(file.clone()))
            .unwrap();
        adapter.rewrite(expr).unwrap().to_string()
    }

    #[test]
    fn a_file_is_asked_by_what_it_has() {
        let table = flows_schema([]);
        let file = Schema::new(vec![
            Field::new("protocol", DataType::Int64, true),
            Field::new("start", DataType::Int64, true),
            Field::new("account-id", DataType::Utf8View, true),
        ]);
        let column = |name| col(name, &table).unwrap();
        let time = lit(ScalarValue::TimestampMicrosecond(
            Some(1_795_305_600_500_000),
            Some("UTC".into()),
        ));
        let is = |left, operator, right| -> Arc<dyn PhysicalExpr> {
            Arc::new(BinaryExpr::new(left, operator, right))
        };
        let since = is(column("start"), Operator::GtEq, Arc::clone(&time));
        assert_eq!(
            adapted(&file, Arc::clone(&since)),
            "start@1 < 100000000000 AND start@1 >= 1795305601 OR start@1 >= 100000000000 AND \
             start@1 >= 1795305600500"
        );
        // The other way round, and inside of another condition.
        let since = is(Arc::clone(&time), Operator::LtEq, column("start"));
        let both = is(
            since,
            Operator::And,
            is(column("account_id"), Operator::Eq, lit("1")),
        );
        let text = adapted(&file, both);
        assert!(text.ends_with("AND account-id@2 = 1"), "{text}");
        assert_eq!(adapted(&file, column("start")), "time_of(start@1)");
        assert_eq!(adapted(&file, column("end")), "NULL");
        let text = adapted(&file, column("protocol"));
        assert!(
            text.contains("protocol@0") && text.contains("Int32"),
            "{text}"
        );
    }
}
