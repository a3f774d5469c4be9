//! Connections that providers break, at every class of byte. Nothing of a broken answer is ever shown as a whole one.

use super::CHAT;
use super::answers::{Case, GOOD, Table, case};
use crate::support::{Ending, Script, chat_stream};

const LENGTH: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

fn after(bytes: &str) -> Script {
    Script::new().read_request().write(bytes)
}

/// Every point at which a connection can end, in good order and by a reset.
fn points() -> Vec<(&'static str, Script)> {
    vec![
        ("before the request is read", Script::new()),
        ("after its headers", Script::new().read_head()),
        ("after the request", Script::new().read_request()),
        ("inside the version", after("HTT")),
        ("inside the status line", after("HTTP/1.1 20")),
        ("after the status line", after("HTTP/1.1 200 OK\r\n")),
        ("inside a header", after("HTTP/1.1 200 OK\r\ncontent-ty")),
        (
            "before the end of the headers",
            after("HTTP/1.1 200 OK\r\ncontent-length: 40\r\n"),
        ),
        ("before a body with a length", after(LENGTH)),
        (
            "inside a body with a length",
            after(&format!("{LENGTH}{{\"object\":")),
        ),
        ("before the first chunk", after(CHUNKED)),
        ("inside a chunk's size", after(&format!("{CHUNKED}1"))),
        ("inside a chunk", after(&format!("{CHUNKED}10\r\n{{\"obj"))),
        ("between chunks", after(&format!("{CHUNKED}3\r\n{{\"a\r\n"))),
        (
            "before the last chunk's end",
            after(&format!("{CHUNKED}2\r\n{{}}\r\n0\r\n")),
        ),
    ]
}

/// A connection that is gone before it carried a byte may as well never have been; and one that breaks right after the
/// headers of an answer may be faster than the news of them.
fn failing(end: impl Fn(Script) -> Script) -> Vec<Case> {
    let begun = points()
        .iter()
        .position(|(name, _)| *name == "before a body with a length")
        .unwrap();
    let classes = |number| match number {
        0 => "connect, ok|reset, ok",
        number if number < begun => "reset, ok",
        _ => "bad_response, ok|reset, ok",
    };
    let cases = points().into_iter().enumerate();
    cases
        .map(|(number, (name, script))| case(name, classes(number), end(script)))
        .collect()
}

#[tokio::test]
async fn wherever_a_provider_closes_the_next_one_answers() {
    let cases = failing(|script| script);
    Table::of(&cases).await.assert(&cases).await;
}

#[tokio::test]
async fn wherever_a_provider_resets_the_next_one_answers() {
    let cases = failing(Script::reset);
    Table::of(&cases).await.assert(&cases).await;
}

#[tokio::test]
async fn bytes_that_are_no_http_are_a_broken_connection() {
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{GOOD}", GOOD.len());
    let cases = [
        case("noise", "reset, ok", after("\0\u{1}\u{2}noise\r\n\r\n")),
        case("another protocol", "reset, ok", after("SSH-2.0-OpenSSH_9.6\r\n")),
        case(
            "HTTP/2 unasked",
            "reset, ok",
            after("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ),
        case("no status", "reset, ok", after("HTTP/1.1 abc\r\n\r\n")),
        case(
            "a bad chunk",
            "bad_response, ok|reset, ok",
            after(&format!("{CHUNKED}zz\r\nhello\r\n")),
        ),
        case(
            "a negative length",
            "reset, ok",
            after("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"),
        ),
        case("more than the length", "ok", after(&format!("{whole}and more"))),
        case(
            "an answer nobody asked for",
            "ok",
            Script::answering(format!("{whole}{whole}")),
        ),
    ];
    Table::of(&cases).await.assert(&cases).await;
}

#[tokio::test]
async fn a_stream_that_breaks_while_it_flows_never_looks_complete() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"one\"}}]}\n\n";
    let begun = || after(head).write_chunk(event);
    let cases = [
        case("closed", "", begun()),
        case("reset", "", begun().reset()),
        case(
            "cut in an event",
            "",
            after(head).write(format!("{:x}\r\n{}", event.len(), event.split_at(9).0)),
        ),
    ];
    let table = Table::of(&cases).await;
    for (number, case) in cases.iter().enumerate() {
        let stream = table
            .gateway
            .post(CHAT, chat_stream(&format!("m{number}")))
            .stream()
            .await;
        let ended = stream.read_all().await;
        let answer = ended.partial();
        // The first event may be lost with the connection: then nothing was shown, and the next one answers.
        let is_whole = answer.hops().len() == 2;
        let says = |text| answer.text().contains(text);
        assert_eq!(says("[DONE]"), is_whole, "{}: {ended:?}", case.name);
        assert!(
            is_whole || ended.ending != Ending::Clean || says("\"error\""),
            "{}: {ended:?}",
            case.name
        );
    }
    table.gateway.stop().await;
}
