//! Which JSON schemas an answer can be held to.
//!
//! Invariant: what is accepted here has closed objects only, and nothing that a grammar cannot count.

use serde_json::Value;

/// Keywords that are not taken.
const REFUSED: [&str; 9] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
];

/// Says what in a schema is not taken.
pub(in crate::sim::dialect) fn check(schema: &Value) -> Result<(), String> {
    let Some(fields) = schema.as_object() else {
        return Ok(());
    };
    let told = |message: String| Err(format!("output_config.format.schema: {message}"));
    if let Some(keyword) = REFUSED.iter().find(|keyword| fields.contains_key(**keyword)) {
        let kind = schema["type"].as_str().unwrap_or("any");
        return told(format!(
            "For '{kind}' type, property '{keyword}' is not supported"
        ));
    }
    if schema["minItems"].as_u64().is_some_and(|least| least > 1) {
        return told("For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned());
    }
    if schema["$ref"]
        .as_str()
        .is_some_and(|target| !target.starts_with('#'))
    {
        return told("external '$ref' is not supported".to_owned());
    }
    if schema["type"] == "object" && schema["additionalProperties"] != false {
        return told("For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
    }
    let named = ["properties", "$defs", "definitions"]
        .iter()
        .filter_map(|key| fields.get(*key)?.as_object())
        .flat_map(|map| map.values());
    let listed = ["anyOf", "allOf", "oneOf"]
        .iter()
        .filter_map(|key| fields.get(*key)?.as_array())
        .flatten();
    named.chain(listed).chain(fields.get("items")).try_for_each(check)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_closed_and_nothing_is_counted() {
        let closed = |field: Value| json!({"type": "object", "properties": {"a": field}, "additionalProperties": false});
        let table = [
            (closed(json!({"type": "string"})), None),
            (
                closed(json!({"type": "array", "items": {"type": "object"}})),
                Some("additionalProperties"),
            ),
            (
                json!({"type": "object", "properties": {}}),
                Some("additionalProperties"),
            ),
            (
                closed(json!({"type": "integer", "minimum": 1})),
                Some("'minimum'"),
            ),
            (
                closed(json!({"anyOf": [{"type": "string", "maxLength": 3}]})),
                Some("'maxLength'"),
            ),
            (closed(json!({"type": "array", "minItems": 2})), Some("minItems")),
            (closed(json!({"$ref": "http://x"})), Some("$ref")),
        ];

        for (schema, expected) in table {
            let told = check(&schema);
            match expected {
                None => assert_eq!(told, Ok(()), "{schema}"),
                Some(word) => assert!(
                    told.as_ref().is_err_and(|it| it.contains(word)),
                    "{schema}: {told:?}"
                ),
            }
        }
    }
}
