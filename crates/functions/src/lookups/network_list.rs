//! Lists of networks: threats, subnets, owners.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::address::Address;
use crate::error::Error;
use crate::network::parse_network;
use crate::prefix_map::PrefixMap;

/// Names of the column that has the networks; else it is the first.
const NETWORK_COLUMNS: [&str; 8] = [
    "network",
    "cidr",
    "cidr_block",
    "prefix",
    "subnet",
    "ip_prefix",
    "address",
    "ip",
];

/// A file that has a network in each line, and perhaps more about it.
///
/// It is CSV, with a header line unless its first line has a network. Lines
/// that are empty or begin with `#` or `;` count for nothing. A network is in
/// CIDR notation, or an address that stands for itself.
#[derive(Debug)]
pub struct NetworkList {
    /// The names of the columns: `network`, then the others in their order.
    pub columns: Vec<String>,
    /// The lines, in their order.
    pub rows: Vec<NetworkRow>,
    by_address: PrefixMap<usize>,
}

/// A line of a list of networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkRow {
    /// The network in CIDR notation, without bits after the prefix.
    pub network: String,
    /// The values of the other columns; `None` where there is none.
    pub values: Vec<Option<String>>,
}

impl NetworkList {
    fn read(path: &Path) -> Result<NetworkList, Error> {
        let bytes = fs::read(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let records = records(path, &bytes)?;
        let Some(first) = records.first() else {
            return Err(Error::EmptyList {
                path: path.to_owned(),
            });
        };
        let is_header = !first.iter().any(|value| parse_network(value).is_some());
        let names: Vec<String> = first.iter().map(column_name).collect();
        let network_column = if is_header {
            let known = |name: &String| NETWORK_COLUMNS.contains(&name.as_str());
            names.iter().position(known).unwrap_or(0)
        } else {
            first
                .iter()
                .position(|value| parse_network(value).is_some())
                .unwrap_or(0)
        };
        let width = records.iter().map(StringRecord::len).max().unwrap_or(0);
        let others = (0..width).filter(|index| *index != network_column);
        let mut columns = vec!["network".to_owned()];
        for index in others.clone() {
            let named = names
                .get(index)
                .filter(|name| is_header && !name.is_empty());
            let name = named
                .cloned()
                .unwrap_or_else(|| format!("column_{}", index + 1));
            let taken = columns.contains(&name);
            columns.push(if taken {
                format!("{name}_{}", index + 1)
            } else {
                name
            });
        }
        let mut rows = Vec::new();
        let mut networks = Vec::new();
        for record in records.iter().skip(usize::from(is_header)) {
            let text = record.get(network_column).unwrap_or_default();
            let network = parse_network(text).ok_or_else(|| Error::NotNetwork {
                path: path.to_owned(),
                line: record.position().map_or(0, csv::Position::line),
                text: text.to_owned(),
            })?;
            networks.push((network, rows.len()));
            let value = |index| record.get(index).filter(|value| !value.is_empty());
            rows.push(NetworkRow {
                network: network.to_string(),
                values: others
                    .clone()
                    .map(|index| value(index).map(str::to_owned))
                    .collect(),
            });
        }
        if rows.is_empty() {
            return Err(Error::EmptyList {
                path: path.to_owned(),
            });
        }
        Ok(NetworkList {
            columns,
            rows,
            by_address: PrefixMap::new(networks),
        })
    }

    /// The smallest network of the list around an address.
    pub(crate) fn longest(&self, address: Address) -> Option<&str> {
        let row = self.by_address.longest(address)?;
        self.rows.get(*row).map(|row| row.network.as_str())
    }
}

/// A name that needs no quotes in SQL.
fn column_name(text: &str) -> String {
    let word = |character: char| {
        if character.is_alphanumeric() {
            character
        } else {
            '_'
        }
    };
    text.trim_start_matches('\u{feff}')
        .to_lowercase()
        .chars()
        .map(word)
        .collect()
}

fn records(path: &Path, bytes: &[u8]) -> Result<Vec<StringRecord>, Error> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .comment(Some(b'#'))
        .from_reader(bytes);
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|source| Error::NotList {
            path: path.to_owned(),
            source,
        })?;
        let blank = record.iter().all(str::is_empty);
        if !blank && !record.get(0).unwrap_or_default().starts_with(';') {
            records.push(record);
        }
    }
    Ok(records)
}

/// The lists of a session, each read once while its file stays the same.
#[derive(Debug, Default)]
pub(crate) struct NetworkLists(Mutex<HashMap<PathBuf, KnownList>>);

#[derive(Debug)]
struct KnownList {
    /// Of the file, when it was read.
    modified: Option<SystemTime>,
    len: u64,
    list: Arc<NetworkList>,
}

impl NetworkLists {
    pub(crate) fn get(&self, path: &Path) -> Result<Arc<NetworkList>, Error> {
        let metadata = fs::metadata(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let (modified, len) = (metadata.modified().ok(), metadata.len());
        // A map that a panic left behind is whole: it changes in one step.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(path)
            && known.modified == modified
            && known.len == len
        {
            return Ok(Arc::clone(&known.list));
        }
        let list = Arc::new(NetworkList::read(path)?);
        let now = KnownList {
            modified,
            len,
            list: Arc::clone(&list),
        };
        known.insert(path.to_owned(), now);
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<NetworkList, Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list.csv");
        fs::write(&path, text).unwrap();
        NetworkList::read(&path)
    }

    fn told(text: &str) -> String {
        let message = read(text).unwrap_err().to_string();
        let name = message.find('`').unwrap();
        let end = message.find("list.csv").unwrap();
        format!("{}{}", &message[..=name], &message[end..])
    }

    #[test]
    fn a_list_may_be_nothing_but_networks() {
        let list = read("# threats\n10.1.2.3/8\n\n; more\n2001:db8::1 # seen\n").unwrap_err();
        assert!(list.to_string().starts_with("line 5 of "), "{list}");
        let list = read("# threats\n10.1.2.3/8\n\n; more\n2001:db8::1\n").unwrap();
        assert_eq!(list.columns, ["network"]);
        let networks: Vec<_> = list.rows.iter().map(|row| row.network.as_str()).collect();
        assert_eq!(networks, ["10.0.0.0/8", "2001:db8::1/128"]);
        assert_eq!(list.longest(Address::V4(0x0aff_ffff)), Some("10.0.0.0/8"));
        assert_eq!(list.longest(Address::V4(0x0bff_ffff)), None);
    }

    #[test]
    fn a_list_may_have_other_columns() {
        let list =
            read("\u{feff}Owner,CIDR,Cost Center\n\"web, public\",10.0.1.0/24,7\ndb,10.0.2.0/24\n")
                .unwrap();
        assert_eq!(list.columns, ["network", "owner", "cost_center"]);
        assert_eq!(
            list.rows[0].values,
            [Some("web, public".to_owned()), Some("7".to_owned())]
        );
        assert_eq!(list.rows[1].values, [Some("db".to_owned()), None]);
        let list = read("web,10.0.1.0/24\n").unwrap();
        assert_eq!(list.columns, ["network", "column_1"]);
    }

    #[test]
    fn what_is_no_list_is_told_with_its_line() {
        assert_eq!(told(""), "`list.csv` lists no network");
        assert_eq!(told("network,owner\n"), "`list.csv` lists no network");
        assert_eq!(
            told("network,owner\n10.0.0.0/8,a\n10.0.0.0/99,b\n"),
            "line 3 of `list.csv`: `10.0.0.0/99` is not a network"
        );
    }

    #[test]
    fn a_list_is_read_again_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let lists = NetworkLists::default();
        assert!(matches!(lists.get(&path), Err(Error::Unreadable { .. })));
        fs::write(&path, "10.0.0.0/8\n").unwrap();
        let first = lists.get(&path).unwrap();
        assert!(Arc::ptr_eq(&first, &lists.get(&path).unwrap()));
        fs::write(&path, "10.0.0.0/8\n192.0.2.0/24\n").unwrap();
        assert_eq!(lists.get(&path).unwrap().rows.len(), 2);
    }
}
