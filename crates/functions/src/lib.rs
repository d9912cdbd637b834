//! SQL functions that know networks.
