//! `network_of`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use datafusion_common::arrow::array::{ArrayRef, StringViewBuilder};
use datafusion_common::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

use super::network_list::{NetworkList, NetworkLists};
use crate::arguments::{Arguments, addresses, scalar_text, text};
use crate::function::{document, invoke, signature};
use crate::memo::Memo;

const NAME: &str = "network_of";

pub(super) fn udf(lists: Arc<NetworkLists>) -> ScalarUDF {
    ScalarUDF::from(NetworkOf {
        signature: signature(vec![text(), text()]),
        document: document(
            "network_of(address, file)",
            "The smallest network around an address in a list of networks, in CIDR notation as the \
             table function `networks(file)` has it, so that the two join. NULL where the list has \
             none.",
            "network_of('10.1.2.3', 'owners.csv') = '10.1.0.0/16'",
        ),
        lists,
    })
}

struct NetworkOf {
    signature: Signature,
    document: Documentation,
    lists: Arc<NetworkLists>,
}

// By the lists of its session.
impl PartialEq for NetworkOf {
    fn eq(&self, other: &NetworkOf) -> bool {
        Arc::ptr_eq(&self.lists, &other.lists)
    }
}

impl Eq for NetworkOf {}

impl Hash for NetworkOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl fmt::Debug for NetworkOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkOf").finish_non_exhaustive()
    }
}

impl ScalarUDFImpl for NetworkOf {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let file = args.scalar_arguments.get(1).copied().flatten();
        if let Some(file) = scalar_text(file)
            && let Err(error) = self.lists.get(Path::new(file))
        {
            return plan_err!("{}", error.explained());
        }
        Ok(Field::new(NAME, DataType::Utf8View, true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        invoke(&args, |arguments| {
            let list = match arguments.constant_text(1) {
                Some(Some(file)) => match self.lists.get(Path::new(file)) {
                    Ok(list) => Some(list),
                    Err(error) => return exec_err!("{}", error.explained()),
                },
                Some(None) => None,
                None => return exec_err!("the file of `{NAME}` is a constant, not a column"),
            };
            compute(arguments, list.as_deref())
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.document)
    }
}

fn compute(arguments: &Arguments<'_>, list: Option<&NetworkList>) -> Result<ArrayRef> {
    let texts = arguments.texts(0)?;
    let mut networks = StringViewBuilder::with_capacity(arguments.rows());
    let mut memo = Memo::new();
    for address in addresses(&texts) {
        let network = address
            .zip(list)
            .and_then(|(address, list)| *memo.get(address, || list.longest(address)));
        networks.append_option(network);
    }
    Ok(Arc::new(networks.finish()))
}
