//! A record as a line of text.

use std::io::Write;
use std::net::{IpAddr, Ipv6Addr};

use crate::layout::Layout;
use crate::network::REGION;
use crate::record::{Action, AwsService, Direction, Flow, Observation, Record};

impl Record {
    /// Appends the record as a line of text, with its line feed.
    pub fn write_line(&self, layout: Layout, out: &mut Vec<u8>) {
        let mut line = Line(out);
        line.number(layout.version().into());
        line.text(&self.interface.account_id);
        line.text(&self.interface.id);
        match &self.observation {
            Observation::Flow(flow) => self.write_flow(flow, layout, &mut line),
            Observation::NoData => self.write_empty("NODATA", layout, &mut line),
            Observation::SkipData => self.write_empty("SKIPDATA", layout, &mut line),
        }
        line.end();
    }

    fn write_flow(&self, flow: &Flow, layout: Layout, line: &mut Line<'_>) {
        line.address(flow.source);
        line.address(flow.destination);
        line.number(flow.source_port.into());
        line.number(flow.destination_port.into());
        line.number(flow.protocol.into());
        line.number(flow.packets);
        line.number(flow.bytes);
        line.time(self.start);
        line.time(self.end);
        line.text(match flow.action {
            Action::Accept => "ACCEPT",
            Action::Reject => "REJECT",
        });
        line.text("OK");
        if layout != Layout::V2 {
            self.write_versions_3_to_5(flow, line);
        }
        if layout == Layout::V11 {
            self.write_versions_7_to_11(flow, line);
        }
    }

    fn write_versions_3_to_5(&self, flow: &Flow, line: &mut Line<'_>) {
        let interface = &self.interface;
        line.text(&interface.vpc_id);
        line.text(&interface.subnet_id);
        line.optional(interface.instance_id.as_deref());
        line.number(flow.tcp_flags.into());
        line.text(if flow.source.is_ipv6() {
            "IPv6"
        } else {
            "IPv4"
        });
        line.address(flow.packet_source);
        line.address(flow.packet_destination);
        line.text(REGION);
        line.text(interface.az_id);
        line.absent(2); // sublocation
        line.optional(flow.source_service.map(AwsService::name));
        line.optional(flow.destination_service.map(AwsService::name));
        line.text(match flow.direction {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        });
        match flow.traffic_path() {
            Some(path) => line.number(path),
            None => line.absent(1),
        }
    }

    fn write_versions_7_to_11(&self, flow: &Flow, line: &mut Line<'_>) {
        let role = self.interface.role;
        line.absent(10); // ECS
        line.absent(2); // reject-reason, resource-id
        line.number(flow.encryption_status());
        line.optional(role.tag());
        line.optional(role.tag().map(|_| "production"));
        line.absent(2); // interface-tag
        line.optional(role.scaling_group_tag());
        line.absent(1); // asg-tag-2
        line.optional(role.interface_type());
        match flow.next_hop.as_deref() {
            Some(next) => {
                line.text(&next.id);
                line.text(&next.subnet_id);
                line.text(next.az_id);
                line.text(&next.vpc_id);
                line.optional(next.role.interface_type());
            }
            None => line.absent(5),
        }
    }

    fn write_empty(&self, status: &str, layout: Layout, line: &mut Line<'_>) {
        line.absent(7);
        line.time(self.start);
        line.time(self.end);
        line.absent(1);
        line.text(status);
        line.absent(layout.fields_beyond_version_2());
    }
}

/// A line under way: each field is followed by a space.
struct Line<'a>(&'a mut Vec<u8>);

impl Line<'_> {
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b' ');
    }

    fn optional(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or("-"));
    }

    fn absent(&mut self, count: usize) {
        for _ in 0..count {
            self.0.extend_from_slice(b"- ");
        }
    }

    fn number(&mut self, number: u64) {
        self.digits(number);
        self.0.push(b' ');
    }

    fn time(&mut self, seconds: i64) {
        if seconds < 0 {
            self.0.push(b'-');
        }
        self.number(seconds.unsigned_abs());
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                for octet in address.octets() {
                    self.digits(octet.into());
                    self.0.push(b'.');
                }
                self.replace_last(b' ');
            }
            IpAddr::V6(address) => self.ipv6(address),
        }
    }

    fn ipv6(&mut self, address: Ipv6Addr) {
        write!(self.0, "{address} ").expect("writing to memory does not fail");
    }

    fn digits(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[first..]);
    }

    fn end(mut self) {
        self.replace_last(b'\n');
    }

    fn replace_last(&mut self, byte: u8) {
        if let Some(last) = self.0.last_mut() {
            *last = byte;
        }
    }
}
