//! What a CIDR filter costs beside a comparison with one address: the kernels
//! that the engine runs for each, over a column of addresses.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use datafusion_common::ScalarValue;
use datafusion_common::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Scalar, StringViewArray,
};
use datafusion_common::arrow::compute::kernels::cmp::eq;
use datafusion_common::arrow::compute::{filter, like};
use datafusion_common::arrow::datatypes::{DataType, Field};
use datafusion_common::config::ConfigOptions;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF};
use vpcflow_functions::Functions;

/// A batch of the engine.
const ROWS: usize = 8192;

/// Of these addresses a part is in 10.0.0.0/8, the others in 172.16.0.0/12.
fn addresses(inside_percent: usize) -> ArrayRef {
    let rows = (0..ROWS).map(|row| {
        let (a, b) = (row * 7 % 256, row * 31 % 256);
        if is_inside(row, inside_percent) {
            format!("10.0.{a}.{b}")
        } else {
            format!("172.16.{a}.{b}")
        }
    });
    Arc::new(rows.map(Some).collect::<StringViewArray>())
}

fn is_inside(row: usize, inside_percent: usize) -> bool {
    row * 37 % 100 < inside_percent
}

fn function(name: &str) -> ScalarUDF {
    let functions = Functions::new().scalar();
    functions
        .into_iter()
        .find(|function| function.name() == name)
        .unwrap()
}

fn call(function: &ScalarUDF, network: &str, column: &ArrayRef) -> ArrayRef {
    let args = vec![
        ColumnarValue::Scalar(ScalarValue::from(network)),
        ColumnarValue::Array(Arc::clone(column)),
    ];
    let field = |value: &ColumnarValue| Arc::new(Field::new("argument", value.data_type(), true));
    let arg_fields = args.iter().map(field).collect();
    let answer = function.invoke_with_args(ScalarFunctionArgs {
        args,
        arg_fields,
        number_rows: column.len(),
        return_field: Arc::new(Field::new("answer", DataType::Boolean, true)),
        config_options: Arc::new(ConfigOptions::default()),
    });
    answer.unwrap().into_array(column.len()).unwrap()
}

/// As the engine evaluates `address LIKE '10.%' AND cidr_contains(…)`: the
/// function sees only what the beginning lets through, if that is little.
fn narrowed(function: &ScalarUDF, network: &str, begins: &dyn Array, column: &ArrayRef) -> usize {
    let scalar = StringViewArray::from(vec![begins.as_string_view().value(0)]);
    let selected: BooleanArray = like(column, &Scalar::new(scalar)).unwrap();
    let selected_rows = selected.true_count();
    if selected_rows == 0 {
        return 0;
    }
    let few = selected_rows * 5 <= column.len();
    let rows = if few {
        filter(column, &selected).unwrap()
    } else {
        Arc::clone(column)
    };
    call(function, network, &rows).as_boolean().true_count()
}

fn filters(criterion: &mut Criterion) {
    let contains = function("cidr_contains");
    for inside in [10, 50] {
        let column = addresses(inside);
        let mut group = criterion.benchmark_group(format!("{inside} percent inside"));
        group.throughput(Throughput::Elements(ROWS as u64));
        let one = Scalar::new(StringViewArray::from(vec!["10.0.7.31"]));
        let equal = || eq(&column, &one).unwrap().true_count();
        assert!(equal() > 0 && equal() < ROWS / 100);
        group.bench_function("equality", |bencher| bencher.iter(|| black_box(equal())));
        let begins = StringViewArray::from(vec!["10.%"]);
        let octets = || narrowed(&contains, "10.0.0.0/8", &begins, &column);
        let count = (0..ROWS).filter(|row| is_inside(*row, inside)).count();
        assert_eq!(octets(), count);
        group.bench_function("cidr of octets", |bencher| {
            bencher.iter(|| black_box(octets()))
        });
        let between = || narrowed(&contains, "10.0.0.0/9", &begins, &column);
        group.bench_function("cidr between octets", |bencher| {
            bencher.iter(|| black_box(between()))
        });
        let alone = || call(&contains, "10.0.0.0/8,192.168.0.0/16", &column).len();
        group.bench_function("several networks", |bencher| {
            bencher.iter(|| black_box(alone()))
        });
    }
}

criterion_group!(benches, filters);
criterion_main!(benches);
