//! The answers of a session as text.

use std::path::Path;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use vpcflow_ingest::{InputFile, Location, expand};
use vpcflow_query::{Parameters, Session};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The files that a path names.
pub(crate) fn files(path: &Path) -> Result<Vec<InputFile>, Failure> {
    Ok(expand(&Location::Path(path.to_owned()))?)
}

/// How many columns an answer has, and its rows as text, with the day in place of the names of a store's
/// files.
pub(crate) async fn answer(
    session: &Session,
    sql: &str,
    parameters: Parameters,
) -> Result<(usize, Vec<Vec<String>>), Failure> {
    let stream = session.sql(sql, parameters).await?;
    let columns = stream.schema().fields().len();
    let batches: Vec<RecordBatch> = stream
        .map_err(vpcflow_query::Error::from)
        .try_collect()
        .await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(text_rows(batch)?);
    }
    Ok((columns, rows))
}

/// The rows of a batch, each value as text.
pub(crate) fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref() as &dyn Array, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |row| {
        let values = columns.iter().map(|column| {
            let text = column.value(row).try_to_string()?;
            Ok(without_file_names(&text))
        });
        values.collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn without_file_names(text: &str) -> String {
    let mut parts = text.split("some/store/date=");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once(".parquet").unwrap_or((part, ""));
        let (date, _) = path.split_once('/').unwrap_or((path, ""));
        named.push_str(date);
        named.push_str(rest);
    }
    named
}
