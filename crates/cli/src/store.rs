//! From the name of a store to the store.

use vpcflow_store::Location;

use crate::args::AwsArgs;
use crate::failure::Failure;

/// Where the store is that the user named.
pub(crate) async fn location(name: &str, _aws: &AwsArgs) -> Result<Location, Failure> {
    Ok(Location::directory(name)?)
}
