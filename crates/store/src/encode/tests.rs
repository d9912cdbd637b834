//! What is written is read back by the `parquet` crate, value for value.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringViewArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

use super::*;

fn options(layout: Layout, columns: usize, group_rows: usize) -> EncoderOptions {
    EncoderOptions {
        group_rows,
        layouts: vec![(layout, ZstdLevel::default()); columns],
        properties: WriterProperties::default(),
    }
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

fn encoded(file: &mut FileEncoder) -> Bytes {
    file.finish().unwrap().0.into()
}

/// All rows of a file, and what its end says.
fn read(bytes: &Bytes, schema: &SchemaRef) -> (RecordBatch, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new()
        .with_schema(Arc::clone(schema))
        .with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(bytes, options).unwrap();
    let described = Arc::clone(metadata.metadata());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata);
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    (concat_batches(schema, &batches).unwrap(), described)
}

#[derive(Debug, Clone)]
enum Kind {
    Few,
    Many,
    Equal,
}

fn numbers(kind: Kind) -> BoxedStrategy<i64> {
    match kind {
        Kind::Few => (-3_i64..4).boxed(),
        Kind::Many => prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)].boxed(),
        Kind::Equal => Just(6).boxed(),
    }
}

fn text(kind: Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Few => "(ACCEPT|REJECT|10\\.0\\.0\\.[1-9]|192\\.168\\.100\\.1[0-9]|eni-0123456789abcde[0-9a-f]|)".boxed(),
        Kind::Many => ".{0,90}".boxed(),
        Kind::Equal => Just("123456789010".to_owned()).boxed(),
    }
}

/// Columns of all types, some with NULLs.
fn rows(kind: Kind) -> impl Strategy<Value = RecordBatch> {
    let value = (
        prop::option::weighted(0.9, numbers(kind.clone())),
        prop::option::weighted(0.9, text(kind)),
        any::<bool>(),
    );
    (prop::collection::vec(value, 0..300), 0..3_usize).prop_map(|(mut rows, nulls)| {
        match nulls {
            0 => rows.retain(|(number, text, _)| number.is_some() && text.is_some()),
            1 => rows.iter_mut().for_each(|row| *row = (None, None, row.2)),
            _ => {}
        }
        let number = || rows.iter().map(|row| row.0);
        let time = TimestampMicrosecondArray::from_iter(number()).with_timezone("UTC");
        let text: StringViewArray = rows.iter().map(|row| row.1.clone()).collect();
        batch(vec![
            (
                "int32",
                Arc::new(
                    number()
                        .map(|n| n.map(|n| n as i32))
                        .collect::<Int32Array>(),
                ),
            ),
            ("int64", Arc::new(number().collect::<Int64Array>())),
            ("time", Arc::new(time)),
            ("text", Arc::new(text)),
        ])
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Few), Just(Kind::Many), Just(Kind::Equal)]
}

fn layout() -> impl Strategy<Value = Layout> {
    prop_oneof![
        Just(Layout::Plain),
        Just(Layout::Dictionary),
        Just(Layout::Sought),
        Just(Layout::Differences)
    ]
}

/// The Bloom filter of a column of a row group.
fn filter(bytes: &Bytes, group: usize, column: usize) -> Option<Sbbf> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
    let filter = reader.get_row_group_column_bloom_filter(group, column);
    filter.unwrap()
}

fn has_all(filter: &Sbbf, column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>().iter().flatten();
            values.into_iter().all(|value| filter.check(&value))
        }
        _ => {
            let values = column.as_string_view().iter().flatten();
            values.into_iter().all(|value| filter.check(value))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn rows_are_read_back(
        batches in prop::collection::vec(kind().prop_flat_map(rows), 1..5),
        layout in layout(),
        group_rows in 1..500_usize,
    ) {
        let schema = batches[0].schema();
        let mut file = FileEncoder::new(&schema, options(layout, 4, group_rows)).unwrap();
        let mut bytes = Vec::new();
        for batch in &batches {
            file.write(batch).unwrap();
            bytes.extend(file.take_bytes());
        }
        bytes.extend(file.finish().unwrap().0);
        let bytes = bytes.into();
        let (found, metadata) = read(&bytes, &schema);
        prop_assert_eq!(&found, &concat_batches(&schema, &batches).unwrap());
        check_statistics(&found, &metadata);
        let mut from = 0;
        for (group, described) in metadata.row_groups().iter().enumerate() {
            let rows = found.slice(from, described.num_rows() as usize);
            from += rows.num_rows();
            for (index, column) in rows.columns().iter().enumerate() {
                let filter = filter(&bytes, group, index);
                // Of so few rows no dictionary is left.
                let has_dictionary = matches!(column.data_type(), DataType::Utf8View | DataType::Int32);
                let is_sought = layout == Layout::Sought && has_dictionary;
                prop_assert_eq!(filter.is_some(), is_sought);
                prop_assert!(filter.is_none_or(|filter| has_all(&filter, column)));
            }
        }
    }

    #[test]
    fn rows_are_put_in_order(
        batches in prop::collection::vec(kind().prop_flat_map(rows), 1..5),
        layout in layout(),
        seed in any::<u32>(),
    ) {
        let schema = batches[0].schema();
        let rows = concat_batches(&schema, &batches).unwrap();
        let mut order: Vec<_> = (0..rows.num_rows() as u32).collect();
        order.sort_by_key(|row| (row ^ seed).wrapping_mul(0x9e37_79b9));
        let group = Group::new(&schema, options(layout, 4, 1 << 20), batches, Some(order.clone()));
        let group = group.unwrap();
        prop_assert!(!group.is_done());
        // Two threads share the columns, and a third finds none left.
        std::thread::scope(|scope| {
            for worker in [scope.spawn(|| group.work()), scope.spawn(|| group.work())] {
                worker.join().unwrap().unwrap();
            }
        });
        prop_assert!(group.is_done());
        group.work().unwrap();
        let (found, metadata) = read(&group.finish().unwrap().0.into(), &schema);
        let expected = take_record_batch(&rows, &UInt32Array::from(order)).unwrap();
        prop_assert_eq!(&found, &expected);
        check_statistics(&found, &metadata);
    }
}

/// Bounds and NULLs of each row group are those of its rows.
fn check_statistics(rows: &RecordBatch, metadata: &ParquetMetaData) {
    let mut from = 0;
    for group in metadata.row_groups() {
        let part = rows.slice(from, group.num_rows() as usize);
        from += part.num_rows();
        for (index, column) in part.columns().iter().enumerate() {
            let statistics = group.column(index).statistics().unwrap();
            assert_eq!(
                statistics.null_count_opt(),
                Some(column.null_count() as u64)
            );
            match statistics {
                Statistics::Int32(found) => {
                    let values = || column.as_primitive::<Int32Type>().iter().flatten();
                    assert_eq!(found.min_opt().copied(), values().min());
                    assert_eq!(found.max_opt().copied(), values().max());
                }
                Statistics::Int64(found) => {
                    let values = arrow_select::concat::concat(&[column]).unwrap();
                    let values = values.to_data();
                    let nulls = values.nulls().cloned();
                    let all = values.buffers()[0].typed_data::<i64>()[..column.len()].iter();
                    let all = || {
                        let valid = |row: &usize| nulls.as_ref().is_none_or(|n| n.is_valid(*row));
                        all.clone()
                            .enumerate()
                            .filter(move |(row, _)| valid(row))
                            .map(|(_, v)| *v)
                    };
                    assert_eq!(found.min_opt().copied(), all().min());
                    assert_eq!(found.max_opt().copied(), all().max());
                }
                Statistics::ByteArray(found) => {
                    let values = || column.as_string_view().iter().flatten();
                    let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
                    let (least, greatest) = (bytes(values().min()), bytes(values().max()));
                    let (min, max) = (found.min_bytes_opt(), found.max_bytes_opt());
                    if found.min_is_exact() {
                        assert_eq!(min, least.as_deref());
                    }
                    if found.max_is_exact() {
                        assert_eq!(max, greatest.as_deref());
                    }
                    assert!(min.is_none_or(|min| Some(min) <= least.as_deref()));
                    assert!(max.is_none_or(|max| Some(max) >= greatest.as_deref()));
                }
                other => panic!("no column is {other:?}"),
            }
        }
    }
}

/// Rows enough for several pages, with runs and NULLs across their ends.
fn long() -> RecordBatch {
    let rows = 3 * column::PAGE_ROWS as i64 + 17;
    let present = |row: i64| row % 1000 != 3 && !(40_000..41_000).contains(&row);
    let time = (0..rows).map(|row| Some(1_700_000_000_000_000 + row / 100 * 1_000_000));
    let time = TimestampMicrosecondArray::from_iter(time).with_timezone("UTC");
    let port = (0..rows).map(|row| present(row).then_some((row * 7919 % 65_536) as i32));
    let address =
        (0..rows).map(|row| present(row).then(|| format!("10.0.{}.{}", row % 7, row % 251)));
    let id = (0..rows).map(|row| present(row).then(|| format!("{:056}", row * 1_000_003)));
    batch(vec![
        ("time", Arc::new(time)),
        ("port", Arc::new(port.collect::<Int32Array>())),
        ("address", Arc::new(address.collect::<StringViewArray>())),
        ("id", Arc::new(id.collect::<StringViewArray>())),
    ])
}

#[test]
fn pages_have_bounds_and_places() {
    let rows = long();
    let schema = rows.schema();
    let mut options = options(Layout::Dictionary, 4, 1 << 20);
    options.layouts[0].0 = Layout::Differences;
    options.layouts[1].0 = Layout::Plain;
    let mut file = FileEncoder::new(&schema, options).unwrap();
    // In parts that do not end where pages do.
    for from in (0..rows.num_rows()).step_by(10_007) {
        let part = rows.slice(from, 10_007.min(rows.num_rows() - from));
        file.write(&part).unwrap();
    }
    let (found, metadata) = read(&encoded(&mut file), &schema);
    assert_eq!(found, rows);
    let index = &metadata.column_index().unwrap()[0];
    let ColumnIndexMetaData::INT64(times) = &index[0] else {
        panic!("times have an index: {:?}", index[0]);
    };
    assert_eq!(times.num_pages(), 4);
    assert!(index[0].is_sorted());
    let first = rows.column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.min_value(1), Some(&first.value(column::PAGE_ROWS)));
    assert_eq!(
        times.max_value(1),
        Some(&first.value(2 * column::PAGE_ROWS - 1))
    );
    let pages = metadata.offset_index().unwrap()[0][2].page_locations();
    let rows: Vec<_> = pages.iter().map(|page| page.first_row_index).collect();
    assert_eq!(rows, [0, 32_768, 65_536, 98_304]);
}

/// What is not in a row group is rarely taken to be, and where the dictionary was left
/// nothing is said.
#[test]
fn sought_text_has_a_filter_while_it_has_a_dictionary() {
    let texts = |count: usize| -> ArrayRef {
        let text = |row: usize| format!("10.0.{}.{}", row % count / 250, row % count % 250);
        Arc::new(StringViewArray::from_iter_values((0..40_000).map(text)))
    };
    let rows = batch(vec![("few", texts(1_000)), ("many", texts(30_000))]);
    let mut file = FileEncoder::new(&rows.schema(), options(Layout::Sought, 2, 1 << 20)).unwrap();
    for from in (0..rows.num_rows()).step_by(5_000) {
        file.write(&rows.slice(from, 5_000)).unwrap();
    }
    let bytes = encoded(&mut file);
    let few = filter(&bytes, 0, 0).unwrap();
    assert!(has_all(&few, rows.column(0)));
    let others = (0..10_000).map(|number| format!("10.1.{}.{}", number / 250, number % 250));
    let wrong = others.filter(|other| few.check(other.as_str())).count();
    assert!(wrong < 1_000, "{wrong}");
    assert!(filter(&bytes, 0, 1).is_none());
}

/// A dictionary that turns out to be of no use is left, whether pages have it by
/// then or not.
#[test]
fn text_that_never_repeats_has_no_dictionary() {
    let rows = long();
    let schema = rows.schema();
    for steps in [rows.num_rows(), 5_000] {
        let mut file = FileEncoder::new(&schema, options(Layout::Dictionary, 4, 1 << 20));
        let file = file.as_mut().unwrap();
        for from in (0..rows.num_rows()).step_by(steps) {
            let part = rows.slice(from, steps.min(rows.num_rows() - from));
            file.write(&part).unwrap();
        }
        let (found, metadata) = read(&encoded(file), &schema);
        assert_eq!(found, rows);
        let columns = metadata.row_group(0).columns();
        let has_dictionary = |index: usize| columns[index].dictionary_page_offset().is_some();
        assert!(has_dictionary(2));
        assert_eq!(has_dictionary(3), steps == 5_000);
        check_statistics(&found, &metadata);
    }
}

#[test]
fn columns_that_cannot_be_null_are_refused() {
    let field = Field::new(
        "start",
        DataType::Timestamp(TimeUnit::Microsecond, None),
        false,
    );
    let schema = Arc::new(Schema::new(vec![field]));
    assert!(FileEncoder::new(&schema, options(Layout::Plain, 1, 1)).is_err());
}
