//! Understudy behind a real Envoy. A new test goes into the module whose line fits it best.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::float_cmp,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by panicking"
)]

mod cli; // the program itself, as a person starts it: what it prints and how it ends
mod failover; // what callers and operators see when providers fail
mod scenarios; // the configurations in examples/, sentence by sentence
mod smoke; // each way through the harness once: what fails here fails everywhere
mod streams; // what is held, what passes, what becomes of a stream that breaks off
mod support; // the gateway of one test, fake providers, clients; no assertions on behaviour
