mod faults;
mod passing;
mod request;
mod speed;
mod stages;
mod whole;

use super::*;

/// What came of a stream.
#[derive(Clone, PartialEq)]
struct Outcome {
    passed: Vec<u8>,
    end: Result<(), Fault>,
    is_meaningful: bool,
    usage: Option<Usage>,
    model: Option<String>,
    finish_reason: Option<String>,
    items: u64,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.passed.escape_ascii())?;
        writeln!(f, "{:?} {} {}", self.end, self.is_meaningful, self.items)?;
        write!(f, "{:?} {:?} {:?}", self.usage, self.model, self.finish_reason)
    }
}

/// Lets a stream pass that comes in these pieces.
fn pass<'a>(usage_for: UsageFor, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut judge = StreamJudge::new(usage_for);
    let mut out = Vec::new();
    let mut end = Ok(());
    for piece in pieces {
        end = judge
            .on_chunk(&Bytes::copy_from_slice(piece), &mut out)
            .map(|_| ());
    }
    let end = end.and_then(|()| judge.on_end(&mut out));
    Outcome {
        passed: out.concat(),
        end,
        is_meaningful: judge.is_meaningful(),
        usage: judge.usage(),
        model: judge.answer_model().map(str::to_owned),
        finish_reason: judge.finish_reason().map(str::to_owned),
        items: judge.items(),
    }
}

/// Lets a stream pass in one piece.
fn pass_whole(stream: &str) -> Outcome {
    pass(UsageFor::Client, [stream.as_bytes()])
}

/// One event with these choices.
fn event(choices: &str) -> String {
    format!("data: {{\"id\":\"c\",\"model\":\"m-1\",\"choices\":[{choices}]}}\n\n")
}

/// One event with this delta of the first choice.
fn delta(delta: &str) -> String {
    event(&format!(
        r#"{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}"#
    ))
}

fn finish(index: u32, reason: &str) -> String {
    event(&format!(
        r#"{{"index":{index},"delta":{{}},"finish_reason":"{reason}"}}"#
    ))
}

const ROLE: &str = r#"{"role":"assistant","content":"","refusal":null}"#;
const DONE: &str = "data: [DONE]\n\n";

fn content(text: &str) -> String {
    delta(&format!(r#"{{"content":"{text}"}}"#))
}

/// A stream as the vendor sends it, with usage if it was asked for.
fn ordinary(usage: Option<&str>) -> String {
    let null = if usage.is_some() { ",\"usage\":null" } else { "" };
    let with_null = |event: String| event.replace("]}\n", &format!("]{null}}}\n"));
    let usage =
        usage.map(|usage| event("").replace("\"choices\":[]", &format!("\"choices\":[],\"usage\":{usage}")));
    [
        with_null(delta(ROLE)),
        with_null(content("A \u{1f600} c")),
        ": still here\n\n".to_owned(),
        with_null(content("at, \\ud83d")),
        with_null(content("\\\"usage\\\":null")),
        with_null(finish(0, "stop")),
        usage.unwrap_or_default(),
        DONE.to_owned(),
    ]
    .concat()
}

const USAGE: &str = r#"{"prompt_tokens":30,"completion_tokens":12,"total_tokens":42}"#;

#[expect(clippy::unnecessary_wraps, reason = "compared with what the judge has")]
fn tokens(input: u64, output: u64) -> Option<Usage> {
    Some(Usage {
        input,
        output,
        ..Usage::default()
    })
}
