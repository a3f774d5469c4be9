//! Understudy.
pub mod admin;
pub mod app;
pub mod attempt;
pub mod breaker;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod dialect;
pub mod extproc;
pub mod outcome;
pub mod plan;
pub mod session;
pub mod sim;
pub mod telemetry;
pub mod xds;
