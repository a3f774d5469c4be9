//! Configurations that are accepted, and what they mean.

use std::time::Duration;

use super::super::*;
use super::{Fixture, accepted, causes, sources};

/// The example of the design, word for word.
const DESIGN: &str = r"
listen: 0.0.0.0:10000
admin: 127.0.0.1:9900
grpc: unix:run/understudy.sock           # or host:port
envoy: { admin: 127.0.0.1:9901, max_body: 32MiB }

clients:                                 # who may call; `anyone` must be said aloud when `listen` is not loopback
  team-search: { key: ${TEAM_SEARCH_KEY}, models: [gpt-4o] }

providers:
  openai:
    kind: openai                         # openai | azure-openai | anthropic | gemini | vertex | bedrock | openai-compatible
    api_key: ${OPENAI_API_KEY}           # ${ENV}, ${ENV:-default}, or file:/run/secrets/openai
  azure-east:
    kind: azure-openai
    endpoint: https://eastus-resource.openai.azure.com     # openai-compatible: the SDK's base_url, as in http://127.0.0.1:8000/v1
    api_key: ${AZURE_OPENAI_KEY}
    deployment: gpt-4.1-mini
    backups:                             # each inherits everything it does not say
      - endpoint: https://westus-resource.openai.azure.com
      - { endpoint: https://other-subscription.openai.azure.com, deployment: my-gpt, api_key: ${OTHER_KEY} }

models:
  gpt-4o:
    aliases: [gpt-4o-latest]
    targets:
      - { provider: openai, weight: 1000 }
      - provider: azure-east
        model: gpt-4o                    # what this provider calls it; default: its deployment, else the name above
        priority: 1
        context_window: 128000           # optional facts about the target, used by planning
        price: { input: 2.5, cached_input: 1.25, output: 10 }        # USD per million tokens
    failover: { attempts: 4 }            # anything under `defaults` can be said here too

defaults:
  failover:
    mode: retry                          # retry | next_request | off
    on: [connect, reset, timeout, first_token_timeout, server_error, bad_response, stream_error, overloaded, rate_limited, quota_exhausted,
         auth, permission, model_not_found, context_length, unsupported]     # the default: the `yes` rows
    attempts: 3
    attempts_per_target: 1
    backoff: { base: 25ms, max: 1s }
    per_try_timeout: 30s                 # until the response headers
    first_token_timeout: 15s             # streams: until the first meaningful event
    stall_timeout: 30s                   # silence after that
    timeout: 120s
  breaker: { consecutive_failures: 2, error_rate: 0.5, window: 30s, min_requests: 5, open_for: 30s, max_open_for: 5m }
  order: weighted                        # inside a priority group: weighted | fastest | cheapest | ordered
";

/// The smallest file there is.
const SMALLEST: &str = "
providers: { openai: { kind: openai, api_key: sk-1 } }
models: { gpt-4o: { targets: [ { provider: openai } ] } }
";

#[test]
fn the_example_of_the_design_means_what_it_says() {
    let config = accepted(DESIGN);

    assert_eq!(config.listen.to_string(), "0.0.0.0:10000");
    assert_eq!(config.envoy.listener.to_string(), "127.0.0.1:10000");
    assert_eq!(config.envoy.max_body, 32 << 20);
    assert_eq!(config.grpc.to_string(), "unix:run/understudy.sock");
    assert_eq!(config.warnings, Vec::<String>::new());
    let model = config.model("gpt-4o");
    assert_eq!(
        model.shown(),
        [
            "openai/gpt-4o",
            "azure-east/gpt-4o",
            "azure-east-backup-1/gpt-4o",
            "azure-east-backup-2/my-gpt"
        ]
    );
    assert_eq!(
        model
            .targets
            .iter()
            .map(|target| target.backup_rank)
            .collect::<Vec<_>>(),
        [0, 0, 1, 2]
    );
    assert_eq!(
        model
            .targets
            .iter()
            .map(|target| target.priority)
            .collect::<Vec<_>>(),
        [0, 1, 1, 1]
    );
    assert_eq!(model.targets[0].weight, 1000);
    assert_eq!(
        model.targets[1].price,
        Some(Price {
            input: 2.5,
            cached_input: 1.25,
            output: 10.0,
        })
    );
    assert_eq!(model.aliases[0].as_str(), "gpt-4o-latest");
    assert_eq!(
        model.failover,
        FailoverPolicy {
            attempts: 4,
            // The file lists every class that moves on by default but one.
            on: (FailoverPolicy::default().on.into_iter())
                .filter(|word| word.as_str() != "payload_too_large")
                .collect(),
            ..FailoverPolicy::default()
        }
    );
    assert_eq!(model.targets[0].breaker, Breaker::default());
    let Clients::Named(clients) = &config.clients else {
        panic!("{:?}", config.clients)
    };
    assert_eq!(clients[0].models.as_ref().unwrap()[0].as_str(), "gpt-4o");
}

#[test]
fn the_smallest_file_gets_every_default() {
    let config = accepted(SMALLEST);

    assert_eq!(config.listen.to_string(), "127.0.0.1:10000");
    assert_eq!(
        config.admin,
        AdminBind {
            addr: "127.0.0.1:9900".parse().unwrap(),
            token: None
        }
    );
    assert_eq!(config.envoy.admin.to_string(), "127.0.0.1:9901");
    assert_eq!(config.clients, Clients::Anyone);
    assert_eq!(
        config.log,
        LogSettings {
            format: None,
            level: LogLevel::Info
        }
    );
    let openai = config.provider("openai");
    assert_eq!(openai.endpoint.to_string(), "https://api.openai.com/v1");
    assert_eq!(
        (openai.connect_timeout, openai.breaker),
        (Duration::from_secs(5), Breaker::default())
    );
    assert_eq!(
        (&openai.api_version, &openai.health_check, &openai.backup_of),
        (&None, &None, &None)
    );
    let model = config.model("gpt-4o");
    assert_eq!(model.failover, FailoverPolicy::default());
    assert_eq!(
        (model.order, model.when_all_open),
        (Order::Weighted, WhenAllOpen::TrySoonest)
    );
    assert_eq!(model.targets[0].supports, Supports::default());
    assert!(config.warnings.is_empty() && config.secret_files.is_empty());
}

#[test]
fn secrets_are_in_no_debug_output_error_or_warning() {
    let text = "
listen: 127.0.0.1:1
admin: { listen: 127.0.0.1:2, token: admin-live }
clients: { a: { key: client-live }, b: { key_sha256: 2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90 } }
providers:
  openai: { kind: openai, api_key: ${OPENAI_API_KEY}, headers: { x-team: header-live } }
  local: { kind: openai-compatible, endpoint: http://far.example/v1, api_key: file:/run/key }
models: { m: { targets: [ { provider: openai }, { provider: local } ] } }
";
    let config = Config::parse(text, &sources().file("/run/key", "file-live\n"), causes).unwrap();
    let shown = format!("{config:?} {config:#?}");

    for secret in ["live", "2bd806", "0x2b", "43, 216"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert_eq!(
        config.provider("local").auth,
        Auth::ApiKey(Secret::try_new("file-live").unwrap())
    );
    assert_eq!(config.secret_files, [PathBuf::from("/run/key")]);
    assert!(
        config.warnings[0].contains("in plain text"),
        "{:?}",
        config.warnings
    );
}

/// A provider that says everything, and backups that say little.
const BACKUPS: &str = "
providers:
  main:
    kind: openai-compatible
    endpoint: https://one.example/v1
    api_key: key-1
    deployment: big
    headers: { X-Team: a, X-Keep: k }
    tls: { ca: /ca.pem }
    connect_timeout: 2s
    health_check: { interval: 20s, unhealthy: 5 }
    breaker: { consecutive_failures: 7 }
    backups:
      - endpoint: https://two.example/v2
      - { name: spare, api_key: key-2, headers: { x-team: b }, health_check: { interval: 5s }, breaker: { open_for: 1s } }
      - { kind: openai, endpoint: https://api.openai.com/v1, auth: passthrough, tls: { sni: other.example } }
models: { m: { targets: [ { provider: main } ] } }
";

#[test]
fn a_backup_inherits_everything_it_does_not_say() {
    let config = accepted(BACKUPS);
    let names: Vec<&str> = config
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    let [main, first, spare, third] = config.providers.as_slice() else {
        panic!("{names:?}")
    };

    assert_eq!(names, ["main", "main-backup-1", "spare", "main-backup-3"]);
    let expected = Provider {
        name: first.name.clone(),
        endpoint: first.endpoint.clone(),
        health_check: Some(HealthCheck {
            path: "/v2/models".into(),
            ..main.health_check.clone().unwrap()
        }),
        backup_of: Some(BackupOf {
            primary: main.name.clone(),
            rank: 1,
        }),
        ..main.clone()
    };
    assert_eq!(*first, expected);
    assert_eq!(spare.endpoint, main.endpoint);
    assert_eq!(spare.auth, Auth::ApiKey(Secret::try_new("key-2").unwrap()));
    assert_eq!(
        spare
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect::<Vec<_>>(),
        [("x-team", b"b".as_slice()), ("x-keep", b"k".as_slice())]
    );
    let check = spare.health_check.as_ref().unwrap();
    assert_eq!((check.interval.as_secs(), check.unhealthy), (5, 5));
    assert_eq!(
        spare.breaker,
        Breaker {
            open_for: Duration::from_secs(1),
            ..main.breaker
        }
    );
    assert_eq!(main.breaker.consecutive_failures, Some(7));
    assert_eq!((third.kind, &third.auth), (Kind::OpenAi, &Auth::Passthrough));
    let tls = TlsSettings {
        ca: Some("/ca.pem".into()),
        sni: Some("other.example".into()),
    };
    assert_eq!(third.tls, tls);
    assert_eq!(
        config.model("m").shown(),
        ["main/big", "main-backup-1/big", "spare/big", "main-backup-3/big"]
    );
    assert_eq!(
        config.warnings,
        ["providers.main.backups[2]: there is no key of ours, so health checks are sent without one"]
    );
}

/// Rules at every place that can hold them.
const OVERRIDES: &str = "
defaults:
  failover: { attempts: 5, backoff: { base: 100ms, max: 10s }, timeout: 60s, on: [connect, http_503] }
  breaker: { consecutive_failures: 9, error_rate: off }
  order: fastest
  when_all_open: fail
providers:
  a: { kind: openai-compatible, endpoint: http://127.0.0.1:1/v1, breaker: { window: 7s, min_requests: 50 } }
models:
  plain: { targets: [ { provider: a } ] }
  own:
    targets: [ { provider: a } ]
    failover: { backoff: { max: 2s }, mode: next_request }
    breaker: { min_requests: 1, consecutive_failures: off, error_rate: 1 }
    order: cheapest
";

#[test]
fn a_model_overrides_defaults_field_by_field_and_a_target_takes_its_providers_breaker() {
    let config = accepted(OVERRIDES);
    let (plain, own) = (config.model("plain"), config.model("own"));

    assert_eq!(
        (plain.order, plain.when_all_open),
        (Order::Fastest, WhenAllOpen::Fail)
    );
    assert_eq!(
        (own.order, own.when_all_open),
        (Order::Cheapest, WhenAllOpen::Fail)
    );
    let backoff = |base, max| Backoff {
        base: Duration::from_millis(base),
        max: Duration::from_millis(max),
    };
    assert_eq!(
        (plain.failover.backoff, own.failover.backoff),
        (backoff(100, 10_000), backoff(100, 2_000))
    );
    assert_eq!(
        (own.failover.mode, own.failover.attempts),
        (FailoverMode::NextRequest, 5)
    );
    assert_eq!(
        own.failover
            .on
            .iter()
            .map(FailoverCause::as_str)
            .collect::<Vec<_>>(),
        ["connect", "http_503"]
    );
    let of_provider = Breaker {
        consecutive_failures: Some(9),
        error_rate: None,
        window: Duration::from_secs(7),
        min_requests: 50,
        ..Breaker::default()
    };
    assert_eq!(
        (config.provider("a").breaker, plain.targets[0].breaker),
        (of_provider, of_provider)
    );
    let of_target = Breaker {
        consecutive_failures: None,
        error_rate: Some(ErrorRate::try_new(1.0).unwrap()),
        min_requests: 1,
        ..of_provider
    };
    assert_eq!(own.targets[0].breaker, of_target);
}

#[test]
fn what_was_not_said_gives_way_to_what_was() {
    let config = accepted(
        "
providers: { a: { kind: openai-compatible, endpoint: http://127.0.0.1:1/v1 } }
models:
  short: { targets: [ { provider: a } ], failover: { timeout: 10s, backoff: { base: 5s } } }
  tight: { targets: [ { provider: a } ], failover: { backoff: { max: 10ms } }, breaker: { open_for: 10m } }
  brief: { targets: [ { provider: a } ], breaker: { max_open_for: 1s } }
",
    );
    let (short, tight, brief) = (
        config.model("short"),
        config.model("tight"),
        config.model("brief"),
    );

    assert_eq!(short.failover.per_try_timeout, Duration::from_secs(10));
    assert_eq!(short.failover.first_token_timeout, Duration::from_secs(10));
    assert_eq!(short.failover.backoff.max, Duration::from_secs(5));
    assert_eq!(tight.failover.backoff.base, Duration::from_millis(10));
    assert_eq!(tight.targets[0].breaker.max_open_for, Duration::from_mins(10));
    assert_eq!(brief.targets[0].breaker.open_for, Duration::from_secs(1));
    assert!(config.warnings.is_empty());
}

#[test]
fn azure_has_two_styles_of_api() {
    let config = accepted(
        "
providers:
  dated: { kind: azure-openai, endpoint: https://r.openai.azure.com, api_key: k, deployment: d }
  preview: { kind: azure-openai, endpoint: https://r.openai.azure.com/, api_key: k, deployment: d, api_version: 2025-04-01-preview }
  path: { kind: azure-openai, endpoint: https://r.openai.azure.com/openai/v1, api_key: k, deployment: d, health_check: {} }
  word: { kind: azure-openai, endpoint: https://r.openai.azure.com, api_key: k, api_version: v1 }
models:
  m: { targets: [ { provider: dated }, { provider: preview }, { provider: path }, { provider: word, model: x } ] }
",
    );
    let version = |name: &str| config.provider(name).api_version.as_deref();

    assert_eq!(version("dated"), Some("2024-10-21"));
    assert_eq!(version("preview"), Some("2025-04-01-preview"));
    assert_eq!((version("path"), version("word")), (None, None));
    assert_eq!(config.provider("path").endpoint, config.provider("word").endpoint);
    assert_eq!(
        config.provider("path").health_check.as_ref().unwrap().path,
        "/openai/v1/models"
    );
    assert_eq!(
        config.model("m").shown(),
        ["dated/d", "preview/d", "path/d", "word/x"]
    );
}

#[test]
fn a_port_that_others_reach_may_be_open_if_that_is_said_aloud() {
    let config = accepted(&format!("listen: '[::]:8080'\nclients: anyone\n{SMALLEST}"));

    assert_eq!(config.clients, Clients::Anyone);
    assert_eq!(config.envoy.listener.to_string(), "[::1]:8080");
}

#[test]
fn references_work_in_numbers_and_inside_of_texts() {
    let text = "
listen: 127.0.0.1:${PORT:-10080}
providers: { a: { kind: openai-compatible, endpoint: 'http://${HOST}:${PORT:-81}/v1', api_key: \"${KEY:-none}\" } }
models: { m: { targets: [ { provider: a, weight: ${W}, supports: { vision: ${V:-false} } } ], breaker: { consecutive_failures: ${F:-off} } } }
";
    let sources = Fixture::default().env("HOST", "LOCALHOST").env("W", "70");
    let config = Config::parse(text, &sources, causes).unwrap();

    assert_eq!(config.listen.port(), 10_080);
    assert_eq!(
        config.provider("a").endpoint.to_string(),
        "http://localhost:81/v1"
    );
    let target = &config.model("m").targets[0];
    assert_eq!(
        (target.weight, target.supports.vision, target.supports.tools),
        (70, Some(false), None)
    );
    assert_eq!(target.breaker.consecutive_failures, None);
}

#[test]
fn clients_may_be_known_by_a_hash_and_may_name_aliases() {
    let config = accepted(
        "
clients:
  hashed: { key_sha256: 2BD806C97F0E00AF1A1FC3328FA763A9269723C8DB8FAC4F93AF71DB186D6E90, models: [one, uno, two] }
  keyed: { key: ${TEAM_SEARCH_KEY} }
providers: { openai: { kind: openai, auth: passthrough } }
models:
  one: { aliases: [uno], targets: [ { provider: openai } ] }
  two: { targets: [ { provider: openai } ] }
",
    );
    let Clients::Named(clients) = &config.clients else {
        panic!("{:?}", config.clients)
    };

    let ClientKey::Sha256(KeyHash(hash)) = clients[0].key else {
        panic!("{:?}", clients[0])
    };
    assert_eq!((hash[0], hash[31]), (0x2b, 0x90));
    let allowed = clients[0].models.as_ref().unwrap();
    assert_eq!(
        allowed.iter().map(ModelName::as_str).collect::<Vec<_>>(),
        ["one", "two"]
    );
    assert_eq!(clients[1].models, None);
    assert!(config.warnings[0].starts_with("providers.openai: `auth: passthrough` sends on"));
}

#[test]
fn what_is_probably_not_meant_is_warned_about() {
    for (line, warning) in [
        (
            "grpc: 0.0.0.0:9000",
            "grpc: provider keys cross 0.0.0.0:9000 in plain text; keep that port inside the pod or the container network",
        ),
        (
            "envoy: { admin: 0.0.0.0:9901 }",
            "envoy.admin: whoever reaches Envoy's admin interface can stop it; keep it on loopback, or off the network",
        ),
        (
            "defaults: { failover: { per_try_timeout: 90s, timeout: 1m } }",
            "defaults.failover.per_try_timeout: 1m 30s is longer than the 1m that all attempts have together (`timeout`)",
        ),
    ] {
        assert_eq!(accepted(&format!("{line}\n{SMALLEST}")).warnings, [warning]);
    }
    let config = accepted(
        "
providers:
  b: { kind: openai, endpoint: http://far.example, auth: passthrough, health_check: {} }
  a: { kind: openai-compatible, endpoint: http://127.0.0.1:1, tls: { sni: x.example }, backups: [ { endpoint: https://other.example, deployment: d } ] }
models:
  one: { targets: [ { provider: a, model: x } ] }
  two: { targets: [ { provider: a, model: y } ] }
",
    );
    assert_eq!(
        config.warnings,
        [
            "providers.b: http://far.example has no path; that of openai ends in `/v1`",
            "providers.b: callers' keys would cross the network to http://far.example in plain text; use https",
            "providers.b: there is no key of ours, so health checks are sent without one",
            "providers.a.tls: http://127.0.0.1:1 is reached without TLS, so this does nothing",
            "providers.a.backups[0]: inherits `tls.sni: x.example`, although its endpoint is another",
            "models: `d` of backup `a-backup-1` stands in for x and y",
        ]
    );
}

#[test]
fn the_file_is_read_through_the_sources() {
    let sources = Fixture::default().file("/etc/understudy.yaml", SMALLEST);

    assert!(Config::load(Path::new("/etc/understudy.yaml"), &sources, causes).is_ok());
    let missing = Config::load(Path::new("/gone.yaml"), &sources, causes).unwrap_err();
    assert!(
        missing.to_string().starts_with("/gone.yaml cannot be read: "),
        "{missing}"
    );
}

fn collect_keys(schema: &Value, keys: &mut Vec<String>) {
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        keys.extend(properties.keys().cloned());
    }
    match schema {
        Value::Object(map) => map.values().for_each(|inner| collect_keys(inner, keys)),
        Value::Array(items) => items.iter().for_each(|inner| collect_keys(inner, keys)),
        _ => {}
    }
}

#[test]
fn the_reference_example_is_valid_and_says_every_key() {
    let text = include_str!("../../../examples/understudy.yaml");
    let sources = sources()
        .env("ADMIN_TOKEN", "t")
        .file("/run/secrets/batch", "batch-key")
        .file("/run/secrets/vertex.json", super::kinds::key_file("MIIB"))
        .file(
            "/run/secrets/aws",
            "[understudy]\naws_access_key_id = a\naws_secret_access_key = b",
        );

    let config = Config::parse(text, &sources, causes).unwrap_or_else(|refusal| panic!("{refusal}"));

    assert_eq!(config.warnings, Vec::<String>::new());
    let mut keys = Vec::new();
    collect_keys(schema::schema(), &mut keys);
    for key in keys {
        assert!(
            text.contains(&format!("{key}:")),
            "examples/understudy.yaml does not show `{key}`"
        );
    }
}

#[test]
fn where_the_admin_server_is_can_be_read_without_the_keys_of_the_rest() {
    let file = "admin: { listen: \"0.0.0.0:9900\", token: \"${ADMIN_TOKEN}\" }\n\
                providers: { openai: { kind: openai, api_key: \"${NOT_SET}\" } }\n\
                models: { odd: 7 }\n";
    let sources = Fixture::default()
        .env("ADMIN_TOKEN", "t0ken")
        .file("u.yaml", file)
        .file("plain.yaml", "{}");

    let admin = Config::load_admin(Path::new("u.yaml"), &sources).unwrap();
    let plain = Config::load_admin(Path::new("plain.yaml"), &sources).unwrap();
    let missing = Config::load_admin(Path::new("no.yaml"), &sources).unwrap_err();

    assert_eq!(admin.addr.to_string(), "0.0.0.0:9900");
    assert_eq!(admin.token.unwrap().expose(), "t0ken");
    assert_eq!(plain.addr.to_string(), "127.0.0.1:9900");
    assert!(matches!(missing, LoadError::Unreadable { .. }));
}
