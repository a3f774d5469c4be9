//! Ends Envoy when this process is gone, however it went.
//!
//! A process that is killed cannot clean up. So a shell waits at the end of a pipe that only this process holds open:
//! when it closes, the shell ends Envoy. Without a shell (a container with nothing in it) there is no leash; there the
//! container ends with its first process anyway.

use std::io;
use std::process::Stdio;

use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// Waits for the end of its input, then asks Envoy's process group to end, then makes it.
const SCRIPT: &str = r#"read -r _; kill -TERM -"$1"; sleep 3; kill -KILL -"$1""#;

/// Ties one process group to the life of this process.
#[derive(Debug)]
pub(super) struct Leash {
    /// Holds the pipe's other end as its input.
    shell: Child,
}

impl Leash {
    /// Ties the group of `leader`.
    pub(super) fn tie(leader: Pid) -> io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "understudy-leash", &leader.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Out of reach of what a terminal sends to the group in front.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        Ok(Self { shell })
    }

    /// Takes the leash off; the group it was tied to may be gone.
    pub(super) async fn untie(mut self) {
        if let Err(error) = self.shell.kill().await {
            tracing::debug!(%error, "the leash of Envoy was gone already");
        }
    }

    /// What happens when this process is killed.
    #[cfg(test)]
    pub(super) fn let_go(&mut self) {
        drop(self.shell.stdin.take());
    }
}
