//! The table function `networks('FILE')`: a list of networks as a table.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use vpcflow_functions::{Functions, NetworkList};

/// Reads lists with the cache of the functions, so that a join with
/// `network_of` reads a file once.
#[derive(Debug)]
pub(crate) struct Networks(pub(crate) Functions);

impl TableFunctionImpl for Networks {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let [Expr::Literal(literal, _)] = args.exprs() else {
            return plan_err!("`networks` takes the name of a file: networks('owners.csv')");
        };
        let Some(Some(file)) = literal.try_as_str() else {
            return plan_err!("`networks` takes the name of a file, not {literal}");
        };
        match self.0.network_list(Path::new(file)) {
            Ok(list) => Ok(Arc::new(table(&list)?)),
            Err(error) => plan_err!("{}", error.explained()),
        }
    }
}

fn table(list: &NetworkList) -> Result<MemTable> {
    let nullable = |index| index > 0;
    let fields = list.columns.iter().enumerate();
    let fields: Vec<Field> = fields
        .map(|(index, name)| Field::new(name, DataType::Utf8View, nullable(index)))
        .collect();
    let networks = list.rows.iter().map(|row| Some(row.network.as_str()));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(networks.collect::<StringViewArray>())];
    for index in 0..list.columns.len() - 1 {
        let values = list.rows.iter().map(|row| row.values[index].as_deref());
        columns.push(Arc::new(values.collect::<StringViewArray>()));
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    MemTable::try_new(schema, vec![vec![batch]])
}
