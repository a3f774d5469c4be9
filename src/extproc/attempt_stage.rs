//! The attempt stage: one gRPC stream per attempt, from the request that leaves to the last byte of its answer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tonic::{Status, Streaming};
use understudy_proto::ext_proc::processing_request::Request;
use understudy_proto::ext_proc::processing_response::Response;
use understudy_proto::ext_proc::{self as pb, ProcessingRequest, ProcessingResponse};

use super::sessions::{Gateway, Shared};
use super::wire;
use crate::attempt::HeaderChanges;
use crate::session::{Lent, OwnStep, Session, Step};

/// Said to Envoy when an answer broke off while the caller was reading it.
const BROKEN_OFF: &str = "understudy_broken_off";

/// One attempt, from the request that leaves to the last byte of its answer.
pub(super) struct AttemptStage {
    gateway: Arc<Gateway>,
    inbound: Streaming<ProcessingRequest>,
    shared: Shared,
    /// 1 for the first.
    number: u32,
    /// Envoy has shown the request.
    begun: bool,
    /// Answers that are ready to be sent.
    ready: VecDeque<ProcessingResponse>,
    /// When the session wants to be asked again although nothing has come.
    wake: Option<Instant>,
}

impl AttemptStage {
    /// Attempt `number` of a session.
    pub(super) fn new(
        (gateway, inbound): (Arc<Gateway>, Streaming<ProcessingRequest>),
        (shared, number): (Shared, u32),
    ) -> Self {
        Self {
            gateway,
            inbound,
            shared,
            number,
            begun: false,
            ready: VecDeque::new(),
            wake: None,
        }
    }

    /// The next answer; `None` when Envoy has ended the stream.
    pub(super) async fn next(&mut self) -> Option<Result<ProcessingResponse, Status>> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Some(Ok(answer));
            }
            let message = match self.wake {
                None => self.inbound.message().await,
                Some(wake) => tokio::select! {
                    biased;
                    message = self.inbound.message() => message,
                    () = tokio::time::sleep_until(wake.into()) => {
                        self.woken();
                        continue;
                    }
                },
            };
            // Envoy ends most streams by a reset: normal life, and not told.
            let message = message.ok().flatten()?;
            self.take(message);
        }
    }

    fn take(&mut self, message: ProcessingRequest) {
        match message.request {
            Some(Request::RequestHeaders(headers)) => self.begin(headers),
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
    }

    fn begin(&mut self, headers: pb::HttpHeaders) {
        let (shown, _) = wire::Shown::new(headers);
        let number = self.number;
        let (outcall, wake) = self
            .gateway
            .step(OwnStep::Attempt, &self.shared, |session, lent| {
                (session.attempt(number, &shown, lent), session.wake_at(number))
            });
        self.wake = wake;
        self.begun = true;
        self.ready.push_back(match outcall {
            Ok(outcall) => wire::outcall(outcall),
            Err(words) => wire::give_up(words),
        });
    }

    /// Runs one step of the session and notes when it wants to be asked again.
    fn step(&mut self, step: impl FnOnce(&mut Session, u32, &mut Lent<'_>) -> Step) -> Step {
        if !self.begun {
            return Step::Pass;
        }
        let number = self.number;
        let (step, wake) = self
            .gateway
            .step(OwnStep::Attempt, &self.shared, |session, lent| {
                (step(session, number, lent), session.wake_at(number))
            });
        self.wake = wake;
        step
    }

    fn answered(&mut self, headers: pb::HttpHeaders) {
        let (shown, ends) = wire::Shown::new(headers);
        let step = self.step(|session, number, lent| session.on_response_headers(number, &shown, ends, lent));
        self.carry_out(step, (Bytes::new(), ends), ends);
    }

    fn chunk(&mut self, body: Bytes, end: bool) {
        let step = self.step(|session, number, lent| session.on_chunk(number, &body, end, lent));
        self.carry_out(step, (body, end), false);
    }

    fn woken(&mut self) {
        let step = self.step(Session::on_wake);
        self.carry_out(step, (Bytes::new(), false), false);
    }

    /// Trailers end an answer as its last chunk does; what was held is released before them.
    fn trailers(&mut self) {
        let step = self.step(|session, number, lent| session.on_chunk(number, &Bytes::new(), true, lent));
        match step {
            Step::Release { headers, held, .. } => self.release(headers, held, false),
            Step::Send { chunks, .. } => self.send(chunks, false),
            Step::BreakOff { chunks, event, .. } => {
                self.send(chunks.into_iter().chain([event]).collect(), false);
            }
            Step::Discard { .. } | Step::GiveUp(_) => {
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
            Step::Send { chunks, end } => self.send(chunks, end),
            Step::Release { headers, held, .. } if bodiless => {
                self.ready.push_back(match held.concat() {
                    body if body.is_empty() => wire::release(headers),
                    body => wire::supply(headers, body.into()),
                });
            }
            Step::Release { headers, held, end } => self.release(headers, held, end),
            Step::GiveUp(words) => self.ready.push_back(wire::give_up(words)),
            Step::Discard { headers, clusters } => {
                self.ready.push_back(wire::discard(headers, clusters.as_deref()));
            }
            Step::BreakOff { chunks, event, ended } => {
                self.send(chunks.into_iter().chain([event]).collect(), ended);
                if !ended {
                    // An end of our own would leave the provider's connection open for ever.
                    self.ready.push_back(wire::give_up(BROKEN_OFF));
                }
            }
        }
    }

    fn release(&mut self, headers: HeaderChanges, held: Vec<Bytes>, end: bool) {
        self.ready.push_back(wire::release(headers));
        self.send(held, end);
    }

    fn send(&mut self, chunks: Vec<Bytes>, end: bool) {
        let last = chunks.len();
        for (position, body) in chunks.into_iter().enumerate() {
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
        if self.begun {
            self.gateway
                .step(OwnStep::Attempt, &self.shared, |session, lent| {
                    session.on_attempt_end(self.number, lent);
                });
        }
    }
}
