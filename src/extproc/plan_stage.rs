//! The plan stage: one gRPC stream per request, from its headers to its final answer.

use std::sync::Arc;

use bytes::Bytes;
use tonic::{Status, Streaming};
use understudy_proto::ext_proc::processing_request::Request;
use understudy_proto::ext_proc::processing_response::Response;
use understudy_proto::ext_proc::{self as pb, ProcessingRequest, ProcessingResponse};
use understudy_proto::names;

use super::sessions::{Gateway, Shared, now};
use super::{telling, wire};
use crate::session::{self, Arrival, Arrived, Head, Headers as _, HostWords, OwnStep, Planned};

/// Where a request stands.
enum Place {
    /// Its headers are awaited.
    Headers,
    /// Its body is awaited.
    Body(Box<Arrival>),
    /// It is on its way.
    Away(Shared),
    /// Nothing more is expected.
    Over,
}

/// One request, from its headers to its final answer.
pub(super) struct PlanStage {
    gateway: Arc<Gateway>,
    inbound: Streaming<ProcessingRequest>,
    place: Place,
}

impl PlanStage {
    pub(super) fn new(gateway: Arc<Gateway>, inbound: Streaming<ProcessingRequest>) -> Self {
        Self {
            gateway,
            inbound,
            place: Place::Headers,
        }
    }

    /// The next answer; `None` when Envoy has ended the stream.
    pub(super) async fn next(&mut self) -> Option<Result<ProcessingResponse, Status>> {
        // Envoy ends most streams by a reset: normal life, and not told.
        let message = self.inbound.message().await.ok().flatten()?;
        Some(Ok(self.answer(message)))
    }

    fn answer(&mut self, mut message: ProcessingRequest) -> ProcessingResponse {
        match message.request.take() {
            Some(Request::RequestHeaders(headers)) => self.arrived(headers),
            Some(Request::RequestBody(body)) => self.plan(&body.body),
            Some(Request::ResponseHeaders(headers)) => self.finish(headers, &message),
            Some(Request::ResponseBody(_)) | None => {
                wire::message(Response::ResponseBody(pb::BodyResponse { response: None }))
            }
            Some(Request::RequestTrailers(_)) => {
                wire::message(Response::RequestTrailers(pb::TrailersResponse {
                    header_mutation: None,
                }))
            }
            Some(Request::ResponseTrailers(_)) => {
                wire::message(Response::ResponseTrailers(pb::TrailersResponse {
                    header_mutation: None,
                }))
            }
        }
    }

    fn arrived(&mut self, headers: pb::HttpHeaders) -> ProcessingResponse {
        let (shown, ends) = wire::Shown::new(headers);
        let live = self.gateway.live();
        let id = self.gateway.mint();
        let head = Head {
            headers: &shown,
            ends,
            errand_token: self.gateway.errand_token(),
        };
        let started = now();
        match session::arrive(id, &live, &head, started) {
            Arrived::Await(arrival) => {
                self.place = Place::Body(arrival);
                wire::await_body()
            }
            Arrived::Reply(refusal) => {
                let took = now() - started;
                let told = telling::Refused {
                    refusal: &refusal,
                    model: None,
                    surface: None,
                    unavailable: false,
                    took,
                    own: took,
                };
                telling::refused(&self.gateway, (id, &live), &told);
                self.place = Place::Over;
                wire::reply(id, refusal.reply)
            }
            Arrived::Planned(planned) => match *planned {
                Planned::Go(session, dispatch) => {
                    self.place = Place::Away(self.gateway.open(*session));
                    wire::planned_at_headers(id, dispatch)
                }
                Planned::Reply(refused) => {
                    self.place = Place::Over;
                    wire::reply(id, refused.refusal.reply)
                }
            },
        }
    }

    fn plan(&mut self, body: &Bytes) -> ProcessingResponse {
        let Place::Body(arrival) = std::mem::replace(&mut self.place, Place::Over) else {
            return wire::message(Response::RequestBody(pb::BodyResponse { response: None }));
        };
        let live = arrival.live().clone();
        let (id, arrived) = (arrival.id(), arrival.started());
        let started = now();
        let (planned, happened) = Gateway::lend(|lent| session::plan(*arrival, body, lent));
        if !happened.is_empty() {
            telling::tell(self.gateway.telemetry(), (id, &live), happened);
        }
        match planned {
            Planned::Go(mut session, dispatch) => {
                session.add_own_time(OwnStep::Plan, now() - started);
                self.place = Place::Away(self.gateway.open(*session));
                wire::planned(id, dispatch)
            }
            Planned::Reply(refused) => {
                let told = telling::Refused {
                    refusal: &refused.refusal,
                    model: refused.model,
                    surface: Some(refused.surface),
                    unavailable: refused.unavailable,
                    took: now() - arrived,
                    own: now() - started,
                };
                telling::refused(&self.gateway, (id, &live), &told);
                wire::reply(id, refused.refusal.reply)
            }
        }
    }

    fn finish(&mut self, headers: pb::HttpHeaders, message: &ProcessingRequest) -> ProcessingResponse {
        let (shown, _) = wire::Shown::new(headers);
        let attributes = wire::Attributes::of(message);
        let words = HostWords {
            details: attributes.text(names::ATTRIBUTE_DETAILS).unwrap_or(""),
            attempts: attributes.count(names::ATTRIBUTE_ATTEMPT).unwrap_or(0),
        };
        match std::mem::replace(&mut self.place, Place::Over) {
            Place::Away(shared) => {
                wire::finish(self.gateway.step(OwnStep::Finish, &shared, |session, lent| {
                    session.on_final(&shown, words, lent)
                }))
            }
            // Envoy's own refusal of a request that never got this far (its body was too large): already in
            // OpenAI's shape by the listener's local reply configuration.
            Place::Body(arrival) => {
                let status = shown.text(":status");
                telling::unread(
                    &self.gateway,
                    &arrival,
                    status.and_then(|status| status.parse().ok()),
                );
                untouched()
            }
            Place::Headers | Place::Over => untouched(),
        }
    }
}

fn untouched() -> ProcessingResponse {
    wire::message(Response::ResponseHeaders(pb::HeadersResponse { response: None }))
}

impl Drop for PlanStage {
    fn drop(&mut self) {
        match &self.place {
            Place::Away(shared) => {
                self.gateway
                    .step(OwnStep::Finish, shared, session::Session::on_gone);
            }
            Place::Body(arrival) => telling::unread(&self.gateway, arrival, None),
            Place::Headers | Place::Over => {}
        }
    }
}
