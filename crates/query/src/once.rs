//! The view `flows_once`: a flow that two interfaces saw is in it once.
//!
//! When both ends of a flow are interfaces whose flow logs are in the data, or
//! an appliance passes it on, each interface has records of the same packets:
//! sums over `flows` count them once for each. The view keeps the records of one
//! interface for each five-tuple: of one that rejected some of it, so that
//! rejects stay, else of the one whose id sorts first. Translated addresses make
//! another five-tuple, which the view cannot tell to be the same traffic.

use datafusion::prelude::SessionContext;

use crate::error::Error;

const VIEW: &str = "\
SELECT flows.*
FROM flows
LEFT JOIN (
    SELECT
        srcaddr, dstaddr, srcport, dstport, protocol,
        coalesce(
            min(interface_id) FILTER (WHERE action = 'REJECT'),
            min(interface_id)
        ) AS interface_id
    FROM flows
    WHERE interface_id IS NOT NULL
    GROUP BY srcaddr, dstaddr, srcport, dstport, protocol
    HAVING min(interface_id) <> max(interface_id)
) AS seen_twice
ON
    flows.srcaddr = seen_twice.srcaddr
    AND flows.dstaddr = seen_twice.dstaddr
    AND flows.srcport = seen_twice.srcport
    AND flows.dstport = seen_twice.dstport
    AND flows.protocol = seen_twice.protocol
WHERE
    seen_twice.interface_id IS NULL
    OR flows.interface_id IS NULL
    OR flows.interface_id = seen_twice.interface_id";

/// What tells a flow and who saw it.
const NEEDED: [&str; 7] = [
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "interface_id",
    "action",
];

/// Adds the view to a session that has the table `flows`, where its columns
/// tell one flow from another.
pub(crate) async fn register(context: &SessionContext) -> Result<(), Error> {
    let schema = context.table_provider("flows").await?.schema();
    if NEEDED
        .iter()
        .all(|name| schema.field_with_name(name).is_ok())
    {
        let view = context.sql(VIEW).await?.into_view();
        context.register_table("flows_once", view)?;
    }
    Ok(())
}
