//! What the session sees of this language: properties of requests, and streams as their judge reads them.

mod asked;
mod streamed;
