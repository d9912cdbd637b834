//! Which kills, and when.

use std::collections::BTreeMap;
use std::env;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use vpcflow_tests::{Dice, Running, now_ms};

const KILLS_VARIABLE: &str = "VPCFLOW_CRASH_KILLS";
const SEED_VARIABLE: &str = "VPCFLOW_CRASH_SEED";
/// Of all tests together, unless the variable says otherwise.
const KILLS: u64 = 60;
/// How long a process is left alone at most, in milliseconds.
const LONGEST_MS: u64 = 1_200;
/// How long a named point may take to be reached.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same, of a point that no kill has met when all are done: it is the next of a
/// hundred commits, however slow the machine.
const LAST_PATIENCE: Duration = Duration::from_secs(120);
/// Kills that are tried for such a point. Commits add up from run to run, so that each
/// try begins nearer to it.
const LAST_TRIES: u64 = 5;

/// How a run of the binary ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kill {
    After(Duration),
    /// When it comes to this point for this time.
    At(&'static str, u64),
    /// When it comes to this point, which no kill has met yet.
    Still(&'static str),
}

/// The kills of a test.
pub(crate) struct Campaign {
    name: &'static str,
    seed: u64,
    dice: Dice,
    kills: u64,
    done: u64,
    points: Vec<&'static str>,
    /// Commits that a run has at least, if it is left alone.
    commits: u64,
    /// Kills at each point.
    reached: BTreeMap<&'static str, u64>,
    started: Instant,
}

impl Campaign {
    /// `share`: one in so many kills is of this test. One in three is at one of the
    /// points, in one of the first `commits`.
    #[expect(clippy::print_stderr, reason = "a failure is repeated with the seed")]
    pub(crate) fn new(
        name: &'static str,
        share: u64,
        commits: u64,
        points: &[&'static str],
    ) -> Campaign {
        let number = |name| env::var(name).ok().map(|text| text.parse().unwrap());
        let kills: u64 = number(KILLS_VARIABLE).unwrap_or(KILLS).div_ceil(share);
        let seed = number(SEED_VARIABLE).unwrap_or_else(|| now_ms().unsigned_abs());
        eprintln!("{name}: {kills} kills, {SEED_VARIABLE}={seed}");
        Campaign {
            name,
            seed,
            dice: Dice::new(seed),
            kills,
            done: 0,
            points: points.to_vec(),
            commits,
            reached: BTreeMap::new(),
            started: Instant::now(),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// Where the test is, for messages.
    pub(crate) fn state(&self) -> String {
        format!(
            "{} after kill {} of {}, {SEED_VARIABLE}={}",
            self.name, self.done, self.kills, self.seed
        )
    }

    /// The points that no kill has met.
    fn missed(&self) -> impl Iterator<Item = &'static str> {
        let points = self.points.iter().copied();
        points.filter(|point| !self.reached.contains_key(point))
    }

    /// The next kill; `None` after the last. Those that were asked for are followed by
    /// those that it takes to meet every point.
    pub(crate) fn next_kill(&mut self) -> Option<Kill> {
        if self.done >= self.kills {
            let most = self.kills + LAST_TRIES * self.points.len() as u64;
            return (self.done < most).then(|| self.missed().next().map(Kill::Still))?;
        }
        // Every third, in turn, so that none is left out.
        let at_point = self.done.is_multiple_of(3);
        let turn = usize::try_from(self.done / 3).unwrap();
        Some(match at_point {
            true => {
                let point = self.points[turn % self.points.len()];
                let times = match point {
                    "store-compacted" | "store-compaction-committed" | "store-checkpointed" => 1,
                    // Each of a commit's files is one, and its directory another.
                    "store-synchronise" => 1 + self.dice.below(6 * self.commits),
                    _ => 1 + self.dice.below(self.commits),
                };
                Kill::At(point, times)
            }
            false => Kill::After(Duration::from_millis(self.dice.below(LONGEST_MS))),
        })
    }

    /// Runs the binary until it is killed, or has ended by itself, which is
    /// success; `meanwhile` happens again and again.
    #[track_caller]
    pub(crate) fn run(
        &mut self,
        kill: Kill,
        mut command: Command,
        mut meanwhile: impl FnMut(&mut Dice),
    ) {
        let patience = match kill {
            Kill::After(time) => time,
            Kill::At(point, times) => {
                command.env("VPCFLOW_ABORT_AT", format!("{point}:{times}"));
                PATIENCE
            }
            Kill::Still(point) => {
                command.env("VPCFLOW_ABORT_AT", point);
                LAST_PATIENCE
            }
        };
        let mut running = Running::start(&mut command);
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline && !running.has_ended() {
            meanwhile(&mut self.dice);
            let pause = Duration::from_millis(5 + self.dice.below(30));
            thread::sleep(pause.min(deadline.saturating_duration_since(Instant::now())));
        }
        let outcome = running.kill();
        match (kill, outcome.status) {
            (Kill::At(point, _) | Kill::Still(point), -6) => {
                *self.reached.entry(point).or_default() += 1
            }
            // It did not come to the point in time, or had nothing more to do.
            (_, -9 | 0) => {}
            _ => panic!("{}: {kill:?} became {outcome:?}", self.state()),
        }
        self.done += 1;
    }

    /// Asserts that each point was reached, and tells what happened.
    #[track_caller]
    #[expect(clippy::print_stderr, reason = "scripts/crash reports the figures")]
    pub(crate) fn end(self) {
        let seconds = self.started.elapsed().as_secs();
        let state = self.state();
        eprintln!("{state}: {seconds} s, at points: {:?}", self.reached);
        let missed: Vec<_> = self.missed().collect();
        assert!(missed.is_empty(), "{state}: never killed at {missed:?}");
    }
}
