//! Understudy behind a real Envoy. A new test goes into the module whose line fits it best.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::float_cmp,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by panicking"
)]
#![allow(
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "a table of cases is as long as it is, and answers are cut where their text was found"
)]

mod architecture; // what each module must never know, held by reading the sources
mod bad_input; // what malformed requests and malformed answers get; nothing else may suffer
mod cli; // the program itself, as a person starts it: what it prints and how it ends
mod control; // configuration, restarts, admin, clients, health checks, telemetry: all that is not one request's failover
mod dialects; // every provider's language: whoever answers, the caller hears its own
mod docs; // what the README, the examples and the compose file say
mod drill; // the drill as a person runs it
mod failover; // what callers and operators see when providers fail
mod python_sdk; // what callers with the official SDKs for Python get
mod scenarios; // the configurations in examples/, sentence by sentence
mod secrets; // no key is shown anywhere
mod smoke; // each way through the harness once: what fails here fails everywhere
mod streams; // what is held, what passes, what becomes of a stream that breaks off
mod support; // the gateway of one test, fake providers, clients; no assertions on behaviour
mod tokens; // access tokens that providers sign in with: fetched, kept, renewed, and never shown
