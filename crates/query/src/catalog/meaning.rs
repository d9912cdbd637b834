//! What the columns mean that are no fields of AWS's.

use vpcflow_record::Field;

/// Columns of whatever table has them.
const OF_ANY: [(&str, &str); 5] = [
    ("log_group", "The log group that the record came from."),
    (
        "log_stream",
        "The log stream in it: one for each network interface.",
    ),
    (
        "event_id",
        "The id that CloudWatch Logs gave the event; NULL for a line of a file.",
    ),
    ("ingestion_time", "When CloudWatch Logs took the event in."),
    (
        "date",
        "The UTC day that the record is stored under: that of start, else of end, else of ingestion_time.",
    ),
];

/// Columns by table.
const OF_TABLES: [(&str, &[(&str, &str)]); 3] = [
    (
        "rejects",
        &[
            ("source", "The file, or the log group and stream."),
            (
                "position",
                "The byte where the line begins, after decompression; NULL for an event.",
            ),
            ("field", "The field at fault; NULL when the whole line is."),
            ("reason", "What is wrong."),
            ("line", "The line, its first 4,096 bytes."),
        ],
    ),
    (
        "enis",
        &[
            ("source", "The log group; NULL for records of files."),
            (
                "interface_id",
                "The interface, or the log stream for records that do not name one.",
            ),
            ("first_record", "The least start."),
            ("last_record", "The greatest start."),
            (
                "seen_to",
                "The greatest end: up to when something is known of it.",
            ),
            (
                "complete_to",
                "Up to when all records of the log group are in the store; NULL when that is not known.",
            ),
            ("records", "How many records there are."),
            ("nodata", "Records that say that there was no traffic."),
            ("skipdata", "Records that say that AWS skipped some."),
        ],
    ),
    (
        "ingest_log",
        &[
            (
                "source",
                "What was read: a log group, a directory or a file.",
            ),
            ("seq", "The number of the commit of this source."),
            ("version", "The version of the table that it made."),
            ("committed_at", "When it was committed."),
            ("rows", "Records that it added."),
            ("rejects", "Refused lines that it added."),
            (
                "complete_to",
                "Up to when all records of the source were stored with it; NULL when that is not known.",
            ),
        ],
    ),
];

/// What a column of a table means; `None` of a column that only the data or the user
/// has named.
pub(super) fn meaning(table: &str, column: &str) -> Option<&'static str> {
    let find = |columns: &[(&str, &'static str)]| {
        let found = columns.iter().find(|(name, _)| *name == column);
        found.map(|(_, meaning)| *meaning)
    };
    let own = OF_TABLES.iter().find(|(name, _)| *name == table);
    own.and_then(|(_, columns)| find(columns))
        .or_else(|| Field::from_name(column).map(Field::description))
        .or_else(|| find(&OF_ANY))
}
