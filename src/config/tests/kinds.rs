//! Every kind of provider: where it is, and how we sign in there.

use super::super::*;
use super::{Fixture, accepted, causes};

const MODELS: &str = "models: { m: { targets: [ { provider: a, model: x } ] } }\n";

/// A key file of a service account, with this in its private key.
pub(super) fn key_file(inside: &str) -> String {
    serde_json::json!({
        "type": "service_account", "project_id": "own-project", "private_key_id": "k1",
        "private_key": format!("-----BEGIN PRIVATE KEY-----\n{inside}\n-----END PRIVATE KEY-----\n"),
        "client_email": "understudy@own-project.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
    .to_string()
}

fn sources() -> Fixture {
    Fixture::default()
        .file("/sa.json", key_file("MIIBlive"))
        .file("/user.json", r#"{"type":"authorized_user","refresh_token":"live"}"#)
        .file(
            "/aws",
            "[default]\naws_access_key_id=AKIDlive\naws_secret_access_key=live+1\n\
             [batch]\naws_access_key_id=AKIDbatch\naws_secret_access_key=live+2\naws_session_token=live-token\n",
        )
        .env("KEY", "sk-live")
        .env("AWS_FILE", "/sa.json")
}

fn load(provider: &str, sources: &Fixture) -> Result<Config, LoadError> {
    Config::parse(
        &format!("providers: {{ a: {{ {provider} }} }}\n{MODELS}"),
        sources,
        causes,
    )
}

fn provider(written: &str, sources: &Fixture) -> Provider {
    let config = load(written, sources).unwrap_or_else(|refusal| panic!("{refusal}\n---\n{written}"));
    let shown = format!("{config:?}");
    assert!(!shown.contains("live"), "{shown}");
    config.provider("a").clone()
}

/// Each case of a table is what is written, and below it what is told.
fn check(table: &str, sources: &Fixture) {
    for case in table.trim().split("\n\n") {
        let (written, told) = case.split_once('\n').expect(case);
        let refusal = load(written, sources).expect_err(written);
        let mistakes: Vec<String> = refusal
            .mistakes()
            .iter()
            .map(|mistake| mistake.to_string().replacen("providers.a.", "", 1))
            .collect();
        assert_eq!(mistakes.join("\n"), told, "{written}");
        assert!(!format!("{refusal:?}").contains("live"), "{refusal}");
    }
}

#[test]
fn every_kind_knows_where_it_is_or_what_says_so() {
    for (written, endpoint) in [
        ("kind: openai", "https://api.openai.com/v1"),
        ("kind: anthropic", "https://api.anthropic.com"),
        ("kind: gemini", "https://generativelanguage.googleapis.com"),
        ("kind: mistral", "https://api.mistral.ai/v1"),
        ("kind: groq", "https://api.groq.com/openai/v1"),
        ("kind: deepseek", "https://api.deepseek.com"),
        ("kind: xai", "https://api.x.ai/v1"),
        ("kind: together", "https://api.together.ai/v1"),
        ("kind: fireworks", "https://api.fireworks.ai/inference/v1"),
        ("kind: openrouter", "https://openrouter.ai/api/v1"),
        ("kind: cohere", "https://api.cohere.ai/compatibility/v1"),
        ("kind: ollama", "http://127.0.0.1:11434/v1"),
        (
            "kind: bedrock, region: eu-west-1",
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
        ),
        (
            "kind: bedrock, region: cn-north-1",
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
        ),
        ("kind: vertex", "https://aiplatform.googleapis.com/v1"),
        (
            "kind: vertex, project: p, location: europe-west4",
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4",
        ),
        (
            "kind: vertex, project: p, location: global",
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
        ),
        (
            "kind: vertex, project: p, location: eu",
            "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu",
        ),
        (
            "kind: vertex, project: p, location: us, endpoint: http://127.0.0.1:8",
            "http://127.0.0.1:8/v1/projects/p/locations/us",
        ),
        (
            "kind: vertex, endpoint: https://gateway.example/v1/projects/q/locations/us",
            "https://gateway.example/v1/projects/q/locations/us",
        ),
        (
            "kind: bedrock, endpoint: http://127.0.0.1:8",
            "http://127.0.0.1:8",
        ),
        (
            "kind: anthropic, endpoint: http://127.0.0.1:8/v1",
            "http://127.0.0.1:8",
        ),
        (
            "kind: mistral, endpoint: http://127.0.0.1:8/v1",
            "http://127.0.0.1:8/v1",
        ),
    ] {
        let provider = provider(&format!("{written}, api_key: ${{KEY}}"), &sources());
        assert_eq!(provider.endpoint.to_string(), endpoint, "{written}");
        assert_eq!(provider.auth, Auth::ApiKey(Secret::try_new("sk-live").unwrap()));
    }
}

#[test]
fn servers_of_ones_own_may_do_without_a_key() {
    for written in [
        "kind: ollama",
        "kind: vllm, endpoint: 'http://127.0.0.1:8000/v1'",
        "kind: groq, auth: none",
        "kind: bedrock, region: us-east-1, auth: none",
    ] {
        assert_eq!(provider(written, &sources()).auth, Auth::None, "{written}");
    }
    assert_eq!(
        provider("kind: anthropic, auth: passthrough", &sources()).auth,
        Auth::Passthrough
    );
}

fn aws(provider: &Provider) -> (&str, &str, Option<&str>, &str) {
    let Auth::Aws(keys) = &provider.auth else {
        panic!("{provider:?}")
    };
    (
        keys.access_key_id.expose(),
        keys.secret_access_key.expose(),
        keys.session_token.as_ref().map(Secret::expose),
        &keys.region,
    )
}

#[test]
fn keys_of_aws_come_from_the_file_the_environment_or_a_profile() {
    let there = sources()
        .env("AWS_ACCESS_KEY_ID", "AKIDenv")
        .env("AWS_SECRET_ACCESS_KEY", "env-live");
    let temporary = there.clone().env("AWS_SESSION_TOKEN", "token-live");

    for (written, sources, keys) in [
        (
            "region: us-east-1, access_key_id: AKID, secret_access_key: file:/aws-secret",
            sources().file("/aws-secret", "s-live\n"),
            ("AKID", "s-live", None, "us-east-1"),
        ),
        (
            "region: us-east-1, access_key_id: AKID, secret_access_key: '${KEY}', session_token: '${TOKEN:-}'",
            sources(),
            ("AKID", "sk-live", None, "us-east-1"),
        ),
        (
            "endpoint: https://bedrock-runtime.us-west-2.amazonaws.com, access_key_id: A, secret_access_key: '${KEY}', session_token: t",
            sources(),
            ("A", "sk-live", Some("t"), "us-west-2"),
        ),
        (
            "region: us-east-1",
            there,
            ("AKIDenv", "env-live", None, "us-east-1"),
        ),
        (
            "region: us-east-1, endpoint: http://127.0.0.1:8",
            temporary,
            ("AKIDenv", "env-live", Some("token-live"), "us-east-1"),
        ),
        (
            "region: us-east-1, credentials_file: /aws",
            sources(),
            ("AKIDlive", "live+1", None, "us-east-1"),
        ),
        (
            "region: us-east-1, credentials_file: /aws, profile: batch",
            sources(),
            ("AKIDbatch", "live+2", Some("live-token"), "us-east-1"),
        ),
    ] {
        let provider = provider(&format!("kind: bedrock, {written}"), &sources);
        assert_eq!(aws(&provider), keys, "{written}");
    }
    let watched = load(
        "kind: bedrock, region: us-east-1, credentials_file: /aws",
        &sources(),
    )
    .unwrap();
    assert_eq!(watched.secret_files, [PathBuf::from("/aws")]);
}

#[test]
fn a_service_account_is_read_and_knows_its_project() {
    let written = "kind: vertex, location: us, service_account: file:/sa.json";
    let own = provider(written, &sources());
    let other = provider(
        &format!("{written}, project: other, token_url: 'http://127.0.0.1:9/token'"),
        &sources(),
    );
    let inline = sources().env("SA", &key_file("MIIBlive"));
    let inline = provider("kind: vertex, location: us, service_account: '${SA}'", &inline);

    assert_eq!(own.endpoint.base_path, "/v1/projects/own-project/locations/us");
    assert_eq!(other.endpoint.base_path, "/v1/projects/other/locations/us");
    assert_eq!(inline.auth, own.auth);
    let (Auth::ServiceAccount(own), Auth::ServiceAccount(other)) = (&own.auth, &other.auth) else {
        panic!("{own:?} {other:?}")
    };
    assert_eq!(own.token_url.to_string(), "https://oauth2.googleapis.com/token");
    assert_eq!(other.token_url.to_string(), "http://127.0.0.1:9/token");
    assert_eq!(own.private_key_id.as_deref(), Some("k1"));
    assert!(own.private_key.expose().contains("MIIBlive"));
}

#[test]
fn an_application_of_entra_asks_for_what_its_endpoint_needs() {
    let entra = |endpoint: &str, rest: &str| {
        let written = format!(
            "kind: azure-openai, deployment: d, endpoint: '{endpoint}', \
             entra: {{ client_id: c-1, client_secret: '${{KEY}}', {rest} }}"
        );
        match provider(&written, &sources()).auth {
            Auth::Entra(entra) => entra,
            other => panic!("{other:?}"),
        }
    };

    let older = entra("https://r.openai.azure.com", "tenant: t-1");
    let newer = entra("https://r.services.ai.azure.com", "tenant: t-1");
    let test = entra(
        "http://127.0.0.1:8",
        "token_url: 'http://127.0.0.1:9/token', scope: api://x/.default",
    );

    assert_eq!(
        older.token_url.to_string(),
        "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"
    );
    assert_eq!(older.scope, "https://cognitiveservices.azure.com/.default");
    assert_eq!(newer.scope, "https://ai.azure.com/.default");
    assert_eq!(
        (test.token_url.to_string().as_str(), test.scope.as_str()),
        ("http://127.0.0.1:9/token", "api://x/.default")
    );
    assert_eq!(
        (test.client_id.as_str(), test.client_secret.expose()),
        ("c-1", "sk-live")
    );
}

const AWS: &str = "
kind: bedrock
region: missing: where is this bedrock provider?
  hint: write for example `region: us-east-1`
access_key_id: missing: requests would be refused
  hint: write `access_key_id` and `secret_access_key`, `credentials_file: ${HOME}/.aws/credentials` or `api_key: ${AWS_BEARER_TOKEN_BEDROCK}`, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

kind: bedrock, region: US East
region: `US East` is no region
  hint: write for example `us-east-1`
access_key_id: missing: requests would be refused
  hint: write `access_key_id` and `secret_access_key`, `credentials_file: ${HOME}/.aws/credentials` or `api_key: ${AWS_BEARER_TOKEN_BEDROCK}`, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY

kind: bedrock, endpoint: http://127.0.0.1:8, access_key_id: a, secret_access_key: b
region: missing: requests are signed for one region
  hint: write for example `region: us-east-1`

kind: bedrock, region: us-east-1, access_key_id: a
secret_access_key: missing: `access_key_id` and `secret_access_key` sign together
  hint: write `secret_access_key: ${NAME}`

kind: bedrock, region: us-east-1, session_token: live
access_key_id: missing: `access_key_id` and `secret_access_key` sign together
  hint: write `access_key_id: ${NAME}`
secret_access_key: missing: `access_key_id` and `secret_access_key` sign together
  hint: write `secret_access_key: ${NAME}`

kind: bedrock, region: us-east-1, acces_key_id: a, secret_access_key: live
acces_key_id: unknown key
  hint: did you mean `access_key_id`?

kind: bedrock, region: us-east-1, access_key_id: a, secret_access_key: b live
secret_access_key: the secret has a space inside
  hint: write the key alone, without `Bearer`

kind: bedrock, region: us-east-1, api_key: a, access_key_id: b, secret_access_key: c
access_key_id: there is `api_key` too, and one is enough to sign in
  hint: keep one of the two

kind: bedrock, region: us-east-1, profile: p
credentials_file: missing: which file is the profile in?
  hint: write for example `credentials_file: ${HOME}/.aws/credentials`

kind: bedrock, region: us-east-1, credentials_file: /gone
credentials_file: `/gone` cannot be read: entity not found
  hint: check the path and the file's owner and mode

kind: bedrock, region: us-east-1, credentials_file: /aws, profile: prod
profile: `prod` is no profile of `credentials_file`
  hint: there is: default, batch

kind: bedrock, region: us-east-1, credentials_file: '${AWS_FILE}'
credentials_file: `${AWS_FILE}` has no profile `default`
  hint: is it AWS's file of credentials?

kind: bedrock, region: us-east-1, api_key: k, health_check: {}
health_check.path: missing: this API has no list of models to ask for
  hint: write a path that answers 200
";

#[test]
fn mistakes_of_aws() {
    check(AWS, &sources());

    let half = sources().env("AWS_SECRET_ACCESS_KEY", "live");
    let told = "
kind: bedrock, region: us-east-1
access_key_id: missing: the environment has AWS_SECRET_ACCESS_KEY, and AWS_ACCESS_KEY_ID is not set or empty
  hint: export AWS_ACCESS_KEY_ID
";
    check(told, &half);
    let odd = half.env("AWS_ACCESS_KEY_ID", "a live");
    let told = "
kind: bedrock, region: us-east-1
access_key_id: the environment variable AWS_ACCESS_KEY_ID: the secret has a space inside
  hint: write the key alone, without `Bearer`
";
    check(told, &odd);
}

const GOOGLE: &str = "
kind: vertex
location: missing: where is this vertex provider?
  hint: write for example `location: europe-west4`
service_account: missing: requests would be refused
  hint: write `service_account: file:/path/to/key.json`, or `api_key: ${NAME}` for express mode

kind: vertex, location: Europe, service_account: file:/sa.json
location: `Europe` is no location
  hint: write for example `europe-west4` or `global`

kind: vertex, location: us, auth: passthrough
project: missing: whose models are they?
  hint: write the id of your project of Google Cloud

kind: vertex, project: p, endpoint: http://127.0.0.1:8, api_key: k
location: missing: where is this vertex provider?
  hint: write for example `location: europe-west4`

kind: vertex, location: us, project: a/b, service_account: file:/sa.json
project: `a/b` is no id of a project
  hint: write for example `my-project-123`

kind: vertex, location: us, project: p, service_account: file:/user.json
service_account: the key file is that of an `authorized_user`, not of a service account
  hint: write `file:/path/to/key.json`, the file that Google Cloud made for the service account

kind: vertex, location: us, project: p, service_account: live
service_account: is not the JSON of a key file
  hint: write `file:/path/to/key.json`, the file that Google Cloud made for the service account

kind: vertex, location: us, service_account: file:/sa.json, token_url: 'http://far.example/token'
token_url: `http://far.example/token` would be sent secrets in plain text
  hint: begin with `https://`

kind: vertex, location: us, service_account: file:/sa.json, token_url: 'https://a:live@far.example/token'
token_url: holds credentials, which a URL would show
  hint: take them out of the URL, and write `api_key`
";

#[test]
fn mistakes_of_google() {
    check(GOOGLE, &sources());
}

const OTHERS: &str = "
kind: openai, api_key: k, region: us-east-1, entra: { tenant: t }
region: means nothing to openai
  hint: leave it out; it belongs to `kind: bedrock`
entra: means nothing to openai
  hint: leave it out; it belongs to `kind: azure-openai`

kind: anthropic, service_account: live
service_account: means nothing to anthropic
  hint: leave it out; it belongs to `kind: vertex`

kind: azure-openai, deployment: d, endpoint: https://r.example
api_key: missing: requests would be refused
  hint: write `api_key: ${NAME}`, `entra: { tenant: .., client_id: .., client_secret: ${NAME} }`, or `auth: passthrough` to send the caller's own

kind: azure-openai, deployment: d, endpoint: https://r.example, entra: {}
entra.tenant: missing: whose application is it?
  hint: write the id of your tenant in Entra
entra.client_id: missing: which application signs in?
  hint: write the id of its registration in Entra
entra.client_secret: missing: how does the application prove itself?
  hint: write `client_secret: ${NAME}`

kind: azure-openai, deployment: d, endpoint: https://r.example, entra: { tenant_id: t, client_id: c, client_secret: live }
entra.tenant_id: unknown key
  hint: did you mean `tenant`?

kind: azure-openai, deployment: d, endpoint: https://r.example, entra: { tenant: 'a b', client_id: c, client_secret: live }
entra.tenant: `a b` has characters that none has
  hint: copy it from the Azure portal

kind: vllm
endpoint: missing: where is this vllm provider?
  hint: write for example `endpoint: http://127.0.0.1:8000/v1`

kind: groq
api_key: missing: requests would be refused
  hint: write `api_key: ${NAME}`, or `auth: passthrough` to send the caller's own

kind: gemini, api_key: k, endpoint: https://generativelanguage.googleapis.com/v1beta/openai/
endpoint: `https://generativelanguage.googleapis.com/v1beta/openai/` is where it speaks OpenAI's language
  hint: write `kind: openai-compatible`, or for gemini end the URL before that path
";

#[test]
fn mistakes_of_the_other_kinds() {
    check(OTHERS, &sources());
}

#[test]
fn a_backup_of_another_kind_shares_neither_place_nor_credential() {
    let config = accepted(
        "
providers:
  a:
    kind: bedrock
    region: us-east-1
    endpoint: http://127.0.0.1:8
    api_key: bedrock-key
    connect_timeout: 2s
    backups:
      - { kind: anthropic, api_key: anthropic-key }
      - { region: eu-west-1, endpoint: http://127.0.0.1:9 }
models: { m: { targets: [ { provider: a } ] } }
",
    );
    let (other, same) = (config.provider("a-backup-1"), config.provider("a-backup-2"));

    assert_eq!(other.endpoint.to_string(), "https://api.anthropic.com");
    assert_eq!(other.connect_timeout, config.provider("a").connect_timeout);
    assert_eq!(same.auth, config.provider("a").auth);
    let told = Config::parse(
        "providers: { a: { kind: openai, api_key: k, backups: [ { kind: anthropic } ] } }\n\
         models: { m: { targets: [ { provider: a } ] } }",
        &sources(),
        causes,
    );
    assert_eq!(
        told.unwrap_err().mistakes()[0].to_string(),
        "providers.a.backups[0].api_key: missing: requests would be refused\n  \
         hint: write `api_key: ${NAME}`, or `auth: passthrough` to send the caller's own"
    );
}

#[test]
fn health_checks_ask_for_the_list_that_a_kind_has() {
    for (written, path) in [
        ("kind: anthropic", "/v1/models"),
        ("kind: gemini", "/v1beta/models"),
        (
            "kind: vertex, project: p, location: us",
            "/v1beta1/publishers/google/models",
        ),
        ("kind: groq", "/openai/v1/models"),
        ("kind: cohere", "/v1/models"),
        ("kind: deepseek", "/models"),
    ] {
        let provider = provider(&format!("{written}, api_key: k, health_check: {{}}"), &sources());
        assert_eq!(provider.health_check.unwrap().path, path, "{written}");
    }
}
