//! Envoy's word on answers that broke off while they flowed: whose doing it was.

use std::sync::Arc;

use envoy_types::pb::envoy::data::accesslog::v3::{AccessLogCommon, HttpAccessLogEntry, ResponseFlags};
use envoy_types::pb::envoy::service::accesslog::v3::access_log_service_server::{
    AccessLogService, AccessLogServiceServer,
};
use envoy_types::pb::envoy::service::accesslog::v3::stream_access_logs_message::LogEntries;
use envoy_types::pb::envoy::service::accesslog::v3::{StreamAccessLogsMessage, StreamAccessLogsResponse};
use envoy_types::pb::google::protobuf::value::Kind;
use tonic::{Request, Response, Status, Streaming};
use understudy_proto::names;

use super::sessions::Gateway;
use crate::session::{Cut, OwnStep, SessionId};

/// Hears Envoy's access log, which holds broken requests only.
#[derive(Debug)]
pub struct BrokenRequests {
    gateway: Arc<Gateway>,
}

impl BrokenRequests {
    /// The service, ready to be mounted.
    pub fn service(gateway: Arc<Gateway>) -> AccessLogServiceServer<Self> {
        AccessLogServiceServer::new(Self { gateway })
    }

    fn hear(&self, message: StreamAccessLogsMessage) {
        let Some(LogEntries::HttpLogs(entries)) = message.log_entries else {
            return;
        };
        for entry in entries.log_entry {
            if let Some((id, cut)) = told(&entry) {
                self.tell(id, cut);
            }
        }
    }

    fn tell(&self, id: SessionId, cut: Cut) {
        if let Some(shared) = self.gateway.find(id) {
            self.gateway.step(OwnStep::Finish, &shared, |session, lent| {
                session.on_cut(cut, lent);
            });
        }
    }
}

#[tonic::async_trait]
impl AccessLogService for BrokenRequests {
    async fn stream_access_logs(
        &self,
        request: Request<Streaming<StreamAccessLogsMessage>>,
    ) -> Result<Response<StreamAccessLogsResponse>, Status> {
        let mut messages = request.into_inner();
        // Envoy ends the stream when it stops, by a reset or not: both are the end.
        while let Ok(Some(message)) = messages.message().await {
            self.hear(message);
        }
        Ok(Response::new(StreamAccessLogsResponse {}))
    }
}

fn told(entry: &HttpAccessLogEntry) -> Option<(SessionId, Cut)> {
    let common = entry.common_properties.as_ref()?;
    let cut = if common.response_flags.as_ref().is_some_and(by_the_caller) {
        Cut::ByCaller
    } else {
        Cut::ByProvider
    };
    Some((session(common)?, cut))
}

fn session(common: &AccessLogCommon) -> Option<SessionId> {
    let namespace = common
        .metadata
        .as_ref()?
        .filter_metadata
        .get(names::NAMESPACE_SESSION)?;
    match namespace.fields.get(names::KEY_SESSION_ID)?.kind.as_ref()? {
        Kind::StringValue(id) => id.parse().ok(),
        _ => None,
    }
}

fn by_the_caller(flags: &ResponseFlags) -> bool {
    flags.downstream_connection_termination || flags.downstream_protocol_error
}
