//! Configurations that are refused, and the very words people read.

use super::super::*;
use super::{Fixture, causes, refused, sources};

const PROVIDERS: &str = "providers: { openai: { kind: openai, api_key: sk-1 } }\n";
const MODELS: &str = "models: { m: { targets: [ { provider: openai } ] } }\n";

fn with_both(text: &str) -> Vec<String> {
    refused(&format!("{text}\n{PROVIDERS}{MODELS}"))
}

fn with_providers(text: &str) -> Vec<String> {
    refused(&format!("{PROVIDERS}{text}"))
}

fn with_models(text: &str) -> Vec<String> {
    refused(&format!("{text}\n{MODELS}"))
}

/// Each case of a table is what is written, and below it what is told.
fn check(table: &str, refused: impl Fn(&str) -> Vec<String>) {
    for case in table.trim().split("\n\n") {
        let (written, told) = case.split_once('\n').expect(case);
        assert_eq!(refused(written).join("\n"), told, "{written}");
    }
}

#[test]
fn an_empty_file_says_what_to_write_first() {
    assert_eq!(
        refused(""),
        [
            "providers: missing: there is nobody to ask\n  hint: write for example `providers: { openai: { kind: openai, api_key: ${OPENAI_API_KEY} } }`",
            "models: missing: there is nothing to ask for\n  hint: write for example `models: { gpt-4o: { targets: [ { provider: openai } ] } }`",
        ]
    );
}

const SERVERS: &str = r#"
listen: 10000
listen: `10000` is not an IP address with a port
  hint: write for example `127.0.0.1:10000`

listen: ':8080'
listen: `:8080` is not an IP address with a port
  hint: write for example `127.0.0.1:8080`

listen: example.com:80
listen: `example.com:80` is not an IP address with a port
  hint: write for example `127.0.0.1:10000`

listen: 0.0.0.0:10000
clients: missing: whoever reaches 0.0.0.0:10000 would spend the providers' keys
  hint: write `clients: { my-team: { key: ${MY_TEAM_KEY} } }`, or `clients: anyone` if that is meant

listne: 127.0.0.1:1
listne: unknown key
  hint: did you mean `listen`?

admin: 0.0.0.0:9900
admin.token: missing: whoever reaches 0.0.0.0:9900 could drain providers
  hint: write `admin: { listen: "0.0.0.0:9900", token: ${ADMIN_TOKEN} }`, or listen on 127.0.0.1

admin: { token: 'a b' }
admin.token: the secret has a space inside
  hint: write the key alone, without `Bearer`

admin: { listen: x, tokn: y }
admin.listen: `x` is not an IP address with a port
  hint: write for example `127.0.0.1:10000`
admin.tokn: unknown key
  hint: did you mean `token`?

admin: 127.0.0.1:10000
admin: 127.0.0.1:10000 is taken by `listen`
  hint: give each its own port

grpc: run.sock
grpc: `run.sock` is neither a socket nor a host with a port
  hint: write `unix:run/understudy.sock`, or for example `127.0.0.1:9000`

grpc: 'unix:'
grpc: `unix:` names no socket
  hint: write for example `unix:run/understudy.sock`

envoy: { max_body: 32 parsecs }
envoy.max_body: `32 parsecs` is not a size
  hint: write a whole number and its unit, as in `32MiB`

envoy: { max_body: 2GiB }
envoy.max_body: `2GiB` is out of range
  hint: use at least `1KiB` and at most `1GiB`

envoy: { listener: 'envoy:0' }
envoy.listener: `envoy:0` has port 0, which nothing can connect to
  hint: write the port of `listen`

log: { level: verbose }
log.level: `verbose` is not one of error, warn, info, debug, trace

log: { format: JSON }
log.format: `JSON` is not one of json, text
  hint: did you mean `json`?
"#;

#[test]
fn mistakes_of_the_servers() {
    check(SERVERS, with_both);

    let long = format!("grpc: unix:/{}", "x".repeat(120));
    let told = "is longer than the 107 bytes a socket's path may have\n  hint: use a shorter path, such as `unix:/tmp/understudy.sock`";
    assert!(with_both(&long)[0].ends_with(told));
}

const CLIENTS: &str = r#"
clients: nobody
clients: `nobody` is not `anyone` or a mapping

clients: {}
clients: names nobody, so nobody could call
  hint: name a client, or write `clients: anyone`

clients: { a: }
clients.a.key: missing: how is this client known?
  hint: write `key: ${NAME}`, or `key_sha256:`

clients: { a: { key: x, key_sha256: y } }
clients.a.key_sha256: there is a `key` too
  hint: keep one of the two

clients: { a: { key_sha256: beef } }
clients.a.key_sha256: is not a SHA-256 in 64 hexadecimal digits
  hint: make it with `printf %s "$KEY" | sha256sum`

clients: { a: { key: k1, models: [n] } }
clients.a.models[0]: `n` is not one of `models`

clients: { a: { key: k1 }, b: { key: k1 } }
clients.b: has the same key as `a`, so the two cannot be told apart
  hint: give each a key of its own

clients: { 'a b': { key: k1 } }
clients."a b": `a b` is no name for a client
  hint: use ASCII letters, digits and signs without spaces, quotes, `,`, `;` and backslashes

clients: { a: { key: 12345678 } }
clients.a.key: a number is not text
  hint: put it in quotes
"#;

#[test]
fn mistakes_of_clients() {
    check(CLIENTS, with_both);
}

const PROVIDER: &str = r#"
# nothing
kind: missing: what is it?
  hint: write `kind:` and one of openai, azure-openai, anthropic, gemini, vertex, bedrock, mistral, groq, deepseek, xai, together, fireworks, openrouter, cohere, ollama, vllm, openai-compatible

kind: watsonx
kind: `watsonx` is not one of openai, azure-openai, anthropic, gemini, vertex, bedrock, mistral, groq, deepseek, xai, together, fireworks, openrouter, cohere, ollama, vllm, openai-compatible

kind: claude
kind: `claude` is not one of openai, azure-openai, anthropic, gemini, vertex, bedrock, mistral, groq, deepseek, xai, together, fireworks, openrouter, cohere, ollama, vllm, openai-compatible
  hint: did you mean `anthropic`?

kind: azure
kind: `azure` is not one of openai, azure-openai, anthropic, gemini, vertex, bedrock, mistral, groq, deepseek, xai, together, fireworks, openrouter, cohere, ollama, vllm, openai-compatible
  hint: did you mean `azure-openai`?

kind: openai
api_key: missing: requests would be refused
  hint: write `api_key: ${NAME}`, or `auth: passthrough` to send the caller's own

kind: openai, api_key: ${NOPE}
api_key: the environment variable `NOPE` is not set or empty
  hint: export NOPE, or write `${NOPE:-default}`

kind: openai, api_key: ''
api_key: the secret is empty
  hint: write the key, `${NAME}` or `file:/path/to/key`

kind: openai, aip_key: k
aip_key: unknown key
  hint: did you mean `api_key`?

kind: openai, api_key: k, auth: passthrough
auth: `passthrough` says that our key is not sent, and `api_key` gives one
  hint: keep one of the two

kind: openai, auth: oauth
auth: `oauth` is not one of passthrough, none

kind: azure-openai, api_key: k, deployment: d
endpoint: missing: where is this azure-openai provider?
  hint: write for example `endpoint: https://my-resource.openai.azure.com`

kind: openai-compatible
endpoint: missing: where is this openai-compatible provider?
  hint: write for example `endpoint: http://127.0.0.1:8000/v1`

kind: openai-compatible, base_url: http://x/v1
base_url: unknown key
  hint: did you mean `endpoint`?

kind: openai, auth: none, endpoint: api.openai.com
endpoint: `api.openai.com` is not a URL
  hint: begin with `https://` or `http://`

kind: openai, auth: none, endpoint: 'https://me:hunter2@x/v1'
endpoint: holds credentials, which a URL would show
  hint: take them out of the URL, and write `api_key`

kind: openai, auth: none, api_version: v1
api_version: `v1` means nothing to openai
  hint: leave it out

kind: openai, auth: none, connect_timeout: 0s
connect_timeout: `0s` is out of range
  hint: use at least `1ms` and at most `24h`

kind: openai, auth: none, headers: { Authorization: x }
headers.Authorization: carries the provider's key
  hint: write `api_key` instead

kind: openai, auth: none, headers: { Host: x }
headers.Host: is set for each request by what it is
  hint: leave it out

kind: openai, auth: none, headers: { x-envoy-retry-on: x }
headers.x-envoy-retry-on: is internal to Envoy and Understudy
  hint: leave it out

kind: openai, auth: none, headers: { 'a b': x }
headers."a b": is no name for a header
  hint: use letters, digits and `-`, as in `OpenAI-Organization`

kind: openai, auth: none, headers: { x-a: x, X-A: y }
headers.X-A: is here twice, in different cases
  hint: keep one

kind: openai, auth: none, headers: { x-a: "a\nb" }
headers.x-a: the value has characters that no header can carry

kind: openai, auth: none, tls: { sni: 'a b' }
tls.sni: `a b` is not a DNS name
  hint: write for example `api.example.com`

kind: openai, auth: none, health_check: { path: models }
health_check.path: `models` is not a path
  hint: write for example `/v1/models`

kind: openai, auth: none, health_check: { interval: 1s, timeout: 2s }
health_check.interval: `timeout` is 2s, and `interval` is only 1s
  hint: write `interval: 2s` or more

kind: openai, auth: none, health_check: { unhealthy: 0 }
health_check.unhealthy: `0` is out of range
  hint: use 1 to 100

kind: azure-openai, auth: none, deployment: d, endpoint: https://r.example, health_check: {}
health_check.path: missing: this API has no list of deployments to ask for
  hint: write a path that answers 200

kind: openai, auth: none, deployment: 'a b'
deployment: `a b` is no name for a model
  hint: use ASCII letters, digits and signs without spaces, quotes, `,`, `;` and backslashes

kind: openai, auth: none, backups: [ { nam: x } ]
backups[0].nam: unknown key
  hint: did you mean `name`?

kind: openai, auth: none, backups: [ { name: openai } ]
backups[0].name: `openai` is the name of another provider
  hint: write `name:` with one of its own

kind: openai, auth: none, backups: [ { endpoint: x }, 7 ]
backups[0].endpoint: `x` is not a URL
  hint: begin with `https://` or `http://`
backups[1]: a number is not a mapping
  hint: write `key: value` lines below it

kind: openai, auth: none, breaker: { error_rate: 2 }
breaker.error_rate: `2` is out of range
  hint: use 0.0001 to 1
"#;

#[test]
fn mistakes_of_providers() {
    check(PROVIDER, |provider| {
        let provider = provider.trim_start_matches("# nothing");
        let told = with_models(&format!("providers: {{ openai: {{ {provider} }} }}"));
        told.iter()
            .map(|told| told.replacen("providers.openai.", "", 1))
            .collect()
    });
}

#[test]
fn mistakes_of_provider_names() {
    let told = refused(
        "
providers:
  Azure East: { kind: openai, auth: none }
  a: { kind: openai, auth: none, backups: [ { connect_timeout: 1s } ] }
  a-backup-1: { kind: openai, auth: none }
models: { m: { targets: [ { provider: a } ] } }
",
    );

    assert_eq!(
        told,
        [
            "providers.\"Azure East\": `Azure East` is no name for a provider\n  hint: use a-z, 0-9, `.`, `_` and `-`, beginning with a letter or digit",
            "providers.a.backups[0].name: `a-backup-1` is the name of another provider\n  hint: write `name:` with one of its own",
        ]
    );
}

const MODEL: &str = r#"
m: {}
m.targets: missing: nobody serves this model
  hint: write for example `targets: [ { provider: openai } ]`

m: { targets: [] }
m.targets: missing: nobody serves this model
  hint: write for example `targets: [ { provider: openai } ]`

m:
m.targets: missing: nobody serves this model
  hint: write for example `targets: [ { provider: openai } ]`

m: { targets: [ {} ] }
m.targets[0].provider: missing: who serves this target?
  hint: write the name of one of `providers`

m: { targets: [ { provider: opnai } ] }
m.targets[0].provider: `opnai` is not one of `providers`
  hint: did you mean `openai`?

m: { targets: [ { provider: x } ] }
m.targets[0].provider: `x` is not one of `providers`
  hint: there is: openai

m: { targets: [ { provider: openai, weight: 0 } ] }
m.targets[0].weight: `0` is out of range
  hint: use 1 to 1000000

m: { targets: [ { provider: openai, weight: 1.5 } ] }
m.targets[0].weight: `1.5` is not a whole number

m: { targets: [ { provider: openai, refuses: [temperature, messages, 'top p'] } ] }
m.targets[0].refuses[1]: `messages` cannot be left out of a request
  hint: take it out of the list
m.targets[0].refuses[2]: `top p` is no field of a request
  hint: write for example `temperature`

m: { targets: [ { provider: openai, thinking: adaptiv, max_tokens_field: max_output_tokens, default_max_tokens: 0 } ] }
m.targets[0].thinking: `adaptiv` is not one of unknown, never, budget, budget_always, adaptive, adaptive_by_default, always, level
  hint: did you mean `adaptive`?
m.targets[0].max_tokens_field: `max_output_tokens` is not one of as_sent, max_completion_tokens, max_tokens
m.targets[0].default_max_tokens: `0` is out of range
  hint: use 1 to 10000000

m: { targets: [ { provider: openai, context_window: 128k } ] }
m.targets[0].context_window: `128k` is not a whole number

m: { targets: [ { provider: openai, price: { input: -1, output: 1 } } ] }
m.targets[0].price.input: `-1` is out of range
  hint: use 0 to 1000000

m: { targets: [ { provider: openai, price: { input: 1 } } ] }
m.targets[0].price.output: missing: a price without it would look too cheap
  hint: write USD per million tokens; 0 if it costs nothing

m: { targets: [ { provider: openai, supports: { tools: 'no' } } ] }
m.targets[0].supports.tools: `no` is not `true` or `false`

m: { targets: [ { provider: openai }, { provider: openai, model: m } ] }
m.targets[1]: openai with model `m` is at `models.m.targets[0]` already
  hint: keep one of the two

m: { targets: { provider: openai } }
m.targets: a mapping is not a list

m: { aliases: [m], targets: [ { provider: openai } ] }
m.aliases[0]: `m` is the name at `models.m` too
  hint: keep one of the two

m: { aliases: [x, x], targets: [ { provider: openai } ] }
m.aliases[1]: `x` is the name at `models.m.aliases[0]` too
  hint: keep one of the two

m: { targets: [ { provider: openai } ], order: random }
m.order: `random` is not one of weighted, fastest, cheapest, ordered

m: { targets: [ { provider: openai } ], failover: { attempts: 21 } }
m.failover.attempts: `21` is out of range
  hint: use 1 to 20

m: { targets: [ { provider: openai } ], failover: { retries: 2 } }
m.failover.retries: unknown key
  hint: did you mean `attempts`?

m: { targets: [ { provider: openai } ], failover: { on: [connect, nothing] } }
m.failover.on[1]: `nothing` is no kind of failure
  hint: write another

m: { targets: [ { provider: openai } ], failover: { timeout: 30 } }
m.failover.timeout: `30` is not a duration
  hint: write for example `30s`

m: { targets: [ { provider: openai } ], failover: { timeout: '30' } }
m.failover.timeout: `30` is not a duration
  hint: say the unit, as in `30s` or `30ms`

m: { targets: [ { provider: openai } ], failover: { backoff: { base: 2s, max: 1s } } }
m.failover.backoff.max: `base` is 2s, and `max` is only 1s
  hint: write `max: 2s` or more

'a b': { targets: [ { provider: openai } ] }
"a b": `a b` is no name for a model
  hint: use ASCII letters, digits and signs without spaces, quotes, `,`, `;` and backslashes
"#;

#[test]
fn mistakes_of_models() {
    check(MODEL, |model| {
        let told = with_providers(&format!("models: {{ {model} }}"));
        told.iter().map(|told| told.replacen("models.", "", 1)).collect()
    });
}

#[test]
fn targets_and_backups_are_told_apart_and_azure_needs_a_deployment() {
    let told = refused(
        "
providers:
  east:
    kind: azure-openai
    endpoint: https://e.example
    api_key: k
    backups: [ { endpoint: https://w.example } ]
models:
  none: { targets: [ { provider: east } ] }
  twice: { targets: [ { provider: east, model: d }, { provider: east-backup-1, model: d } ] }
",
    );

    assert_eq!(
        told,
        [
            "models.none.targets[0].model: missing: azure-openai asks for a deployment, and neither this target nor `east` names one\n  hint: write `model:` with the name of the deployment here, or `deployment:` at the provider",
            "models.twice.targets[1]: east-backup-1 with model `d` is at `models.twice.targets[0]` already, as a backup\n  hint: keep one of the two",
        ]
    );
}

#[test]
fn a_mistake_in_defaults_or_in_a_primary_is_told_once_where_it_stands() {
    let told = refused(
        "
defaults: { failover: { timeout: soon, backoff: { max: 1s } }, breaker: { open_for: 1y } }
providers:
  a: { kind: openai, api_key: '${NOPE}', endpoint: nowhere, backups: [ { name: b }, { name: c } ] }
models:
  one: { targets: [ { provider: a } ] }
  two: { targets: [ { provider: a } ], failover: { backoff: { base: 2s } } }
",
    );

    assert_eq!(
        told,
        [
            "defaults.failover.timeout: `soon` is not a duration\n  hint: write a number and its unit, as in `250ms`, `30s` or `5m`",
            "defaults.breaker.open_for: `1y` is out of range\n  hint: use at least `1ms` and at most `24h`",
            "providers.a.api_key: the environment variable `NOPE` is not set or empty\n  hint: export NOPE, or write `${NOPE:-default}`",
            "providers.a.endpoint: `nowhere` is not a URL\n  hint: begin with `https://` or `http://`",
            "models.two.failover.backoff.base: `base` is 2s, and `max` is only 1s\n  hint: write `max: 2s` or more",
        ]
    );
}

#[test]
fn all_kinds_of_mistakes_are_told_at_once_from_top_to_bottom() {
    let text = "
lissten: 127.0.0.1:1
admin: 127.0.0.1
providers:
  openai: { kind: opnai, api_key: ${NOPE}, conect_timeout: 5s }
models:
  gpt-4.1:
    aliases: [x, y]
    targets:
      - { provider: openai, weight: heavy }
      - { provider: azure }
    failover: { on: [conect, reset], per_try_timeout: 10 parsecs }
  y: { targets: [ { provider: openai } ] }
";
    let refusal = Config::load(
        Path::new("understudy.yaml"),
        &Fixture::default().file("understudy.yaml", text),
        causes,
    );

    assert_eq!(
        refusal.unwrap_err().to_string(),
        "\
understudy.yaml has 10 mistakes
lissten: unknown key
  hint: did you mean `listen`?
admin: `127.0.0.1` is not an IP address with a port
  hint: write for example `127.0.0.1:10000`
providers.openai.kind: `opnai` is not one of openai, azure-openai, anthropic, gemini, vertex, bedrock, mistral, groq, deepseek, xai, together, fireworks, openrouter, cohere, ollama, vllm, openai-compatible
  hint: did you mean `openai`?
providers.openai.api_key: the environment variable `NOPE` is not set or empty
  hint: export NOPE, or write `${NOPE:-default}`
providers.openai.conect_timeout: unknown key
  hint: did you mean `connect_timeout`?
models.\"gpt-4.1\".aliases[1]: `y` is the name at `models.y` too
  hint: keep one of the two
models.\"gpt-4.1\".targets[0].weight: `heavy` is not a whole number
models.\"gpt-4.1\".targets[1].provider: `azure` is not one of `providers`
  hint: there is: openai
models.\"gpt-4.1\".failover.on[0]: `conect` is no kind of failure
  hint: write another
models.\"gpt-4.1\".failover.per_try_timeout: `10 parsecs` is not a duration
  hint: write a number and its unit, as in `250ms`, `30s` or `5m`"
    );
}

#[test]
fn one_mistake_hides_no_other() {
    let told = refused(
        "
providers:
  a: { kind: azure-openai, endpoint: x, api_key: k, api_version: a/b, health_check: { interval: 1y }, breaker: { window: x } }
models:
  m:
    targets: [ { provider: b, model: ' ', price: {} } ]
    failover: { stall_timeout: x }
    breaker: { open_for: x }
",
    );

    let places: Vec<&str> = told
        .iter()
        .filter_map(|told| Some(told.split_once(": ")?.0))
        .collect();
    assert_eq!(
        places,
        [
            "providers.a.endpoint",
            "providers.a.api_version",
            "providers.a.health_check.interval",
            "providers.a.breaker.window",
            "models.m.targets[0].provider",
            "models.m.targets[0].model",
            "models.m.targets[0].price.input",
            "models.m.targets[0].price.output",
            "models.m.failover.stall_timeout",
            "models.m.breaker.open_for",
        ]
    );
}

#[test]
fn a_mistyped_section_does_not_make_its_users_wrong() {
    assert_eq!(
        refused("provders: { a: { kind: openai } }\nmodels: { m: { targets: [ { provider: a } ] } }"),
        ["provders: unknown key\n  hint: did you mean `providers`?"]
    );
    assert_eq!(
        refused("providers: [a]\nmodels: { m: { targets: [ { provider: a } ] } }"),
        ["providers: a list is not a mapping"]
    );
    assert_eq!(
        with_both("clients: { a: { key: k, models: m } }"),
        ["clients.a.models: text is not a list\n  hint: write `[it]`"]
    );
}

#[test]
fn a_message_shows_what_was_written_and_never_what_it_stood_for() {
    let sources = sources().env("BAD", "sk-live\u{7}").file("/run/bad", "live two");
    let text = "
listen: ${OPENAI_API_KEY}
admin: { token: '${BAD}' }
clients: { a: { key: file:/run/bad } }
providers:
  a: { kind: ${OPENAI_API_KEY}, api_key: '${BAD}', endpoint: '${OPENAI_API_KEY}', headers: { x-a: '${BAD}' } }
  b: { kind: openai, api_key: [sk-live-list] }
models: { m: { targets: [ { provider: '${OPENAI_API_KEY}', weight: '${OPENAI_API_KEY}' } ] } }
";

    let told = Config::parse(text, &sources, causes).unwrap_err();

    assert_eq!(told.mistakes().len(), 9, "{told}");
    assert!(!format!("{told} {told:?}").contains("live"), "{told}");
    assert!(
        told.to_string()
            .contains("listen: `${OPENAI_API_KEY}` is not an IP address"),
        "{told}"
    );
}

#[test]
fn what_is_not_yaml_names_its_line() {
    let refusal = Config::parse("listen: 127.0.0.1:1\nproviders: [ a }\n", &sources(), causes).unwrap_err();
    assert!(
        refusal
            .to_string()
            .starts_with("the configuration is not valid YAML: line 2, column "),
        "{refusal}"
    );
    assert!(refusal.mistakes().is_empty());

    let twice = Config::parse("providers: {}\nmodels: {}\nproviders: {}", &sources(), causes).unwrap_err();
    assert_eq!(
        twice.to_string(),
        "the configuration is not valid YAML: line 3, column 1: the key `providers` is here for the second time; keep one"
    );
}
