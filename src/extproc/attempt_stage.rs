//! The attempt stage: one gRPC stream per attempt, from the request that leaves to the last byte of its answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tonic::{Status, Streaming};
use understudy_proto::ext_proc::processing_request::Request;
use understudy_proto::ext_proc::processing_response::Response;
use understudy_proto::ext_proc::{self as pb, ProcessingRequest, ProcessingResponse};
use understudy_proto::names;

use super::sessions::{Gateway, Shared};
use super::wire;
use crate::session::{OUT_OF_TIME, OwnStep, SessionId, Step};

/// Said to Envoy when an answer has failed for good while its provider is still sending.
const GIVEN_UP: &str = "understudy_given_up";

/// One attempt, from the request that leaves to the last byte of its answer.
pub(super) struct AttemptStage {
    gateway: Arc<Gateway>,
    inbound: Streaming<ProcessingRequest>,
    attempt: Option<(Shared, u32)>,
    /// Answers that are ready to be sent.
    ready: VecDeque<ProcessingResponse>,
    /// When we end this attempt ourselves.
    deadline: Option<Instant>,
}

impl AttemptStage {
    pub(super) fn new(gateway: Arc<Gateway>, inbound: Streaming<ProcessingRequest>) -> Self {
        Self {
            gateway,
            inbound,
            attempt: None,
            ready: VecDeque::new(),
            deadline: None,
        }
    }

    /// The next answer; `None` when Envoy has ended the stream.
    pub(super) async fn next(&mut self) -> Option<Result<ProcessingResponse, Status>> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Some(Ok(answer));
            }
            let message = match self.deadline {
                None => self.inbound.message().await,
                Some(deadline) => tokio::select! {
                    biased;
                    message = self.inbound.message() => message,
                    () = tokio::time::sleep_until(deadline.into()) => {
                        self.deadline = None;
                        return Some(Ok(wire::give_up(OUT_OF_TIME)));
                    }
                },
            };
            // Envoy ends most streams by a reset: normal life, and not told.
            let message = message.ok().flatten()?;
            if let Err(status) = self.take(message) {
                return Some(Err(status));
            }
        }
    }

    fn take(&mut self, mut message: ProcessingRequest) -> Result<(), Status> {
        match message.request.take() {
            Some(Request::RequestHeaders(headers)) => self.begin(headers, &message)?,
            Some(Request::ResponseHeaders(headers)) => self.answered(headers),
            Some(Request::ResponseBody(body)) => self.chunk(body.body, body.end_of_stream),
            Some(Request::ResponseTrailers(_)) => self.trailers(),
            Some(Request::RequestBody(_)) | None => {
                self.ready
                    .push_back(wire::message(Response::RequestBody(pb::BodyResponse {
                        response: None,
                    })));
            }
            Some(Request::RequestTrailers(_)) => {
                let answer = pb::TrailersResponse {
                    header_mutation: None,
                };
                self.ready
                    .push_back(wire::message(Response::RequestTrailers(answer)));
            }
        }
        Ok(())
    }

    fn begin(&mut self, headers: pb::HttpHeaders, message: &ProcessingRequest) -> Result<(), Status> {
        let attributes = wire::Attributes::of(message);
        let id = attributes
            .text(names::ATTRIBUTE_SESSION)
            .and_then(|id| id.parse::<SessionId>().ok());
        let Some(shared) = id.and_then(|id| self.gateway.find(id)) else {
            // Its plan is gone (we were restarted, or the caller left): nothing may leave unrewritten.
            return Err(Status::aborted("no such session"));
        };
        let number = attributes.count(names::ATTRIBUTE_ATTEMPT).unwrap_or(1);
        let (shown, _) = wire::Shown::new(headers);
        let (outcall, deadline) = self.gateway.step(OwnStep::Attempt, &shared, |session, lent| {
            (
                session.attempt(number, &shown, lent),
                session.keeps_own_budget().then(|| session.deadline()),
            )
        });
        self.deadline = deadline;
        self.attempt = Some((shared, number));
        self.ready.push_back(wire::outcall(outcall));
        Ok(())
    }

    fn answered(&mut self, headers: pb::HttpHeaders) {
        let Some((shared, number)) = &self.attempt else {
            return;
        };
        let (shown, ends) = wire::Shown::new(headers);
        let step = self.gateway.step(OwnStep::Attempt, shared, |session, lent| {
            session.on_response_headers(*number, &shown, ends, lent)
        });
        self.carry_out(step, (Bytes::new(), ends), ends);
    }

    fn chunk(&mut self, body: Bytes, end: bool) {
        let Some((shared, number)) = &self.attempt else {
            return;
        };
        let step = self.gateway.step(OwnStep::Attempt, shared, |session, lent| {
            session.on_chunk(*number, &body, end, lent)
        });
        self.carry_out(step, (body, end), false);
    }

    /// Trailers end an answer as its last chunk does; what was held is released before them.
    fn trailers(&mut self) {
        let Some((shared, number)) = &self.attempt else {
            return;
        };
        let step = self.gateway.step(OwnStep::Attempt, shared, |session, lent| {
            session.on_chunk(*number, &Bytes::new(), true, lent)
        });
        match step {
            Step::Release { headers, held, .. } => self.release(headers, held, false),
            step @ (Step::Discard { .. } | Step::GiveUp) => {
                return self.carry_out(step, (Bytes::new(), true), false);
            }
            Step::Pass | Step::Hold => {}
        }
        let answer = pb::TrailersResponse {
            header_mutation: None,
        };
        self.ready
            .push_back(wire::message(Response::ResponseTrailers(answer)));
    }

    /// `chunk` is what the step was about; `bodiless` when the headers ended the answer.
    fn carry_out(&mut self, step: Step, (chunk, end): (Bytes, bool), bodiless: bool) {
        match step {
            Step::Hold => {}
            Step::Pass => self.ready.push_back(wire::chunk(chunk, end)),
            Step::Release { headers, held, end } => self.release(headers, held, end && !bodiless),
            Step::GiveUp => {
                self.deadline = None;
                self.ready.push_back(wire::give_up(GIVEN_UP));
            }
            Step::Discard { headers, clusters } => {
                self.deadline = None;
                self.ready.push_back(wire::discard(headers, clusters.as_deref()));
            }
        }
    }

    fn release(&mut self, headers: crate::attempt::HeaderChanges, held: Vec<Bytes>, end: bool) {
        self.deadline = None;
        self.ready.push_back(wire::release(headers));
        let last = held.len();
        for (position, body) in held.into_iter().enumerate() {
            self.ready
                .push_back(wire::chunk(body, end && position + 1 == last));
        }
        if end && last == 0 {
            self.ready.push_back(wire::chunk(Bytes::new(), true));
        }
    }
}

impl Drop for AttemptStage {
    fn drop(&mut self) {
        if let Some((shared, number)) = &self.attempt {
            self.gateway.step(OwnStep::Attempt, shared, |session, lent| {
                session.on_attempt_end(*number, lent);
            });
        }
    }
}
