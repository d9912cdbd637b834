//! A directory of files that grow, rotate and are compressed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use vpcflow_tests::{Dice, Tally, record};

use super::group::note;

/// All records are of 2026-01-01.
const START_MS: i64 = 1_767_225_600_000;
/// Lines of a file that is larger than what is decoded at a time.
const MANY: u64 = 8_000;

pub(crate) struct Files {
    directory: PathBuf,
    given: Tally,
    made: u64,
    /// The end of a line that was begun, with the file that it is of.
    begun: Option<(PathBuf, String)>,
    rotated: Vec<PathBuf>,
    rotations: u64,
}

impl Files {
    pub(crate) fn new(directory: PathBuf) -> Files {
        fs::create_dir(&directory).unwrap();
        Files {
            directory,
            given: Tally::default(),
            made: 0,
            begun: None,
            rotated: Vec::new(),
            rotations: 0,
        }
    }

    /// All lines of all files, also of one that is not complete yet.
    pub(crate) fn given(&self) -> &Tally {
        &self.given
    }

    /// Appends some lines, the last of which may be begun only, or rotates a file,
    /// or compresses one.
    pub(crate) fn change(&mut self, dice: &mut Dice) {
        self.finish();
        let log = self.directory.join(format!("eni-{}.log", dice.below(3)));
        match dice.below(100) {
            0..4 if log.exists() => self.rename(log),
            4..7 if log.exists() => self.copy_and_truncate(log),
            7..12 => self.compress(dice),
            _ => {
                let lines = 1 + dice.below(20);
                let mut text = self.lines(lines, dice.chance(20));
                if dice.chance(30) {
                    let middle = text.len() - 1 - dice.below(60) as usize;
                    let rest = text.split_off(middle);
                    self.begun = Some((log.clone(), rest));
                }
                append(&log, &text);
            }
        }
    }

    /// Completes a line that was begun.
    pub(crate) fn finish(&mut self) {
        if let Some((log, rest)) = self.begun.take() {
            append(&log, &rest);
        }
    }

    /// Appends many lines to one of two files; begins a new one now and then.
    pub(crate) fn add_many(&mut self, dice: &mut Dice) {
        let number = dice.below(2);
        let text = self.lines(MANY, true);
        append(&self.directory.join(format!("eni-{number}.log")), &text);
        if dice.chance(20) {
            let text = self.lines(MANY, false);
            let name = format!("eni-{}.log.gz", self.made);
            fs::write(self.directory.join(name), gzip(text.as_bytes())).unwrap();
        }
    }

    /// Appends a few lines to one file.
    pub(crate) fn add_few(&mut self) {
        let text = self.lines(100, false);
        append(&self.directory.join("eni-0.log"), &text);
    }

    fn lines(&mut self, count: u64, with_malformed: bool) -> String {
        let mut text = String::new();
        for number in 0..count {
            self.made += 1;
            let time_ms = START_MS + i64::try_from(self.made % 80_000).unwrap() * 1_000;
            let line = match with_malformed && number % 1_000 == 3 {
                true => format!("2 123456789012 eni-0a cut short {}", self.made),
                false => record("eni-0a", "192.0.2.1", "ACCEPT", self.made, time_ms),
            };
            note(&mut self.given, &line);
            text.push_str(&line);
            text.push('\n');
        }
        text
    }

    fn rename(&mut self, log: PathBuf) {
        let rotated = self.rotated_name();
        fs::rename(log, &rotated).unwrap();
        self.rotated.push(rotated);
    }

    fn copy_and_truncate(&mut self, log: PathBuf) {
        let rotated = self.rotated_name();
        fs::copy(&log, &rotated).unwrap();
        File::create(log).unwrap();
        self.rotated.push(rotated);
    }

    /// As gzip does: the copy is complete before the original goes.
    fn compress(&mut self, dice: &mut Dice) {
        if self.rotated.is_empty() {
            return;
        }
        let index = dice.below(self.rotated.len() as u64) as usize;
        let plain = self.rotated.swap_remove(index);
        let text = fs::read(&plain).unwrap();
        fs::write(plain.with_extension("log.gz"), gzip(&text)).unwrap();
        fs::remove_file(plain).unwrap();
    }

    fn rotated_name(&mut self) -> PathBuf {
        self.rotations += 1;
        self.directory.join(format!("old-{}.log", self.rotations))
    }
}

fn append(log: &PathBuf, text: &str) {
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
