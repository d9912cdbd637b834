//! Random histories of a store, with failures at any write: what was acknowledged
//! is there, once, and nothing else is but what a cursor covers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;

use object_store::memory::InMemory;
use proptest::prelude::*;
use serde_json::json;
use support::faults::{Fault, FaultKind, Faulty};
use support::*;
use vpcflow_ingest::Clock;
use vpcflow_store::{Checkpoint, Reader, SourceId, SourceState, Store, StoreOptions, check};

#[derive(Debug, Clone)]
enum Operation {
    /// So many records of a source, with as many rejects as given.
    Append {
        source: usize,
        records: u64,
        rejects: usize,
    },
    Checkpoint {
        source: usize,
    },
    Commit,
    Compact,
    Maintain,
    /// The process ends, in whatever state, and another begins.
    Restart,
    /// Another process opens the store while this one has it.
    TakeOver,
    /// One of the next writes fails.
    Fault {
        write: usize,
        kind: usize,
    },
    /// From now on calls take their time, in no order; 0 ends that.
    Slow {
        seed: u64,
    },
    Wait {
        minutes: i64,
    },
}

const SOURCES: usize = 3;

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..SOURCES, 0..70_u64, 0..3_usize).prop_map(|(source, records, rejects)| {
            Operation::Append { source, records, rejects }
        }),
        5 => (0..SOURCES).prop_map(|source| Operation::Checkpoint { source }),
        5 => Just(Operation::Commit),
        1 => Just(Operation::Compact),
        1 => Just(Operation::Maintain),
        1 => Just(Operation::Restart),
        1 => Just(Operation::TakeOver),
        3 => (0..9_usize, 0..FaultKind::ALL.len())
            .prop_map(|(write, kind)| Operation::Fault { write, kind }),
        1 => prop_oneof![Just(0), any::<u64>()].prop_map(|seed| Operation::Slow { seed }),
        1 => (0..200_i64).prop_map(|minutes| Operation::Wait { minutes }),
    ]
}

/// What the test knows of a source.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// Records handed over; all before are in the table or in memory.
    appended: u64,
    rejects: usize,
    /// Handed over before the last checkpoint.
    noted: (u64, usize),
    /// Under a commit that succeeded.
    acknowledged: (u64, usize),
}

struct Model {
    objects: Arc<InMemory>,
    faulty: Faulty,
    clock: Arc<vpcflow_ingest::SimulatedClock>,
    sources: Vec<SourceId>,
    known: Vec<Known>,
    store: Option<Store>,
}

impl Model {
    async fn new() -> Model {
        let objects = Arc::new(InMemory::new());
        let mut model = Model {
            faulty: Faulty::new(Arc::clone(&objects) as _),
            objects,
            clock: clock(),
            sources: (0..SOURCES)
                .map(|n| SourceId::new(format!("file:/{n}")))
                .collect(),
            known: vec![Known::default(); SOURCES],
            store: None,
        };
        model.restart().await;
        model
    }

    fn store(&mut self) -> &mut Store {
        self.store.as_mut().expect("the store is open")
    }

    /// A new process finds what was acknowledged, or more, and goes on from there.
    /// The power failed before it.
    async fn restart(&mut self) {
        self.store = None;
        self.faulty.lose_power().await;
        self.faulty = Faulty::new(Arc::clone(&self.objects) as _);
        let options = StoreOptions {
            reader_grace_ms: 60_000,
            ..options()
        };
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let store = Store::open(&over(Arc::new(self.faulty.clone())), options, clock)
            .await
            .expect("the store opens");
        for (index, source) in self.sources.iter().enumerate() {
            let (offset, rejects) = position(store.source(source).as_deref());
            let known = &mut self.known[index];
            assert!(offset >= known.acknowledged.0, "{source} lost records");
            assert!(offset <= known.noted.0, "{source} has a cursor of nobody");
            *known = Known {
                appended: offset,
                rejects,
                noted: (offset, rejects),
                acknowledged: (offset, rejects),
            };
        }
        self.store = Some(store);
    }

    /// A failed call of a dead or replaced process; else it is to be tried again.
    async fn failed(&mut self, error: &vpcflow_store::Error) {
        if self.faulty.is_crashed() || !error.is_transient() {
            self.restart().await;
        }
    }

    async fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Append {
                source,
                records,
                rejects,
            } => {
                let from = self.known[source].appended;
                let id = self.sources[source].clone();
                let (rows, refused) = (
                    rows(&id, from, from + records),
                    support::rejects(&id, rejects),
                );
                match self.store().append(&id, rows, refused).await {
                    Ok(()) => {
                        self.known[source].appended += records;
                        self.known[source].rejects += rejects;
                    }
                    Err(error) => self.failed(&error).await,
                }
            }
            Operation::Checkpoint { source } => {
                let known = &mut self.known[source];
                known.noted = (known.appended, known.rejects);
                let (offset, rejects) = known.noted;
                let id = self.sources[source].clone();
                let cursor = json!({ "offset": offset, "rejects": rejects });
                self.store().checkpoint(&id, Checkpoint::full(cursor));
            }
            Operation::Commit => match self.store().commit().await {
                Ok(_) => {
                    for known in &mut self.known {
                        known.acknowledged = known.noted;
                    }
                }
                Err(error) => self.failed(&error).await,
            },
            Operation::Compact => {
                if let Err(error) = self.store().compact().await {
                    self.failed(&error).await;
                }
            }
            Operation::Maintain => {
                if let Err(error) = self.store().maintain().await {
                    self.failed(&error).await;
                }
            }
            Operation::Restart => self.restart().await,
            Operation::TakeOver => {
                let mut before = self.store.take();
                self.restart().await;
                if let Some(store) = &mut before {
                    store.checkpoint(&self.sources[0], at(1_000_000));
                    assert!(store.commit().await.is_err(), "two owners committed");
                }
            }
            Operation::Fault { write, kind } => self.faulty.set(Fault {
                write,
                kind: FaultKind::ALL[kind],
            }),
            Operation::Slow { seed } => self.faulty.slow_down(seed),
            Operation::Wait { minutes } => {
                let at_ms = self.clock.now_ms() + minutes * 60_000;
                self.clock.sleep_until_ms(at_ms).await;
            }
        }
    }

    /// What the writer's queries see: all that was handed over, once.
    async fn check_live(&mut self, after: &Operation) {
        if self.faulty.is_crashed() {
            return;
        }
        let snapshot = self.store().snapshot();
        let sources = self.sources.iter().zip(&self.known);
        let expected: Vec<_> = sources
            .flat_map(|(source, known)| expected(source, known.appended))
            .collect();
        // Past the faults: what is written beside may end the process meanwhile.
        let location = over(Arc::clone(&self.objects) as _);
        let found = records_at(&location, &snapshot).await;
        assert_same(&found, &expected, &format!("{after:?}"));
        let rejects: usize = self.known.iter().map(|known| known.rejects).sum();
        assert_eq!(reject_count_at(&location, &snapshot).await, rejects);
    }

    /// What everybody else sees: all that the cursors cover, once.
    async fn check_committed(&mut self) {
        let location = over(Arc::clone(&self.objects) as _);
        let mut reader = Reader::open(&location).await.expect("the store opens");
        let snapshot = reader.snapshot().await.expect("the store is read");
        let mut expected = Vec::new();
        let mut rejects = 0;
        for (index, source) in self.sources.iter().enumerate() {
            let mut states = snapshot.sources().iter();
            let state = states.find(|state| state.source == *source);
            let (offset, refused) = position(state.map(AsRef::as_ref));
            let known = self.known[index];
            assert!(offset >= known.acknowledged.0 && offset <= known.noted.0);
            expected.extend(support::expected(source, offset));
            rejects += refused;
        }
        assert_same(&records(&snapshot).await, &expected, "committed");
        assert_eq!(reject_count(&snapshot).await, rejects);
        let check = check(&mut reader).await.expect("the store is read");
        assert_eq!(check.findings, []);
    }
}

/// Records and rejects that the cursor of a source covers.
fn position(state: Option<&SourceState>) -> (u64, usize) {
    let Some(cursor) = state.and_then(|state| state.cursors.last()) else {
        return (0, 0);
    };
    let number = |key: &str| cursor[key].as_u64().expect("it was written so");
    (number("offset"), number("rejects") as usize)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(96),
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_was_acknowledged_is_there_once(
        operations in proptest::collection::vec(operation(), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new().await;
            for operation in &operations {
                model.run(operation).await;
                model.check_live(operation).await;
            }
            model.check_committed().await;
            // In the end everything arrives, and nothing is left behind.
            model.restart().await;
            for source in 0..SOURCES {
                model.run(&Operation::Checkpoint { source }).await;
            }
            model.run(&Operation::Commit).await;
            model.check_committed().await;
            model.restart().await;
            let mut reader = Reader::open(&over(Arc::clone(&model.objects) as _)).await.unwrap();
            assert_eq!(check(&mut reader).await.unwrap().orphans, []);
        });
    }
}
