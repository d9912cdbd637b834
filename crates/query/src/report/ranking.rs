//! Rankings: the largest groups of the traffic, and all others.

use super::figures::Unit;
use super::rows::Rows;
use crate::error::Error;

/// A ranking, before it is asked.
#[derive(Debug)]
pub(super) struct Spec {
    /// Its name in the page's addresses.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What a row is, one and several.
    pub(super) thing: &'static str,
    pub(super) things: &'static str,
    /// What makes a row: expressions and their names.
    pub(super) keys: &'static [(&'static str, &'static str)],
    /// What is shown with the keys.
    pub(super) names: &'static [(&'static str, &'static str)],
    pub(super) label: fn(&[Option<String>]) -> Label,
    pub(super) columns: &'static [Column],
    /// Fields of which some record has to have a value.
    pub(super) needs: &'static [&'static str],
    /// Of rejected traffic, and by flows.
    pub(super) of_rejected: bool,
}

/// A column of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) head: &'static str,
    pub(super) sql: &'static str,
    pub(super) unit: Unit,
    /// Its sum over all traffic in the figures, where there is one: then all others
    /// have what is left of it.
    pub(super) total: Option<&'static str>,
}

/// What a row is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Label {
    /// From a record: `None` for NULL.
    pub(super) name: Option<String>,
    /// Beside it, smaller.
    pub(super) detail: Option<String>,
}

/// A ranking with its figures.
#[derive(Debug, Clone)]
pub(super) struct Ranking {
    pub(super) spec: &'static Spec,
    pub(super) sql: String,
    /// The column that it is by.
    pub(super) measure: usize,
    /// The largest groups.
    pub(super) rows: Vec<(Label, Vec<Option<i64>>)>,
    /// What all others have together, if there are others.
    pub(super) others: Option<Vec<Option<i64>>>,
    /// How many groups there are.
    pub(super) groups: i64,
    /// What all have together.
    pub(super) total: Vec<Option<i64>>,
}

impl Ranking {
    /// Of the answer to its statement. It is by the column of this name, or by flows
    /// where no record has a value for it.
    pub(super) fn new(
        spec: &'static Spec,
        sql: String,
        by: &str,
        rows: &Rows,
        figures: &Rows,
    ) -> Result<Ranking, Error> {
        let mut total = Vec::new();
        for column in spec.columns {
            total.push(match column.total {
                Some(name) => figures.number(name)?,
                None => None,
            });
        }
        let place = |name: &str| spec.columns.iter().position(|column| column.name == name);
        let measure = place(by)
            .filter(|place| !spec.of_rejected && total[*place].is_some())
            .or_else(|| place("flows"))
            .unwrap_or_default();

        let names = spec.keys.iter().chain(spec.names);
        let names: Vec<_> = names
            .map(|(_, name)| rows.texts(name))
            .collect::<Result<_, _>>()?;
        let numbers = spec.columns.iter().map(|column| rows.numbers(column.name));
        let numbers: Vec<_> = numbers.collect::<Result<_, _>>()?;
        let row = |row: usize| {
            let names: Vec<_> = names.iter().map(|column| column[row].clone()).collect();
            let numbers = numbers.iter().map(|column| column[row]).collect();
            ((spec.label)(&names), numbers)
        };
        let shown: Vec<(Label, Vec<Option<i64>>)> = (0..rows.len()).map(row).collect();
        let groups = rows.number("groups")?.unwrap_or_default();
        let rest = |place: usize| {
            let values = shown.iter().filter_map(|(_, values)| values[place]);
            // As the engine adds: sums that are too large begin anew.
            total[place].map(|total| total.wrapping_sub(values.fold(0, i64::wrapping_add)))
        };
        let has_others = groups > shown.len() as i64;
        Ok(Ranking {
            measure,
            others: has_others.then(|| (0..spec.columns.len()).map(rest).collect()),
            groups,
            total,
            rows: shown,
            spec,
            sql,
        })
    }

    /// What it is by.
    pub(super) fn by(&self) -> Column {
        self.spec.columns[self.measure]
    }
}

const FLOWS: Column = Column {
    name: "flows",
    head: "Flows",
    sql: "count(*)",
    unit: Unit::Count,
    total: Some("flows"),
};
const PACKETS: Column = Column {
    name: "packets",
    head: "Packets",
    sql: "sum(packets)",
    unit: Unit::Count,
    total: Some("packets"),
};
const BYTES: Column = Column {
    name: "bytes",
    head: "Bytes",
    sql: "sum(bytes)",
    unit: Unit::Bytes,
    total: Some("bytes"),
};
const REJECTED: Column = Column {
    name: "rejected",
    head: "Rejected",
    sql: "count(*) FILTER (WHERE action = 'REJECT')",
    unit: Unit::Count,
    total: Some("rejected"),
};
/// Of traffic.
const TRAFFIC: &[Column] = &[BYTES, FLOWS, PACKETS, REJECTED];

const REJECTED_FLOWS: Column = Column {
    total: Some("rejected"),
    ..FLOWS
};
const SOURCES: Column = distinct("sources", "Sources", "count(DISTINCT srcaddr)");
const TARGETS: Column = distinct("targets", "Targets", "count(DISTINCT dstaddr)");
const PORTS: Column = distinct("ports", "Ports", "count(DISTINCT dstport)");
const FIRST_SEEN: Column = Column {
    unit: Unit::Time,
    ..distinct("first_seen", "First seen", "min(start)")
};
const LAST_SEEN: Column = Column {
    unit: Unit::Time,
    ..distinct("last_seen", "Last seen", "max(\"end\")")
};

const fn distinct(name: &'static str, head: &'static str, sql: &'static str) -> Column {
    Column {
        name,
        head,
        sql,
        unit: Unit::Count,
        total: None,
    }
}

const SERVER_PORT: &str = "coalesce(server_port(srcport, dstport), dstport)";
const DIRECTION: &str = "\
CASE
        WHEN srcaddr IS NULL OR dstaddr IS NULL THEN NULL
        WHEN is_private(srcaddr) AND is_private(dstaddr) THEN 'private to private'
        WHEN is_private(srcaddr) THEN 'private to public'
        WHEN is_private(dstaddr) THEN 'public to private'
        ELSE 'public to public'
    END";

/// All rankings, in the order of their statements.
pub(super) const ALL: [&Spec; 8] = [
    &PROTOCOLS_SPEC,
    &SERVICES_SPEC,
    &DIRECTIONS_SPEC,
    &Spec {
        id: "sources",
        title: "Sources",
        thing: "source",
        things: "sources",
        keys: &[("srcaddr", "srcaddr")],
        names: &[],
        label: name_alone,
        columns: TRAFFIC,
        needs: &["srcaddr"],
        of_rejected: false,
    },
    &Spec {
        id: "destinations",
        title: "Destinations",
        thing: "destination",
        things: "destinations",
        keys: &[("dstaddr", "dstaddr")],
        names: &[],
        label: name_alone,
        columns: TRAFFIC,
        needs: &["dstaddr"],
        of_rejected: false,
    },
    &Spec {
        id: "rejected-sources",
        title: "Rejected sources",
        thing: "source",
        things: "sources",
        keys: &[("srcaddr", "srcaddr")],
        names: &[],
        label: name_alone,
        columns: &[REJECTED_FLOWS, TARGETS, PORTS, FIRST_SEEN, LAST_SEEN],
        needs: &["srcaddr", "action"],
        of_rejected: true,
    },
    &Spec {
        id: "rejected-ports",
        title: "Rejected ports",
        thing: "port",
        things: "ports",
        keys: &[("dstport", "port"), ("protocol", "protocol")],
        names: &[
            ("port_service(dstport, protocol)", "service"),
            ("protocol_name(protocol)", "protocol_name"),
        ],
        label: port,
        columns: &[REJECTED_FLOWS, SOURCES, TARGETS, FIRST_SEEN, LAST_SEEN],
        needs: &["dstport", "action"],
        of_rejected: true,
    },
    &Spec {
        id: "interfaces",
        title: "Interfaces",
        thing: "interface",
        things: "interfaces",
        keys: &[("interface_id", "interface_id")],
        names: &[],
        label: name_alone,
        columns: TRAFFIC,
        needs: &["interface_id"],
        of_rejected: false,
    },
];

const PROTOCOLS_SPEC: Spec = Spec {
    id: "protocols",
    title: "Protocols",
    thing: "protocol",
    things: "protocols",
    keys: &[("protocol", "protocol")],
    names: &[("protocol_name(protocol)", "protocol_name")],
    label: protocol,
    columns: TRAFFIC,
    needs: &["protocol"],
    of_rejected: false,
};

const SERVICES_SPEC: Spec = Spec {
    id: "services",
    title: "Services",
    thing: "service",
    things: "services",
    keys: &[(SERVER_PORT, "port"), ("protocol", "protocol")],
    names: &[
        (
            "port_service(coalesce(server_port(srcport, dstport), dstport), protocol)",
            "service",
        ),
        ("protocol_name(protocol)", "protocol_name"),
    ],
    label: port,
    columns: TRAFFIC,
    needs: &["dstport"],
    of_rejected: false,
};

const DIRECTIONS_SPEC: Spec = Spec {
    id: "directions",
    title: "Private and public addresses",
    thing: "direction",
    things: "directions",
    keys: &[(DIRECTION, "direction")],
    names: &[],
    label: name_alone,
    columns: TRAFFIC,
    needs: &["srcaddr", "dstaddr"],
    of_rejected: false,
};

/// Protocols that have ports.
const TCP: &str = "6";
const UDP: &str = "17";

fn name_alone(names: &[Option<String>]) -> Label {
    Label {
        name: names.first().cloned().flatten(),
        detail: None,
    }
}

/// Of protocol, its name.
fn protocol(names: &[Option<String>]) -> Label {
    match names {
        [Some(number), None] => Label {
            name: Some(format!("protocol {number}")),
            detail: None,
        },
        [Some(number), Some(name)] => Label {
            name: Some(name.clone()),
            detail: Some(number.clone()),
        },
        _ => Label::default(),
    }
}

/// Of port, protocol, the service, the name of the protocol.
fn port(names: &[Option<String>]) -> Label {
    let [port, number, service, keyword] = names else {
        return Label::default();
    };
    let of_protocol = protocol(&[number.clone(), keyword.clone()]).name;
    let has_ports = matches!(number.as_deref(), Some(TCP | UDP) | None);
    match (port, service) {
        // Protocols without ports have 0 in their place.
        (Some(zero), _) if zero == "0" && !has_ports => Label {
            name: of_protocol,
            detail: None,
        },
        (Some(port), Some(service)) => Label {
            name: Some(format!("{port}/{service}")),
            detail: of_protocol,
        },
        (port, _) => Label {
            name: port.clone(),
            detail: of_protocol,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_their_names() {
        let label = |names: [Option<&str>; 4]| port(&names.map(|name| name.map(str::to_owned)));
        let is = |name: Option<&str>, detail: Option<&str>| Label {
            name: name.map(str::to_owned),
            detail: detail.map(str::to_owned),
        };
        assert_eq!(
            label([Some("443"), Some("6"), Some("https"), Some("TCP")]),
            is(Some("443/https"), Some("TCP"))
        );
        assert_eq!(
            label([Some("0"), Some("1"), None, Some("ICMP")]),
            is(Some("ICMP"), None)
        );
        assert_eq!(
            label([Some("0"), Some("253"), None, None]),
            is(Some("protocol 253"), None)
        );
        assert_eq!(
            label([Some("0"), Some("6"), None, Some("TCP")]),
            is(Some("0"), Some("TCP"))
        );
        assert_eq!(label([None, None, None, None]), is(None, None));
    }
}
