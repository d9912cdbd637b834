//! What the generated traffic is like: shares, sizes, order, lines.

use std::collections::HashSet;
use std::net::IpAddr;

use vpcflow_record::parse_record;
use vpcflow_synth::{
    Action, Config, Direction, Flow, Generator, Layout, Observation, Record, Role, write_text,
};

const LAYOUTS: [Layout; 3] = [Layout::V2, Layout::V5, Layout::V11];

fn records(config: &Config) -> Vec<Record> {
    Generator::new(config).collect()
}

fn flows(records: &[Record]) -> impl Iterator<Item = &Flow> {
    records.iter().filter_map(Record::flow)
}

fn text(config: &Config) -> Vec<u8> {
    let mut text = Vec::new();
    write_text(config, &mut text).expect("memory takes everything");
    text
}

fn small(layout: Layout) -> Config {
    Config {
        records: 12_000,
        layout,
        ..Config::default()
    }
}

/// 64-bit FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A change here changes what every seed stands for: say so in the changelog.
#[test]
fn the_bytes_of_a_seed_are_pinned() {
    let sums = LAYOUTS.map(|layout| checksum(&text(&small(layout))));
    assert_eq!(
        sums,
        [
            10_252_979_502_133_388_604,
            12_029_493_252_305_401_349,
            3_117_038_043_856_769_051,
        ]
    );
}

#[test]
fn the_first_lines_of_a_seed_are_pinned() {
    let text = String::from_utf8(text(&small(Layout::V2))).unwrap();
    let first: Vec<_> = text.lines().take(3).collect();
    assert_eq!(
        first,
        [
            "2 123456789012 eni-0476cb92cb4383145 - - - - - - - 1767225600 1767225659 - NODATA",
            "2 123456789012 eni-062d9270ad8531f83 10.0.0.4 10.0.64.4 33989 8080 6 3 897 1767225600 1767225612 ACCEPT OK",
            "2 123456789012 eni-062d9270ad8531f83 10.0.64.4 10.0.0.4 8080 33989 6 4 5128 1767225600 1767225612 ACCEPT OK",
        ]
    );
}

#[test]
fn equal_configurations_give_equal_bytes() {
    for layout in LAYOUTS {
        assert!(text(&small(layout)) == text(&small(layout)));
    }
}

#[test]
fn another_seed_gives_another_network_and_other_traffic() {
    let ids = |seed| -> HashSet<String> {
        let config = Config {
            seed,
            ..small(Layout::V2)
        };
        let generator = Generator::new(&config);
        let interfaces = generator.interfaces().iter();
        interfaces.map(|interface| interface.id.clone()).collect()
    };
    assert!(ids(1).is_disjoint(&ids(2)));
}

#[test]
fn more_records_keep_the_network() {
    let first = Generator::new(&small(Layout::V2));
    let second = Generator::new(&Config::default());
    assert_eq!(first.interfaces(), second.interfaces());
}

#[test]
fn there_are_exactly_as_many_records_as_asked_for() {
    for (records, enis, duration_secs) in [
        (0, 20, 3600),
        (1, 1, 3600),
        (500, 0, 3600),
        (999, 3, 0),
        (5_000, 20, 59),
        (9_999, 8, 3600),
        (10_000, 8, 600),
        (10_000, 1200, 86_400),
    ] {
        let config = Config {
            records,
            enis,
            duration_secs,
            ..Config::default()
        };
        let count = Generator::new(&config).count() as u64;
        assert_eq!(count, records, "{config:?}");
    }
}

#[test]
fn kinds_of_records_have_their_shares() {
    let records = records(&Config::default());
    let per_mille = |is_counted: &dyn Fn(&Record) -> bool| {
        records.iter().filter(|record| is_counted(record)).count() * 1000 / records.len()
    };
    let flow =
        |is_counted: fn(&Flow) -> bool| per_mille(&|record| record.flow().is_some_and(is_counted));
    assert!((60..=100).contains(&flow(|flow| flow.action == Action::Reject)));
    assert!((25..=36).contains(&flow(|flow| flow.source.is_ipv6())));
    assert!((920..=960).contains(&flow(|flow| flow.protocol == 6)));
    assert!((25..=60).contains(&flow(|flow| flow.protocol == 17)));
    assert!((4..=15).contains(&flow(|flow| flow.protocol == 1)));
    let without_data = per_mille(&|record| record.flow().is_none());
    assert!((5..=8).contains(&without_data));
}

#[test]
fn interfaces_and_clients_are_used_unevenly() {
    let records = records(&Config::default());
    let count = |role, index| {
        let is_counted =
            |record: &&Record| record.interface.role == role && record.interface.index == index;
        records.iter().filter(is_counted).count()
    };
    assert!(count(Role::LoadBalancer, 0) > 2 * count(Role::LoadBalancer, 15));
    assert!(count(Role::Web, 1) > 3 * count(Role::Web, 13));
    let sources: HashSet<IpAddr> = flows(&records).map(|flow| flow.source).collect();
    assert!(sources.len() > 3_000);
}

#[test]
fn bytes_fit_packets_and_are_heavy_tailed() {
    let config = Config {
        incidents: false,
        ..Config::default()
    };
    let records = records(&config);
    for flow in flows(&records) {
        let least = flow.packets * 40;
        let greatest = flow.packets * 1500;
        assert!(
            flow.packets > 0 && (least..=greatest).contains(&flow.bytes),
            "{flow:?}"
        );
    }
    let mut bytes: Vec<u64> = flows(&records).map(|flow| flow.bytes).collect();
    bytes.sort_unstable_by(|left, right| right.cmp(left));
    let all: u64 = bytes.iter().sum();
    let of_the_top_tenth: u64 = bytes[..bytes.len() / 10].iter().sum();
    assert!(of_the_top_tenth * 2 > all);
}

#[test]
fn ports_fit_protocols() {
    for flow in flows(&records(&small(Layout::V2))) {
        let has_ports = flow.source_port > 0 && flow.destination_port > 0;
        assert_eq!(has_ports, flow.protocol != 1, "{flow:?}");
        assert!(flow.protocol == 6 || flow.tcp_flags == 0, "{flow:?}");
        assert!(flow.protocol != 1 || flow.source.is_ipv4(), "{flow:?}");
    }
}

#[test]
fn records_start_in_the_window_and_last_a_minute_at_most() {
    let config = small(Layout::V2);
    for record in records(&config) {
        assert!((config.start..config.end()).contains(&record.start));
        assert!((record.start..=record.start + 60).contains(&record.end));
    }
}

#[test]
fn a_hundredth_of_the_records_is_late_and_the_rest_in_order() {
    let records = records(&Config::default());
    let mut newest = i64::MIN;
    let mut late = 0;
    for record in &records {
        if record.start < newest {
            late += 1;
            assert!(newest - record.start <= 300);
        }
        newest = newest.max(record.start);
    }
    let per_mille = late * 1000 / records.len();
    assert!((7..=13).contains(&per_mille), "{per_mille}");
}

#[test]
fn the_whole_window_is_filled() {
    let config = Config::default();
    let mut of_five_minutes = [0; 12];
    for record in records(&config) {
        of_five_minutes[(record.start - config.start) as usize / 300] += 1;
    }
    assert!(
        of_five_minutes
            .iter()
            .all(|count| (6_000..11_000).contains(count))
    );
}

#[test]
fn standby_interfaces_report_no_data_once_a_minute() {
    let mut of_one: Vec<i64> = records(&Config::default())
        .into_iter()
        .filter(|record| record.interface.index == 7)
        .inspect(|record| assert_eq!(record.observation, Observation::NoData))
        .map(|record| record.start)
        .collect();
    of_one.dedup();
    assert_eq!(of_one.len(), 60);
    assert!(of_one.windows(2).all(|pair| pair[1] - pair[0] == 60));
}

#[test]
fn both_interfaces_of_a_conversation_record_it() {
    let config = Config {
        incidents: false,
        ..small(Layout::V2)
    };
    let mut seen_at = [HashSet::new(), HashSet::new()];
    for record in records(&config) {
        let (start, end) = (record.start, record.end);
        let Some(flow) = record.flow().filter(|flow| flow.next_hop.is_some()) else {
            continue;
        };
        // Through NAT, only the addresses of the packet are the same.
        let addresses = (flow.packet_source, flow.packet_destination);
        let key = (start, end, addresses, flow.source_port, flow.bytes);
        seen_at[usize::from(flow.direction == Direction::Egress)].insert(key);
    }
    // The last conversation may be cut off where the records are enough.
    let unmatched = seen_at[0].symmetric_difference(&seen_at[1]).count();
    assert!(seen_at[0].len() > 3_000);
    assert!(unmatched <= 2, "{unmatched}");
}

/// As in AWS's example of a NAT gateway:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-records-examples.html>.
#[test]
fn a_nat_gateway_shows_its_own_address_and_that_of_the_packet() {
    let config = small(Layout::V2);
    let gateway = IpAddr::V4(Generator::new(&config).interfaces()[4].ipv4);
    let records = records(&config);
    let translated: Vec<_> = flows(&records)
        .filter(|flow| {
            (flow.source, flow.destination) != (flow.packet_source, flow.packet_destination)
        })
        .collect();
    assert!(translated.len() > 200);
    for flow in translated {
        let (own, of_packet, client) = match flow.direction {
            Direction::Ingress => (flow.destination, flow.packet_destination, flow.source),
            Direction::Egress => (flow.source, flow.packet_source, flow.destination),
        };
        assert_eq!(own, gateway);
        assert!(is_private(client) && !is_private(of_packet), "{flow:?}");
    }
}

fn is_private(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_private())
}

#[test]
fn every_line_is_a_record_of_its_format() {
    for layout in LAYOUTS {
        let format = layout.format();
        let mut line = Vec::new();
        for record in Generator::new(&small(layout)) {
            line.clear();
            record.write_line(layout, &mut line);
            let body = line.strip_suffix(b"\n").unwrap();
            let tokens = body.split(|&byte| byte == b' ').count();
            assert_eq!(tokens, format.fields().len());
            assert!(
                parse_record(body, &format).is_ok(),
                "{}",
                body.escape_ascii()
            );
        }
    }
}

#[test]
fn a_text_has_a_header_unless_its_layout_is_the_default() {
    let starts_with_header = LAYOUTS.map(|layout| {
        text(&small(layout)).starts_with(format!("{}\n", layout.header()).as_bytes())
    });
    assert_eq!(starts_with_header, [false, true, true]);
}

#[test]
fn lines_of_the_default_layout_have_about_115_bytes() {
    let bytes = text(&Config::default()).len();
    assert!((11_000_000..12_000_000).contains(&bytes), "{bytes}");
}
