//! Rankings: the statement behind `vpcflow top`.

use crate::error::{Error, similar};

/// What a ranking is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Sum of bytes.
    Bytes,
    /// Sum of packets.
    Packets,
    /// Number of records.
    Flows,
}

impl Measure {
    const ALL: [Measure; 3] = [Measure::Bytes, Measure::Packets, Measure::Flows];

    fn sql(self) -> &'static str {
        match self {
            Measure::Bytes => "sum(bytes)",
            Measure::Packets => "sum(packets)",
            Measure::Flows => "count(*)",
        }
    }

    /// The column of the ranking that holds it.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Measure::Bytes => "bytes",
            Measure::Packets => "packets",
            Measure::Flows => "flows",
        }
    }
}

/// A ranking of records by the values of some columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// The columns that make a row of the ranking.
    pub keys: Vec<String>,
    /// What it is ordered by, largest first.
    pub by: Measure,
    /// Rows at most.
    pub limit: usize,
    /// A condition in SQL on the records.
    pub condition: Option<String>,
}

impl Top {
    /// The ranking as a statement over `flows`. Each row has its share of all
    /// records that match, in percent of the measure. NODATA and SKIPDATA
    /// records, which describe no traffic, are left out.
    ///
    /// # Errors
    /// When a key is not among `columns`.
    pub fn sql(&self, columns: &[String]) -> Result<String, Error> {
        let mut keys = Vec::new();
        for key in &self.keys {
            let column = key.to_lowercase().replace('-', "_");
            let measure = Measure::ALL
                .iter()
                .any(|measure| measure.column() == column);
            if measure {
                return Err(Error::Parameter(format!(
                    "`{column}` is what a ranking is by, not what it is of: `--by {column}`"
                )));
            }
            if !columns.contains(&column) {
                let similar = similar(key, columns.iter().map(String::as_str));
                return Err(Error::UnknownColumn {
                    name: key.clone(),
                    similar,
                });
            }
            let key = format!("\"{column}\"");
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let keys = keys.join(", ");
        let measure = self.by.sql();
        let condition = match &self.condition {
            // On lines of its own, so that a comment in it ends there.
            Some(condition) => format!(" AND (\n{condition}\n)"),
            None => String::new(),
        };
        Ok(format!(
            "SELECT {keys}, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes, \
             round(100.0 * {measure} / sum({measure}) OVER (), 1) AS share \
             FROM flows \
             WHERE coalesce(log_status, '') NOT IN ('NODATA', 'SKIPDATA')\
             {condition} \
             GROUP BY {keys} ORDER BY {} DESC NULLS LAST, {keys} LIMIT {}",
            self.by.column(),
            self.limit
        ))
    }
}
