//! The statements behind a report, as they are run and as the page shows them.

use super::figures::machine_time;
use super::ranking::Spec;
use crate::session::Window;
use crate::top::Measure;

/// What leaves out the records that describe no traffic.
const TRAFFIC: &str = "coalesce(log_status, '') NOT IN ('NODATA', 'SKIPDATA')";

/// What has to hold of a time to be put in an interval: beyond, the engine fails, and
/// nobody has seen the traffic.
const IN_CALENDAR: &str = "start BETWEEN '1970-01-01' AND '2200-01-01'";

/// Which records a report is about.
#[derive(Debug)]
pub(super) struct Scope {
    /// Conditions on `start`, which the table of the session has applied already: a
    /// statement that is copied says them too.
    window: Vec<String>,
    condition: Option<String>,
    /// What rankings of traffic are by.
    by: Measure,
    /// Rows of a ranking.
    limit: usize,
}

impl Scope {
    pub(super) fn new(window: Window, condition: Option<&str>, by: Measure, limit: usize) -> Scope {
        let bound = |sign: &str, us: i64| format!("start {sign} '{}'", machine_time(us));
        let since = window.since_us.map(|us| bound(">=", us));
        let until = window.until_us.map(|us| bound("<", us));
        Scope {
            window: since.into_iter().chain(until).collect(),
            condition: condition.map(str::to_owned),
            by,
            limit,
        }
    }

    /// Of all records of the window.
    fn of_records(&self, more: &[&str]) -> String {
        let window = self.window.iter().map(String::as_str);
        let conditions: Vec<&str> = window.chain(more.iter().copied()).collect();
        if conditions.is_empty() {
            return String::new();
        }
        format!("\nWHERE {}", conditions.join("\n    AND "))
    }

    /// Of the records of traffic that the condition holds for.
    fn of_traffic(&self, more: &[&str]) -> String {
        // On lines of its own, so that a comment in it ends there.
        let condition = self.condition.as_ref().map(|sql| format!("(\n{sql}\n)"));
        let mut conditions = vec![TRAFFIC];
        conditions.extend(condition.as_deref());
        conditions.extend(more);
        self.of_records(&conditions)
    }

    /// The measure of rankings, largest first, and then the number of flows: where no
    /// record has bytes, they are all there is.
    fn order(&self) -> &'static str {
        match self.by {
            Measure::Bytes => "bytes DESC NULLS LAST, flows DESC",
            Measure::Packets => "packets DESC NULLS LAST, flows DESC",
            Measure::Flows => "flows DESC",
        }
    }

    /// The figures of all traffic, and how many records have each field that a chart
    /// needs: one row.
    pub(super) fn figures(&self) -> String {
        format!(
            "\
SELECT
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    count(*) FILTER (WHERE action = 'ACCEPT') AS accepted,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS destinations,
    count(srcaddr) AS with_srcaddr,
    count(dstaddr) AS with_dstaddr,
    count(dstport) AS with_dstport,
    count(protocol) AS with_protocol,
    count(action) AS with_action,
    count(interface_id) AS with_interface_id,
    count(start) AS with_start
FROM flows{}",
            self.of_traffic(&[])
        )
    }

    /// Accepted and rejected traffic by the interval that a record starts in.
    pub(super) fn timeline(&self, interval: &str) -> String {
        format!(
            "\
SELECT
    date_bin(INTERVAL '{interval}', CASE WHEN {IN_CALENDAR} THEN start END) AS time,
    count(*) FILTER (WHERE action = 'ACCEPT') AS accepted,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    count(*) AS flows,
    sum(bytes) FILTER (WHERE action = 'ACCEPT') AS accepted_bytes,
    sum(bytes) FILTER (WHERE action = 'REJECT') AS rejected_bytes,
    sum(bytes) AS bytes
FROM flows{}
GROUP BY 1
ORDER BY 1 NULLS LAST",
            self.of_traffic(&[])
        )
    }

    /// A ranking: its largest groups, and how many groups there are.
    pub(super) fn ranking(&self, spec: &Spec) -> String {
        let mut columns: Vec<String> = spec
            .keys
            .iter()
            .chain(spec.names)
            .map(|(sql, name)| match sql == name {
                true => (*sql).to_owned(),
                false => format!("{sql} AS {name}"),
            })
            .collect();
        columns.extend(
            spec.columns
                .iter()
                .map(|c| format!("{} AS {}", c.sql, c.name)),
        );
        columns.push("count(*) OVER () AS groups".to_owned());
        let keys: Vec<&str> = spec.keys.iter().map(|(_, name)| *name).collect();
        let (condition, order) = match spec.of_rejected {
            true => (self.of_traffic(&["action = 'REJECT'"]), "flows DESC"),
            false => (self.of_traffic(&[]), self.order()),
        };
        let ordinals: Vec<String> = (1..=keys.len()).map(|n| n.to_string()).collect();
        format!(
            "SELECT\n    {}\nFROM flows{condition}\nGROUP BY {}\nORDER BY {order}, {} NULLS \
             LAST\nLIMIT {}",
            columns.join(",\n    "),
            ordinals.join(", "),
            keys.join(" NULLS LAST, "),
            self.limit
        )
    }

    /// Traffic between the largest sources and the largest destinations. The place
    /// after the last is that of all others.
    pub(super) fn matrix(&self, bits: u8, size: usize) -> String {
        let end = |column: &str| match bits {
            32 => column.to_owned(),
            bits => format!("ip_prefix({column}, {bits}, 64)"),
        };
        let by = match self.by {
            Measure::Bytes => "bytes",
            Measure::Packets => "packets",
            Measure::Flows => "flows",
        };
        let others = size + 1;
        format!(
            "\
SELECT
    least(source_rank, {others}) AS source_place,
    least(destination_rank, {others}) AS destination_place,
    min(source) AS source,
    min(destination) AS destination,
    sum(flows) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM (
    SELECT
        *,
        dense_rank() OVER (
            ORDER BY source_{by} DESC NULLS LAST, source_flows DESC, source NULLS LAST
        ) AS source_rank,
        dense_rank() OVER (
            ORDER BY destination_{by} DESC NULLS LAST, destination_flows DESC, destination NULLS LAST
        ) AS destination_rank
    FROM (
        SELECT
            *,
            sum({by}) OVER (PARTITION BY source) AS source_{by},
            sum({by}) OVER (PARTITION BY destination) AS destination_{by}{flows}
        FROM (
            SELECT
                {source} AS source,
                {destination} AS destination,
                count(*) AS flows,
                sum(packets) AS packets,
                sum(bytes) AS bytes
            FROM flows{condition}
            GROUP BY 1, 2
        )
    )
)
GROUP BY 1, 2
ORDER BY 1, 2",
            source = end("srcaddr"),
            destination = end("dstaddr"),
            flows = match by {
                "flows" => "",
                _ =>
                    ",
            sum(flows) OVER (PARTITION BY source) AS source_flows,
            sum(flows) OVER (PARTITION BY destination) AS destination_flows",
            },
            condition = self
                .of_traffic(&[])
                .replace("\nWHERE", "\n            WHERE")
                .replace("\n    AND", "\n                AND"),
        )
    }

    /// All records by their status: one row.
    pub(super) fn statuses(&self) -> String {
        format!(
            "\
SELECT
    count(*) AS records,
    count(*) FILTER (WHERE log_status = 'OK') AS ok,
    count(*) FILTER (WHERE log_status = 'NODATA') AS nodata,
    count(*) FILTER (WHERE log_status = 'SKIPDATA') AS skipdata,
    count(DISTINCT interface_id) AS interfaces,
    min(start) AS first_start,
    max(\"end\") AS last_end
FROM flows{}",
            self.of_records(&[])
        )
    }

    /// The interfaces whose last record is the oldest, the number of all, and of those
    /// that were silent for longer than two of the longest aggregation intervals.
    pub(super) fn interfaces(&self) -> String {
        format!(
            "\
SELECT
    *,
    count(*) OVER () AS groups,
    sum(CASE WHEN seen_to < newest - INTERVAL '{SILENT}' THEN 1 ELSE 0 END) OVER () AS silent
FROM (
    SELECT
        interface_id,
        count(*) AS records,
        count(*) FILTER (WHERE log_status = 'NODATA') AS nodata,
        count(*) FILTER (WHERE log_status = 'SKIPDATA') AS skipdata,
        max(\"end\") AS seen_to,
        max(max(\"end\")) OVER () AS newest
    FROM flows{}
    GROUP BY interface_id
)
ORDER BY seen_to NULLS LAST, interface_id
LIMIT {}",
            self.of_records(&["interface_id IS NOT NULL"])
                .replace("\nWHERE", "\n    WHERE")
                .replace("\n    AND", "\n        AND"),
            self.limit
        )
    }

    /// The longest times in which no record starts, longer than the longest aggregation
    /// interval, and the number of all.
    pub(super) fn gaps(&self) -> String {
        format!(
            "\
SELECT
    last_before,
    first_after,
    count(*) OVER () AS groups
FROM (
    SELECT
        lag(minute) OVER (ORDER BY minute) AS last_before,
        minute AS first_after
    FROM (
        SELECT DISTINCT date_bin(INTERVAL '1 minute', start) AS minute
        FROM flows{}
    )
)
WHERE first_after > last_before + INTERVAL '{GAP}'
ORDER BY first_after - last_before DESC, first_after
LIMIT {}",
            self.of_records(&[IN_CALENDAR])
                .replace("\nWHERE", "\n        WHERE")
                .replace("\n    AND", "\n            AND"),
            self.limit
        )
    }
}

/// How long an interface may be silent: two of the longest aggregation intervals.
pub(super) const SILENT: &str = "20 minutes";
/// How long no record may start: the longest aggregation interval and a minute.
pub(super) const GAP: &str = "11 minutes";

/// Why lines were refused. Of all lines, since a refused line has no time.
pub(super) const REJECTS: &str = "\
SELECT reason, count(*) AS lines
FROM rejects
GROUP BY reason
ORDER BY lines DESC, reason";

/// Up to when each log group is known to be complete, as its store says.
pub(super) const COMPLETE_TO: &str = "\
SELECT source, max(complete_to) AS complete_to
FROM enis
WHERE complete_to IS NOT NULL
GROUP BY source
ORDER BY source";
