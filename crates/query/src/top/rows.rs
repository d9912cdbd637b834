//! Rankings as rows, for programs.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;

use super::key::{Key, Measure};
use super::numbers::{percent, tenth};
use super::{Line, Ranked, Ranking};
use crate::error::Error;

/// A line with the ranking that it is of, and its place in it, from 1.
struct Placed<'a> {
    ranking: &'a Ranking,
    rank: usize,
    line: &'a Line,
}

impl Placed<'_> {
    /// The share of the lines up to this one.
    fn cumulative_share(&self) -> Option<f64> {
        let by = self.ranking.stat.by;
        let lines = &self.ranking.lines[..self.rank];
        let measures = lines.iter().filter_map(|line| line.totals.measure(by));
        percent(Some(measures.sum()), self.ranking.total.totals.measure(by))
    }
}

impl Ranked {
    /// The rows of all rankings, one after another: the columns of the keys, then
    /// `flows`, `packets`, `bytes`, `share`, `cumulative_share`, `bits_per_second`,
    /// `packets_per_second`, `first_seen` and `last_seen`, after `rank`. Several
    /// rankings have `ranking` before all, and NULL in the columns of other rankings'
    /// keys. `bytes_up` and `bytes_down` are those from and to the client,
    /// `previous` and `change` are against the period before.
    ///
    /// # Errors
    /// When a sum does not fit in 64 bits.
    pub fn rows(&self) -> Result<RecordBatch, Error> {
        let lines: Vec<Placed<'_>> = self
            .rankings
            .iter()
            .flat_map(|ranking| {
                let lines = ranking.lines.iter().enumerate();
                lines.map(move |(index, line)| Placed {
                    ranking,
                    rank: index + 1,
                    line,
                })
            })
            .collect();
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        let mut add = |name: &str, column: ArrayRef| columns.push((name.to_owned(), column));
        if self.rankings.len() > 1 {
            let names = lines.iter().map(|placed| placed.ranking.stat.to_string());
            add("ranking", Arc::new(StringArray::from_iter_values(names)));
        }
        let ranks = lines.iter().map(|placed| placed.rank as i64);
        add("rank", Arc::new(Int64Array::from_iter_values(ranks)));
        for key in self.keys() {
            add(&key.output_column(), key_column(&lines, key)?);
        }
        for (name, by) in [
            ("flows", Measure::Flows),
            ("packets", Measure::Packets),
            ("bytes", Measure::Bytes),
        ] {
            let measure = |placed: &Placed<'_>| placed.line.totals.measure(by);
            add(name, integers(&lines, measure)?);
        }
        let share = |placed: &Placed<'_>| {
            let by = placed.ranking.stat.by;
            percent(
                placed.line.totals.measure(by),
                placed.ranking.total.totals.measure(by),
            )
        };
        let bits = |line: &Line| {
            line.rate(line.totals.bytes.map(|bytes| 8 * bytes))
                .map(tenth)
        };
        let packets = |line: &Line| line.rate(line.totals.packets).map(tenth);
        add("share", floats(&lines, share));
        add(
            "cumulative_share",
            floats(&lines, |placed| placed.cumulative_share()),
        );
        add(
            "bits_per_second",
            floats(&lines, |placed| bits(placed.line)),
        );
        add(
            "packets_per_second",
            floats(&lines, |placed| packets(placed.line)),
        );
        add("first_seen", times(&lines, |line| line.first_us));
        add("last_seen", times(&lines, |line| line.last_us));
        if self.bidirectional {
            let up = |placed: &Placed<'_>| Some(placed.line.request_bytes.unwrap_or(0));
            add("bytes_up", integers(&lines, up)?);
            let down = |placed: &Placed<'_>| placed.line.response_bytes();
            add("bytes_down", integers(&lines, down)?);
        }
        if self.compare.is_some() {
            let previous = |placed: &Placed<'_>| {
                let previous = placed.line.previous.measure(placed.ranking.stat.by);
                Some(previous.unwrap_or(0))
            };
            add("previous", integers(&lines, previous)?);
            let change =
                |placed: &Placed<'_>| placed.line.change(placed.ranking.stat.by).map(tenth);
            add("change", floats(&lines, change));
        }
        let fields = columns
            .iter()
            .map(|(name, column)| Field::new(name, column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    /// The keys of all rankings, each once.
    fn keys(&self) -> Vec<&Key> {
        let mut keys: Vec<&Key> = Vec::new();
        for key in self.rankings.iter().flat_map(|ranking| &ranking.stat.keys) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }
}

impl Line {
    /// Bytes from the server to the client.
    pub(super) fn response_bytes(&self) -> Option<i128> {
        let request = self.request_bytes.unwrap_or(0);
        Some(self.totals.bytes.unwrap_or(0) - request)
    }
}

/// The values of a key, NULL in the lines of rankings that have others.
fn key_column(lines: &[Placed<'_>], key: &Key) -> Result<ArrayRef, Error> {
    let value = |placed: &Placed<'_>| {
        let index = placed.ranking.stat.keys.iter().position(|own| own == key);
        index.map(|index| placed.line.keys[index].clone())
    };
    let values: Vec<Option<ScalarValue>> = lines.iter().map(value).collect();
    let data_type = values.iter().flatten().next().map(ScalarValue::data_type);
    // Without a row, no type is known: as text.
    let data_type = data_type.unwrap_or(DataType::Utf8View);
    if values.is_empty() {
        return Ok(datafusion::arrow::array::new_empty_array(&data_type));
    }
    let none = ScalarValue::try_from(&data_type)?;
    let values = values
        .into_iter()
        .map(|value| value.unwrap_or_else(|| none.clone()));
    Ok(ScalarValue::iter_to_array(values)?)
}

fn integers(
    lines: &[Placed<'_>],
    value: impl Fn(&Placed<'_>) -> Option<i128>,
) -> Result<ArrayRef, Error> {
    let values = lines
        .iter()
        .map(|placed| value(placed).map(i64::try_from).transpose());
    let values = values.collect::<Result<Int64Array, _>>();
    let values = values
        .map_err(|_| DataFusionError::Execution("a sum does not fit in 64 bits".to_owned()))?;
    Ok(Arc::new(values))
}

fn floats(lines: &[Placed<'_>], value: impl Fn(&Placed<'_>) -> Option<f64>) -> ArrayRef {
    Arc::new(lines.iter().map(value).collect::<Float64Array>())
}

fn times(lines: &[Placed<'_>], value: impl Fn(&Line) -> Option<i64>) -> ArrayRef {
    let times = lines.iter().map(|placed| value(placed.line));
    let times = times.collect::<TimestampMicrosecondArray>();
    Arc::new(times.with_timezone("UTC"))
}
