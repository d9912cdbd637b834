//! Calls of functions as the engine makes them, and files to look up in.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use datafusion_common::arrow::array::{Array, ArrayRef};
use datafusion_common::arrow::datatypes::Field;
use datafusion_common::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::config::ConfigOptions;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};
use vpcflow_functions::Functions;

mod maxmind;

/// A folder with a file of each kind.
pub(crate) fn files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    write(
        "list.csv",
        b"network,owner\n10.0.0.0/8,all\n10.1.0.0/16,web\n",
    );
    write(
        "ip-ranges.json",
        br#"{"prefixes": [{"ip_prefix": "52.95.128.0/21", "service": "S3"}], "ipv6_prefixes": []}"#,
    );
    write("country.mmdb", &maxmind::country([81, 2], "GB"));
    write("asn.mmdb", &maxmind::asn([81, 2], 20712));
    directory
}

/// All functions, with these files.
pub(crate) fn functions(directory: &Path) -> Vec<ScalarUDF> {
    let mut functions = Functions::new();
    functions
        .read_ip_ranges(&directory.join("ip-ranges.json"))
        .unwrap();
    functions
        .read_geo_database(&directory.join("asn.mmdb"))
        .unwrap();
    functions
        .read_geo_database(&directory.join("country.mmdb"))
        .unwrap();
    functions.scalar()
}

fn find<'a>(functions: &'a [ScalarUDF], name: &str) -> &'a ScalarUDF {
    functions
        .iter()
        .find(|function| function.name() == name)
        .unwrap()
}

/// Plans a call with constants.
pub(crate) fn plan(functions: &[ScalarUDF], name: &str, constants: &[ScalarValue]) -> Result<()> {
    let fields: Vec<_> = constants
        .iter()
        .map(|value| Arc::new(Field::new("argument", value.data_type(), true)))
        .collect();
    let scalar_arguments: Vec<_> = constants.iter().map(Some).collect();
    let args = ReturnFieldArgs {
        arg_fields: &fields,
        scalar_arguments: &scalar_arguments,
    };
    find(functions, name)
        .return_field_from_args(args)
        .map(|_| ())
}

/// Calls a function.
pub(crate) fn call(
    functions: &[ScalarUDF],
    name: &str,
    args: Vec<ColumnarValue>,
    number_rows: usize,
) -> Result<ColumnarValue> {
    let function = find(functions, name);
    let field = |value: &ColumnarValue| Arc::new(Field::new("argument", value.data_type(), true));
    let arg_fields: Vec<_> = args.iter().map(field).collect();
    let types: Vec<_> = args.iter().map(ColumnarValue::data_type).collect();
    let return_field = Field::new("answer", function.return_type(&types)?, true);
    function.invoke_with_args(ScalarFunctionArgs {
        args,
        arg_fields,
        number_rows,
        return_field: Arc::new(return_field),
        config_options: Arc::new(ConfigOptions::default()),
    })
}

/// A value as text; `None` where it is NULL.
pub(crate) fn text_of(array: &ArrayRef, row: usize) -> Option<String> {
    let formatter = ArrayFormatter::try_new(array, &FormatOptions::default()).unwrap();
    array
        .is_valid(row)
        .then(|| formatter.value(row).to_string())
}
