//! The smallest plan and attempt stages that move a request through Envoy's configuration.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use parking_lot::Mutex;
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};
use understudy_proto::ext_proc::body_mutation::Mutation;
use understudy_proto::ext_proc::common_response::ResponseStatus;
use understudy_proto::ext_proc::external_processor_server::ExternalProcessor;
use understudy_proto::ext_proc::processing_request::Request as Asked;
use understudy_proto::ext_proc::processing_response::Response as Answer;
use understudy_proto::ext_proc::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMap, HeaderMutation, HeaderValue, HeaderValueOption,
    HeadersResponse, HttpStatus, ImmediateResponse, ProcessingRequest, ProcessingResponse,
    StreamedBodyResponse, TrailersResponse,
};
use understudy_proto::names;
use understudy_proto::priority_group::{ClusterWeight, PriorityGroup, PriorityGroupsOverride};
use understudy_proto::prost_types::{Any, Struct, Value, value::Kind};

/// What the stages do, and what they saw.
#[derive(Clone, Default)]
pub(super) struct Stages {
    /// The clusters of every plan, in order.
    pub(super) plan: Arc<Mutex<Vec<&'static str>>>,
    /// The names of the headers that the plan stage was shown.
    pub(super) shown: Arc<Mutex<Vec<String>>>,
    /// `planned cluster#attempt session absent` of every attempt that was answered.
    pub(super) attempts: Arc<Mutex<Vec<String>>>,
}

/// The body that every attempt sends.
pub(super) const SENT: &str = r#"{"sent":"by the attempt stage"}"#;
/// A path that the plan stage answers itself.
pub(super) const REFUSED: &str = "/refused";

type Answers = Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ExternalProcessor for Stages {
    type ProcessStream = Answers;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let word = |name| {
            let word = request.metadata().get(name);
            word.map_or("", |word| word.to_str().unwrap()).to_owned()
        };
        let (stage, number, session) = (word(names::STAGE), word(names::ATTEMPT), word(names::SESSION));
        let stages = self.clone();
        let mut attempt = format!("{number} {session}");
        let answers = request.into_inner().map(move |message| {
            let message = message?;
            Ok(match stage.as_str() {
                names::STAGE_PLAN => stages.plan(message),
                names::STAGE_ATTEMPT => stages.attempt(message, &mut attempt),
                other => unreachable!("the stage `{other}`"),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

impl Stages {
    fn plan(&self, message: ProcessingRequest) -> ProcessingResponse {
        match message.request.unwrap() {
            Asked::RequestHeaders(headers) => {
                let shown = listed(headers.headers.as_ref());
                let is_refused = shown.get(":path").is_some_and(|path| path == REFUSED);
                *self.shown.lock() = shown.into_keys().collect();
                if is_refused {
                    return answered(Answer::ImmediateResponse(refusal()));
                }
                let response = if headers.end_of_stream {
                    self.planned()
                } else {
                    CommonResponse::default()
                };
                let mut answer = answered(Answer::RequestHeaders(HeadersResponse {
                    response: Some(response),
                }));
                if headers.end_of_stream {
                    self.publish(&mut answer);
                }
                answer
            }
            Asked::RequestBody(_) => {
                let response = Some(self.planned());
                let mut answer = answered(Answer::RequestBody(BodyResponse { response }));
                self.publish(&mut answer);
                answer
            }
            other => unreachable!("the plan stage is shown {other:?}"),
        }
    }

    fn planned(&self) -> CommonResponse {
        let retries = (self.plan.lock().len() - 1).to_string();
        CommonResponse {
            header_mutation: Some(setting(&[
                (names::HEADER_ROUTE, "a"),
                ("x-envoy-max-retries", &retries),
            ])),
            clear_route_cache: true,
            ..CommonResponse::default()
        }
    }

    fn publish(&self, answer: &mut ProcessingResponse) {
        let group = |name: &&'static str| PriorityGroup {
            name: (*name).to_owned(),
            clusters: vec![ClusterWeight {
                cluster_name: (*name).to_owned(),
                weight: Some(1),
            }],
        };
        let groups = PriorityGroupsOverride {
            priority_groups: self.plan.lock().iter().map(group).collect(),
        };
        let groups = Any {
            type_url: names::TYPE_PRIORITY_GROUPS.to_owned(),
            value: groups.encode_to_vec(),
        };
        answer.typed_dynamic_metadata = [(names::NAMESPACE_PLAN.to_owned(), groups)].into();
        let session = structure([(names::KEY_SESSION_ID, text("s-1"))]);
        let Kind::StructValue(metadata) = structure([(names::NAMESPACE_SESSION, session)]) else {
            unreachable!("a structure")
        };
        answer.dynamic_metadata = Some(metadata);
    }

    fn attempt(&self, message: ProcessingRequest, attempt: &mut String) -> ProcessingResponse {
        match message.request.unwrap() {
            Asked::RequestHeaders(_) => {
                let number: usize = attempt.split(' ').next().unwrap().parse().unwrap();
                *attempt = format!("{}#{attempt}", self.plan.lock()[number - 1]);
                replaced()
            }
            Asked::ResponseHeaders(headers) => {
                let absent = listed(headers.headers.as_ref()).remove(names::HEADER_ABSENT);
                self.attempts.lock().push(
                    format!("{attempt} {}", absent.unwrap_or_default())
                        .trim()
                        .to_owned(),
                );
                let response = Some(CommonResponse::default());
                answered(Answer::ResponseHeaders(HeadersResponse { response }))
            }
            Asked::ResponseBody(chunk) => {
                let (body, end_of_stream) = (chunk.body, chunk.end_of_stream);
                let passed = Mutation::StreamedResponse(StreamedBodyResponse { body, end_of_stream });
                let body_mutation = Some(BodyMutation {
                    mutation: Some(passed),
                });
                let response = Some(CommonResponse {
                    body_mutation,
                    ..CommonResponse::default()
                });
                answered(Answer::ResponseBody(BodyResponse { response }))
            }
            Asked::ResponseTrailers(_) => answered(Answer::ResponseTrailers(TrailersResponse::default())),
            other => unreachable!("the attempt stage is shown {other:?}"),
        }
    }
}

/// The headers of an attempt with a body of its own.
fn replaced() -> ProcessingResponse {
    let body = BodyMutation {
        mutation: Some(Mutation::Body(Bytes::from_static(SENT.as_bytes()))),
    };
    let response = CommonResponse {
        status: ResponseStatus::ContinueAndReplace.into(),
        header_mutation: Some(setting(&[
            (":path", "/v1/chat/completions"),
            (":authority", "provider.example"),
            (names::HEADER_LENGTH, &SENT.len().to_string()),
        ])),
        body_mutation: Some(body),
        ..CommonResponse::default()
    };
    answered(Answer::RequestHeaders(HeadersResponse {
        response: Some(response),
    }))
}

fn refusal() -> ImmediateResponse {
    ImmediateResponse {
        status: Some(HttpStatus { code: 404 }),
        headers: Some(setting(&[("content-type", "application/json")])),
        body: Bytes::from_static(b"{\"ours\":true}"),
        details: format!("{}_refused", names::DETAILS_PREFIX),
    }
}

fn answered(answer: Answer) -> ProcessingResponse {
    ProcessingResponse {
        response: Some(answer),
        ..ProcessingResponse::default()
    }
}

fn listed(headers: Option<&HeaderMap>) -> HashMap<String, String> {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = headers.into_iter().flat_map(|map| &map.headers);
    headers
        .map(|header| (lossy(header.key.as_ref()), lossy(&header.raw_value)))
        .collect()
}

fn setting(headers: &[(&'static str, &str)]) -> HeaderMutation {
    let option = |&(key, value): &(&'static str, &str)| HeaderValueOption {
        header: Some(HeaderValue {
            key: key.into(),
            raw_value: Bytes::copy_from_slice(value.as_bytes()),
        }),
    };
    HeaderMutation {
        set_headers: headers.iter().map(option).collect(),
        remove_headers: Vec::new(),
    }
}

fn structure<const N: usize>(fields: [(&str, Kind); N]) -> Kind {
    let fields = fields.map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) }));
    Kind::StructValue(Struct {
        fields: fields.into(),
    })
}

fn text(text: &str) -> Kind {
    Kind::StringValue(text.to_owned())
}
