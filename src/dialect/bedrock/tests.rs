//! What the session sees of this language: properties of requests and answers, and streams as their judge reads them.

mod answered;
mod asked;
mod streamed;
