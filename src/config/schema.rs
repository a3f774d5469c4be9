//! The JSON Schema of the file, generated from the raw types.
//!
//! Invariant: editors and Understudy read the same schema: the shipped file is what [`schema_json`] gives,
//! and the file is checked against what [`schema`] gives.

use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::raw::RawConfig;

/// The schema as a tree.
pub(super) fn schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let schema = SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<RawConfig>();
        let mut schema = schema.to_value();
        tidy(&mut schema);
        schema
    })
}

/// The schema as it is shipped in `schema/understudy.schema.json`, for editors.
pub fn schema_json() -> String {
    format!("{:#}\n", schema())
}

/// Takes out what only Rust needs: that a key may be left out is said by not being required, and `Raw` by
/// being in the file.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(map) => {
            drop_null(map);
            if let Some(Value::Object(definitions)) = map.get_mut("$defs") {
                let renamed = std::mem::take(definitions).into_iter();
                *definitions = renamed
                    .map(|(name, schema)| (name.replacen("Raw", "", 1), schema))
                    .collect();
            }
            if let Some(Value::String(reference)) = map.get_mut("$ref") {
                *reference = reference.replacen("/Raw", "/", 1);
            }
            map.values_mut().for_each(tidy);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_mut_slice() {
            let only = only.take();
            map.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(branches)) = map.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
    if let [Value::Object(only)] = branches.as_mut_slice() {
        let only = std::mem::take(only);
        map.shift_remove("anyOf");
        for (keyword, value) in only.into_iter().rev() {
            if !map.contains_key(&keyword) {
                map.shift_insert(0, keyword, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/understudy.schema.json");

    #[test]
    fn the_shipped_schema_is_current() {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(SHIPPED, schema_json()).unwrap();
        }

        let shipped = std::fs::read_to_string(SHIPPED).unwrap_or_default();

        assert!(
            shipped == schema_json(),
            "{SHIPPED} is out of date; make it anew with `UPDATE_SCHEMA=1 cargo test --lib config::schema`"
        );
    }

    #[test]
    fn the_schema_says_what_is_required_and_speaks_no_rust() {
        let text = schema_json();

        assert_eq!(schema()["required"], serde_json::json!(["providers", "models"]));
        assert_eq!(
            schema()["$defs"]["Target"]["required"],
            serde_json::json!(["provider"])
        );
        assert!(!text.contains("null") && !text.contains("Raw"), "{text}");
    }

    #[test]
    fn every_key_is_described_and_no_mapping_takes_unknown_keys() {
        fn visit(at: &str, value: &Value) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                let is_closed = ["additionalProperties", "unevaluatedProperties"]
                    .iter()
                    .any(|keyword| value.get(keyword) == Some(&Value::Bool(false)));
                assert!(is_closed, "{at} takes unknown keys");
                for (name, property) in properties {
                    assert!(
                        property.get("description").is_some(),
                        "{at}.{name} has no description"
                    );
                }
            }
            match value {
                Value::Object(map) => map
                    .iter()
                    .for_each(|(key, inner)| visit(&format!("{at}.{key}"), inner)),
                Value::Array(items) => items.iter().for_each(|inner| visit(at, inner)),
                _ => {}
            }
        }

        visit("", schema());
    }
}
