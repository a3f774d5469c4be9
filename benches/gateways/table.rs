//! The figures, for people.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use super::Effort;
use super::envoys::Gateway;
use super::measure::{Load, Measured};
use super::process::Process;
use super::scenario::Scenario;

/// What is said before the figures.
pub(crate) fn head(effort: Effort) {
    println!(
        "Envoy and Understudy on one CPU, load and providers on another; {} run(s) of {} s each, medians.",
        effort.runs,
        effort.time.as_secs()
    );
    println!(
        "CPU is time per request in microseconds. Rates and latencies also depend on what else the machine does.\n"
    );
    println!(
        "{:<31} {:<9} | {:>9} | {:>6} {:>10} {:>6} {:>6} | {:>8} {:>8} {:>5} | {:>14} {:>6} | {:>14}",
        "",
        "",
        "CPU plain",
        "Envoy",
        "Understudy",
        "sum",
        "ratio",
        "plain/s",
        "ours/s",
        "ratio",
        "p50 ms",
        "added",
        "p99 ms"
    );
}

/// One scenario under one load.
pub(crate) fn row(scenario: Scenario, load: Load, plain: &Measured, ours: &Measured) {
    let load = match load {
        Load::Connections(connections) => format!("{connections} conns"),
        Load::Rate(rate) => format!("{rate}/s"),
    };
    println!(
        "{:<31} {:<9} | {:>9.1} | {:>6.1} {:>10.1} {:>6.1} {:>5.2}x | {:>8.0} {:>8.0} {:>5.2} | {:>6.2} {:>7.2} {:>6.2} | {:>6.2} {:>7.2}",
        scenario.title(),
        load,
        plain.total_us(),
        ours.envoy_us,
        ours.understudy_us,
        ours.total_us(),
        ours.total_us() / plain.total_us(),
        plain.rate,
        ours.rate,
        ours.rate / plain.rate,
        plain.p50_ms,
        ours.p50_ms,
        ours.p50_ms - plain.p50_ms,
        plain.p99_ms,
        ours.p99_ms,
    );
}

/// A small and a large configuration.
pub(crate) fn models([few, many]: [usize; 2], small: &Measured, large: &Measured) {
    println!(
        "\n{few} models: {:.1} us of CPU per request; {many} models: {:.1} us, {:.2} times",
        small.total_us(),
        large.total_us(),
        large.total_us() / small.total_us()
    );
}

/// Peaks of memory: plain Envoy, Envoy, Understudy.
pub(crate) fn memory(requests: usize, peaks: &[f64]) {
    let [plain, envoy, understudy] = peaks else { return };
    println!(
        "\nPeak of resident memory with {requests} requests at once: plain Envoy {plain:.1} MiB; Envoy {envoy:.1} MiB and \
         Understudy {understudy:.1} MiB"
    );
}

/// Where everything is, for somebody with a profiler.
pub(crate) fn addresses(plain: &Gateway, ours: &Gateway) {
    println!(
        "plain: http://{} admin http://{} envoy {}",
        plain.listen,
        plain.admin,
        plain.envoy.id()
    );
    println!(
        "ours:  http://{} admin http://{} envoy {} understudy {}",
        ours.listen,
        ours.admin,
        ours.envoy.id(),
        ours.understudy.as_ref().map_or(0, Process::id)
    );
}
