//! Files on disk.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use vpcflow_synth::{Config, Generator, Layout, write_directory, write_text};

fn config(layout: Layout) -> Config {
    Config {
        records: 12_000,
        layout,
        ..Config::default()
    }
}

fn files(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    fs::read_dir(directory)
        .and_then(|entries| {
            entries
                .map(|entry| {
                    entry.and_then(|entry| Ok((entry.file_name(), fs::read(entry.path())?)))
                })
                .collect()
        })
        .expect("the files can be read")
}

/// What the files must hold: the lines of each stream, in order of delivery.
fn expected(config: &Config) -> BTreeMap<OsString, Vec<u8>> {
    let mut files: BTreeMap<OsString, Vec<u8>> = BTreeMap::new();
    for record in Generator::new(config) {
        let name = format!("{}.log", record.interface.stream_name());
        let file = files
            .entry(name.into())
            .or_insert_with(|| match config.layout {
                Layout::V2 => Vec::new(),
                layout => format!("{}\n", layout.header()).into_bytes(),
            });
        record.write_line(config.layout, file);
    }
    files
}

#[test]
fn each_stream_is_a_file_with_its_records_in_order() {
    for layout in [Layout::V2, Layout::V5] {
        let directory = tempfile::tempdir().unwrap();
        let config = config(layout);
        let summary = write_directory(&config, &directory.path().join("new/folder")).unwrap();

        let written = files(&directory.path().join("new/folder"));
        assert!(written == expected(&config));
        let bytes: usize = written.values().map(Vec::len).sum();
        assert_eq!(summary.bytes, bytes as u64);
        assert_eq!(summary.streams, written.len() as u64);
        assert_eq!(summary.records, 12_000);
        assert_eq!(summary.incidents, Generator::new(&config).incidents());
    }
}

#[test]
fn interfaces_without_records_have_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config {
        records: 50,
        enis: 5_000,
        ..Config::default()
    };
    let summary = write_directory(&config, directory.path()).unwrap();
    assert!(summary.streams <= 50);
    assert_eq!(files(directory.path()).len() as u64, summary.streams);
}

#[test]
fn writing_again_replaces_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let config = config(Layout::V2);
    write_directory(&config, directory.path()).unwrap();
    let first = files(directory.path());
    write_directory(&config, directory.path()).unwrap();
    assert!(files(directory.path()) == first);
}

#[test]
fn streams_and_the_one_text_hold_the_same_lines() {
    let config = config(Layout::V2);
    let mut text = Vec::new();
    let summary = write_text(&config, &mut text).unwrap();
    assert_eq!(summary.bytes, text.len() as u64);

    let directory = tempfile::tempdir().unwrap();
    let in_files = write_directory(&config, directory.path()).unwrap();
    assert_eq!(in_files, summary);
    let streams: Vec<u8> = files(directory.path()).into_values().flatten().collect();
    let sorted = |text: &[u8]| {
        let mut lines: Vec<Vec<u8>> = text
            .split(|&byte| byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        lines.sort_unstable();
        lines
    };
    assert!(sorted(&streams) == sorted(&text));
}
