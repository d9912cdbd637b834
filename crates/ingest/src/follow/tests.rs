//! The state machine against a model of a log group.

mod cost;
mod model;
mod steps;
mod world;
