//! The shape check on a small schema of its own.

use serde_json::json;

use super::*;

fn schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "count": {"type": "integer", "minimum": 1, "maximum": 20},
            "share": {"anyOf": [{"type": "number", "minimum": 0}, {"const": "off", "type": "string"}]},
            "flag": {"type": "boolean"},
            "mode": {"oneOf": [{"const": "retry"}, {"const": "next_request"}]},
            "wait": {"$ref": "#/$defs/Wait"},
            "key": {"type": "string", "title": "secret", "writeOnly": true, "examples": ["${KEY}"]},
            "words": {"type": "array", "items": {"type": "string"}},
            "parts": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Part"}},
            "list": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
            "who": {"anyOf": [{"oneOf": [{"const": "anyone"}]}, {"type": "object", "additionalProperties": {"$ref": "#/$defs/Part"}}]},
        },
        "$defs": {
            "Wait": {"type": "string", "title": "duration", "examples": ["30s"]},
            "Part": {"type": "object", "additionalProperties": false, "properties": {"size": {"type": "integer"}}},
        },
    })
}

fn checked(written: &Value, filled: &[ConfigPath]) -> (Value, Vec<String>) {
    let mut tree = written.clone();
    let mut report = Report::new(written);
    check(
        &mut tree,
        &schema(),
        &filled.iter().cloned().collect(),
        &mut report,
    );
    let told = report.finish().err().unwrap_or_default();
    (tree, told.iter().map(ToString::to_string).collect())
}

#[test]
fn what_fits_is_left_alone() {
    let written = json!({
        "name": "x", "count": 20, "share": 0.5, "flag": true, "mode": "next_request", "wait": "soon",
        "key": "k", "words": ["a"], "parts": {"any name": {"size": -3}}, "list": [{}], "who": "anyone",
    });

    assert_eq!(checked(&written, &[]), (written, Vec::new()));
}

/// What is written, what is left of it, and what is told.
const MISFITS: &str = r#"
{"nmae": 1}
{}
nmae: unknown key
  hint: did you mean `name`?

{"name": 1.5}
{}
name: `1.5` is not text
  hint: put it in quotes

{"name": ["x"]}
{}
name: a list is not text

{"count": 0}
{}
count: `0` is out of range
  hint: use 1 to 20

{"count": 2.5}
{}
count: `2.5` is not a whole number

{"count": "two"}
{}
count: `two` is not a whole number

{"count": "sk-0123456789abcdefghijklmnop"}
{}
count: text is not a whole number

{"share": -1}
{}
share: `-1` is out of range
  hint: use 0 or more

{"share": "on"}
{}
share: `on` is not a number or `off`

{"flag": "yes"}
{}
flag: `yes` is not `true` or `false`

{"mode": "next-request"}
{}
mode: `next-request` is not one of retry, next_request
  hint: did you mean `next_request`?

{"mode": true}
{}
mode: `true` is not one of retry, next_request

{"wait": 30}
{}
wait: `30` is not a duration
  hint: write for example `30s`

{"key": 12345}
{}
key: a number is not text
  hint: put it in quotes

{"key": ["sk-1"]}
{}
key: a list is not text
  hint: write for example `${KEY}`

{"words": "a"}
{}
words: text is not a list
  hint: write `[it]`

{"words": ["a", 1]}
{"words": ["a", ""]}
words[1]: `1` is not text
  hint: put it in quotes

{"parts": {"a": "sk-1", "b": {"size": 1}}}
{"parts": {"a": {}, "b": {"size": 1}}}
parts.a: text is not a mapping
  hint: write `key: value` lines below it

{"list": [null]}
{"list": [{}]}
list[0]: nothing is not a mapping

{"who": "some"}
{}
who: `some` is not `anyone` or a mapping

{"who": {"a": {"siz": 1}}}
{"who": {"a": {}}}
who.a.siz: unknown key
  hint: did you mean `size`?

[]
{}
(the whole file): a list is not a mapping
"#;

#[test]
fn every_kind_of_misfit_is_told_and_taken_out() {
    for case in MISFITS.trim().split("\n\n") {
        let mut lines = case.splitn(3, '\n');
        let mut next = || lines.next().unwrap();
        let (written, left, told) = (next(), next(), next());
        let (written, left) = (
            serde_json::from_str(written).unwrap(),
            serde_json::from_str(left).unwrap(),
        );

        assert_eq!(checked(&written, &[]), (left, vec![told.to_owned()]), "{written}");
    }
}

#[test]
fn an_unknown_key_without_a_likeness_lists_the_known_ones() {
    let (_, told) = checked(&json!({"parts": {"a": {"colour": 1}}}), &[]);

    assert_eq!(told, ["parts.a.colour: unknown key\n  hint: known here: size"]);
}

#[test]
fn a_key_with_nothing_after_it_is_no_key_and_a_name_with_nothing_after_it_is_empty() {
    let written = json!({"name": null, "count": null, "parts": {"a": null}});

    assert_eq!(checked(&written, &[]), (json!({"parts": {"a": {}}}), Vec::new()));
}

#[test]
fn a_filled_text_may_stand_for_a_number_or_a_flag_and_an_ordinary_one_may_not() {
    let written = json!({"count": "7", "share": "0.5", "flag": "true", "name": "8"});
    let root = ConfigPath::default();
    let filled = ["count", "share", "flag", "name"].map(|key| root.key(key));

    let (tree, told) = checked(&written, &filled);

    assert_eq!(
        (tree, told.len()),
        (json!({"count": 7, "share": 0.5, "flag": true, "name": "8"}), 0)
    );
    assert_eq!(checked(&written, &[]).1.len(), 3);
}

#[test]
fn all_misfits_are_told_at_once() {
    let (_, told) = checked(
        &json!({"count": "x", "parts": {"a": {"b": 1}}, "mode": "z", "list": [1, 2]}),
        &[],
    );

    assert_eq!(told.len(), 5, "{told:#?}");
}
