//! Functions that look addresses up in files that the user names.

mod aws_service;
mod geo;
mod network_list;
mod network_of;

use std::path::Path;
use std::sync::Arc;

use datafusion_expr::ScalarUDF;

use crate::error::Error;
use crate::{addresses, records};

use self::aws_service::IpRanges;
use self::geo::GeoDatabase;
use self::network_list::NetworkLists;

pub use self::network_list::{NetworkList, NetworkRow};

/// The functions of a session, with the files that they look addresses up in.
///
/// A function whose file nobody named is there all the same: it is an error to
/// call it, which says how to name one.
#[derive(Debug, Clone, Default)]
pub struct Functions {
    ip_ranges: Option<Arc<IpRanges>>,
    databases: Vec<Arc<GeoDatabase>>,
    lists: Arc<NetworkLists>,
}

impl Functions {
    /// Functions without files.
    pub fn new() -> Functions {
        Functions::default()
    }

    /// Reads AWS's `ip-ranges.json`, for `aws_service`.
    ///
    /// # Errors
    /// When the file cannot be read or is another.
    pub fn read_ip_ranges(&mut self, path: &Path) -> Result<(), Error> {
        self.ip_ranges = Some(Arc::new(IpRanges::read(path)?));
        Ok(())
    }

    /// Reads a database in MaxMind's format, for `geo_country` and `geo_asn`.
    /// Several are asked in the order in which they were read.
    ///
    /// # Errors
    /// When the file cannot be read or is another.
    pub fn read_geo_database(&mut self, path: &Path) -> Result<(), Error> {
        self.databases.push(Arc::new(GeoDatabase::read(path)?));
        Ok(())
    }

    /// Reads a list of networks, once for as long as the file stays the same.
    ///
    /// # Errors
    /// When the file cannot be read, or a line has no network.
    pub fn network_list(&self, path: &Path) -> Result<Arc<NetworkList>, Error> {
        self.lists.get(path)
    }

    /// All functions, to register them.
    pub fn scalar(&self) -> Vec<ScalarUDF> {
        let mut functions = addresses::functions();
        functions.extend(records::functions());
        functions.push(aws_service::udf(self.ip_ranges.clone()));
        functions.extend(geo::udfs(&self.databases));
        functions.push(network_of::udf(Arc::clone(&self.lists)));
        functions
    }
}
