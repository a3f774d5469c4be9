//! How the host sends a planned request on its way.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use understudy_proto::names;

use crate::attempt::HeaderChanges;
use crate::catalog::{Catalog, TargetIx};
use crate::plan::{Ask, Plan};
use crate::session::operations::Dispatch;
use crate::session::streaming::patience_with_streams;

/// How long after the time that we keep ourselves the host keeps it too.
const BACKSTOP_DELAY: Duration = Duration::from_millis(500);

/// The way of a planned request: which route, how many retries, how long.
pub(super) fn dispatch(
    catalog: &Catalog,
    ask: &Ask,
    (planned, most_attempts): (&Plan, usize),
    (stripped, time): (Vec<Bytes>, Duration),
) -> Dispatch {
    let model = catalog.model(ask.model);
    let failover = &model.failover;
    let mut headers = HeaderChanges {
        set: Vec::with_capacity(4),
        remove: stripped,
    };
    headers.set(
        names::HEADER_ROUTE,
        Bytes::copy_from_slice(catalog.policy(model.policy).key.as_bytes()),
    );
    headers.set("x-envoy-max-retries", (most_attempts - 1).to_string());
    if !ask.stream {
        headers.set(
            "x-envoy-upstream-rq-timeout-ms",
            time.as_millis().max(1).to_string(),
        );
    }
    // A stream's time is kept by ourselves; an attempt that ended just before it would be tried once more.
    let (time, patience) = if ask.stream {
        (time + BACKSTOP_DELAY, patience_with_streams(failover))
    } else {
        (time, failover.per_try_timeout)
    };
    if time < patience || patience < failover.per_try_timeout {
        let patience = time.min(patience).as_millis().max(1);
        headers.set("x-envoy-upstream-rq-per-try-timeout-ms", patience.to_string());
    }
    Dispatch {
        headers,
        clusters: clusters(catalog, &planned.attempts),
    }
}

/// The cluster of each attempt.
pub(in crate::session) fn clusters(catalog: &Catalog, attempts: &[TargetIx]) -> Vec<Arc<str>> {
    attempts
        .iter()
        .map(|target| catalog.provider_of(*target).name.clone())
        .collect()
}
