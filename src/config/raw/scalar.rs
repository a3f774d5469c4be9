//! Texts with a form of their own, still as text.
//!
//! Invariant: `title` and `examples` of each schema are what a message about a wrong value repeats, and
//! `writeOnly` marks what no message may repeat.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

macro_rules! text_scalar {
    ($(#[$doc:meta])* $type:ident, $name:literal, $($schema:tt)+) => {
        $(#[$doc])*
        #[derive(Deserialize)]
        pub(in crate::config) struct $type(pub(in crate::config) String);

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $($schema)+ })
            }
        }
    };
}

text_scalar!(
    /// `127.0.0.1:9900`.
    RawAddress, "Address",
    "title": "IP address with a port",
    "examples": ["127.0.0.1:10000", "0.0.0.0:10000"],
    "description": "An IP address and a port to listen on."
);
text_scalar!(
    /// `unix:run/understudy.sock` or `understudy:9000`.
    RawGrpc, "GrpcAddress",
    "title": "socket path or a host with a port",
    "examples": ["unix:run/understudy.sock", "understudy:9000"],
    "description": "`unix:` and the path of a socket, or a host and a port."
);
text_scalar!(
    /// `envoy:10000`.
    RawHostPort, "HostAndPort",
    "title": "host with a port",
    "examples": ["envoy:10000"],
    "description": "A host name or IP address, and a port."
);
text_scalar!(
    /// `250ms`.
    RawDuration, "Duration",
    "title": "duration",
    "examples": ["30s", "250ms", "5m"],
    "description": "A number and its unit: ms, s, m or h."
);
text_scalar!(
    /// `32MiB`.
    RawSize, "Size",
    "title": "size",
    "examples": ["32MiB", "500KiB"],
    "description": "A number and its unit: B, KiB, MiB, GiB, KB, MB or GB."
);
text_scalar!(
    /// `https://api.openai.com/v1`.
    RawUrl, "Url",
    "title": "URL",
    "examples": ["https://api.openai.com/v1"],
    "description": "An `https://` or `http://` URL without a query."
);
text_scalar!(
    /// Something that no message may repeat.
    RawSecret, "Secret",
    "title": "secret",
    "examples": ["${OPENAI_API_KEY}", "file:/run/secrets/openai"],
    "writeOnly": true,
    "description": "`${NAME}` from the environment, `${NAME:-default}`, `file:/path` to a file with nothing else in it, or the value itself."
);
