//! Several statements over one scan of `flows`.
//!
//! A report asks a dozen questions of the same records. Asked one after the other,
//! each would read, decompress and decode everything again. Here the statements are
//! planned over a table that stands for `flows`, run side by side, and each batch of
//! the one scan goes to all of them:
//!
//! * [`SharedTable`] takes down, while the statements are planned, which columns each
//!   asks for and on which conditions.
//! * [`SharedScan`] is where a statement takes its batches from.
//! * `feed` reads `flows` once, with the columns of all and the conditions that all
//!   have, decides each other condition once, and hands the batches out.
//!
//! A statement that is slow makes the scan wait, so that no more than a few batches
//! are held. It may read `flows` once only: of two scans in a statement the engine
//! may leave one unread until the other has ended, which would never happen.

mod feed;
mod scan;
mod table;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider,
};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use tokio::task::{JoinError, JoinSet};

use self::feed::feeds;
use self::table::SharedTable;
use crate::error::{Error, SqlError};

/// The answers to statements over `flows`, in their order, by one scan of it.
///
/// # Errors
/// When a statement cannot be planned, reads another table than `flows` or reads it
/// twice, and when the scan or a statement fails; the others end then.
pub(crate) async fn answer_together(
    context: &SessionContext,
    statements: &[&String],
) -> std::result::Result<Vec<Vec<RecordBatch>>, Error> {
    let table = Arc::new(SharedTable::new(
        context.table_provider("flows").await?.schema(),
        context.state().config().target_partitions(),
    ));
    let private = context_over(context, &table)?;
    let mut plans = Vec::with_capacity(statements.len());
    for sql in statements {
        let readers = table.readers();
        let planned = plan(&private, sql).await;
        let planned = planned.map_err(|error| Box::new(SqlError::new(sql, &error)))?;
        // None, if the engine sees that no row can be asked for.
        if table.readers() > readers + 1 {
            let message = "a statement that shares a scan reads `flows` once";
            return Err(DataFusionError::Internal(message.to_owned()).into());
        }
        plans.push(planned);
    }

    // They end with this function, however it ends.
    let mut tasks = JoinSet::new();
    for feed in feeds(context, table.take_readers()).await? {
        tasks.spawn(async move { feed.run().await.map(|()| None) });
    }
    let mut answers = vec![Vec::new(); plans.len()];
    for (index, plan) in plans.into_iter().enumerate() {
        let task = private.task_ctx();
        tasks.spawn(async move { Ok(Some((index, collect(plan, task).await?))) });
    }
    while let Some(done) = tasks.join_next().await {
        if let Some((index, batches)) = joined(done)? {
            answers[index] = batches;
        }
    }
    Ok(answers)
}

/// The engine as the session has it, with the table as `flows` and no other.
fn context_over(context: &SessionContext, table: &Arc<SharedTable>) -> Result<SessionContext> {
    let names = context.state().config_options().catalog.clone();
    let tables = MemorySchemaProvider::new();
    tables.register_table("flows".to_owned(), Arc::clone(table) as _)?;
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema(&names.default_schema, Arc::new(tables))?;
    let catalogs = MemoryCatalogProviderList::new();
    datafusion::catalog::CatalogProviderList::register_catalog(
        &catalogs,
        names.default_catalog,
        Arc::new(catalog),
    );
    let state = SessionStateBuilder::new_from_existing(context.state())
        .with_catalog_list(Arc::new(catalogs))
        .build();
    Ok(SessionContext::new_with_state(state))
}

async fn plan(context: &SessionContext, sql: &str) -> Result<Arc<dyn ExecutionPlan>> {
    context.sql(sql).await?.create_physical_plan().await
}

fn joined<T>(done: std::result::Result<Result<T>, JoinError>) -> Result<T> {
    done.unwrap_or_else(|error| Err(DataFusionError::ExecutionJoin(Box::new(error))))
}

#[cfg(test)]
mod tests;
