//! The state machine against a model of a log group.

mod cost;
mod driver;
mod model;
mod steps;
mod world;
