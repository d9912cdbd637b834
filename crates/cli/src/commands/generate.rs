//! `vpcflow generate`.

use vpcflow_ingest::system_message;
use vpcflow_synth::{Config, write_directory};

use crate::args::GenerateArgs;
use crate::failure::Failure;
use crate::incidents::planted;
use crate::print::{bytes, grouped, out};

pub(crate) async fn run(args: GenerateArgs) -> Result<(), Failure> {
    let config = Config {
        records: args.records,
        seed: args.seed,
        enis: args.enis,
        ..Config::default()
    };
    let directory = args.directory.display().to_string();
    if args
        .directory
        .read_dir()
        .is_ok_and(|mut files| files.next().is_some())
    {
        return Err(Failure::new(format!("`{directory}` is not empty"))
            .hint("name a new directory: other files in it would be read as logs too"));
    }
    let write = move || write_directory(&config, &args.directory);
    let summary = tokio::task::spawn_blocking(write).await;
    let summary = summary.map_err(|error| Failure::new(error.to_string()))?;
    let summary = summary.map_err(|error| {
        let message = system_message(&error);
        Failure::new(format!("cannot write to `{directory}`: {message}"))
    })?;
    let mut text = format!(
        "{} records of {} streams in `{directory}`, {}\n",
        grouped(summary.records),
        summary.streams,
        bytes(summary.bytes)
    );
    match summary.incidents.as_slice() {
        [] => text.push_str("no incidents are planted among so few records or interfaces\n"),
        incidents => {
            text.push_str("planted:\n");
            text.push_str(&planted(incidents));
        }
    }
    out(&text)
}
