//! Each incident is in the records as described, and stands out from the rest.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use vpcflow_synth::{
    Action, BruteForce, Config, Direction, Flow, Generator, Incident, LargeTransfer, PortScan,
    Record, SilentInterface,
};

struct Planted {
    records: Vec<Record>,
    port_scan: PortScan,
    brute_force: BruteForce,
    large_transfer: LargeTransfer,
    silent_interface: SilentInterface,
}

/// The least traffic, the default, and much in a small network.
fn cases() -> impl Iterator<Item = Planted> {
    [(10_000, 8, 600), (100_000, 20, 3600), (300_000, 8, 86_400)]
        .into_iter()
        .map(|(records, enis, duration_secs)| {
            planted(&Config {
                records,
                enis,
                duration_secs,
                ..Config::default()
            })
        })
}

fn planted(config: &Config) -> Planted {
    let generator = Generator::new(config);
    let incidents = generator.incidents().to_vec();
    let [
        Incident::PortScan(port_scan),
        Incident::BruteForce(brute_force),
        Incident::LargeTransfer(large_transfer),
        Incident::SilentInterface(silent_interface),
    ] = incidents.as_slice()
    else {
        panic!("one incident of each kind");
    };
    Planted {
        records: generator.collect(),
        port_scan: port_scan.clone(),
        brute_force: brute_force.clone(),
        large_transfer: large_transfer.clone(),
        silent_interface: silent_interface.clone(),
    }
}

impl Planted {
    fn flows(&self, action: Action) -> impl Iterator<Item = (&Record, &Flow)> {
        self.records
            .iter()
            .filter_map(|record| Some((record, record.flow()?)))
            .filter(move |(_, flow)| flow.action == action)
    }
}

/// The two greatest, the greatest first.
fn top_two<Key: Clone + Eq + Hash>(measures: HashMap<Key, u64>) -> [(Key, u64); 2] {
    let mut measures: Vec<_> = measures.into_iter().collect();
    measures.sort_unstable_by_key(|(_, measure)| std::cmp::Reverse(*measure));
    [measures[0].clone(), measures[1].clone()]
}

#[test]
fn the_port_scan_tries_most_ports_of_one_target() {
    for planted in cases() {
        let scan = &planted.port_scan;
        let mut ports: HashMap<(IpAddr, IpAddr), HashSet<u16>> = HashMap::new();
        for (_, flow) in planted.flows(Action::Reject) {
            let pair = (flow.source, flow.destination);
            ports.entry(pair).or_default().insert(flow.destination_port);
        }
        let counts = ports
            .into_iter()
            .map(|(pair, ports)| (pair, ports.len() as u64));
        let [first, second] = top_two(counts.collect());
        assert_eq!(first, ((scan.source, scan.target), scan.ports));
        assert!(
            scan.ports >= 200 && second.1 * 10 < scan.ports,
            "{second:?}"
        );

        let of_scan: Vec<_> = planted
            .flows(Action::Reject)
            .filter(|(_, flow)| flow.source == scan.source)
            .collect();
        assert_eq!(of_scan.len() as u64, scan.ports);
        assert!(
            of_scan
                .iter()
                .all(|(record, _)| record.interface.id == scan.interface_id)
        );
        let starts = of_scan.iter().map(|(record, _)| record.start);
        assert_eq!(starts.clone().min(), Some(scan.first_start));
        assert_eq!(starts.max(), Some(scan.last_start));
    }
}

#[test]
fn the_brute_force_is_rejected_most_and_accepted_once_at_the_end() {
    for planted in cases() {
        let attack = &planted.brute_force;
        let mut rejects: HashMap<IpAddr, u64> = HashMap::new();
        let mut targets = HashSet::new();
        let mut last_reject = i64::MIN;
        for (record, flow) in planted.flows(Action::Reject) {
            if flow.destination_port == 22 {
                *rejects.entry(flow.source).or_default() += 1;
            }
            if flow.source == attack.source {
                targets.insert(flow.destination);
                last_reject = last_reject.max(record.start);
            }
        }
        let [first, second] = top_two(rejects);
        assert_eq!(first, (attack.source, attack.rejects));
        assert!(
            attack.rejects >= 200 && second.1 * 10 < attack.rejects,
            "{second:?}"
        );
        assert_eq!(targets, attack.targets.iter().copied().collect());
        assert!(last_reject < attack.accepted_start);

        let accepted: Vec<_> = planted
            .flows(Action::Accept)
            .filter(|(_, flow)| flow.source == attack.source)
            .map(|(record, flow)| (record.start, flow.destination, flow.destination_port))
            .collect();
        assert_eq!(
            accepted,
            [(attack.accepted_start, attack.accepted_target, 22)]
        );
    }
}

#[test]
fn the_large_transfer_is_the_largest_by_far() {
    for planted in cases() {
        let transfer = &planted.large_transfer;
        let mut bytes: HashMap<(IpAddr, IpAddr), u64> = HashMap::new();
        let mut records = 0;
        for (record, flow) in planted.flows(Action::Accept) {
            *bytes.entry((flow.source, flow.destination)).or_default() += flow.bytes;
            if flow.destination == transfer.destination {
                records += 1;
                assert_eq!(flow.destination_port, 443);
                assert_eq!(flow.direction, Direction::Egress);
                assert_eq!(record.interface.id, transfer.interface_id);
            }
        }
        let [first, second] = top_two(bytes);
        let pair = (transfer.source, transfer.destination);
        assert_eq!(first, (pair, transfer.bytes));
        assert_eq!(records, transfer.records);
        assert!(
            transfer.bytes > 20_000_000_000 && second.1 * 10 < transfer.bytes,
            "{second:?}"
        );
    }
}

#[test]
fn one_interface_falls_silent_and_the_others_go_on() {
    for planted in cases() {
        let silent = &planted.silent_interface;
        let mut last_end: HashMap<&str, i64> = HashMap::new();
        let mut records_of_silent = 0;
        for record in &planted.records {
            let end = last_end.entry(&record.interface.id).or_insert(i64::MIN);
            *end = record.end.max(*end);
            records_of_silent += usize::from(record.interface.id == silent.interface_id);
        }
        assert!(records_of_silent > 30);
        let window_end = planted
            .records
            .iter()
            .map(|record| record.start)
            .max()
            .unwrap();
        for (interface_id, end) in last_end {
            let goes_on = end > (silent.silent_from + window_end) / 2;
            assert_eq!(
                goes_on,
                interface_id != silent.interface_id,
                "{interface_id}"
            );
            assert!(goes_on || end <= silent.silent_from);
        }
    }
}

#[test]
fn addresses_for_documentation_are_planted_only() {
    let config = Config {
        incidents: false,
        ..Config::default()
    };
    let generator = Generator::new(&config);
    assert_eq!(generator.incidents(), []);
    for record in generator {
        let addresses = record.flow().map(|flow| [flow.source, flow.destination]);
        for address in addresses.into_iter().flatten() {
            assert!(!matches!(address, IpAddr::V4(address) if address.is_documentation()));
        }
    }
}

#[test]
fn nothing_is_planted_where_it_would_not_fit() {
    for (records, enis, duration_secs) in [(9_999, 20, 3600), (10_000, 7, 3600), (10_000, 8, 599)] {
        let config = Config {
            records,
            enis,
            duration_secs,
            ..Config::default()
        };
        assert!(!config.has_room_for_incidents());
        assert_eq!(Generator::new(&config).incidents(), []);
    }
}

#[test]
fn incidents_read_as_sentences() {
    let generator = Generator::new(&Config::default());
    let sentences: Vec<_> = generator
        .incidents()
        .iter()
        .map(Incident::to_string)
        .collect();
    assert_eq!(
        sentences,
        [
            "port scan: 198.51.100.23 tried 400 ports of 10.0.0.4",
            "SSH brute force: 203.0.113.77 was rejected 480 times by 4 targets, then accepted by 10.0.128.101",
            "large transfer: 10.0.64.4 sent 61686924280 bytes to 192.0.2.144",
            "silent interface: eni-0c1c380e2a34b21e6 has no records after 1767227400",
        ]
    );
}
