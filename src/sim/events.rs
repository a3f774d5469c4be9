//! The events of a streamed answer, made one at a time, and where a fault breaks into them.
//!
//! Invariant: without a fault the order is role, content, finish, usage (if asked for), `[DONE]`, and all events
//! share id, time and model. It refuses to know about sockets; [`body`](super::body) plays its steps.

use std::time::Duration;

use bytes::Bytes;

use super::answer::{AZURE_CHOICE, AZURE_PROMPT};
use super::body::{FLUSH_GRACE, Step};
use super::config::Pace;
use super::refusal::Reason;
use super::saying::{Content, Pieces, Saying, quoted};

/// What breaks into a stream after `after` events with content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Interruption {
    pub(super) after: u32,
    pub(super) kind: InterruptionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InterruptionKind {
    Cut,
    Stall,
    /// An error event with this message, if it is not the usual one; then the stream ends.
    Error(Option<String>),
    /// One event that is no JSON; the stream goes on.
    Malformed,
}

/// How a stream differs from a plain answer.
#[derive(Clone, Debug)]
pub(super) struct StreamPlan {
    pub(super) pace: Pace,
    pub(super) wants_usage: bool,
    pub(super) interruption: Option<Interruption>,
    pub(super) has_done: bool,
}

/// The events that are still to come.
#[derive(Debug)]
pub(super) struct Events {
    saying: Saying,
    plan: StreamPlan,
    pieces: Pieces,
    /// From `data: ` to before the choices, the same for all events.
    head: String,
    sent: u32,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Start,
    Prelude,
    Role,
    Content,
    Pause,
    Finish,
    Usage,
    Done,
    Stalled,
    Cut,
    End,
}

impl Events {
    pub(super) fn new(saying: Saying, plan: StreamPlan) -> Self {
        let (prefix, object) = match saying.content {
            Content::Text(_) => ("cmpl", "text_completion"),
            Content::Chat(_) | Content::ToolCall { .. } => ("chatcmpl", "chat.completion.chunk"),
        };
        let Saying {
            number,
            created,
            ref model,
            ref name,
            ..
        } = saying;
        let model = quoted(model);
        let head = format!(
            r#"data: {{"id":"{prefix}-{name}-{number}","object":"{object}","created":{created},"model":{model},"system_fingerprint":"sim-{name}","choices":["#
        );
        let pieces = Pieces::new(saying.content.characters(), saying.usage.completion);
        Self {
            saying,
            plan,
            pieces,
            head,
            sent: 0,
            phase: Phase::Start,
        }
    }

    /// The next step, or `None` after the last.
    pub(super) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.interrupt() {
                return Some(step);
            }
            let phase = self.phase;
            self.phase = self.following(phase);
            let step = match phase {
                Phase::Start => pause(self.plan.pace.first_token),
                Phase::Prelude => self.saying.is_azure.then(azure_prelude),
                Phase::Role => self.role(),
                Phase::Content => self.content(),
                Phase::Pause => pause(self.plan.pace.inter_token),
                Phase::Finish => Some(self.finish()),
                Phase::Usage => self.plan.wants_usage.then(|| self.usage()),
                Phase::Done => self
                    .plan
                    .has_done
                    .then(|| Step::Send(Bytes::from_static(b"data: [DONE]\n\n"))),
                Phase::Stalled => Some(Step::Stall),
                Phase::Cut => Some(Step::Cut),
                Phase::End => return None,
            };
            if step.is_some() {
                return step;
            }
        }
    }

    fn following(&self, phase: Phase) -> Phase {
        match phase {
            Phase::Start => Phase::Prelude,
            Phase::Prelude => Phase::Role,
            Phase::Role | Phase::Pause => Phase::Content,
            Phase::Content if self.sent + 1 < self.saying.usage.completion => Phase::Pause,
            Phase::Content => Phase::Finish,
            Phase::Finish => Phase::Usage,
            Phase::Usage => Phase::Done,
            Phase::Stalled => Phase::Stalled,
            Phase::Done | Phase::Cut | Phase::End => Phase::End,
        }
    }

    /// The fault, when its moment has come: before anything was sent, or between two events with content.
    fn interrupt(&mut self) -> Option<Step> {
        let is_between = match self.phase {
            Phase::Prelude => self.sent == 0,
            Phase::Content => self.sent > 0,
            Phase::Finish => true,
            _ => false,
        };
        let is_due =
            |interruption: &mut Interruption| interruption.after <= self.sent || self.phase == Phase::Finish;
        if !is_between {
            return None;
        }
        match self.plan.interruption.take_if(is_due)?.kind {
            InterruptionKind::Cut => {
                self.phase = Phase::Cut;
                pause(FLUSH_GRACE)
            }
            InterruptionKind::Stall => {
                self.phase = Phase::Stalled;
                Some(Step::Stall)
            }
            InterruptionKind::Error(message) => {
                self.phase = Phase::End;
                Some(Step::Send(error_event(message.as_deref())))
            }
            InterruptionKind::Malformed => Some(Step::Send(Bytes::from_static(
                b"data: {\"id\":\"chatcmpl-broken\",\"choices\":[{\"delta\":{\"conte\n\n",
            ))),
        }
    }

    fn role(&self) -> Option<Step> {
        let number = self.saying.number;
        let delta = match &self.saying.content {
            Content::Text(_) => return None,
            Content::Chat(_) => r#"{"role":"assistant","content":"","refusal":null}"#.to_owned(),
            Content::ToolCall { function, .. } => format!(
                r#"{{"role":"assistant","content":null,"tool_calls":[{{"index":0,"id":"call_{number}","type":"function","function":{{"name":{},"arguments":""}}}}]}}"#,
                quoted(function),
            ),
        };
        Some(self.choice(&format!(r#""delta":{delta}"#), "null"))
    }

    fn content(&mut self) -> Option<Step> {
        let piece = self
            .pieces
            .next_of(self.saying.content.characters())
            .map(quoted)?;
        self.sent += 1;
        let body = match &self.saying.content {
            Content::Text(_) => format!(r#""text":{piece}"#),
            Content::Chat(_) => format!(r#""delta":{{"content":{piece}}}"#),
            Content::ToolCall { .. } => {
                format!(r#""delta":{{"tool_calls":[{{"index":0,"function":{{"arguments":{piece}}}}}]}}"#)
            }
        };
        Some(self.choice(&body, "null"))
    }

    fn finish(&self) -> Step {
        let body = if matches!(self.saying.content, Content::Text(_)) {
            r#""text":"""#
        } else {
            r#""delta":{}"#
        };
        self.choice(body, &format!("\"{}\"", self.saying.finish))
    }

    fn usage(&self) -> Step {
        Step::Send(Bytes::from(format!(
            "{}],\"usage\":{}}}\n\n",
            self.head,
            self.saying.usage_json()
        )))
    }

    /// An event with one choice.
    fn choice(&self, body: &str, finish: &str) -> Step {
        let mut event = String::with_capacity(self.head.len() + body.len() + 96);
        event.push_str(&self.head);
        event.push_str(r#"{"index":0,"#);
        event.push_str(body);
        event.push_str(r#","logprobs":null,"finish_reason":"#);
        event.push_str(finish);
        if self.saying.is_azure {
            event.push_str(AZURE_CHOICE);
        }
        event.push_str("}]");
        if self.plan.wants_usage {
            event.push_str(r#","usage":null"#);
        }
        event.push_str("}\n\n");
        Step::Send(Bytes::from(event))
    }
}

fn pause(length: Duration) -> Option<Step> {
    (!length.is_zero()).then_some(Step::Wait(length))
}

fn error_event(message: Option<&str>) -> Bytes {
    let mut error = Reason::Status(http::StatusCode::INTERNAL_SERVER_ERROR).openai();
    if let Some(message) = message {
        error["error"]["message"] = message.into();
    }
    Bytes::from(format!("data: {error}\n\n"))
}

/// Azure's first event tells of the prompt's filter and belongs to no answer yet.
fn azure_prelude() -> Step {
    Step::Send(Bytes::from(format!(
        "data: {{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\",{AZURE_PROMPT}}}\n\n"
    )))
}
