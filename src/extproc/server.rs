//! The gRPC service: tells the two stages apart and lends each stream to one of them.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{self, Stream};
use tonic::{Request, Response, Status, Streaming};
use understudy_proto::ext_proc::external_processor_server::{ExternalProcessor, ExternalProcessorServer};
use understudy_proto::ext_proc::{ProcessingRequest, ProcessingResponse};
use understudy_proto::names;

use super::attempt_stage::AttemptStage;
use super::plan_stage::PlanStage;
use super::sessions::Gateway;

/// Answers Envoy's external processing calls.
#[derive(Debug)]
pub struct Processor {
    gateway: Arc<Gateway>,
}

impl Processor {
    /// The service, ready to be mounted; `max_body` is the largest request body that Envoy lets through.
    pub fn service(gateway: Arc<Gateway>, max_body: usize) -> ExternalProcessorServer<Self> {
        let largest = max_body.saturating_add(1 << 20);
        ExternalProcessorServer::new(Self { gateway })
            .max_decoding_message_size(largest)
            .max_encoding_message_size(largest)
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ExternalProcessor for Processor {
    type ProcessStream = Answers;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        let gateway = self.gateway.clone();
        let (words, _, inbound) = request.into_parts();
        let word = |name| words.get(name).and_then(|word| word.to_str().ok());
        let answers: Answers = match word(names::STAGE) {
            Some(names::STAGE_PLAN) => {
                let plan = PlanStage::new(gateway, inbound);
                Box::pin(stream::unfold(plan, |mut plan| async {
                    plan.next().await.map(|answer| (answer, plan))
                }))
            }
            Some(names::STAGE_ATTEMPT) => {
                let session = word(names::SESSION).and_then(|id| id.parse().ok());
                let number = word(names::ATTEMPT).and_then(|number| number.parse().ok());
                // Without its plan (we were restarted, or the caller left) nothing may leave unrewritten.
                let Some(shared) = session.and_then(|id| gateway.find(id)) else {
                    return Err(Status::aborted("no such session"));
                };
                let attempt = AttemptStage::new((gateway, inbound), (shared, number.unwrap_or(1)));
                Box::pin(stream::unfold(attempt, |mut attempt| async {
                    attempt.next().await.map(|answer| (answer, attempt))
                }))
            }
            _ => {
                let wanted = format!("initial metadata `{}` must be `plan` or `attempt`", names::STAGE);
                return Err(Status::invalid_argument(wanted));
            }
        };
        Ok(Response::new(answers))
    }
}
