//! Waiting for a state, with a bound.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

/// Longer than anything here takes, on two cores that do a lot else.
pub const BOUND: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// The result of `future`, which must be there within [`BOUND`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future)
        .await
        .unwrap_or_else(|_| panic!("no {what} within {BOUND:?}"))
}

/// Looks again and again until `is_reached`, and gives what it saw then.
pub async fn until<T: Debug, F: Future<Output = T>>(
    what: &str,
    mut look: impl FnMut() -> F,
    is_reached: impl Fn(&T) -> bool,
) -> T {
    let mut last = None;
    let reached = async {
        loop {
            let seen = look().await;
            if is_reached(&seen) {
                return seen;
            }
            last = Some(seen);
            tokio::time::sleep(PAUSE).await;
        }
    };
    let reached = tokio::time::timeout(BOUND, reached).await.ok();
    reached.unwrap_or_else(|| panic!("no {what} within {BOUND:?}; last seen: {last:#?}"))
}
