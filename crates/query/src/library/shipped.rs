//! The files of the folder `queries`.

macro_rules! files {
    ($($pack:literal: $($name:literal),* ;)*) => {
        /// Pack, name and text of each.
        pub(super) const FILES: &[(&str, &str, &str)] = &[$($((
            $pack,
            $name,
            include_str!(concat!("../../../../queries/", $pack, "/", $name, ".sql")),
        ),)*)*];
    };
}

files! {
    "access":
        "admin-ports",
        "between-networks",
        "database-ports",
        "foreign-dns",
        "open-services",
        "other-ports",
        "private-public",
        "public-admin-ports",
        "unusual-protocols";
    "anomaly":
        "beaconing",
        "fan-out",
        "mining-ports",
        "new-pairs",
        "off-hours",
        "outbound-spikes",
        "unanswered-syns";
    "cost":
        "cross-zone",
        "interface-types",
        "internet-egress",
        "missing-endpoints",
        "nat-sources",
        "network-matrix",
        "traffic-paths";
    "health":
        "coverage",
        "delivery-lag",
        "log-status",
        "refused-lines",
        "silent-interfaces",
        "skipped",
        "transit-gateway-drops";
    "investigation":
        "address-peers",
        "address-records",
        "between-addresses",
        "community-ids",
        "conversations",
        "first-last-seen",
        "five-tuples",
        "host-sweep",
        "listed-networks",
        "port-scan";
    "rejects":
        "recent-rejects",
        "reject-ratio",
        "reject-reasons",
        "rejected-flows",
        "rejected-ports",
        "rejected-tags",
        "rejected-then-accepted",
        "repeated-rejects",
        "top-rejected";
    "talkers":
        "heaviest-share",
        "ip-families",
        "top-aws-services",
        "top-destinations",
        "top-instances",
        "top-interfaces",
        "top-networks",
        "top-packet-pairs",
        "top-pairs",
        "top-pairs-once",
        "top-ports",
        "top-protocols",
        "top-services",
        "top-sources",
        "top-subnets",
        "top-tags",
        "top-talkers",
        "top-vpcs";
    "volume":
        "daily-top-sources",
        "daily-traffic",
        "interfaces-over-time",
        "large-transfers",
        "packet-floods",
        "rates",
        "small-packets",
        "traffic-over-time";
}
