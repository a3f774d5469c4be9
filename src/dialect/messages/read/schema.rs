//! Whether a JSON Schema leaves nothing open.

use std::collections::HashSet;

use serde_json::Value;
use serde_json::value::RawValue;

/// Is every field of every object in it required, and no other allowed? Only such a schema can bind models everywhere.
pub(super) fn is_closed(schema: &RawValue) -> bool {
    serde_json::from_str::<Value>(schema.get())
        .is_ok_and(|schema| is_object(&schema) && leaves_nothing_open(&schema))
}

fn is_object(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => false,
    }
}

fn leaves_nothing_open(schema: &Value) -> bool {
    match schema {
        Value::Array(list) => list.iter().all(leaves_nothing_open),
        Value::Object(fields) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let required = schema.get("required").and_then(Value::as_array);
            let required: HashSet<&str> = required.into_iter().flatten().filter_map(Value::as_str).collect();
            let is_required = |name: &String| required.contains(name.as_str());
            let is_shut = schema.get("additionalProperties") == Some(&Value::Bool(false))
                && properties.is_none_or(|properties| properties.keys().all(is_required));
            let has_fields = properties.is_some() || is_object(schema);
            (is_shut || !has_fields) && fields.values().all(leaves_nothing_open)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_closed_if_every_object_in_it_is() {
        let cases = [
            (
                r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}"#,
                true,
            ),
            (
                r#"{"type":"object","properties":{},"additionalProperties":false}"#,
                true,
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}"#,
                false,
            ),
            (
                r#"{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}"#,
                false,
            ),
            (r#"{"type":"object"}"#, false),
            (
                r#"{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{}}}}},
                    "required":["a"],"additionalProperties":false}"#,
                false,
            ),
            (r#"{"type":["object","null"],"additionalProperties":false}"#, true),
            (r#"{"anyOf":[]}"#, false),
            ("true", false),
        ];
        for (schema, expected) in cases {
            let raw: &RawValue = serde_json::from_str(schema).unwrap();
            assert_eq!(is_closed(raw), expected, "{schema}");
        }
    }
}
