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

/// Dynamic metadata that orders the clusters, one group per attempt; either stage may publish it.
pub const NAMESPACE_PLAN: &str = "understudy.plan";
/// Key in [`NAMESPACE_PLAN`]: a list of `{name, clusters: [{cluster_name, weight}]}`.
pub const KEY_PRIORITY_GROUPS: &str = "priority_groups";
/// Dynamic metadata by which the plan stage names the session to the attempt stage.
pub const NAMESPACE_SESSION: &str = "understudy.session";
/// Key in [`NAMESPACE_SESSION`]: the minted id, a string.
pub const KEY_SESSION_ID: &str = "id";
/// Dynamic metadata by which the attempt stage restores what Envoy drops when a body is replaced.
pub const NAMESPACE_WIRE: &str = "understudy.wire";
/// Key in [`NAMESPACE_WIRE`]: the length of the body that this attempt sends, a string of digits.
pub const KEY_CONTENT_LENGTH: &str = "content_length";

/// Key of `ProcessingRequest.attributes` under which all attributes arrive, whatever the filter is called.
pub const ATTRIBUTES: &str = "envoy.filters.http.ext_proc";
/// Attribute of the attempt stage's first message: the session id, as a string. Cheaper than forwarding the
/// namespace, which would repeat it on every message.
pub const ATTRIBUTE_SESSION: &str = "metadata.filter_metadata['understudy.session']['id']";
/// Attribute of the attempt stage's first message: the provider, which is the cluster.
pub const ATTRIBUTE_CLUSTER: &str = "xds.cluster_name";
/// Attribute of the attempt stage's first message: 1 for the first attempt. In the plan stage's response headers:
/// how many there were.
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
