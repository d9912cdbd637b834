//! The durable table: Delta commits with cursors, compaction, retention, recovery.
