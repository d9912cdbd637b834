//! `aws_service`.

use std::fmt;
use std::fs;
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
use serde_json::Value;

use crate::address::Address;
use crate::arguments::{Arguments, addresses, text};
use crate::error::Error;
use crate::function::{document, invoke, signature};
use crate::memo::Memo;
use crate::network::parse_network;
use crate::prefix_map::PrefixMap;

const NAME: &str = "aws_service";
const NO_FILE: &str = "`aws_service` needs AWS's ip-ranges.json: name it with `--ip-ranges FILE` or \
                       the environment variable VPCFLOW_IP_RANGES";

pub(super) fn udf(ranges: Option<Arc<IpRanges>>) -> ScalarUDF {
    ScalarUDF::from(AwsService {
        signature: signature(vec![text()]),
        document: document(
            "aws_service(address)",
            "The AWS service that a public address belongs to, by AWS's ip-ranges.json, which \
             `--ip-ranges FILE` or VPCFLOW_IP_RANGES names. AWS lists many ranges under several \
             services: AMAZON, which has all of them, and EC2 stand back for any other.",
            "aws_service('52.219.0.1') = 'S3'",
        ),
        ranges,
    })
}

/// AWS's ranges with the service of each.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html>
#[derive(Debug)]
pub(super) struct IpRanges(PrefixMap<String>);

impl IpRanges {
    pub(super) fn read(path: &Path) -> Result<IpRanges, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        IpRanges::parse(&bytes).map_err(|reason| Error::NotIpRanges {
            path: path.to_owned(),
            reason,
        })
    }

    fn parse(json: &[u8]) -> Result<IpRanges, String> {
        let document: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut ranges = Vec::new();
        for (list, key) in [("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")] {
            let list = document[list]
                .as_array()
                .ok_or_else(|| format!("it has no list `{list}`"))?;
            for entry in list {
                let read = || {
                    let network = parse_network(entry[key].as_str()?)?;
                    Some((network, entry["service"].as_str()?.to_owned()))
                };
                ranges.push(read().ok_or_else(|| format!("no range is in `{entry}`"))?);
            }
        }
        // Of equal ranges the first counts.
        ranges.sort_by_cached_key(|(_, service)| (generality(service), service.clone()));
        Ok(IpRanges(PrefixMap::new(ranges)))
    }

    fn service(&self, address: Address) -> Option<&str> {
        self.0.longest(address).map(String::as_str)
    }
}

/// How little a service says, if a range is listed under others too.
fn generality(service: &str) -> u8 {
    match service {
        "AMAZON" => 2,
        "EC2" => 1,
        _ => 0,
    }
}

struct AwsService {
    signature: Signature,
    document: Documentation,
    ranges: Option<Arc<IpRanges>>,
}

// By name: a session has one.
impl PartialEq for AwsService {
    fn eq(&self, other: &AwsService) -> bool {
        self.ranges.as_ref().map(Arc::as_ptr) == other.ranges.as_ref().map(Arc::as_ptr)
    }
}

impl Eq for AwsService {}

impl Hash for AwsService {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

impl fmt::Debug for AwsService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsService").finish_non_exhaustive()
    }
}

impl ScalarUDFImpl for AwsService {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        if self.ranges.is_none() {
            return plan_err!("{NO_FILE}");
        }
        Ok(Field::new(NAME, DataType::Utf8View, true).into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ranges) = &self.ranges else {
            return exec_err!("{NO_FILE}");
        };
        invoke(&args, |arguments| compute(arguments, ranges))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.document)
    }
}

fn compute(arguments: &Arguments<'_>, ranges: &IpRanges) -> Result<ArrayRef> {
    let texts = arguments.texts(0)?;
    let mut services = StringViewBuilder::with_capacity(arguments.rows());
    let mut memo = Memo::new();
    for address in addresses(&texts) {
        let service = address.and_then(|address| *memo.get(address, || ranges.service(address)));
        services.append_option(service);
    }
    Ok(Arc::new(services.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_service_of_the_smallest_range_counts() {
        let json = br#"{"syncToken": "1", "prefixes": [
            {"ip_prefix": "52.94.0.0/15", "region": "GLOBAL", "service": "AMAZON"},
            {"ip_prefix": "52.95.128.0/21", "region": "ap-southeast-2", "service": "AMAZON"},
            {"ip_prefix": "52.95.128.0/21", "region": "ap-southeast-2", "service": "S3"},
            {"ip_prefix": "52.95.128.0/21", "region": "ap-southeast-2", "service": "EC2"},
            {"ip_prefix": "52.94.8.0/24", "region": "us-east-1", "service": "EC2"}
        ], "ipv6_prefixes": [
            {"ipv6_prefix": "2600:1ff8::/40", "region": "us-east-1", "service": "EC2"}
        ]}"#;
        let ranges = IpRanges::parse(json).unwrap();
        let service = |text| ranges.service(Address::parse(text).unwrap());
        assert_eq!(service("52.95.128.179"), Some("S3"));
        assert_eq!(service("52.94.8.1"), Some("EC2"));
        assert_eq!(service("52.94.9.1"), Some("AMAZON"));
        assert_eq!(service("2600:1ff8::1"), Some("EC2"));
        assert_eq!(service("10.0.0.1"), None);
    }

    #[test]
    fn another_file_is_told() {
        let reason = |json: &str| IpRanges::parse(json.as_bytes()).unwrap_err();
        assert_eq!(reason("{}"), "it has no list `prefixes`");
        assert!(reason("<html>").starts_with("expected value"));
        let entry = r#"{"prefixes": [{"ip_prefix": "ten"}], "ipv6_prefixes": []}"#;
        assert_eq!(reason(entry), r#"no range is in `{"ip_prefix":"ten"}`"#);
    }
}
