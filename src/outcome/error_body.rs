//! Reading the body of a failed answer, whatever it is.
//!
//! Invariant: reading never fails and never panics; a body that says nothing yields an empty reading. What a request
//! echoed back is left out where it can be told apart. It knows the shapes that vendors use, not what they mean.

mod fields;
mod repair;

use serde_json::Value;

/// Characters of a provider's message that the client and the log get to see.
pub const MESSAGE_LIMIT: usize = 300;

/// Bytes of a body that are read; everything that tells one failure from another comes before.
const READ_LIMIT: usize = 64 * 1024;

/// What kind of body it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Shape {
    /// Nothing, or only white space.
    #[default]
    Empty,
    /// JSON, whole or cut.
    Json,
    /// A page of a load balancer or CDN.
    Html,
    /// Anything else.
    Text,
}

/// What the body of a failed answer says.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about a body, not a state"
)]
pub struct ErrorBody {
    /// The message, as the provider wrote it: unbounded, not yet safe to show.
    pub message: String,
    /// `code`, a number written out.
    pub code: Option<String>,
    /// `type`.
    pub kind: Option<String>,
    /// `param`.
    pub param: Option<String>,
    pub(super) shape: Shape,
    /// Every word that classifies, in letters and digits only, the most trusted first.
    pub(super) words: Vec<String>,
    /// `metadata.error_type`, of the vendors that keep it stable.
    pub(super) stable_type: Option<String>,
    /// The wait named by a `retryDelay` detail.
    pub(super) retry_delay: Option<String>,
    /// A moderation said why.
    pub(super) moderated: bool,
    /// The error is that of the model's own service, handed on by another.
    pub(super) wrapped: bool,
    /// A list of what does not validate; it echoes the request.
    pub(super) validation: bool,
    /// Does it name an error at all?
    pub(super) names_error: bool,
}

impl ErrorBody {
    /// Reads a decoded body, which may be cut.
    pub fn read(body: &[u8]) -> ErrorBody {
        let body = body.get(..READ_LIMIT).unwrap_or(body);
        let text = String::from_utf8_lossy(body);
        let text = event_data(text.trim_start_matches('\u{feff}').trim());
        let mut reading = ErrorBody::default();
        match text.as_bytes().first() {
            None => {}
            Some(b'{' | b'[') => reading.read_json(text),
            Some(b'<') => reading.read_html(text),
            Some(_) => reading.read_text(text),
        }
        reading
    }

    /// The HTTP status that the body itself names: some vendors answer 200 and say 429 in `code`.
    pub(super) fn inner_status(&self) -> Option<u16> {
        self.code
            .as_deref()?
            .parse()
            .ok()
            .filter(|status| (400..600).contains(status))
    }

    /// Takes in the kind of error that a header names, as Amazon's services do; what the body says is trusted more.
    pub(super) fn named_by_header(&mut self, name: &str) {
        let name = fields::exception(name);
        self.note(name);
        if self.kind.is_none() && !name.is_empty() {
            self.kind = Some(name.to_owned());
        }
        self.names_error = true;
    }

    /// Is this one of its words?
    pub(super) fn says(&self, word: &str) -> bool {
        self.words.iter().any(|said| said == word)
    }

    fn read_json(&mut self, text: &str) {
        match first_value(text) {
            Some(value) => {
                self.shape = Shape::Json;
                self.read_value(&value, 0);
                if self.message.is_empty() {
                    text.clone_into(&mut self.message);
                }
            }
            None => self.read_text(text),
        }
    }

    fn read_text(&mut self, text: &str) {
        self.shape = Shape::Text;
        text.trim_matches('"').clone_into(&mut self.message);
    }

    fn read_html(&mut self, text: &str) {
        self.shape = Shape::Html;
        let lower = text.to_ascii_lowercase();
        let title = lower.find("<title").and_then(|tag| {
            let start = tag + lower.get(tag..)?.find('>')? + 1;
            let end = start + lower.get(start..)?.find('<')?;
            text.get(start..end)
        });
        title.unwrap_or_default().trim().clone_into(&mut self.message);
    }
}

/// The data of the first event, where an error came as an event stream.
fn event_data(text: &str) -> &str {
    if !(text.starts_with("data:") || text.starts_with("event:")) {
        return text;
    }
    text.lines()
        .find_map(|line| line.strip_prefix("data:"))
        .map_or(text, str::trim)
}

/// The first JSON value of the text; what follows it does not matter, and a cut one is closed.
fn first_value(text: &str) -> Option<Value> {
    match serde_json::Deserializer::from_str(text)
        .into_iter::<Value>()
        .next()?
    {
        Ok(value) => Some(value),
        Err(error) if error.is_eof() => serde_json::from_str(&repair::closed(text)?).ok(),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
