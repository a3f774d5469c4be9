//! Providers that send our key back, as some do when they refuse it.

use http::StatusCode;
use understudy::sim::{Encoding, Fault, FaultRule};

use super::{Guarded, secret};
use crate::support::{chat, chat_stream};

fn echo() -> String {
    let [key, tenant] = [secret("PRIMARY_KEY"), secret("HEADER_SECRET")];
    format!("the key {key} in Authorization was refused, and the one of x-tenant-secret ({tenant})")
}

#[tokio::test]
async fn a_key_in_a_providers_error_is_shown_to_nobody() {
    let mut guarded = Guarded::start().await;
    guarded.ask("gpt-4o").await;
    let echo = echo();
    for (fault, status) in [
        (Fault::Auth, 401),
        (Fault::Auth, 403),
        (Fault::RateLimit, 429),
        (Fault::Quota, 429),
        (Fault::ServerError, 500),
        (Fault::Overloaded, 503),
        (Fault::ContextLength, 400),
        (Fault::ContentFilter, 400),
        (Fault::ServerError, 418),
        (Fault::ModelNotFound, 404),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let rule = FaultRule::new(fault).status(status).message(&echo);
        guarded.primary.control().set_fault(rule);
        // Seen in the final answer, and passed on as the caller's mistake.
        for failover in ["off", "on"] {
            let call = guarded.gateway.post(super::CHAT, chat("gpt-4o"));
            let call = call
                .bearer(secret("CLIENT_KEY"))
                .header("x-understudy-failover", failover);
            let answer = call.header("x-understudy-order", "primary").send().await;
            assert!(answer.hops()[0].starts_with("primary "), "{:?}", answer.hops());
            guarded.keep("client", &answer);
        }
        guarded.reset("primary").await;
    }
    guarded.assert_silent().await;
}

#[tokio::test]
async fn a_key_in_a_coded_body_a_header_or_a_stream_is_shown_to_nobody() {
    let mut guarded = Guarded::start().await;
    guarded.ask("gpt-4o").await;
    let refused = |fault| FaultRule::new(fault).message(echo());
    let name = http::HeaderName::from_static("x-echo");
    for rule in [
        refused(Fault::ContextLength).encoding(Encoding::Gzip),
        refused(Fault::ContentFilter).encoding(Encoding::Gzip),
        refused(Fault::ServerError).encoding(Encoding::Gzip),
        refused(Fault::ContentFilter).header(name.clone(), echo().parse().unwrap()),
        refused(Fault::StreamError),
        refused(Fault::StreamError).after_events(2),
    ] {
        guarded.primary.control().set_fault(rule);
        for body in [chat("gpt-4o"), chat_stream("gpt-4o")] {
            let call = guarded
                .gateway
                .post(super::CHAT, body)
                .bearer(secret("CLIENT_KEY"));
            let call = call.header("x-understudy-order", "primary");
            let ended = call.stream().await.read_all().await;
            let body = ended.partial().body.clone();
            guarded.keep("client", ended.partial());
            guarded.keep_decoded(&body);
        }
        guarded.reset("primary").await;
    }
    guarded.assert_silent().await;
}
