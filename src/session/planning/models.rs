//! What is said about the models there are: the listing, one of them, and the one that is missing.

use serde::Serialize;

use super::may_name;
use crate::catalog::{Catalog, ClientIx, Model, ModelIx};
use crate::outcome::openai_error;
use crate::session::arrival::shortened;
use crate::session::operations::Reply;

/// Most names that an error quotes.
const MOST_NAMES: usize = 40;

#[derive(Serialize)]
struct Listing<'a> {
    object: &'static str,
    data: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Entry<'a> {
    fn new(id: &'a str) -> Self {
        Self {
            id,
            object: "model",
            created: 0,
            owned_by: "understudy",
        }
    }
}

fn visible(catalog: &Catalog, client: Option<ClientIx>) -> impl Iterator<Item = &Model> {
    let named = catalog.models.iter().enumerate();
    named
        .filter(move |(ix, _)| may_name(catalog, client, ModelIx(*ix)))
        .map(|(_, model)| model)
}

/// `GET /v1/models`: every name the client may use, aliases included.
pub(in crate::session) fn list(catalog: &Catalog, client: Option<ClientIx>) -> Reply {
    let data = visible(catalog, client)
        .flat_map(|model| std::iter::once(&model.name).chain(&model.aliases))
        .map(|name| Entry::new(name))
        .collect();
    answered(&Listing { object: "list", data })
}

/// `GET /v1/models/{id}`; the id may hold slashes, raw or percent-encoded.
pub(in crate::session) fn one(catalog: &Catalog, client: Option<ClientIx>, encoded: &str) -> Reply {
    let name = decoded(encoded);
    match catalog.model_named(&name) {
        Some(model) if may_name(catalog, client, model) => answered(&Entry::new(&name)),
        _ => unknown(catalog, client, &name),
    }
}

/// 404 `model_not_found`, naming the models there are.
pub(in crate::session) fn unknown(catalog: &Catalog, client: Option<ClientIx>, name: &str) -> Reply {
    let names: Vec<&str> = visible(catalog, client)
        .map(|model| model.name.as_ref())
        .take(MOST_NAMES + 1)
        .collect();
    let (shown, more) = if names.len() > MOST_NAMES {
        (&names[..MOST_NAMES], ", …")
    } else {
        (&names[..], "")
    };
    let message = format!(
        "the model `{}` does not exist here; there are: {}{more}",
        shortened(name),
        shown.join(", ")
    );
    let body = openai_error(
        "invalid_request_error",
        Some("model_not_found"),
        Some("model"),
        &message,
    );
    Reply {
        status: 404,
        headers: Vec::new(),
        body,
        details: "model_not_found",
    }
}

fn answered(body: &impl Serialize) -> Reply {
    let body = serde_json::to_vec(body).expect("plain structs of text always serialize");
    Reply {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
        details: "models",
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, tail @ ..] => hex(*high)
                .zip(hex(*low))
                .map(|(high, low)| (high * 16 + low, tail)),
            _ => None,
        };
        let (byte, tail) = escaped.unwrap_or((*first, tail));
        bytes.push(byte);
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}
