//! The aggregated discovery service: one stream per Envoy, state of the world.
//!
//! A stream is a value that is polled, not a task: when the connection goes, everything of it goes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use envoy_types::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::{
    AggregatedDiscoveryService, AggregatedDiscoveryServiceServer,
};
use envoy_types::pb::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::conversation::Conversation;
use super::node::EnvoyNode;
use super::snapshot::Snapshot;
use super::state::{Seat, XdsState};

/// The discovery service; add it to any tonic server.
pub type XdsService = AggregatedDiscoveryServiceServer<AdsServer>;

/// Answers Envoys from a shared state.
#[derive(Debug)]
pub struct AdsServer {
    state: XdsState,
}

/// The discovery service over a shared state.
pub fn service(state: XdsState) -> XdsService {
    AggregatedDiscoveryServiceServer::new(AdsServer { state })
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AggregatedDiscoveryService for AdsServer {
    type StreamAggregatedResourcesStream = Answers<DiscoveryResponse>;
    type DeltaAggregatedResourcesStream = Answers<DeltaDiscoveryResponse>;

    async fn stream_aggregated_resources(
        &self,
        request: Request<Streaming<DiscoveryRequest>>,
    ) -> Result<Response<Self::StreamAggregatedResourcesStream>, Status> {
        let talk = Talk {
            requests: request.into_inner(),
            conversation: Conversation::default(),
            answers: VecDeque::new(),
            snapshots: self.state.snapshots(),
            seat: None,
            closing: self.state.closing(),
            state: self.state.clone(),
        };
        let answers = unfold(Some(talk), |talk| async move {
            let mut talk = talk?;
            match talk.next().await? {
                Ok(answer) => Some((Ok(answer), Some(talk))),
                Err(end) => Some((Err(end), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn delta_aggregated_resources(
        &self,
        _request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        Err(Status::unimplemented(
            "set `api_type: GRPC` in the bootstrap: Understudy does not serve DELTA_GRPC",
        ))
    }
}

/// One stream.
struct Talk {
    requests: Streaming<DiscoveryRequest>,
    conversation: Conversation,
    answers: VecDeque<DiscoveryResponse>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Taken with the first message, which says who it is.
    seat: Option<Seat>,
    closing: CancellationToken,
    state: XdsState,
}

impl Talk {
    /// The next answer; none when the stream is over.
    async fn next(&mut self) -> Option<Result<DiscoveryResponse, Status>> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Some(Ok(answer));
            }
            tokio::select! {
                () = self.closing.cancelled() => {
                    return Some(Err(Status::unavailable("Understudy is stopping")));
                }
                message = self.requests.message() => match message {
                    Ok(Some(request)) => if let Err(refused) = self.hear(request) {
                        return Some(Err(refused));
                    },
                    // Ended or torn off: the same to us.
                    Ok(None) | Err(_) => return None,
                },
                changed = self.snapshots.changed() => changed.ok()?,
            }
            let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
            self.answers.extend(self.conversation.answers(&snapshot));
        }
    }

    fn hear(&mut self, request: DiscoveryRequest) -> Result<(), Status> {
        if self.seat.is_none() {
            let node = EnvoyNode::introduced_by(&request.node.clone().unwrap_or_default());
            if let Some(version) = node.too_old() {
                return Err(Status::failed_precondition(self.state.refuse(&node, version)));
            }
            self.seat = Some(self.state.seat(node));
        }
        let heard = self.conversation.hear(request);
        if let Some(seat) = &self.seat {
            seat.note(heard);
        }
        Ok(())
    }
}
