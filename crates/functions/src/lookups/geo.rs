//! `geo_country` and `geo_asn`.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use datafusion_common::arrow::array::{ArrayRef, Int64Array, StringViewArray};
use datafusion_common::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion_common::{Result, exec_err, plan_err};
use datafusion_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};
use maxminddb::{MaxMindDbError, PathElement, Reader};

use crate::address::Address;
use crate::arguments::{Arguments, addresses, text};
use crate::error::Error;
use crate::function::{document, invoke, signature};
use crate::memo::Memo;

/// A database in MaxMind's format.
/// <https://maxmind.github.io/MaxMind-DB/>
pub(super) struct GeoDatabase(Reader<Vec<u8>>);

impl fmt::Debug for GeoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GeoDatabase")
            .field(&self.0.metadata().database_type)
            .finish()
    }
}

impl GeoDatabase {
    pub(super) fn read(path: &Path) -> Result<GeoDatabase, Error> {
        let reader = Reader::open_readfile(path).map_err(|error| match error {
            MaxMindDbError::Io(source) => Error::Unreadable {
                path: path.to_owned(),
                source,
            },
            source => Error::NotMaxMind {
                path: path.to_owned(),
                source,
            },
        })?;
        Ok(GeoDatabase(reader))
    }

    fn country(&self, address: Address) -> Result<Option<String>, MaxMindDbError> {
        let found = self.0.lookup(address.into())?;
        for place in ["country", "registered_country"] {
            let code = found
                .decode_path::<String>(&[PathElement::Key(place), PathElement::Key("iso_code")])?;
            if code.is_some() {
                return Ok(code);
            }
        }
        Ok(None)
    }

    fn asn(&self, address: Address) -> Result<Option<i64>, MaxMindDbError> {
        let found = self.0.lookup(address.into())?;
        let number = found.decode_path::<u32>(&[PathElement::Key("autonomous_system_number")])?;
        Ok(number.map(i64::from))
    }
}

/// What is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wanted {
    Country,
    Asn,
}

/// The functions over these databases.
pub(super) fn udfs(databases: &[Arc<GeoDatabase>]) -> [ScalarUDF; 2] {
    let function = |wanted, document| {
        ScalarUDF::from(Geo {
            wanted,
            signature: signature(vec![text()]),
            document,
            databases: databases.to_vec(),
        })
    };
    let country = document(
        "geo_country(address)",
        "The country of an address as its ISO code, else that of its registration, by a database \
         in MaxMind's format (GeoLite2-Country.mmdb, GeoLite2-City.mmdb and their like), which \
         `--geo FILE` or VPCFLOW_GEO names.",
        "geo_country('8.8.8.8') = 'US'",
    );
    let asn = document(
        "geo_asn(address)",
        "The number of the autonomous system of an address, by a database in MaxMind's format \
         (GeoLite2-ASN.mmdb and its like), which `--geo FILE` or VPCFLOW_GEO names.",
        "geo_asn('8.8.8.8') = 15169",
    );
    [
        function(Wanted::Country, country),
        function(Wanted::Asn, asn),
    ]
}

struct Geo {
    wanted: Wanted,
    signature: Signature,
    document: Documentation,
    databases: Vec<Arc<GeoDatabase>>,
}

impl Geo {
    fn no_file(&self) -> String {
        format!(
            "`{}` needs a database in MaxMind's format: name it with `--geo FILE` or the \
             environment variable VPCFLOW_GEO",
            self.name()
        )
    }

    /// The first answer of a database.
    fn find<T>(
        &self,
        answer: impl Fn(&GeoDatabase) -> Result<Option<T>, MaxMindDbError>,
    ) -> Result<Option<T>> {
        for database in &self.databases {
            match answer(database) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(error) => {
                    return exec_err!("the database of `{}` is damaged: {error}", self.name());
                }
            }
        }
        Ok(None)
    }

    fn compute(&self, arguments: &Arguments<'_>) -> Result<ArrayRef> {
        let texts = arguments.texts(0)?;
        match self.wanted {
            Wanted::Country => {
                let countries = self.look_up(addresses(&texts), GeoDatabase::country)?;
                Ok(Arc::new(StringViewArray::from_iter(countries)))
            }
            Wanted::Asn => {
                let numbers = self.look_up(addresses(&texts), GeoDatabase::asn)?;
                Ok(Arc::new(Int64Array::from_iter(numbers)))
            }
        }
    }

    fn look_up<T: Clone>(
        &self,
        addresses: impl Iterator<Item = Option<Address>>,
        answer: impl Fn(&GeoDatabase, Address) -> Result<Option<T>, MaxMindDbError>,
    ) -> Result<Vec<Option<T>>> {
        let mut memo: Memo<Option<T>> = Memo::new();
        let mut failure = Ok(());
        let found = addresses
            .map(|address| {
                let address = address?;
                let found = memo.get(address, || {
                    self.find(|database| answer(database, address))
                        .unwrap_or_else(|error| {
                            failure = Err(error);
                            None
                        })
                });
                found.clone()
            })
            .collect();
        failure.map(|()| found)
    }
}

// By name and databases.
impl PartialEq for Geo {
    fn eq(&self, other: &Geo) -> bool {
        let same = |(left, right): (&Arc<_>, &Arc<_>)| Arc::ptr_eq(left, right);
        self.wanted == other.wanted
            && self.databases.len() == other.databases.len()
            && self.databases.iter().zip(&other.databases).all(same)
    }
}

impl Eq for Geo {}

impl Hash for Geo {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.wanted.hash(state);
    }
}

impl fmt::Debug for Geo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Geo")
            .field("wanted", &self.wanted)
            .finish_non_exhaustive()
    }
}

impl ScalarUDFImpl for Geo {
    fn name(&self) -> &str {
        match self.wanted {
            Wanted::Country => "geo_country",
            Wanted::Asn => "geo_asn",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.wanted {
            Wanted::Country => DataType::Utf8View,
            Wanted::Asn => DataType::Int64,
        })
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if self.databases.is_empty() {
            return plan_err!("{}", self.no_file());
        }
        Ok(Field::new(self.name(), self.return_type(&[])?, true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.databases.is_empty() {
            return exec_err!("{}", self.no_file());
        }
        invoke(&args, |arguments| self.compute(arguments))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.document)
    }
}
