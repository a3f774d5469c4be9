//! Writes a stream in the hub's own form, event by event.
//!
//! Invariant: the role comes first and once; all events of a stream share id, time and model; nothing follows the
//! terminal marker or an error. Whether an answer is complete is for its reader to say: without [`Chunks::done`] the
//! stream is one that was cut.

use bytes::{Bytes, BytesMut};
use serde::Serialize;

use super::answer::{Extra, Finish, WrittenUsage};
use crate::dialect::language::About;
use crate::dialect::usage::Usage;

/// The events of one stream.
#[derive(Debug)]
pub(in crate::dialect) struct Chunks {
    id: String,
    model: String,
    created: u64,
    shows_usage: bool,
    has_begun: bool,
    is_over: bool,
    spent: Option<Usage>,
    ready: BytesMut,
}

impl Chunks {
    /// A stream that has said nothing yet.
    pub(in crate::dialect) fn new(about: &About<'_>) -> Self {
        Self {
            id: about.id.to_owned(),
            model: about.model.to_owned(),
            created: about.created,
            shows_usage: about.shows_usage,
            has_begun: false,
            is_over: false,
            spent: None,
            ready: BytesMut::new(),
        }
    }

    /// What was written since the last time.
    pub(in crate::dialect) fn take(&mut self) -> Bytes {
        self.ready.split().freeze()
    }

    /// The provider names its answer and its model; words that are empty change nothing, and a stream that has begun
    /// keeps the words it began with.
    pub(in crate::dialect) fn name(&mut self, id: &str, model: &str) {
        if self.has_begun {
            return;
        }
        if !id.is_empty() {
            id.clone_into(&mut self.id);
        }
        if !model.is_empty() {
            model.clone_into(&mut self.model);
        }
    }

    /// The answer's id: the provider's if it named one in time, else ours.
    pub(in crate::dialect) fn id(&self) -> &str {
        &self.id
    }

    /// The answer begins: its role. Whatever is said first begins it too.
    pub(in crate::dialect) fn begin(&mut self) {
        if !self.has_begun && !self.is_over {
            self.has_begun = true;
            self.delta(
                0,
                &Delta {
                    role: Some("assistant"),
                    content: Some(""),
                    ..Delta::default()
                },
            );
        }
    }

    /// More text.
    pub(in crate::dialect) fn text(&mut self, choice: u64, text: &str) {
        if !text.is_empty() {
            self.say(
                choice,
                &Delta {
                    content: Some(text),
                    ..Delta::default()
                },
            );
        }
    }

    /// More of why it will not answer.
    pub(in crate::dialect) fn refusal(&mut self, choice: u64, text: &str) {
        if !text.is_empty() {
            self.say(
                choice,
                &Delta {
                    refusal: Some(text),
                    ..Delta::default()
                },
            );
        }
    }

    /// More of what it is thinking.
    pub(in crate::dialect) fn reasoning(&mut self, choice: u64, text: &str) {
        if !text.is_empty() {
            self.say(
                choice,
                &Delta {
                    reasoning_content: Some(text),
                    ..Delta::default()
                },
            );
        }
    }

    /// The call at `index`, counted among the calls of this choice, begins.
    pub(in crate::dialect) fn call(&mut self, choice: u64, index: usize, call: (&str, &str, Option<&str>)) {
        let (id, name, signature) = call;
        let call = CallDelta {
            index,
            id: Some(id),
            kind: Some("function"),
            function: FunctionDelta {
                name: Some(name),
                arguments: "",
            },
            extra_content: signature.map(Extra::of),
        };
        self.say(
            choice,
            &Delta {
                tool_calls: Some([call]),
                ..Delta::default()
            },
        );
    }

    /// More of the arguments of the call at `index`.
    pub(in crate::dialect) fn arguments(&mut self, choice: u64, index: usize, fragment: &str) {
        if fragment.is_empty() {
            return;
        }
        let call = CallDelta {
            index,
            id: None,
            kind: None,
            function: FunctionDelta {
                name: None,
                arguments: fragment,
            },
            extra_content: None,
        };
        self.say(
            choice,
            &Delta {
                tool_calls: Some([call]),
                ..Delta::default()
            },
        );
    }

    /// The choice has come to its end.
    pub(in crate::dialect) fn finish(&mut self, choice: u64, finish: Finish) {
        self.begin();
        self.choice(WrittenChoice {
            index: choice,
            delta: &Delta::default(),
            logprobs: (),
            finish_reason: Some(finish.as_str()),
        });
    }

    /// What the answer has taken so far. A reader would count it twice, so nothing is written; it is kept for those
    /// who bill an answer that never comes to its end.
    pub(in crate::dialect) fn spend(&mut self, usage: Usage) {
        self.spent = Some(usage);
    }

    /// What the answer has taken, as far as that was told.
    pub(in crate::dialect) fn spent(&self) -> Option<Usage> {
        self.spent
    }

    /// What the answer took.
    pub(in crate::dialect) fn usage(&mut self, usage: Usage) {
        self.spend(usage);
        self.event(&[], EventUsage::Told(WrittenUsage::of(usage)));
    }

    /// A sign of life that says nothing.
    pub(in crate::dialect) fn ping(&mut self) {
        if !self.is_over {
            self.ready.extend_from_slice(b": ping\n\n");
        }
    }

    /// The provider says that it failed: a JSON object that has `error` at its top.
    pub(in crate::dialect) fn error(&mut self, json: &[u8]) {
        if !self.is_over {
            self.is_over = true;
            self.ready.extend_from_slice(b"data: ");
            // A line end inside would end the event.
            self.ready.extend(json.iter().map(|byte| {
                if matches!(byte, b'\r' | b'\n') {
                    b' '
                } else {
                    *byte
                }
            }));
            self.ready.extend_from_slice(b"\n\n");
        }
    }

    /// The answer is complete.
    pub(in crate::dialect) fn done(&mut self) {
        if !self.is_over {
            self.is_over = true;
            self.ready.extend_from_slice(b"data: [DONE]\n\n");
        }
    }

    /// Has an error, or the terminal marker, been written?
    pub(in crate::dialect) fn is_over(&self) -> bool {
        self.is_over
    }

    fn say(&mut self, choice: u64, delta: &Delta<'_>) {
        self.begin();
        self.delta(choice, delta);
    }

    fn delta(&mut self, choice: u64, delta: &Delta<'_>) {
        self.choice(WrittenChoice {
            index: choice,
            delta,
            logprobs: (),
            finish_reason: None,
        });
    }

    fn choice(&mut self, choice: WrittenChoice<'_>) {
        let usage = if self.shows_usage {
            EventUsage::Not
        } else {
            EventUsage::Unsaid
        };
        self.event(&[choice], usage);
    }

    fn event(&mut self, choices: &[WrittenChoice<'_>], usage: EventUsage) {
        if self.is_over {
            return;
        }
        let event = WrittenEvent {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage,
        };
        let json = serde_json::to_vec(&event).expect("plain values are written without failure");
        self.ready.extend_from_slice(b"data: ");
        self.ready.extend_from_slice(&json);
        self.ready.extend_from_slice(b"\n\n");
    }
}

#[derive(Serialize)]
struct WrittenEvent<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [WrittenChoice<'a>],
    #[serde(skip_serializing_if = "EventUsage::is_unsaid")]
    usage: EventUsage,
}

/// What an event says of the usage.
#[derive(Serialize)]
#[serde(untagged)]
enum EventUsage {
    /// No word.
    Unsaid,
    /// That it has none: `null`.
    Not,
    /// What it is.
    Told(WrittenUsage),
}

impl EventUsage {
    fn is_unsaid(&self) -> bool {
        matches!(self, Self::Unsaid)
    }
}

#[derive(Serialize)]
struct WrittenChoice<'a> {
    index: u64,
    delta: &'a Delta<'a>,
    logprobs: (),
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: FunctionDelta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Extra<'a>>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}
