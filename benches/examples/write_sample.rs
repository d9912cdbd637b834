//! Writes version-2 records to standard output, as many as the argument says.

use std::io::{self, BufWriter};

use vpcflow_synth::{Config, write_text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let records = std::env::args().nth(1).ok_or("say how many")?.parse()?;
    // Enough interfaces for the share of NODATA that real groups have.
    let config = Config {
        records,
        enis: 200,
        duration_secs: 10_800,
        ..Config::default()
    };
    write_text(&config, &mut BufWriter::new(io::stdout().lock()))?;
    Ok(())
}
