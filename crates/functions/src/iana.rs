//! The registries of IANA: names of protocols and of services.

use std::collections::HashMap;
use std::sync::LazyLock;

/// TCP's number.
pub(crate) const TCP: i64 = 6;
/// UDP's number.
pub(crate) const UDP: i64 = 17;

static PROTOCOLS: LazyLock<HashMap<i64, &'static str>> = LazyLock::new(|| {
    let rows = rows(include_str!("../data/protocols.tsv"));
    rows.filter_map(|row| {
        let (number, name) = row.split_once('\t')?;
        Some((number.parse().ok()?, name))
    })
    .collect()
});

/// Names by port, over TCP and over UDP.
static SERVICES: LazyLock<HashMap<i64, [Option<&'static str>; 2]>> = LazyLock::new(|| {
    let mut services: HashMap<i64, [Option<&str>; 2]> = HashMap::new();
    for row in rows(include_str!("../data/services.tsv")) {
        let mut values = row.split('\t');
        let (Some(port), Some(transport), Some(name)) =
            (values.next(), values.next(), values.next())
        else {
            continue;
        };
        let Ok(port) = port.parse() else {
            continue;
        };
        let [tcp, udp] = services.entry(port).or_default();
        if transport != "udp" {
            *tcp = Some(name);
        }
        if transport != "tcp" {
            *udp = Some(name);
        }
    }
    services
});

fn rows(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.starts_with('#'))
}

/// The keyword that IANA lists for a protocol, such as `TCP` for 6.
pub fn protocol(number: i64) -> Option<&'static str> {
    PROTOCOLS.get(&number).copied()
}

/// The service that IANA lists at a port: of TCP or UDP, where the protocol is
/// given; else of TCP if it has one there, else of UDP.
pub fn service(port: i64, protocol: Option<i64>) -> Option<&'static str> {
    let [tcp, udp] = *SERVICES.get(&port)?;
    match protocol {
        Some(TCP) => tcp,
        Some(UDP) => udp,
        Some(_) => None,
        None => tcp.or(udp),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_is_read() {
        assert_eq!(
            PROTOCOLS.len(),
            rows(include_str!("../data/protocols.tsv")).count()
        );
        assert_eq!(protocol(6), Some("TCP"));
        assert_eq!(protocol(50), Some("ESP"));
        assert_eq!(protocol(58), Some("IPv6-ICMP"));
        assert_eq!(protocol(200), None);
        assert!(SERVICES.len() > 5000, "{}", SERVICES.len());
        assert_eq!(service(443, Some(TCP)), Some("https"));
        assert_eq!(service(2049, None), Some("nfs"));
        assert_eq!(service(514, Some(UDP)), Some("syslog"));
        assert_eq!(service(514, Some(TCP)), Some("shell"));
        assert_eq!(service(443, Some(1)), None);
        assert_eq!(service(65000, None), None);
    }
}
