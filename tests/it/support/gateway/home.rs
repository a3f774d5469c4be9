//! A runtime of its own for Understudy, so that its end is that of a process: nothing of it goes on.

use tokio::runtime::{Builder, Runtime};
use understudy::app::{App, Options, StartError};

use crate::support::waiting::{BOUND, within};

/// Understudy, at home. Dropped, it is gone as if it had been killed.
pub(super) struct Home {
    /// `None` once it was stopped.
    app: Option<App>,
    runtime: Option<Runtime>,
}

impl Home {
    /// Starts the app.
    pub(super) async fn start(options: Options) -> Result<Self, StartError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let started = within("start of Understudy", runtime.spawn(App::start(options)))
            .await
            .unwrap();
        let (app, refused) = match started {
            Ok(app) => (Some(app), None),
            Err(error) => (None, Some(error)),
        };
        let home = Self {
            app,
            runtime: Some(runtime),
        };
        refused.map_or(Ok(home), Err)
    }

    /// The app.
    pub(super) fn app(&self) -> &App {
        self.app.as_ref().expect("the app is there until it is stopped")
    }

    /// Stops it in good order.
    pub(super) async fn stop(mut self) {
        if let (Some(app), Some(runtime)) = (self.app.take(), &self.runtime) {
            within("stop of Understudy", runtime.spawn(app.stop()))
                .await
                .unwrap();
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A runtime cannot be waited for inside another, but a thread can.
            let gone = std::thread::spawn(move || runtime.shutdown_timeout(BOUND)).join();
            assert!(
                gone.is_ok() || std::thread::panicking(),
                "the runtime of Understudy ended badly"
            );
        }
    }
}
