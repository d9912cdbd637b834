//! The tables of a session: each source's own, united by name.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::prelude::{DataFrame, Expr, SessionContext, cast, col, ident, lit, when};
use vpcflow_store::{DATE_COLUMN, SourceState};

use crate::paths;
use crate::session::Window;
use crate::sources::Sources;
use crate::store::IngestLog;
use crate::table::{Kind, SourceTable};

/// One row for each interface of each log group.
const ENIS: &str = "
    SELECT {source} AS source,
        coalesce(interface_id, {stream}) AS interface_id,
        min(start) AS first_record,
        max(start) AS last_record,
        max(\"end\") AS seen_to,
        count(*) AS records,
        count(*) FILTER (WHERE log_status = 'NODATA') AS nodata,
        count(*) FILTER (WHERE log_status = 'SKIPDATA') AS skipdata
    FROM flows
    GROUP BY 1, 2";

/// Makes the tables of these sources; the window is of records, not of rejects.
pub(crate) async fn register_tables(
    context: &SessionContext,
    sources: &Arc<Sources>,
    window: Window,
) -> Result<()> {
    for store in &sources.stores {
        store.flows.register_objects(context);
    }
    let mut flows = Vec::new();
    let mut rejects = Vec::new();
    let table =
        |kind| -> Arc<dyn TableProvider> { Arc::new(SourceTable::new(kind, Arc::clone(sources))) };
    let is_none = sources.parquet.is_empty() && sources.stores.is_empty();
    if sources.has_text() || is_none {
        flows.push(table(Kind::Flows));
    }
    flows.extend(
        sources
            .parquet
            .iter()
            .map(|parquet| Arc::clone(parquet) as _),
    );
    if sources.has_text() || sources.stores.is_empty() {
        rejects.push(table(Kind::Rejects));
    }
    if !sources.stores.is_empty() {
        flows = flows
            .into_iter()
            .map(|flows| with_date(context, flows))
            .collect::<Result<_>>()?;
    }
    for store in &sources.stores {
        flows.push(Arc::clone(&store.flows) as Arc<dyn TableProvider>);
        rejects.push(Arc::clone(&store.rejects) as Arc<dyn TableProvider>);
    }
    let mut flows = unite(context, flows)?;
    if let Some(filter) = window.filter() {
        flows = context.read_table(flows)?.filter(filter)?.into_view();
    }
    context.register_table("flows", flows)?;
    context.register_table("rejects", unite(context, rejects)?)?;
    let snapshots = sources.stores.iter().map(|store| &store.snapshot);
    let log = IngestLog::new(snapshots.clone().cloned().collect());
    context.register_table("ingest_log", Arc::new(log))?;
    let states = snapshots.flat_map(|snapshot| snapshot.sources());
    let enis = enis(context, states.map(AsRef::as_ref)).await?;
    context.register_table("enis", enis.into_view())?;
    if let Some(paths) = &sources.paths {
        paths::register(context, paths, window);
    }
    Ok(())
}

/// All rows of the tables, NULL in the columns that a table does not have.
fn unite(
    context: &SessionContext,
    tables: Vec<Arc<dyn TableProvider>>,
) -> Result<Arc<dyn TableProvider>> {
    if let [only] = &tables[..] {
        return Ok(Arc::clone(only));
    }
    let mut united: Option<DataFrame> = None;
    for table in tables {
        let frame = context.read_table(table)?;
        united = Some(match united {
            Some(united) => united.union_by_name(frame)?,
            None => frame,
        });
    }
    let united = united.map_or_else(|| context.read_empty(), Ok)?;
    Ok(united.into_view())
}

/// Records with the day that they would be stored under.
fn with_date(
    context: &SessionContext,
    records: Arc<dyn TableProvider>,
) -> Result<Arc<dyn TableProvider>> {
    let schema = records.schema();
    let times = ["start", "end", "ingestion_time"].into_iter();
    let times = times.filter(|name| schema.index_of(name).is_ok());
    let date = cast(coalesce(times.map(ident).collect()), DataType::Date32);
    let frame = context
        .read_table(records)?
        .with_column(DATE_COLUMN, date)?;
    Ok(frame.into_view())
}

/// The table `enis`, over `flows`.
async fn enis(
    context: &SessionContext,
    states: impl Iterator<Item = &SourceState>,
) -> Result<DataFrame> {
    let flows = context.table_provider("flows").await?.schema();
    let column = |name: &'static str| match flows.index_of(name) {
        Ok(_) => name,
        // Only records of a log group have it.
        Err(_) => "CAST(NULL AS VARCHAR)",
    };
    let sql = ENIS
        .replace("{source}", column("log_group"))
        .replace("{stream}", column("log_stream"));
    let frame = context.sql(&sql).await?;
    let mut columns: Vec<Expr> = frame
        .schema()
        .fields()
        .iter()
        .map(|field| col(field.name()))
        .collect();
    columns.insert(5, complete_to(states)?.alias("complete_to"));
    frame.select(columns)
}

/// Up to when each log group is complete.
fn complete_to<'a>(states: impl Iterator<Item = &'a SourceState>) -> Result<Expr> {
    let mut groups: Vec<_> = states
        .filter_map(|state| Some((log_group(state.source.as_str())?, state.complete_to_ms)))
        .collect();
    // Groups of one name, in several accounts: complete up to the least of them.
    groups.sort_unstable();
    groups.dedup_by_key(|(group, _)| *group);
    let time = |ms: Option<i64>| {
        let us = ms.map(|ms| ms.saturating_mul(1000));
        lit(ScalarValue::TimestampMicrosecond(us, Some("UTC".into())))
    };
    let is = |group: &str| col("source").eq(lit(group));
    let mut groups = groups.into_iter();
    let Some((group, complete_to_ms)) = groups.next() else {
        return Ok(time(None));
    };
    let mut cases = when(is(group), time(complete_to_ms));
    for (group, complete_to_ms) in groups {
        cases = cases.when(is(group), time(complete_to_ms));
    }
    cases.end()
}

/// The name of the log group that a source is, if it is one:
/// `logs:ACCOUNT:REGION:NAME`. No name has a colon.
fn log_group(source: &str) -> Option<&str> {
    let (_, name) = source.strip_prefix("logs:")?.rsplit_once(':')?;
    Some(name)
}
