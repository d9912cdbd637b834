//! The incidents planted in synthetic traffic, in words.

use std::fmt::Write;

use vpcflow_synth::Incident;

use crate::print::bytes;

/// A line for each incident.
pub(crate) fn planted(incidents: &[Incident]) -> String {
    let mut text = String::new();
    for incident in incidents {
        // Writing to a string does not fail.
        let _ = match incident {
            Incident::LargeTransfer(transfer) => writeln!(
                text,
                "  large transfer: {} sent {} to {}",
                transfer.source,
                bytes(transfer.bytes),
                transfer.destination
            ),
            Incident::SilentInterface(silence) => writeln!(
                text,
                "  silent interface: {} has no records from {} on",
                silence.interface_id,
                clock_time(silence.silent_from)
            ),
            incident => writeln!(text, "  {incident}"),
        };
    }
    text
}

/// Hours and minutes in UTC of a time in Unix seconds.
fn clock_time(seconds: i64) -> String {
    let seconds = seconds.rem_euclid(24 * 60 * 60);
    format!("{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60)
}
