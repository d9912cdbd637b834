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
use datafusion_common::arrow::array::{Array, ArrayRef, AsArray, Scalar, StringViewArray};
use datafusion_common::arrow::compute::kernels::cmp::eq;
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
        let inside = |row: &usize| is_inside(*row, inside);
        let count = (0..ROWS).filter(inside).count();
        for (name, networks) in [
            ("cidr of octets", "10.0.0.0/8"),
            ("cidr between octets", "10.0.0.0/9"),
            ("several networks", "10.0.0.0/8,192.168.0.0/16"),
        ] {
            let contained = || call(&contains, networks, &column).as_boolean().true_count();
            assert_eq!(contained(), count, "{name}");
            group.bench_function(name, |bencher| bencher.iter(|| black_box(contained())));
        }
    }
}

criterion_group!(benches, filters);
criterion_main!(benches);
