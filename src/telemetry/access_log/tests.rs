use std::sync::mpsc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::writer::MOST_WAITING;
use super::*;
use crate::catalog::{ClientIx, Generation, ModelIx, Surface, TargetIx};
use crate::dialect::Dialect;
use crate::dialect::usage::Usage;
use crate::outcome::Class;
use crate::telemetry::event::{AttemptRecord, RequestOutcome, TimeAdded};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An output that takes nothing until it is told to.
struct Blocked(mpsc::Receiver<()>);

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.recv().ok();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn counter() -> IntCounter {
    IntCounter::new("lost", "Lost.").unwrap()
}

fn failed_over() -> RequestEnded {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    RequestEnded {
        id: Arc::from("r-1"),
        generation: Generation(3),
        client: Some((ClientIx(0), Arc::from("team-search"))),
        model: Some((ModelIx(0), Arc::from("gpt-4o"))),
        asked_model: None,
        response_model: Some(Arc::from("gpt-4o-2024-08-06")),
        surface: Some(Surface::Chat),
        stream: false,
        status: Some(200),
        outcome: RequestOutcome::Success,
        reason: None,
        attempts: vec![
            AttemptRecord {
                target: TargetIx(0),
                provider: Arc::from("openai"),
                dialect: Dialect::OpenAi,
                provider_model: Arc::from("gpt-4o"),
                number: 1,
                class: Some(Class::RateLimited),
                status: Some(429),
                duration: Duration::from_micros(12_340),
                first_token: None,
                detail: None,
            },
            AttemptRecord {
                target: TargetIx(1),
                provider: Arc::from("azure-east"),
                dialect: Dialect::AzureOpenAi,
                provider_model: Arc::from("my-gpt"),
                number: 2,
                class: None,
                status: Some(200),
                duration: Duration::from_millis(340),
                first_token: None,
                detail: None,
            },
        ],
        duration: Duration::from_micros(352_900),
        upstream: Duration::from_micros(352_340),
        added: TimeAdded {
            plan: Duration::from_micros(200),
            attempt: Duration::from_micros(300),
            finish: Duration::from_micros(60),
        },
        usage: Some(Usage {
            input: 12,
            cached_input: 4,
            cache_write: 0,
            output: 30,
            reasoning: 0,
        }),
        cost_micro_usd: Some(325.04),
        forced: false,
        at,
    }
}

fn rejected() -> RequestEnded {
    RequestEnded {
        client: None,
        model: None,
        asked_model: Some(Arc::from("é\"\n".repeat(LONGEST_NAME).as_str())),
        response_model: None,
        status: Some(404),
        outcome: RequestOutcome::Rejected,
        reason: Some("unknown_model"),
        attempts: Vec::new(),
        usage: None,
        cost_micro_usd: None,
        ..failed_over()
    }
}

#[test]
fn a_line_tells_every_attempt_and_the_gen_ai_names() {
    let output = Kept::default();
    let log = AccessLog::to(Box::new(output.clone()), counter()).unwrap();

    log.write(&failed_over());
    log.close(Duration::from_secs(10));

    let text = String::from_utf8(output.0.lock().clone()).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"timestamp":"2023-11-14T22:13:20.123Z","request_id":"r-1","client":"team-search","#,
            r#""outcome":"success","status":200,"stream":false,"gen_ai.operation.name":"chat","#,
            r#""gen_ai.request.model":"gpt-4o","gen_ai.provider.name":"azure.ai.openai","provider":"azure-east","#,
            r#""gen_ai.response.model":"gpt-4o-2024-08-06","gen_ai.usage.input_tokens":12,"#,
            r#""gen_ai.usage.output_tokens":30,"gen_ai.usage.cache_read.input_tokens":4,"cost_usd":0.00032504,"#,
            r#""attempts":[{"provider":"openai","model":"gpt-4o","class":"rate_limited","status":429,"ms":12.34},"#,
            r#"{"provider":"azure-east","model":"my-gpt","class":"ok","status":200,"ms":340.0}],"#,
            r#""duration_ms":352.9,"upstream_ms":352.34,"overhead_ms":0.56,"generation":3}"#,
            "\n"
        )
    );
}

#[test]
fn what_a_client_wrote_stays_one_bounded_line() {
    let output = Kept::default();
    let log = AccessLog::to(Box::new(output.clone()), counter()).unwrap();

    log.write(&rejected());
    log.close(Duration::from_secs(10));

    let text = String::from_utf8(output.0.lock().clone()).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!(text.lines().count(), 1);
    assert_eq!(
        line["gen_ai.request.model"].as_str().unwrap().chars().count(),
        LONGEST_NAME
    );
    assert_eq!(line["reason"], "unknown_model");
    assert_eq!(line["attempts"], serde_json::json!([]));
}

#[test]
fn an_output_that_takes_nothing_loses_lines_and_never_blocks() {
    let (release, blocked) = mpsc::channel();
    let dropped = counter();
    let log = AccessLog::to(Box::new(Blocked(blocked)), dropped.clone()).unwrap();
    let event = failed_over();

    // Twice the buffer, as the thread may have taken one full buffer in hand.
    for _ in 0..(2 * MOST_WAITING / 500 + 10_000) {
        log.write(&event);
    }

    assert!(dropped.get() > 0);
    drop(release);
    log.close(Duration::from_secs(10));
}

#[test]
fn a_broken_pipe_is_counted_line_by_line() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let dropped = counter();
    let log = AccessLog::to(Box::new(Broken), dropped.clone()).unwrap();

    for _ in 0..3 {
        log.write(&failed_over());
    }
    log.close(Duration::from_secs(10));

    assert_eq!(dropped.get(), 3);
    log.write(&failed_over());
    assert_eq!(dropped.get(), 4, "a line after the end is lost, too");
}
