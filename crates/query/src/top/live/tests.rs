//! A live ranking is what counting all records of its window anew would say.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::common::ScalarValue;
use proptest::prelude::*;

use super::*;
use crate::top::Measure;

/// Seconds, source, port, bytes, accepted or not.
type Record = (i64, u8, i32, i64, bool);

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = [
        ("start", time.clone()),
        ("end", time),
        ("srcaddr", DataType::Utf8View),
        ("dstport", DataType::Int32),
        ("bytes", DataType::Int64),
        ("action", DataType::Utf8View),
    ];
    let fields = fields.map(|(name, data_type)| Field::new(name, data_type, true));
    Arc::new(Schema::new(fields.to_vec()))
}

fn batch(records: &[Record]) -> RecordBatch {
    let times = |after: i64| {
        let times = records.iter().map(|record| (record.0 + after) * 1_000_000);
        TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")
    };
    let sources = records.iter().map(|record| source(record.1));
    let ports = records.iter().map(|record| record.2);
    let bytes = records.iter().map(|record| record.3);
    let actions = records
        .iter()
        .map(|record| if record.4 { "ACCEPT" } else { "REJECT" });
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times(0)),
        Arc::new(times(1)),
        Arc::new(StringViewArray::from_iter_values(sources)),
        Arc::new(Int32Array::from_iter_values(ports)),
        Arc::new(Int64Array::from_iter_values(bytes)),
        Arc::new(StringViewArray::from_iter_values(actions)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn source(number: u8) -> String {
    format!("192.0.2.{number}")
}

fn options(key_bytes: usize) -> LiveOptions {
    let stat = |text| Stat::parse(text, Measure::Bytes).unwrap();
    LiveOptions {
        stats: vec![stat("srcaddr/bytes"), stat("srcaddr,dstport/flows")],
        limit: 10,
        window_s: 60,
        bidirectional: false,
        key_bytes,
    }
}

fn top(key_bytes: usize) -> LiveTop {
    LiveTop::new(&schema(), options(key_bytes), &Functions::new()).unwrap()
}

/// After all that can come.
const LATE_MS: i64 = 10_000_000;

/// The sources of the window with their bytes and records, and how many records are
/// older.
fn expected(batches: &[Vec<Record>], top: &LiveTop) -> (BTreeMap<String, (i128, i64)>, u64) {
    let mut newest: Option<i64> = None;
    let mut late = 0;
    let mut kept = Vec::new();
    let step = |record: &Record| record.0.div_euclid(top.step_s);
    for batch in batches {
        newest = batch.iter().map(step).max().max(newest);
        let first = newest.unwrap_or(0) - top.step_count as i64 + 1;
        let (new, old): (Vec<Record>, Vec<Record>) = batch
            .iter()
            .copied()
            .partition(|record| step(record) >= first);
        late += old.len() as u64;
        kept.extend(new);
        kept.retain(|record| step(record) >= first);
    }
    let mut sources: BTreeMap<String, (i128, i64)> = BTreeMap::new();
    for record in kept {
        let sums = sources.entry(source(record.1)).or_default();
        sums.0 += i128::from(record.3);
        sums.1 += 1;
    }
    (sources, late)
}

fn batches() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let record = (0..200_i64, 0..6_u8, 1..4_i32, 0..50_i64, any::<bool>());
    proptest::collection::vec(proptest::collection::vec(record, 0..20), 0..12)
}

proptest! {
    #[test]
    fn a_window_is_counted_as_if_anew(batches in batches(), limit in 1..8_usize) {
        let mut top = top(LiveOptions::USUAL_KEY_BYTES);
        for records in &batches {
            top.take(&batch(records), LATE_MS).unwrap();
        }
        let (sources, late) = expected(&batches, &top);
        prop_assert_eq!(top.counts().late, late);
        let ranked = top.ranked(0, "", limit).unwrap();
        let ranking = &ranked.rankings[0];
        let mut rows: Vec<(i128, String, i64)> = sources
            .iter()
            .map(|(source, (bytes, flows))| (-bytes, source.clone(), *flows))
            .collect();
        rows.sort();
        let told: Vec<(i128, String, i64)> = ranking
            .lines
            .iter()
            .map(|line| (-line.totals.bytes.unwrap(), line.keys[0].to_string(), line.totals.flows))
            .collect();
        prop_assert_eq!(&told[..], &rows[..limit.min(rows.len())]);
        prop_assert!(ranking.lines.iter().all(|line| !line.at_least));
        prop_assert_eq!(ranking.groups, rows.len() as u64);
        let all: i64 = rows.iter().map(|row| row.2).sum();
        prop_assert_eq!(ranking.total.totals.flows, all);

        // A filter leaves rows out, and changes no number.
        let filtered = top.ranked(0, ".3", 10).unwrap();
        let lines = &filtered.rankings[0].lines;
        prop_assert_eq!(lines.len(), usize::from(sources.contains_key("192.0.2.3")));
        prop_assert!(lines.iter().all(|line| sources["192.0.2.3"].1 == line.totals.flows));
        prop_assert_eq!(&top.ranked(0, "", limit).unwrap(), &ranked);
    }

    /// With too little memory, rows are exact or say that they are not, and the total
    /// is exact.
    #[test]
    fn what_memory_does_not_hold_is_counted_together(
        batches in batches(), key_bytes in 0..4_000_usize,
    ) {
        let mut top = top(key_bytes);
        for records in &batches {
            top.take(&batch(records), LATE_MS).unwrap();
        }
        let (sources, _) = expected(&batches, &top);
        let ranked = top.ranked(0, "", 10).unwrap();
        let ranking = &ranked.rankings[0];
        for line in &ranking.lines {
            let (bytes, flows) = sources[&line.keys[0].to_string()];
            let (own_bytes, own_flows) = (line.totals.bytes.unwrap(), line.totals.flows);
            if line.at_least {
                prop_assert!(own_bytes <= bytes && own_flows <= flows);
            } else {
                prop_assert_eq!((own_bytes, own_flows), (bytes, flows));
            }
        }
        let shown: i64 = ranking.lines.iter().map(|line| line.totals.flows).sum();
        prop_assert_eq!(shown + top.overflow(0), ranking.total.totals.flows);
        let all: i64 = sources.values().map(|(_, flows)| *flows).sum();
        prop_assert_eq!(ranking.total.totals.flows, all);
    }
}

#[test]
fn a_record_from_the_future_does_not_move_the_window() {
    let mut top = top(LiveOptions::USUAL_KEY_BYTES);
    top.take(
        &batch(&[(100, 1, 443, 10, true), (9_000_000, 2, 443, 10, true)]),
        100_000,
    )
    .unwrap();
    let ranked = top.ranked(0, "", 10).unwrap();
    assert_eq!(ranked.rankings[0].lines.len(), 1);
    assert_eq!(top.counts().astray, 1);
    assert_eq!(
        ranked.rankings[0].lines[0].keys,
        [ScalarValue::Utf8View(Some("192.0.2.1".to_owned()))]
    );
}

#[test]
fn the_newest_rejected_flows_are_remembered() {
    let mut top = top(LiveOptions::USUAL_KEY_BYTES);
    let records: Vec<Record> = (0..250)
        .map(|number| (number, (number % 200) as u8, 22, 1, number % 2 == 0))
        .collect();
    top.take(&batch(&records), LATE_MS).unwrap();
    let newest: Vec<_> = top.rejected().collect();
    assert_eq!(newest.len(), MAX_REJECTED);
    assert_eq!(newest[0].start_us, Some(249_000_000));
    assert_eq!(newest[1].start_us, Some(247_000_000));
    let counts = top.counts();
    assert_eq!((counts.accepted, counts.rejected), (125, 125));
}
