//! The threads that serve the connections from Envoy, each some of them.
//!
//! Each of Envoy's workers has one connection, with all streams of its requests on it. A lane serves a connection
//! whole: handing a stream to another thread, as a shared pool of threads does, costs more than most messages do.
//! It knows nothing of what is served.

use std::io;
use std::num::NonZeroUsize;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

/// More lanes than this find no connection: few Envoys beside one Understudy have more workers.
const MOST: usize = 4;

/// The threads, and the connections on their way to them.
pub(super) struct Lanes<T> {
    lanes: Vec<(UnboundedSender<T>, JoinHandle<()>)>,
    next: usize,
}

impl<T: Send + 'static> Lanes<T> {
    /// Starts one lane per core. Each runs `serve` on the connections that it is handed, until `stopping`; what it
    /// has spawned then is dropped.
    pub(super) fn start<F, S>(stopping: &CancellationToken, serve: F) -> io::Result<Self>
    where
        F: Fn(UnboundedReceiver<T>) -> S + Clone + Send + 'static,
        S: Future<Output = ()>,
    {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let lane = |number| {
            let (sender, receiver) = mpsc::unbounded_channel();
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (serve, stopping) = (serve.clone(), stopping.clone());
            let work = move || run(&runtime, serve(receiver), &stopping);
            let thread = thread::Builder::new()
                .name(format!("grpc-{number}"))
                .spawn(work)?;
            Ok((sender, thread))
        };
        let lanes = (0..cores.min(MOST)).map(lane).collect::<io::Result<_>>()?;
        Ok(Self { lanes, next: 0 })
    }

    /// Hands a connection to the next lane.
    pub(super) fn take(&mut self, connection: T) {
        self.next = (self.next + 1) % self.lanes.len();
        let (lane, _) = &self.lanes[self.next];
        // A lane that has ended is stopping, and so is everything else.
        let _taken = lane.send(connection).is_ok();
    }

    /// Waits until all lanes have ended.
    pub(super) async fn ended(self) {
        let join = || {
            for (lane, thread) in self.lanes {
                drop(lane);
                // What made it panic was said when it did.
                let _ended = thread.join().is_ok();
            }
        };
        let _joined = tokio::task::spawn_blocking(join).await.is_ok();
    }
}

fn run(runtime: &Runtime, serving: impl Future<Output = ()>, stopping: &CancellationToken) {
    runtime.block_on(async {
        tokio::select! {
            () = serving => {}
            () = stopping.cancelled() => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[tokio::test]
    async fn every_connection_is_served_and_the_stop_ends_all_lanes() {
        let served = Arc::new(Mutex::new(Vec::new()));
        let (stopping, all) = (CancellationToken::new(), CancellationToken::new());
        let seen = (served.clone(), all.clone());
        let mut lanes = Lanes::start(&stopping, move |mut connections: UnboundedReceiver<u32>| {
            let (served, all) = seen.clone();
            async move {
                while let Some(connection) = connections.recv().await {
                    let mut served = served.lock();
                    served.push(connection);
                    if served.len() == 9 {
                        all.cancel();
                    }
                }
            }
        })
        .unwrap();

        (0..9).for_each(|connection| lanes.take(connection));
        all.cancelled().await;
        stopping.cancel();
        lanes.ended().await;

        let mut served = served.lock().clone();
        served.sort_unstable();
        assert_eq!(served, (0..9).collect::<Vec<_>>());
    }
}
