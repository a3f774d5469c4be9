//! Which JSON fields vendors put what into.
//!
//! Invariant: the first to name a thing wins, and inner objects are asked before outer ones. It knows no meaning of
//! any value.

use serde_json::{Map, Value};

use super::ErrorBody;

/// Errors within errors that are followed, and no further.
const DEEPEST: usize = 4;

/// Items of a list that are looked at.
const MOST_ITEMS: usize = 16;

/// Where a message may be, the best first.
const MESSAGE_KEYS: [&str; 7] = [
    "message",
    "Message",
    "msg",
    "error_description",
    "errorMessage",
    "title",
    "reason",
];

/// How Bedrock opens a message in which it hands on what a model's own service said.
const WRAPPED: &str = "The model returned the following errors:";

impl ErrorBody {
    /// Reads an error of any shape.
    pub(super) fn read_value(&mut self, value: &Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Object(object) => self.read_object(object, depth),
            Value::Array(items) => {
                if let Some(first) = items.first() {
                    self.read_value(first, depth + 1);
                }
            }
            Value::String(text) => self.read_message(text, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// An object that is an error, or holds one under `error`, `errors` or `detail`.
    fn read_object(&mut self, object: &Map<String, Value>, depth: usize) {
        match object.get("error").or_else(|| object.get("errors")) {
            Some(inner @ (Value::Object(_) | Value::Array(_))) => {
                self.names_error = true;
                self.read_value(inner, depth + 1);
                self.read_fields(object, depth);
            }
            Some(Value::String(text)) => {
                self.names_error = true;
                // One word beside a message is a code; alone it is both.
                if !text.contains(char::is_whitespace) {
                    self.note(text);
                }
                self.read_fields(object, depth);
                if self.message.is_empty() {
                    self.read_message(text, depth);
                }
            }
            _ => {
                self.names_error |=
                    depth <= 1 && object.contains_key("message") && !object.contains_key("choices");
                self.read_fields(object, depth);
            }
        }
        match object.get("detail") {
            Some(Value::Array(items)) => self.read_validation(items),
            Some(Value::String(text)) if self.message.is_empty() => self.read_message(text, depth),
            Some(inner @ Value::Object(_)) => self.read_value(inner, depth + 1),
            _ => {}
        }
    }

    /// The fields of one error object.
    fn read_fields(&mut self, object: &Map<String, Value>, depth: usize) {
        self.read_inner_words(object);
        let code = object
            .get("code")
            .or_else(|| object.get("statusCode"))
            .and_then(word);
        let kind = object.get("type").and_then(word).or_else(|| {
            let name = object.get("__type").and_then(Value::as_str)?;
            Some(exception(name).to_owned()).filter(|name| !name.is_empty())
        });
        let status = object.get("status").and_then(Value::as_str);
        for said in [code.as_deref(), kind.as_deref(), status].into_iter().flatten() {
            self.note(said);
        }
        self.code = self.code.take().or(code);
        self.kind = self.kind.take().or(kind);
        self.param = self.param.take().or_else(|| object.get("param").and_then(word));
        for message in MESSAGE_KEYS.iter().filter_map(|key| object.get(*key)) {
            match message {
                _ if !self.message.is_empty() => break,
                Value::String(text) => self.read_message(text, depth),
                Value::Object(_) | Value::Array(_) => self.read_value(message, depth + 1),
                _ => {}
            }
        }
        let raw = object
            .get("metadata")
            .and_then(|metadata| metadata.get("raw"))
            .and_then(Value::as_str);
        if let Some(raw) = raw {
            if !self.message.is_empty() {
                self.message.push_str(": ");
            }
            self.message.push_str(raw);
        }
    }

    /// Words one level further in, which say more than `code` does.
    fn read_inner_words(&mut self, object: &Map<String, Value>) {
        if let Some(metadata) = object.get("metadata") {
            let stable = metadata.get("error_type").and_then(Value::as_str);
            self.stable_type = self.stable_type.take().or_else(|| stable.map(plain));
            self.moderated |= metadata
                .get("reasons")
                .and_then(Value::as_array)
                .is_some_and(|all| !all.is_empty());
        }
        for inner in [
            ("innererror", "code"),
            ("details", "error_code"),
            ("details", "reason"),
        ] {
            if let Some(said) = object
                .get(inner.0)
                .and_then(|details| details.get(inner.1))
                .and_then(Value::as_str)
            {
                self.note(said);
            }
        }
        let details = object.get("details").and_then(Value::as_array);
        for detail in details.into_iter().flatten().take(MOST_ITEMS) {
            if let Some(reason) = detail.get("reason").and_then(Value::as_str) {
                self.note(reason);
            }
            if let Some(delay) = detail.get("retryDelay").and_then(Value::as_str) {
                self.retry_delay.get_or_insert_with(|| delay.to_owned());
            }
            let violations = detail.get("violations").and_then(Value::as_array);
            for violation in violations.into_iter().flatten().take(MOST_ITEMS) {
                let quota = violation.get("quotaId").and_then(Value::as_str);
                if quota.is_some_and(|id| id.contains("PerDay")) {
                    self.note("quota_per_day");
                }
            }
        }
    }

    /// A list of what does not validate. Only what each entry says is read, never the input it echoes.
    fn read_validation(&mut self, items: &[Value]) {
        self.validation = true;
        let mut said = Vec::new();
        for item in items.iter().take(MOST_ITEMS) {
            if let Some(kind) = item.get("type").and_then(Value::as_str) {
                self.note(kind);
            }
            let place = item
                .get("loc")
                .and_then(Value::as_array)
                .map(|steps| steps.iter().filter_map(word).collect::<Vec<_>>().join("."));
            let text = item
                .get("msg")
                .or(Some(item))
                .and_then(Value::as_str)
                .unwrap_or("not valid");
            said.push(place.map_or_else(|| text.to_owned(), |place| format!("{place}: {text}")));
        }
        if self.message.is_empty() {
            self.message = said.join("; ");
        }
        self.names_error = true;
    }

    /// A message; some gateways put the whole inner error into it as text.
    fn read_message(&mut self, text: &str, depth: usize) {
        let text = text.trim();
        let inner = match text.strip_prefix(WRAPPED) {
            Some(inner) => {
                self.wrapped = true;
                inner.trim_start()
            }
            None => text,
        };
        if depth < DEEPEST
            && inner.starts_with(['{', '['])
            && let Ok(value) = serde_json::from_str(inner)
        {
            self.read_value(&value, depth + 1);
        }
        if self.message.is_empty() {
            inner.clone_into(&mut self.message);
        }
    }

    /// Keeps a word for judging.
    pub(super) fn note(&mut self, said: &str) {
        let plain = plain(said);
        if !plain.is_empty() && !self.words.contains(&plain) {
            self.words.push(plain);
        }
    }
}

/// The bare name of an exception, which may carry a namespace before it and an address behind it.
pub(super) fn exception(name: &str) -> &str {
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    name.rsplit_once('#').map_or(name, |(_, name)| name).trim()
}

/// A string or a number, as text.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Letters and digits only, in lower case: vendors agree on words more than on how to join them.
fn plain(said: &str) -> String {
    said.chars()
        .take(100)
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}
