//! Rows, stores in memory, and an object store that fails.
#![expect(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod faults;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use url::Url;
use vpcflow_ingest::SimulatedClock;
use vpcflow_record::{DecodeOptions, Decoder, Format, RejectsBuilder};
use vpcflow_store::{
    Checkpoint, Location, Reader, Snapshot, SourceId, Store, StoreOptions, check, read_rejects,
};

/// 2026-11-22T00:00:00Z.
pub(crate) const TODAY_MS: i64 = 1_795_305_600_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) fn clock() -> Arc<SimulatedClock> {
    Arc::new(SimulatedClock::new(TODAY_MS))
}

pub(crate) fn options() -> StoreOptions {
    StoreOptions {
        segment_rows: 50,
        encoders: 2,
        ..StoreOptions::default()
    }
}

pub(crate) fn memory() -> Location {
    over(Arc::new(InMemory::new()))
}

pub(crate) fn over(objects: Arc<dyn object_store::ObjectStore>) -> Location {
    Location::objects(Url::parse("memory:///some/store").unwrap(), objects)
}

pub(crate) async fn open(location: &Location) -> Store {
    Store::open(location, options(), clock()).await.unwrap()
}

/// Records `from..to` of a source; number `n` starts `n` minutes before midnight
/// or after it, in no order.
pub(crate) fn rows(source: &SourceId, from: u64, to: u64) -> RecordBatch {
    let numbers = || from..to;
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let text = |name| Field::new(name, DataType::Utf8View, true);
    let schema = Schema::new(vec![
        text("interface_id"),
        Field::new("bytes", DataType::Int64, true),
        Field::new("start", time, true),
        text("log_group"),
        text("log_stream"),
        text("event_id"),
    ]);
    let start = |n: u64| {
        let minute = (n as i64 * 7_919) % 2_000 - 1_000;
        (n % 50 != 49).then_some((TODAY_MS + minute * 60_000) * 1_000)
    };
    let interfaces = numbers().map(|n| Some(format!("eni-{}", n % 7)));
    let ids = numbers().map(|n| Some(format!("{n:020}")));
    let streams = numbers().map(|n| Some(format!("eni-{}-all", n % 7)));
    let groups = numbers().map(|_| Some(source.as_str()));
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringViewArray::from_iter(interfaces)),
            Arc::new(Int64Array::from_iter(numbers().map(|n| n as i64))),
            Arc::new(
                TimestampMicrosecondArray::from_iter(numbers().map(start)).with_timezone("UTC"),
            ),
            Arc::new(StringViewArray::from_iter(groups)),
            Arc::new(StringViewArray::from_iter(streams)),
            Arc::new(StringViewArray::from_iter(ids)),
        ],
    )
    .unwrap()
}

/// As many refused lines.
pub(crate) fn rejects(source: &SourceId, count: usize) -> RecordBatch {
    let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
    let mut rejects = RejectsBuilder::default();
    for number in 0..count {
        decoder.decode(format!("2 no record {number}\n").as_bytes());
    }
    for reject in decoder.take_rejects() {
        rejects.append(source.as_str(), Some(reject.position), None, &reject);
    }
    rejects.finish().unwrap()
}

pub(crate) fn no_rejects() -> RecordBatch {
    RejectsBuilder::default().finish().unwrap()
}

/// A checkpoint after the records before `offset`.
pub(crate) fn at(offset: u64) -> Checkpoint {
    Checkpoint::full(json!({ "offset": offset }))
}

/// Where a source goes on.
pub(crate) fn offset(store: &Store, source: &SourceId) -> u64 {
    store
        .source(source)
        .and_then(|state| state.cursors.last()?.get("offset")?.as_u64())
        .unwrap_or_default()
}

/// The records of a snapshot: each source and number, sorted.
pub(crate) async fn records(snapshot: &Snapshot) -> Vec<(String, u64)> {
    records_at(snapshot.location(), snapshot).await
}

/// The same, with its files read there.
pub(crate) async fn records_at(location: &Location, snapshot: &Snapshot) -> Vec<(String, u64)> {
    let mut records = Vec::new();
    let mut take = |batch: &RecordBatch| {
        let column = |name| Arc::clone(batch.column_by_name(name).unwrap());
        let ids = arrow_text(&column("event_id"));
        let groups = arrow_text(&column("log_group"));
        records.extend(
            groups
                .into_iter()
                .zip(ids.iter().map(|id| id.parse().unwrap())),
        );
    };
    for batch in snapshot.rows() {
        take(batch);
    }
    for file in snapshot.files() {
        let found = location.store().get(&file.path).await;
        let bytes = found.unwrap().bytes().await.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
        for batch in reader.build().unwrap() {
            take(&batch.unwrap());
        }
    }
    records.sort();
    records
}

pub(crate) fn arrow_text(column: &Arc<dyn Array>) -> Vec<String> {
    match column.data_type() {
        DataType::Utf8View => column
            .as_string_view()
            .iter()
            .map(|v| v.unwrap().to_owned())
            .collect(),
        _ => column
            .as_string::<i32>()
            .iter()
            .map(|v| v.unwrap().to_owned())
            .collect(),
    }
}

/// The refused lines of a snapshot.
pub(crate) async fn reject_count(snapshot: &Snapshot) -> usize {
    reject_count_at(snapshot.location(), snapshot).await
}

/// The same, with its files read there.
pub(crate) async fn reject_count_at(location: &Location, snapshot: &Snapshot) -> usize {
    let mut count = snapshot.rejects().iter().map(RecordBatch::num_rows).sum();
    for file in snapshot.rejects_files() {
        let store = location.store();
        count += read_rejects(store.as_ref(), file).await.unwrap().num_rows();
    }
    count
}

/// What `records` gives for a source of `count` records.
pub(crate) fn expected(source: &SourceId, count: u64) -> Vec<(String, u64)> {
    (0..count).map(|n| (source.to_string(), n)).collect()
}

/// The same records, each as often; says what differs, not all there is.
#[track_caller]
pub(crate) fn assert_same(found: &[(String, u64)], expected: &[(String, u64)], what: &str) {
    let count = |records: &[(String, u64)]| {
        let mut counts = std::collections::BTreeMap::new();
        for record in records {
            *counts.entry(record.clone()).or_insert(0) += 1;
        }
        counts
    };
    let (found, expected) = (count(found), count(expected));
    let differing: Vec<_> = found
        .keys()
        .chain(expected.keys())
        .filter(|record| found.get(*record) != expected.get(*record))
        .map(|record| (record, found.get(record), expected.get(record)))
        .collect();
    let shown = &differing[..differing.len().min(5)];
    assert!(
        differing.is_empty(),
        "{what}: {} records are not there as often as expected, such as {shown:?}",
        differing.len()
    );
}

/// The records that another process would find.
pub(crate) async fn committed(location: &Location) -> Vec<(String, u64)> {
    let mut reader = Reader::open(location).await.unwrap();
    records(&reader.snapshot().await.unwrap()).await
}

/// Everything in the store is as it should be, and nothing is left over.
pub(crate) async fn assert_sound(location: &Location) {
    let mut reader = Reader::open(location).await.unwrap();
    let check = check(&mut reader).await.unwrap();
    assert_eq!(check.findings, [], "{check:?}");
    assert_eq!(check.orphans, [], "{check:?}");
}
