//! The JSON form of a [`FaultRule`], as the console reads and shows it.
//!
//! Invariant: what is shown can be posted again and means the same. Unknown keys are refused, because a misspelled
//! `times` would leave a fault on for ever.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::rule::{FaultRule, Reach};
use super::rule_text::{InvalidRule, error, header, share};

/// The keys of a rule, as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleForm {
    fault: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default)]
    on: Reach,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<Loose>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_events: Option<u32>,
    #[serde(default, skip_serializing_if = "is_false")]
    after_opening: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    raw: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<Encoding>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A text that may also be written as a number.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Text(String),
    Number(serde_json::Number),
}

/// One rule or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Forms {
    Many(Vec<serde_json::Value>),
    One(serde_json::Value),
}

/// Reads one rule or a list of rules.
pub(super) fn read(body: &[u8]) -> Result<Vec<FaultRule>, InvalidRule> {
    let unreadable = |error: serde_json::Error| InvalidRule::Form(error.to_string());
    let forms = match serde_json::from_slice(body).map_err(unreadable)? {
        Forms::Many(forms) => forms,
        Forms::One(form) => vec![form],
    };
    let read = |form| {
        serde_json::from_value::<RuleForm>(form)
            .map_err(unreadable)?
            .into_rule()
    };
    forms.into_iter().map(read).collect()
}

impl RuleForm {
    fn into_rule(self) -> Result<FaultRule, InvalidRule> {
        let mut rule: FaultRule = self.fault.parse()?;
        rule.times = self.times;
        rule.rate = share(self.rate.unwrap_or(1.0))?;
        rule.model = self.model;
        rule.on = self.on;
        rule.message = self.message;
        rule.encoding = self.encoding;
        if let Some(status) = self.status {
            let legal = StatusCode::from_u16(status)
                .ok()
                .filter(|_| (200..600).contains(&status));
            rule.status = Some(legal.ok_or_else(|| InvalidRule::Status(status.to_string()))?);
        }
        if let Some(given) = self.retry_after {
            rule.retry_after = Some(match given {
                Loose::Text(text) => text,
                Loose::Number(number) => number.to_string(),
            });
        }
        if self.after_events.is_some() {
            rule.after_events = self.after_events;
        }
        rule.after_opening |= self.after_opening;
        rule.raw |= self.raw;
        if let Some(given) = self.error {
            rule.error = Some(error(&given)?);
        }
        if let Some(given) = self.delay {
            let delay = humantime::parse_duration(&given).map_err(|_| InvalidRule::Delay(given))?;
            rule.delay = Some(delay);
        }
        for (name, value) in self.headers {
            rule.headers.push(header(&format!("{name}: {value}"))?);
        }
        Ok(rule)
    }
}

impl From<&FaultRule> for RuleForm {
    fn from(rule: &FaultRule) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            fault: rule.fault.name().to_owned(),
            times: rule.times,
            rate: Some(rule.rate),
            model: rule.model.clone(),
            on: rule.on,
            status: rule.status.map(|status| status.as_u16()),
            retry_after: rule.retry_after.clone().map(Loose::Text),
            after_events: rule.after_events,
            after_opening: rule.after_opening,
            error: rule.error.map(|error| error.name().to_owned()),
            raw: rule.raw,
            delay: rule
                .delay
                .map(|delay| humantime::format_duration(delay).to_string()),
            message: rule.message.clone(),
            encoding: rule.encoding,
            headers: rule
                .headers
                .iter()
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault::Fault;
    use super::*;

    #[test]
    fn a_rule_reads_back_from_what_is_shown() {
        let rule = FaultRule::new(Fault::CutStream)
            .times(2)
            .rate(0.25)
            .model("m")
            .on(Reach::All)
            .status(StatusCode::IM_A_TEAPOT)
            .retry_after("7")
            .after_events(4)
            .after_opening()
            .error(Fault::Overloaded)
            .raw()
            .delay(std::time::Duration::from_millis(1500))
            .message("why")
            .encoding(Encoding::Zstd)
            .header("x-a".parse().unwrap(), "b: c".parse().unwrap());

        let shown = serde_json::to_vec(&RuleForm::from(&rule)).unwrap();

        assert_eq!(read(&shown).unwrap(), vec![rule]);
    }

    #[test]
    fn short_and_long_forms_mean_the_same() {
        let short = read(
            br#"[{"fault":"server-error:418"},{"fault":"rate_limit:1.5"},{"fault":"stream_error:2:overloaded:raw"},
                {"fault":"cut_stream:opening"}]"#,
        )
        .unwrap();
        let long = read(
            br#"[{"fault":"server_error","status":418},{"fault":"rate_limit","retry_after":1.5},
                {"fault":"stream_error","after_events":2,"error":"overloaded","raw":true},
                {"fault":"cut_stream","after_opening":true}]"#,
        );

        assert_eq!(short, long.unwrap());
    }

    #[test]
    fn every_mistake_is_named() {
        let table = [
            (r#"{"fault":"nope!"}"#, "unknown fault `nope!`"),
            (r#"{"fault":"hang:3"}"#, "takes no argument, but `:3`"),
            (r#"{"fault":"hang","tmies":3}"#, "unknown field `tmies`"),
            (r#"{"fault":"hang","rate":30}"#, "the rate `30`"),
            (r#"{"fault":"server_error:42"}"#, "the status `42`"),
            (r#"{"fault":"server_error","status":101}"#, "the status `101`"),
            (
                r#"{"fault":"slow_first_token:soon"}"#,
                "`soon` is no length of time",
            ),
            (
                r#"{"fault":"slow_first_token","delay":"soon"}"#,
                "`soon` is no length of time",
            ),
            (r#"{"fault":"stall:-1"}"#, "`-1` is no number of events"),
            (
                r#"{"fault":"stall:overloaded"}"#,
                "`overloaded` is no number of events",
            ),
            (r#"{"fault":"stream_error:hang"}"#, "the fault `hang` is no error"),
            (
                r#"{"fault":"stream_error","error":"overload"}"#,
                "did you mean `overloaded`?",
            ),
            (
                r#"{"fault":"auth","headers":{"a b":"c"}}"#,
                "`a b: c` is no header",
            ),
            ("{}", "missing field `fault`"),
            ("[", "cannot be read"),
        ];

        for (given, expected) in table {
            let error = read(given.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{given}: {error}");
        }
    }

    #[test]
    fn a_model_name_can_carry_a_fault() {
        assert_eq!(
            FaultRule::of_model("fault-rate-limit").unwrap().fault,
            Fault::RateLimit
        );
        assert_eq!(
            FaultRule::of_model("gpt-4o#stall:2").unwrap().after_events,
            Some(2)
        );
        assert_eq!(FaultRule::of_model("gpt-4o"), None);
        assert_eq!(FaultRule::of_model("gpt-4o#nothing"), None);
    }
}
