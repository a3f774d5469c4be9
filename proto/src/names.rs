//! The words that Envoy's configuration and the external processing stages must spell alike.
//!
//! The one writes them into filters and routes, the other reads and sends them; neither knows the other, so the
//! words live here, beside the protocol that carries them.

/// gRPC metadata key by which a stream says which stage it is.
pub const STAGE: &str = "x-understudy-stage";
/// Value of [`STAGE`] on streams of the listener's filter: one per request.
pub const STAGE_PLAN: &str = "plan";
/// Value of [`STAGE`] on streams of a provider cluster's filter: one per attempt.
pub const STAGE_ATTEMPT: &str = "attempt";

/// gRPC metadata key by which a stream of the attempt stage says which session it belongs to.
pub const SESSION: &str = "x-understudy-session";
/// gRPC metadata key by which a stream of the attempt stage says which attempt it is: 1 for the first.
pub const ATTEMPT: &str = "x-understudy-attempt";

/// Typed dynamic metadata that orders the clusters, one group per attempt; either stage may publish it.
pub const NAMESPACE_PLAN: &str = "understudy.plan";
/// Type of what is published in [`NAMESPACE_PLAN`].
pub const TYPE_PRIORITY_GROUPS: &str =
    "type.googleapis.com/envoy.extensions.router.cluster_specifiers.priority_group.v3.PriorityGroupsOverride";
/// Dynamic metadata by which the plan stage names the session to the attempt stage.
pub const NAMESPACE_SESSION: &str = "understudy.session";
/// Key in [`NAMESPACE_SESSION`]: the minted id, a string.
pub const KEY_SESSION_ID: &str = "id";
/// Request header by which the attempt stage says the length of the body that it sends, because Envoy drops
/// `content-length` when a body is replaced.
pub const HEADER_LENGTH: &str = "x-understudy-length";

/// Key of `ProcessingRequest.attributes` under which all attributes arrive, whatever the filter is called.
pub const ATTRIBUTES: &str = "envoy.filters.http.ext_proc";
/// Attribute of the plan stage's response headers: how many attempts there were.
pub const ATTRIBUTE_ATTEMPT: &str = "upstream.request_attempt_count";
/// Attribute of the plan stage's response headers: what the answer is: a provider's, or
/// Envoy's own and why.
pub const ATTRIBUTE_DETAILS: &str = "response.code_details";

/// Request header, set by the plan stage: the policy's key, which selects the route.
pub const HEADER_ROUTE: &str = "x-understudy-route";
/// Response header, set by the attempt stage: the class of a failure that moves on. Envoy retries on it.
pub const HEADER_RETRY: &str = "x-understudy-retry";
/// Response header of the responder that stands in for a provider whose name does not resolve; its value is `dns`.
pub const HEADER_ABSENT: &str = "x-understudy-absent";
/// Value of [`HEADER_ROUTE`] for requests of our own: a planned cluster, no retries, no other bound in time.
pub const ROUTE_PROBE: &str = "understudy-probe";

/// Start of the `details` of every immediate response that a stage sends; Envoy's rewriting of its own error
/// bodies leaves those alone.
pub const DETAILS_PREFIX: &str = "understudy";

/// The Envoy cluster that is Understudy itself.
pub const CLUSTER_UNDERSTUDY: &str = "understudy";
/// The empty cluster that requests without a plan lead to.
pub const CLUSTER_NO_PLAN: &str = "understudy_no_plan";
