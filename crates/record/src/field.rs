//! The field registry: every field that AWS documents for VPC and Transit
//! Gateway flow logs, in one table.
//!
//! The decoder's column types, the SQL schema, the log-format strings that
//! provisioning sends to EC2 and `docs/reference/fields.md` all come from here.
//!
//! Sources: [VPC record fields], [Transit Gateway record fields].
//!
//! [VPC record fields]: https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
//! [Transit Gateway record fields]: https://docs.aws.amazon.com/vpc/latest/tgw/tgw-flow-logs.html

use std::fmt;

use arrow_schema::{DataType, TimeUnit};

/// What a field's text means, and so which column it becomes.
///
/// `-` is NULL in every kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// An unsigned decimal that fits a signed 32-bit integer: SQL `INT`.
    Int32,
    /// An unsigned decimal that fits a signed 64-bit integer: SQL `BIGINT`.
    Int64,
    /// Unix seconds; 12 or more digits are milliseconds, as some SKIPDATA
    /// records have them. SQL `TIMESTAMP`, microseconds, UTC.
    Timestamp,
    /// An IPv4 or IPv6 address, kept as the text that AWS wrote.
    Address,
    /// Any other text.
    Text,
}

impl FieldType {
    /// The Arrow type of a column of this kind.
    pub fn data_type(self) -> DataType {
        match self {
            FieldType::Int32 => DataType::Int32,
            FieldType::Int64 => DataType::Int64,
            FieldType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            FieldType::Address | FieldType::Text => DataType::Utf8View,
        }
    }

    /// So many digits are a value of this type, whichever they are; `None` if it is none
    /// of numbers.
    pub(crate) fn certain_digits(self) -> Option<u32> {
        match self {
            FieldType::Int32 => Some(9),
            FieldType::Int64 => Some(18),
            // Of milliseconds, which may be more microseconds than fit.
            FieldType::Timestamp => Some(15),
            FieldType::Address | FieldType::Text => None,
        }
    }

    /// The SQL name of the column's type, for documents and messages.
    pub fn sql_name(self) -> &'static str {
        match self {
            FieldType::Int32 => "INT",
            FieldType::Int64 => "BIGINT",
            FieldType::Timestamp => "TIMESTAMP",
            FieldType::Address | FieldType::Text => "TEXT",
        }
    }
}

/// One row of the registry.
struct Entry {
    name: &'static str,
    column: &'static str,
    field_type: FieldType,
    version: u8,
    description: &'static str,
    null_when: &'static str,
}

macro_rules! registry {
    ($($variant:ident $column:ident $name:literal $kind:ident $version:literal $description:literal / $null:literal;)*) => {
        /// A documented field of a flow log record.
        ///
        /// ```
        /// use vpcflow_record::{Field, FieldType};
        ///
        /// let field = Field::from_name("log-status").unwrap();
        /// assert_eq!(field, Field::LogStatus);
        /// assert_eq!(field.column(), "log_status");
        /// assert_eq!(field.field_type(), FieldType::Text);
        /// assert_eq!(field.version(), 2);
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field {
            $(#[doc = $description] $variant,)*
        }

        impl Field {
            /// Every field, in the order of AWS's table: by version, Transit
            /// Gateway's fields (version 6) between 5 and 7.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)*];
        }

        static ENTRIES: &[Entry] = &[$(Entry {
            name: $name,
            column: stringify!($column),
            field_type: FieldType::$kind,
            version: $version,
            description: $description,
            null_when: $null,
        },)*];
    };
}

registry! {
    Version version "version" Int32 2 "Version of the record: the highest version among its fields." / "only in hand-made records";
    AccountId account_id "account-id" Text 2 "Account that owns the source network interface; `unknown` for some interfaces that a service created. Text, because leading zeros count." / "not known";
    InterfaceId interface_id "interface-id" Text 2 "Network interface the traffic was recorded for." / "flow of a regional NAT gateway";
    Srcaddr srcaddr "srcaddr" Address 2 "Source address: of the sender for incoming traffic, of the interface (its primary private address) for outgoing." / "NODATA and SKIPDATA";
    Dstaddr dstaddr "dstaddr" Address 2 "Destination address: of the interface (its primary private address) for incoming traffic, of the receiver for outgoing." / "NODATA and SKIPDATA";
    Srcport srcport "srcport" Int32 2 "Source port; 0 for ICMP." / "NODATA and SKIPDATA";
    Dstport dstport "dstport" Int32 2 "Destination port; 0 for ICMP, though real records hold ICMP types here too." / "NODATA and SKIPDATA";
    Protocol protocol "protocol" Int32 2 "IANA protocol number: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6." / "NODATA and SKIPDATA";
    Packets packets "packets" Int64 2 "Packets transferred in the aggregation interval." / "NODATA and SKIPDATA";
    Bytes bytes "bytes" Int64 2 "Bytes transferred in the aggregation interval." / "NODATA and SKIPDATA, and traffic dropped by VPC Block Public Access";
    Start start "start" Timestamp 2 "Time of the first packet in the aggregation interval, to about 60 seconds." / "only in hand-made records";
    End end "end" Timestamp 2 "Time of the last packet in the aggregation interval, to about 60 seconds." / "only in hand-made records";
    Action action "action" Text 2 "`ACCEPT`, or `REJECT`: refused by a security group or network ACL, or after the connection was closed." / "NODATA and SKIPDATA";
    LogStatus log_status "log-status" Text 2 "`OK`; `NODATA`: no traffic in the interval; `SKIPDATA`: at least one record was lost in the interval." / "only in hand-made records";

    VpcId vpc_id "vpc-id" Text 3 "VPC of the interface." / "not known";
    SubnetId subnet_id "subnet-id" Text 3 "Subnet of the interface." / "flow of a regional NAT gateway";
    InstanceId instance_id "instance-id" Text 3 "Instance the interface is attached to." / "interface managed by a service, or an instance of another account";
    TcpFlags tcp_flags "tcp-flags" Int32 3 "TCP flags seen in the interval, or-ed: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. ACK counts only together with SYN (18); 0 when none of the supported flags was seen." / "not TCP, or an invalid combination";
    Type type "type" Text 3 "`IPv4`, `IPv6` or `EFA`." / "NODATA and SKIPDATA";
    PktSrcaddr pkt_srcaddr "pkt-srcaddr" Address 3 "Source address in the packet itself, which differs from `srcaddr` behind a NAT gateway, a load balancer or in a pod." / "NODATA and SKIPDATA";
    PktDstaddr pkt_dstaddr "pkt-dstaddr" Address 3 "Destination address in the packet itself." / "NODATA and SKIPDATA";

    Region region "region" Text 4 "Region of the interface." / "not known";
    AzId az_id "az-id" Text 4 "Availability Zone id of the interface." / "traffic of a sublocation";
    SublocationType sublocation_type "sublocation-type" Text 4 "`wavelength`, `outpost` or `localzone`." / "no sublocation";
    SublocationId sublocation_id "sublocation-id" Text 4 "Id of the sublocation." / "no sublocation";

    PktSrcAwsService pkt_src_aws_service "pkt-src-aws-service" Text 5 "AWS service whose address range holds `pkt-srcaddr`, such as `S3` or `EC2`." / "not an AWS service's address";
    PktDstAwsService pkt_dst_aws_service "pkt-dst-aws-service" Text 5 "AWS service whose address range holds `pkt-dstaddr`." / "not an AWS service's address";
    FlowDirection flow_direction "flow-direction" Text 5 "`ingress` or `egress`, seen from the interface." / "not known";
    TrafficPath traffic_path "traffic-path" Int32 5 "How outgoing traffic leaves: 1 within the VPC, 2 internet gateway or gateway endpoint, 3 virtual private gateway, 4 peering within the region, 5 peering across regions, 6 local gateway, 7 gateway endpoint, 8 internet gateway." / "incoming traffic, or none of these";

    ResourceType resource_type "resource-type" Text 6 "Transit Gateway: `TransitGateway` or `TransitGatewayAttachment`." / "not known";
    TgwId tgw_id "tgw-id" Text 6 "Transit gateway the traffic was recorded for." / "not known";
    TgwAttachmentId tgw_attachment_id "tgw-attachment-id" Text 6 "Transit gateway attachment the traffic was recorded for." / "not known";
    TgwSrcVpcAccountId tgw_src_vpc_account_id "tgw-src-vpc-account-id" Text 6 "Account of the source VPC." / "source is no VPC";
    TgwDstVpcAccountId tgw_dst_vpc_account_id "tgw-dst-vpc-account-id" Text 6 "Account of the destination VPC." / "destination is no VPC";
    TgwSrcVpcId tgw_src_vpc_id "tgw-src-vpc-id" Text 6 "Source VPC." / "source is no VPC";
    TgwDstVpcId tgw_dst_vpc_id "tgw-dst-vpc-id" Text 6 "Destination VPC." / "destination is no VPC";
    TgwSrcSubnetId tgw_src_subnet_id "tgw-src-subnet-id" Text 6 "Subnet of the source." / "source is no VPC";
    TgwDstSubnetId tgw_dst_subnet_id "tgw-dst-subnet-id" Text 6 "Subnet of the destination." / "destination is no VPC";
    TgwSrcEni tgw_src_eni "tgw-src-eni" Text 6 "Interface of the source attachment." / "source is no VPC";
    TgwDstEni tgw_dst_eni "tgw-dst-eni" Text 6 "Interface of the destination attachment." / "destination is no VPC";
    TgwSrcAzId tgw_src_az_id "tgw-src-az-id" Text 6 "Availability Zone id of the source attachment." / "not known";
    TgwDstAzId tgw_dst_az_id "tgw-dst-az-id" Text 6 "Availability Zone id of the destination attachment." / "not known";
    TgwPairAttachmentId tgw_pair_attachment_id "tgw-pair-attachment-id" Text 6 "Attachment at the other side: of egress for ingress traffic, of ingress for egress." / "not known";
    PacketsLostNoRoute packets_lost_no_route "packets-lost-no-route" Int64 6 "Packets lost because no route was set." / "NODATA and SKIPDATA";
    PacketsLostBlackhole packets_lost_blackhole "packets-lost-blackhole" Int64 6 "Packets lost to a black hole route." / "NODATA and SKIPDATA";
    PacketsLostMtuExceeded packets_lost_mtu_exceeded "packets-lost-mtu-exceeded" Int64 6 "Packets lost because they exceeded the MTU." / "NODATA and SKIPDATA";
    PacketsLostTtlExpired packets_lost_ttl_expired "packets-lost-ttl-expired" Int64 6 "Packets lost because their time to live ran out." / "NODATA and SKIPDATA";

    EcsClusterArn ecs_cluster_arn "ecs-cluster-arn" Text 7 "ARN of the ECS cluster of the task." / "not ECS traffic";
    EcsClusterName ecs_cluster_name "ecs-cluster-name" Text 7 "Name of the ECS cluster." / "not ECS traffic";
    EcsContainerInstanceArn ecs_container_instance_arn "ecs-container-instance-arn" Text 7 "ARN of the ECS container instance." / "not ECS traffic, or Fargate";
    EcsContainerInstanceId ecs_container_instance_id "ecs-container-instance-id" Text 7 "Id of the ECS container instance." / "not ECS traffic, or Fargate";
    EcsContainerId ecs_container_id "ecs-container-id" Text 7 "Docker runtime id of the first container." / "not ECS traffic";
    EcsSecondContainerId ecs_second_container_id "ecs-second-container-id" Text 7 "Docker runtime id of the second container of the task." / "not ECS traffic, or one container";
    EcsServiceName ecs_service_name "ecs-service-name" Text 7 "Name of the ECS service." / "not ECS traffic, or a task without a service";
    EcsTaskDefinitionArn ecs_task_definition_arn "ecs-task-definition-arn" Text 7 "ARN of the ECS task definition." / "not ECS traffic";
    EcsTaskArn ecs_task_arn "ecs-task-arn" Text 7 "ARN of the ECS task." / "not ECS traffic";
    EcsTaskId ecs_task_id "ecs-task-id" Text 7 "Id of the ECS task." / "not ECS traffic";

    RejectReason reject_reason "reject-reason" Text 8 "Why traffic was rejected: `BPA` Block Public Access, `EC` encryption controls." / "another reason, or accepted";
    ResourceId resource_id "resource-id" Text 9 "Id of the regional NAT gateway." / "other resources";
    EncryptionStatus encryption_status "encryption-status" Int32 10 "0 not encrypted, 1 by the Nitro system, 2 by the application, 3 by both." / "not known, or encryption controls are off";

    InstanceTag instance_tag "instance-tag" Text 11 "Value of the first chosen instance tag, percent-encoded." / "no such tag";
    InstanceTag2 instance_tag_2 "instance-tag-2" Text 11 "Value of the second chosen instance tag, percent-encoded." / "no such tag";
    InterfaceTag interface_tag "interface-tag" Text 11 "Value of the first chosen interface tag, percent-encoded." / "no such tag";
    InterfaceTag2 interface_tag_2 "interface-tag-2" Text 11 "Value of the second chosen interface tag, percent-encoded." / "no such tag";
    AsgTag asg_tag "asg-tag" Text 11 "Value of the first chosen Auto Scaling group tag, percent-encoded." / "no such tag";
    AsgTag2 asg_tag_2 "asg-tag-2" Text 11 "Value of the second chosen Auto Scaling group tag, percent-encoded." / "no such tag";
    InterfaceType interface_type "interface-type" Text 11 "Type of the interface, such as `nat_gateway`, `network_load_balancer`, `transit_gateway` or `vpc_endpoint`." / "an ordinary interface";
    NextHopInterfaceId next_hop_interface_id "next-hop-interface-id" Text 11 "Interface the traffic goes to (egress) or comes from (ingress)." / "no interface is the next hop, or it is in another region or account";
    NextHopSubnetId next_hop_subnet_id "next-hop-subnet-id" Text 11 "Subnet of the next hop." / "as `next-hop-interface-id`";
    NextHopAzId next_hop_az_id "next-hop-az-id" Text 11 "Availability Zone id of the next hop." / "no interface is the next hop, or it is in another region";
    NextHopVpcId next_hop_vpc_id "next-hop-vpc-id" Text 11 "VPC of the next hop." / "as `next-hop-interface-id`";
    NextHopInterfaceType next_hop_interface_type "next-hop-interface-type" Text 11 "Type of the next hop's interface." / "as `next-hop-interface-id`";
}

/// Spellings of old documents and table definitions that still circulate.
const ALIASES: &[(&str, Field)] = &[
    ("windowstart", Field::Start),
    ("windowend", Field::End),
    ("flowlogstatus", Field::LogStatus),
    ("logstatus", Field::LogStatus),
    ("sourceaddress", Field::Srcaddr),
    ("destinationaddress", Field::Dstaddr),
    ("sourceport", Field::Srcport),
    ("destinationport", Field::Dstport),
    ("numpackets", Field::Packets),
    ("numbytes", Field::Bytes),
    ("interfaceid", Field::InterfaceId),
    ("accountid", Field::AccountId),
    ("account", Field::AccountId),
    ("starttime", Field::Start),
    ("endtime", Field::End),
];

impl Field {
    fn entry(self) -> &'static Entry {
        &ENTRIES[self as usize]
    }

    /// AWS's name, as in a log format: `log-status`.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// The SQL column: AWS's name in snake_case.
    pub fn column(self) -> &'static str {
        self.entry().column
    }

    /// What the field's text means.
    pub fn field_type(self) -> FieldType {
        self.entry().field_type
    }

    /// The record version that brought the field: 2 to 11; 6 is Transit
    /// Gateway's.
    pub fn version(self) -> u8 {
        self.entry().version
    }

    /// Meaning and units, one or two sentences.
    pub fn description(self) -> &'static str {
        self.entry().description
    }

    /// When AWS writes `-`, which is NULL.
    pub fn null_when(self) -> &'static str {
        self.entry().null_when
    }

    /// The field of this name, whatever its case, with `-` or `_`, or one of
    /// the older spellings such as `windowstart`.
    pub fn from_name(name: &str) -> Option<Field> {
        let same = |known: &str| {
            known.len() == name.len()
                && known.bytes().zip(name.bytes()).all(|(known, given)| {
                    known == given.to_ascii_lowercase() || (known == b'-' && given == b'_')
                })
        };
        Field::ALL
            .iter()
            .copied()
            .find(|field| same(field.name()))
            .or_else(|| {
                ALIASES
                    .iter()
                    .find(|(alias, _)| same(alias))
                    .map(|(_, field)| *field)
            })
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_the_names_in_snake_case_and_unique() {
        let mut columns = std::collections::HashSet::new();
        for field in Field::ALL {
            assert_eq!(field.column(), field.name().replace('-', "_"));
            assert!(columns.insert(field.column()), "{field} stands twice");
            assert_eq!(Field::from_name(field.name()), Some(*field));
            assert_eq!(
                Field::from_name(&field.column().to_uppercase()),
                Some(*field)
            );
        }
    }

    /// The counts of AWS's table, without Transit Gateway's fields: 14 of
    /// version 2, 21 up to 3, 25, 29, 39, 40, 41, 42, 54.
    #[test]
    fn counts_by_version_are_those_of_the_documentation() {
        let upto = |version| {
            Field::ALL
                .iter()
                .filter(|field| field.version() != 6 && field.version() <= version)
                .count()
        };
        let counts = [2, 3, 4, 5, 7, 8, 9, 10, 11].map(upto);
        assert_eq!(counts, [14, 21, 25, 29, 39, 40, 41, 42, 54]);
        assert_eq!(
            Field::ALL
                .iter()
                .filter(|field| field.version() == 6)
                .count(),
            18
        );
        assert!(Field::ALL.is_sorted_by_key(|field| field.version()));
    }

    #[test]
    fn old_spellings_are_known() {
        assert_eq!(Field::from_name("windowstart"), Some(Field::Start));
        assert_eq!(Field::from_name("FlowLogStatus"), Some(Field::LogStatus));
        assert_eq!(Field::from_name("srcadr"), None);
        assert_eq!(Field::from_name(""), None);
    }
}
