//! Requests of our own: health checks, which travel like a caller's so that they meet the real names, certificates
//! and keys. They are known by a secret of this process, and never fail over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use understudy_proto::names;

use super::Planned;
use crate::attempt::HeaderChanges;
use crate::catalog::ProviderIx;
use crate::plan::Plan;
use crate::session::operations::Dispatch;
use crate::session::{Errand, Live, Prepared, Session, SessionId};

/// Marks a health check of ours; its value is a secret of this process.
pub const ERRAND_TOKEN: &str = "x-understudy-errand";
/// The provider a health check of ours is for.
pub const ERRAND_PROVIDER: &str = "x-understudy-errand-provider";

/// How long a provider without a health check of its own may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the session of a health check of ours.
pub(in crate::session) fn plan(
    id: SessionId,
    live: &Arc<Live>,
    (provider, stripped): (ProviderIx, Vec<Bytes>),
    now: Instant,
) -> Planned {
    let called = live.catalog.provider(provider);
    let check = called.health_check.as_ref();
    let path = check.map_or_else(|| called.models_path.clone(), |check| check.path.clone());
    let time = check.map_or(PATIENCE, |check| check.timeout);
    let mut headers = HeaderChanges {
        set: Vec::with_capacity(3),
        remove: stripped,
    };
    headers.set("x-envoy-max-retries", "0");
    headers.set("x-envoy-upstream-rq-timeout-ms", time.as_millis().to_string());
    headers.set(names::HEADER_ROUTE, names::ROUTE_PROBE);
    let dispatch = Dispatch {
        headers,
        clusters: vec![called.name.clone()],
    };
    let prepared = Prepared {
        plan: Plan::default(),
        reserved: None,
        most_attempts: 1,
        deadline: now + time,
    };
    let errand = Errand::HealthCheck { provider, path };
    Planned::Go(
        Box::new(Session::open((id, live.clone(), now), errand, prepared)),
        dispatch,
    )
}
