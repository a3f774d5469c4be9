//! The simulated providers, in a process of their own: this program, started in another role.
//!
//! It also is the leash of the processes under test. It is told their ids, and when its standard input closes
//! (because whoever measures is gone, however that came about) it kills them and ends.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use understudy::sim::{Fault, FaultRule, Pace, Sim, SimConfig};

/// The first argument that starts this role.
pub(crate) const ROLE: &str = "providers";

/// Events of a streamed answer with text; with the role, the finish and the end marker they are 23.
const TOKENS: u32 = 20;
/// Far enough apart that each event is a chunk of its own, as from a real model.
const BETWEEN_EVENTS: Duration = Duration::from_millis(2);
/// Long enough that 200 connections stay busy without much load.
const SLOW: Duration = Duration::from_millis(500);

/// Where the providers listen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    /// Answers at once.
    pub good: SocketAddr,
    /// Answers 503 at once.
    pub bad: SocketAddr,
    /// Streams 23 events.
    pub streaming: SocketAddr,
    /// Answers after half a second.
    pub slow: SocketAddr,
}

/// The running providers.
#[derive(Debug)]
pub(crate) struct Providers {
    child: Child,
    /// Where they listen.
    pub addresses: Addresses,
}

impl Providers {
    /// Starts them, on the CPU of this process.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the providers cannot be started")?;
        let mut line = String::new();
        let output = child.stdout.take().context("their output is piped")?;
        BufReader::new(output).read_line(&mut line)?;
        let mut addresses = line.split_ascii_whitespace().map(str::parse::<SocketAddr>);
        let mut next = || {
            addresses
                .next()
                .context("a provider did not start")?
                .context("no address")
        };
        let addresses = Addresses {
            good: next()?,
            bad: next()?,
            streaming: next()?,
            slow: next()?,
        };
        Ok(Self { child, addresses })
    }

    /// Has that process killed should this one end without doing it.
    pub(crate) fn leash(&mut self, process: u32) -> anyhow::Result<()> {
        let input = self.child.stdin.as_mut().context("their input is piped")?;
        writeln!(input, "{process}").context("the providers are gone")
    }
}

impl Drop for Providers {
    fn drop(&mut self) {
        // Killed before its input closes: by then the processes on the leash are gone, and their ids may be others'.
        let _killed = self.child.kill().is_ok();
        let _reaped = self.child.wait().is_ok();
    }
}

/// The role: serves until standard input closes.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let sims = runtime.block_on(start())?;
    let addresses: Vec<String> = sims.iter().map(|sim| sim.addr().to_string()).collect();
    writeln!(std::io::stdout(), "{}", addresses.join(" "))?;
    let leashed: Vec<i32> = std::io::stdin()
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.parse().ok())
        .collect();
    for process in leashed {
        // Most are gone already.
        let _killed = kill(Pid::from_raw(process), Signal::SIGKILL).is_ok();
    }
    Ok(())
}

async fn start() -> anyhow::Result<[Sim; 4]> {
    let quiet = |name: &str| SimConfig {
        keep_requests: 0,
        ..SimConfig::named(name)
    };
    let bad = SimConfig {
        faults: vec![FaultRule::new(Fault::Overloaded).retry_after("")],
        ..quiet("bad")
    };
    let streaming = SimConfig {
        pace: Pace {
            tokens: TOKENS,
            inter_token: BETWEEN_EVENTS,
            ..Pace::default()
        },
        ..quiet("streaming")
    };
    let slow = SimConfig {
        pace: Pace {
            latency: SLOW,
            ..Pace::default()
        },
        ..quiet("slow")
    };
    Ok([
        Sim::start(quiet("good")).await?,
        Sim::start(bad).await?,
        Sim::start(streaming).await?,
        Sim::start(slow).await?,
    ])
}
