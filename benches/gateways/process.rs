//! Processes under test: started on their CPU, read from `/proc`, gone when dropped.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;

use super::GATEWAY_CPU;

/// A process under test; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: &'static str,
    log: std::path::PathBuf,
}

impl Process {
    /// Runs a command on the CPU of the gateways; what it says on stderr goes to a file beside its configuration.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[&str],
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let child = Self::command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        Ok(Self { child, name, log })
    }

    /// `taskset` becomes the program, so the process id is the program's.
    fn command(program: &Path) -> Command {
        let is_there = Command::new("taskset")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok();
        let has_the_cpu = std::thread::available_parallelism().is_ok();
        if is_there && has_the_cpu {
            let mut command = Command::new("taskset");
            command.args(["-c", &GATEWAY_CPU.to_string()]).arg(program);
            return command;
        }
        Command::new(program)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said last, for when something goes wrong.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(5).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("{} says: {}", self.name, lines.join(" | "))
    }

    /// CPU time of all its threads so far, in the scheduler's own nanoseconds.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let mut total = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            // A thread may end between the two reads.
            let Ok(spent) = fs::read_to_string(thread?.path().join("schedstat")) else {
                continue;
            };
            let first = spent.split_ascii_whitespace().next().unwrap_or("0");
            total += first.parse::<u64>().context("schedstat is not a number")?;
        }
        Ok(Duration::from_nanos(total))
    }

    /// Forgets the peak of resident memory, so that the next reading is of what follows.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.id()), "5").context("the peak cannot be forgotten")
    }

    /// The peak of resident memory, in MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = line
            .and_then(|line| line.trim().strip_suffix("kB"))
            .context("/proc tells no peak")?
            .trim()
            .parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is reaped.
        let _killed = self.child.kill().is_ok();
        let _reaped = self.child.wait().is_ok();
    }
}
