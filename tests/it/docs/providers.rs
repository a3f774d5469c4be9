//! What the README says of kinds of providers, of vendors and of models is what the program does.

use std::collections::BTreeSet;

use understudy::catalog::{Catalog, Credential, Generation};
use understudy::config::{Config, Kind, MaxTokensField, Thinking};
use understudy::dialect::facts;
use understudy::dialect::vendor::Vendor;

use super::*;

/// Each kind in the fewest words, a key of the file each, and the header that signs it in.
const LEAST: [(Kind, &[&str], &str); 7] = [
    (Kind::OpenAi, &["api_key: sk-x"], "authorization"),
    (
        Kind::AzureOpenAi,
        &[
            "endpoint: 'https://my-resource.openai.azure.com'",
            "deployment: d",
            "api_key: k",
        ],
        "api-key",
    ),
    (Kind::Anthropic, &["api_key: k"], "x-api-key"),
    (Kind::Gemini, &["api_key: k"], "x-goog-api-key"),
    (
        Kind::Vertex,
        &[
            "location: global",
            "service_account: 'file:/run/secrets/vertex.json'",
        ],
        "authorization",
    ),
    (Kind::Bedrock, &["region: us-east-1"], "SigV4"),
    (
        Kind::OpenAiCompatible,
        &["endpoint: 'http://127.0.0.1:8000/v1'"],
        "",
    ),
];

/// A provider of that kind that says these keys, and one model of it.
fn configured(kind: Kind, keys: &[&str]) -> Result<Config, String> {
    let keys = keys.join("\n    ");
    let yaml = format!(
        "providers:\n  it:\n    kind: {kind}\n    {keys}\nmodels:\n  m: {{ targets: [{{ provider: it }}] }}\n"
    );
    Config::parse(&yaml, &EVERYTHING, understudy::app::failover_cause).map_err(|error| error.to_string())
}

fn kind(word: &str) -> Kind {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .unwrap_or_else(|| panic!("no kind `{word}`"))
}

fn signs_in_by(config: &Config) -> String {
    let catalog = Catalog::build(config, Generation(1)).unwrap();
    match &catalog.providers[0].credential {
        Credential::Ours { header, .. } => (*header).to_owned(),
        Credential::Signed(_) => "SigV4".to_owned(),
        Credential::Token(_) => "authorization".to_owned(),
        Credential::Passthrough | Credential::Open => String::new(),
    }
}

#[test]
fn every_kind_has_its_row() {
    let kinds = table("| `kind` | its language |");
    let vendors = table("| `kind` | where it is |");
    let listed: BTreeSet<String> = kinds
        .iter()
        .chain(&vendors)
        .flat_map(|cells| backticked(&cells[0]))
        .collect();

    let there: BTreeSet<String> = Kind::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(listed, there);
    let count = Kind::ALL.len();
    assert!(
        count == 17 && read(&at("README.md")).contains("one of seventeen"),
        "{count}"
    );
}

#[test]
fn a_kind_needs_what_its_row_says_and_no_more() {
    let rows = table("| `kind` | its language |");
    for (kind, keys, header) in LEAST {
        let word = format!("`{kind}`");
        let cells = rows
            .iter()
            .find(|cells| cells[0] == word)
            .unwrap_or_else(|| panic!("no row of {word}"));
        let config = configured(kind, keys).unwrap_or_else(|error| panic!("{error}"));
        for (position, key) in keys.iter().enumerate() {
            let name = key.split(':').next().unwrap_or_default();
            assert!(cells[2].contains(&format!("`{name}`")), "{word} needs {name}");
            let without: Vec<&str> = keys[..position]
                .iter()
                .chain(&keys[position + 1..])
                .copied()
                .collect();
            assert!(
                configured(kind, &without).is_err(),
                "{word} does without {name}, and the README says it needs it"
            );
        }
        assert_eq!(signs_in_by(&config), header, "{word}");
        assert!(cells[4].contains(header), "{word} signs in by {header}");
        let place = config.providers[0].endpoint.authority();
        let is_default = !keys.iter().any(|key| key.starts_with("endpoint"));
        assert!(
            !is_default || cells[3].contains(&format!("https://{place}")),
            "{word} is at {place}"
        );
    }
    for (kind, keys, header) in [
        (Kind::Vertex, &["api_key: k"][..], "x-goog-api-key"),
        (
            Kind::Bedrock,
            &["region: us-east-1", "api_key: k"],
            "authorization",
        ),
        (
            Kind::OpenAiCompatible,
            &["endpoint: 'http://127.0.0.1:8000/v1'", "api_key: k"],
            "authorization",
        ),
    ] {
        let config = configured(kind, keys).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(signs_in_by(&config), header, "{kind}");
    }
}

#[test]
fn the_table_of_vendors_is_the_programs() {
    let rows = table("| `kind` | where it is |");
    let own_language = [Kind::Anthropic, Kind::Gemini, Kind::Vertex, Kind::Bedrock];
    assert_eq!(rows.len(), Kind::ALL.len() - own_language.len());
    for cells in rows {
        let word = backticked(&cells[0]).pop().unwrap();
        let kind = kind(&word);
        let vendor = Vendor::of(kind);
        let endpoint = match backticked(&cells[1]).pop() {
            Some(said) if said.starts_with("http") => {
                let config = configured(kind, &["api_key: k"]).unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(config.providers[0].endpoint.to_string(), said, "{word}");
                true
            }
            _ => false,
        };
        assert!(
            endpoint || configured(kind, &["api_key: k"]).is_err(),
            "{word} knows where it is"
        );
        let mut surfaces = Vec::new();
        for (has, name) in [
            (vendor.surfaces.completions, "completions"),
            (vendor.surfaces.embeddings, "embeddings"),
            (vendor.surfaces.responses, "responses"),
        ] {
            surfaces.extend(has.then_some(name));
        }
        assert_eq!(cells[2], surfaces.join(" "), "{word}");
        assert_eq!(backticked(&cells[3]), vendor.refuses, "{word} leaves out");
        let mut beyond = Vec::new();
        beyond.extend(vendor.one_choice.then_some("n"));
        beyond.extend((!vendor.json_schema).then_some("json_schema"));
        assert_eq!(backticked(&cells[4]), beyond, "{word} is passed by");
    }
}

#[test]
fn the_table_of_models_is_the_programs() {
    let mut seen = 0;
    for cells in table("| for example |") {
        for model in backticked(&cells[0]) {
            let facts = facts::of(&model);
            let window = facts.context_window.map(|tokens| tokens.to_string());
            assert_eq!(cells[1], window.unwrap_or_default(), "{model}");
            assert_eq!(cells[2], facts.default_max_tokens.to_string(), "{model}");
            assert_eq!(backticked(&cells[3]), facts.refuses, "{model}");
            let word = backticked(&cells[4]).pop().unwrap();
            let thinking: Thinking = serde_json::from_value(Value::from(word)).unwrap();
            assert_eq!(thinking, facts.thinking, "{model}");
            seen += 1;
        }
    }
    assert!(seen > 15, "only {seen} models were found");
    for decorated in [
        "us.anthropic.claude-opus-5-v1:0",
        "models/gemini-3-pro",
        "openai/gpt-oss-120b",
    ] {
        assert!(read(&at("README.md")).contains(decorated));
        assert!(facts::known(decorated).is_some(), "{decorated}");
    }
}

#[test]
fn what_a_target_says_wins() {
    let readme = read(&at("README.md"));
    let blocks = blocks(&readme, "yaml");
    let block = blocks
        .iter()
        .find(|block| block.contains("  coder:"))
        .expect("an example of facts");
    let yaml = format!(
        "providers: {{ vllm: {{ kind: vllm, endpoint: \"http://127.0.0.1:8000/v1\" }} }}\n{}",
        block.replace("model: my-finetune", "model: gpt-5")
    );

    let config = Config::parse(&yaml, &EVERYTHING, understudy::app::failover_cause);
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let catalog = Catalog::build(&config, Generation(1)).unwrap();
    let target = &catalog.targets[0];

    assert_eq!(target.context_window, Some(65_536));
    assert_eq!(target.facts.max_tokens_field, MaxTokensField::MaxTokens);
    assert_eq!(target.facts.default_max_tokens, 8192);
    assert_eq!(target.facts.refuses, ["logit_bias", "user"]);
    assert_eq!(target.facts.thinking, Thinking::Never);
    assert!(target.lacks.vision && target.lacks.json_schema && !target.lacks.tools);
}
