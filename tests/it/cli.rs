//! The program as a person starts it: what it prints, how it ends, and what it leaves behind.

mod asking; // explain, probe, status, demo: against gateways and providers
mod checking; // check, schema, and how commands are called
mod program; // runs the binary; no assertions on behaviour
mod refusing; // what cannot work: one line that says what to do, and an exit code
mod running; // up and serve: start, supervise, stop
