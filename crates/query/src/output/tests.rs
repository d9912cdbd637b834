//! What the formats look like.

use std::io::Cursor;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{
    AsArray, Int64Array, StringArray, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn batch() -> RecordBatch {
    let times = TimestampMicrosecondArray::from(vec![Some(1_767_225_600_000_000), None]);
    RecordBatch::try_from_iter([
        (
            "addr",
            Arc::new(StringArray::from(vec![Some("10.0.0.1"), None])) as _,
        ),
        (
            "bytes",
            Arc::new(Int64Array::from(vec![Some(1_234_567), Some(0)])) as _,
        ),
        ("start", Arc::new(times.with_timezone("UTC")) as _),
    ])
    .unwrap()
}

fn print(format: OutputFormat, width: Option<usize>, batches: &[RecordBatch]) -> String {
    let mut text = Vec::new();
    let mut printer = Printer::new(&mut text, format, batch().schema(), width);
    for batch in batches {
        printer.write(batch).unwrap();
    }
    printer.finish().unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn every_format_writes_the_same_rows() {
    let rows = [batch()];
    assert_eq!(
        print(OutputFormat::Json, None, &rows),
        "[{\"addr\":\"10.0.0.1\",\"bytes\":1234567,\"start\":\"2026-01-01T00:00:00Z\"},\
         {\"addr\":null,\"bytes\":0,\"start\":null}]\n"
    );
    assert_eq!(
        print(OutputFormat::Ndjson, None, &rows),
        "{\"addr\":\"10.0.0.1\",\"bytes\":1234567,\"start\":\"2026-01-01T00:00:00Z\"}\n\
         {\"addr\":null,\"bytes\":0,\"start\":null}\n"
    );
    assert_eq!(
        print(OutputFormat::Csv, None, &rows),
        "addr,bytes,start\n10.0.0.1,1234567,2026-01-01T00:00:00Z\n,0,\n"
    );
    assert_eq!(
        print(OutputFormat::Tsv, None, &rows),
        "addr\tbytes\tstart\n10.0.0.1\t1234567\t2026-01-01T00:00:00Z\n\t0\t\n"
    );
    assert_eq!(
        print(OutputFormat::Markdown, None, &rows),
        "| addr     |   bytes | start               |\n\
         | -------- | ------: | ------------------- |\n\
         | 10.0.0.1 | 1234567 | 2026-01-01 00:00:00 |\n\
         | -        |       0 | -                   |\n"
    );
    assert_eq!(
        print(OutputFormat::Table, None, &rows),
        "addr        bytes  start\n\
         ────────  ───────  ───────────────────\n\
         10.0.0.1  1234567  2026-01-01 00:00:00\n\
         -               0  -\n"
    );
}

#[test]
fn without_a_row_there_is_a_header_or_an_empty_array() {
    assert_eq!(print(OutputFormat::Json, None, &[]), "[]\n");
    assert_eq!(print(OutputFormat::Ndjson, None, &[]), "");
    assert_eq!(print(OutputFormat::Csv, None, &[]), "addr,bytes,start\n");
    assert_eq!(
        print(OutputFormat::Table, None, &[]),
        "addr  bytes  start\n────  ─────  ─────\n"
    );
}

#[test]
fn several_batches_have_one_header() {
    for format in OutputFormat::ALL {
        if format.is_binary() {
            continue;
        }
        let text = print(format, None, &[batch(), batch()]);
        assert_eq!(text.matches("10.0.0.1").count(), 2, "{format}");
        if !matches!(format, OutputFormat::Json | OutputFormat::Ndjson) {
            assert_eq!(text.matches("bytes").count(), 1, "{format}");
        }
    }
}

#[test]
fn a_table_fits_the_terminal() {
    let text = print(OutputFormat::Table, Some(30), &[batch()]);
    assert!(
        text.lines().all(|line| line.chars().count() <= 30),
        "{text}"
    );
    assert!(text.contains('…') && text.contains("1234567"), "{text}");
}

#[test]
fn columns_that_do_not_fit_are_left_out() {
    let names: Vec<String> = (0..10).map(|index| format!("column{index}")).collect();
    let column = || Arc::new(StringArray::from(vec!["a value"])) as _;
    let batch = RecordBatch::try_from_iter(names.iter().map(|name| (name, column()))).unwrap();
    let print = |width| {
        let mut text = Vec::new();
        let mut printer = Printer::new(&mut text, OutputFormat::Table, batch.schema(), width);
        printer.write(&batch).unwrap();
        printer.finish().unwrap();
        String::from_utf8(text).unwrap()
    };
    assert_eq!(
        print(Some(20)),
        "colum…  colum…  …\n──────  ──────  …\na val…  a val…  …\n"
    );
    assert!(!print(None).contains('…'));
    for width in 1..120 {
        let fits = print(Some(width))
            .lines()
            .all(|line| line.chars().count() <= width.max(9));
        assert!(fits, "{width}");
    }
}

#[test]
fn files_for_programs_are_read_back() {
    for batches in [vec![], vec![batch()], vec![batch(), batch()]] {
        let write = |format| {
            let mut bytes = Vec::new();
            let mut printer = Printer::new(&mut bytes, format, batch().schema(), None);
            for batch in &batches {
                printer.write(batch).unwrap();
            }
            printer.finish().unwrap();
            bytes
        };
        let parquet = Bytes::from(write(OutputFormat::Parquet));
        let builder = ParquetRecordBatchReaderBuilder::try_new(parquet).unwrap();
        assert_eq!(builder.schema().field(0).data_type(), &DataType::Utf8);
        let rows: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
        let expected = concat_batches(&batch().schema(), &batches).unwrap();
        assert_eq!(
            rows.iter().map(RecordBatch::num_rows).sum::<usize>(),
            expected.num_rows()
        );
        if let [rows] = rows.as_slice() {
            assert_eq!(rows.columns(), expected.columns());
        }
        let arrow = Cursor::new(write(OutputFormat::Arrow));
        let rows: Vec<RecordBatch> = FileReader::try_new(arrow, None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(rows.len(), batches.len());
        for (rows, batch) in rows.iter().zip(&batches) {
            assert_eq!(rows.columns(), batch.columns());
        }
    }
}

#[test]
fn views_are_written_as_plain_text() {
    let views = StringViewArray::from(vec![Some("a text longer than twelve bytes"), None]);
    let batch = RecordBatch::try_from_iter([("text", Arc::new(views) as _)]).unwrap();
    let mut bytes = Vec::new();
    let mut printer = Printer::new(&mut bytes, OutputFormat::Arrow, batch.schema(), None);
    printer.write(&batch).unwrap();
    printer.finish().unwrap();
    let mut reader = FileReader::try_new(Cursor::new(bytes), None).unwrap();
    let texts = reader.next().unwrap().unwrap();
    assert_eq!(
        texts.column(0).as_string::<i32>().value(0),
        "a text longer than twelve bytes"
    );
}
