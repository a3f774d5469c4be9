//! What can be wrong with a request body, in words for the client.

use std::fmt;

use serde_json::error::Category;

/// A request body that cannot be planned for; its text is for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InvalidBody {
    /// Nothing was sent.
    Empty,
    /// Not UTF-8 from this byte on.
    InvalidUtf8 {
        /// Offset of the first byte that is wrong.
        at: usize,
    },
    /// Not JSON.
    NotJson {
        /// Line of the mistake, from 1.
        line: usize,
        /// Column of the mistake, in bytes, from 0.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Arrays and objects are nested too deeply.
    TooDeep,
    /// JSON, but not an object.
    NotObject,
    /// No `model`.
    MissingModel,
    /// A `model` that is no string.
    ModelNotString,
    /// A `model` without a name.
    EmptyModel,
    /// More than one `model`; readers of JSON disagree on which one counts.
    DuplicateModel,
    /// A `stream` that is neither true nor false.
    StreamNotBool,
}

impl InvalidBody {
    /// The field that is wrong, for the `param` of the error that the client gets.
    pub fn param(&self) -> Option<&'static str> {
        match self {
            Self::Empty
            | Self::InvalidUtf8 { .. }
            | Self::NotJson { .. }
            | Self::TooDeep
            | Self::NotObject => None,
            Self::MissingModel | Self::ModelNotString | Self::EmptyModel | Self::DuplicateModel => {
                Some("model")
            }
            Self::StreamNotBool => Some("stream"),
        }
    }

    pub(super) fn from_json(error: &serde_json::Error) -> Self {
        let whole = error.to_string();
        let problem = whole.split(" at line ").next().unwrap_or_default();
        match error.classify() {
            // Every value is welcome anywhere but at the top.
            Category::Data => Self::NotObject,
            Category::Syntax if problem == "recursion limit exceeded" => Self::TooDeep,
            Category::Syntax | Category::Eof | Category::Io => Self::NotJson {
                line: error.line(),
                column: error.column(),
                problem: problem.to_owned(),
            },
        }
    }
}

impl fmt::Display for InvalidBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the request has no body; send a JSON object with a `model`"),
            Self::InvalidUtf8 { at } => {
                write!(
                    f,
                    "the request body is not UTF-8: the byte at offset {at} is wrong; send JSON in UTF-8"
                )
            }
            Self::NotJson {
                line,
                column,
                problem,
            } => {
                write!(
                    f,
                    "the request body is not JSON: {problem} at line {line}, column {column}"
                )
            }
            Self::TooDeep => {
                f.write_str("the request body nests arrays and objects more than 127 levels deep")
            }
            Self::NotObject => {
                f.write_str("the request body is JSON but not an object; send `{\"model\": ...}`")
            }
            Self::MissingModel => {
                f.write_str("the request names no `model`; see `/v1/models` for those there are")
            }
            Self::ModelNotString => {
                f.write_str("`model` is not a string; see `/v1/models` for the names there are")
            }
            Self::EmptyModel => f.write_str("`model` is empty; see `/v1/models` for the names there are"),
            Self::DuplicateModel => f.write_str("the request has more than one `model`; send it once"),
            Self::StreamNotBool => f.write_str("`stream` is neither `true` nor `false`"),
        }
    }
}

impl std::error::Error for InvalidBody {}
