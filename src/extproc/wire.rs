//! Envoy's messages from and to the session's views and operations.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use understudy_proto::ext_proc as pb;
use understudy_proto::ext_proc::body_mutation::Mutation;
use understudy_proto::ext_proc::common_response::ResponseStatus;
use understudy_proto::ext_proc::processing_response::Response;
use understudy_proto::names;
use understudy_proto::priority_group::{ClusterWeight, PriorityGroup, PriorityGroupsOverride};
use understudy_proto::prost_types::value::Kind;
use understudy_proto::prost_types::{Any, Struct, Value};

use crate::attempt::HeaderChanges;
use crate::session::{Dispatch, Final, Headers, Outcall, Reply, SessionId};

type TypedMetadata = HashMap<String, Any>;

/// A header map as Envoy sends it.
pub(super) struct Shown(Vec<pb::HeaderValue>);

impl Shown {
    pub(super) fn new(headers: pb::HttpHeaders) -> (Self, bool) {
        (
            Self(headers.headers.map(|map| map.headers).unwrap_or_default()),
            headers.end_of_stream,
        )
    }
}

impl Headers for Shown {
    fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.0.iter().map(|header| (&header.key, &header.raw_value))
    }
}

/// The attributes of a message, read by name.
pub(super) struct Attributes<'a>(Option<&'a Struct>);

impl<'a> Attributes<'a> {
    pub(super) fn of(message: &'a pb::ProcessingRequest) -> Self {
        Self(message.attributes.get(names::ATTRIBUTES))
    }

    fn kind(&self, name: &str) -> Option<&'a Kind> {
        self.0?.fields.get(name)?.kind.as_ref()
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        match self.kind(name)? {
            Kind::StringValue(text) => Some(text),
            _ => None,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count; the cast saturates"
    )]
    pub(super) fn count(&self, name: &str) -> Option<u32> {
        match self.kind(name)? {
            Kind::NumberValue(number) => Some(*number as u32),
            Kind::StringValue(text) => text.parse().ok(),
            _ => None,
        }
    }
}

pub(super) fn message(response: Response) -> pb::ProcessingResponse {
    pb::ProcessingResponse {
        response: Some(response),
        ..pb::ProcessingResponse::default()
    }
}

/// Buffer the body, and show the final answer's headers too. The filter itself is configured without the second
/// part, because Envoy's codec-level refusals (which never come this far) would be lost on the way back.
fn body_and_final_answer() -> pb::ProcessingMode {
    use pb::processing_mode::{BodySendMode, HeaderSendMode};
    pb::ProcessingMode {
        request_header_mode: HeaderSendMode::Default.into(),
        response_header_mode: HeaderSendMode::Send.into(),
        request_body_mode: BodySendMode::Buffered.into(),
        response_body_mode: BodySendMode::None.into(),
        request_trailer_mode: HeaderSendMode::Skip.into(),
        response_trailer_mode: HeaderSendMode::Skip.into(),
    }
}

/// "Send me the body."
pub(super) fn await_body() -> pb::ProcessingResponse {
    let mut answer = message(Response::RequestHeaders(pb::HeadersResponse {
        response: Some(common()),
    }));
    answer.mode_override = Some(body_and_final_answer());
    answer
}

/// The plan of a request whose body has come.
pub(super) fn planned(id: SessionId, dispatch: Dispatch) -> pb::ProcessingResponse {
    let (response, metadata, groups) = dispatched(id, dispatch);
    let mut answer = message(Response::RequestBody(pb::BodyResponse {
        response: Some(response),
    }));
    answer.dynamic_metadata = Some(metadata);
    answer.typed_dynamic_metadata = groups;
    answer
}

/// The plan of a request that has no body.
pub(super) fn planned_at_headers(id: SessionId, dispatch: Dispatch) -> pb::ProcessingResponse {
    let (response, metadata, groups) = dispatched(id, dispatch);
    let mut answer = message(Response::RequestHeaders(pb::HeadersResponse {
        response: Some(response),
    }));
    answer.dynamic_metadata = Some(metadata);
    answer.typed_dynamic_metadata = groups;
    answer.mode_override = Some(body_and_final_answer());
    answer
}

fn dispatched(id: SessionId, dispatch: Dispatch) -> (pb::CommonResponse, Struct, TypedMetadata) {
    let response = pb::CommonResponse {
        header_mutation: Some(mutation(dispatch.headers)),
        clear_route_cache: true,
        ..common()
    };
    let session = structure([(names::KEY_SESSION_ID, text(id.to_string()))]);
    let metadata = Struct {
        fields: BTreeMap::from([(
            names::NAMESPACE_SESSION.to_owned(),
            Value {
                kind: Some(Kind::StructValue(session)),
            },
        )]),
    };
    (response, metadata, groups(&dispatch.clusters))
}

/// One group of one cluster per attempt: the override that the route's cluster specifier follows.
fn groups(clusters: &[Arc<str>]) -> TypedMetadata {
    let group = |cluster: &Arc<str>| PriorityGroup {
        name: cluster.to_string(),
        clusters: vec![ClusterWeight {
            cluster_name: cluster.to_string(),
            weight: Some(1),
        }],
    };
    let groups = PriorityGroupsOverride {
        priority_groups: clusters.iter().map(group).collect(),
    };
    let groups = Any {
        type_url: names::TYPE_PRIORITY_GROUPS.to_owned(),
        value: groups.encode_to_vec(),
    };
    TypedMetadata::from([(names::NAMESPACE_PLAN.to_owned(), groups)])
}

/// The request of one attempt, body and all.
pub(super) fn outcall(mut outcall: Outcall) -> pb::ProcessingResponse {
    outcall
        .headers
        .set(names::HEADER_LENGTH, outcall.body.len().to_string());
    let (status, body_mutation) = if outcall.body.is_empty() {
        (ResponseStatus::Continue, None)
    } else {
        let mutation = Some(Mutation::Body(outcall.body));
        (
            ResponseStatus::ContinueAndReplace,
            Some(pb::BodyMutation { mutation }),
        )
    };
    let response = pb::CommonResponse {
        status: status.into(),
        header_mutation: Some(mutation(outcall.headers)),
        body_mutation,
        ..common()
    };
    message(Response::RequestHeaders(pb::HeadersResponse {
        response: Some(response),
    }))
}

/// The headers of an answer may go on, changed so.
pub(super) fn release(headers: HeaderChanges) -> pb::ProcessingResponse {
    let response = pb::CommonResponse {
        header_mutation: Some(mutation(headers)),
        ..common()
    };
    message(Response::ResponseHeaders(pb::HeadersResponse {
        response: Some(response),
    }))
}

/// The answer's body is dropped. One message for headers and body: headers alone would leave Envoy waiting when it
/// holds the whole answer already.
pub(super) fn discard(headers: HeaderChanges, clusters: Option<&[Arc<str>]>) -> pb::ProcessingResponse {
    let mut answer = replaced(headers, Mutation::ClearBody(true));
    answer.typed_dynamic_metadata = clusters.map(groups).unwrap_or_default();
    answer
}

/// The answer has no body, and gets one. Pieces would never be sent: Envoy takes none after headers that are all.
pub(super) fn supply(headers: HeaderChanges, body: Bytes) -> pb::ProcessingResponse {
    replaced(headers, Mutation::Body(body))
}

fn replaced(headers: HeaderChanges, body: Mutation) -> pb::ProcessingResponse {
    let response = pb::CommonResponse {
        status: ResponseStatus::ContinueAndReplace.into(),
        header_mutation: Some(mutation(headers)),
        body_mutation: Some(pb::BodyMutation { mutation: Some(body) }),
        ..common()
    };
    message(Response::ResponseHeaders(pb::HeadersResponse {
        response: Some(response),
    }))
}

/// A piece of the answer's body.
pub(super) fn chunk(body: Bytes, end_of_stream: bool) -> pb::ProcessingResponse {
    let streamed = pb::StreamedBodyResponse { body, end_of_stream };
    let body_mutation = Some(pb::BodyMutation {
        mutation: Some(Mutation::StreamedResponse(streamed)),
    });
    let response = pb::CommonResponse {
        body_mutation,
        ..common()
    };
    message(Response::ResponseBody(pb::BodyResponse {
        response: Some(response),
    }))
}

/// The final answer, changed so.
pub(super) fn finish(answer: Final) -> pb::ProcessingResponse {
    match answer.body {
        None => release(answer.headers),
        Some(body) => supply(answer.headers, body),
    }
}

/// An answer of our own.
pub(super) fn reply(id: SessionId, reply: Reply) -> pb::ProcessingResponse {
    let mut headers = HeaderChanges::default();
    headers.set("content-type", "application/json");
    headers.set("x-understudy-id", id.to_string());
    headers.set("x-request-id", id.to_string());
    for (name, value) in reply.headers {
        headers.set(name, value);
    }
    let details = format!("{}_{}", names::DETAILS_PREFIX, reply.details);
    immediate(reply.status, headers, reply.body, &details)
}

/// The end of an attempt by our own decision; Envoy does not retry it.
pub(super) fn give_up(details: &str) -> pb::ProcessingResponse {
    immediate(504, HeaderChanges::default(), Bytes::new(), details)
}

fn immediate(status: u16, headers: HeaderChanges, body: Bytes, details: &str) -> pb::ProcessingResponse {
    message(Response::ImmediateResponse(pb::ImmediateResponse {
        status: Some(pb::HttpStatus {
            code: i32::from(status),
        }),
        headers: Some(mutation(headers)),
        body,
        details: details.to_owned(),
    }))
}

fn common() -> pb::CommonResponse {
    pb::CommonResponse::default()
}

fn mutation(changes: HeaderChanges) -> pb::HeaderMutation {
    let set = changes
        .set
        .into_iter()
        .map(|(key, raw_value)| pb::HeaderValueOption {
            header: Some(pb::HeaderValue { key, raw_value }),
        });
    pb::HeaderMutation {
        set_headers: set.collect(),
        remove_headers: changes.remove,
    }
}

fn text(text: impl Into<String>) -> Value {
    Value {
        kind: Some(Kind::StringValue(text.into())),
    }
}

fn structure<const N: usize>(fields: [(&str, Value); N]) -> Struct {
    Struct {
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}
