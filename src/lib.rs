//! Understudy.
pub mod config;
pub mod catalog;
pub mod dialect;
pub mod outcome;
pub mod breaker;
pub mod plan;
pub mod attempt;
pub mod session;
pub mod telemetry;
pub mod extproc;
pub mod xds;
pub mod admin;
pub mod sim;
pub mod app;
pub mod cli;
