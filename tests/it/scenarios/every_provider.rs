//! `every-provider.yaml`: each kind of provider is asked in its own language and accent, and answers each model that
//! names it, on both surfaces.

use std::collections::BTreeMap;

use serde_json::json;
use understudy::config::{Config, Kind};

use super::*;

const MESSAGES: &str = "/v1/messages";

/// The file with an endpoint for each provider: that of the simulated one that speaks its language.
fn placed(yaml: &str, sims: &BTreeMap<Dialect, Sim>, others: &Sim) -> String {
    let mut placed = String::new();
    for line in yaml.lines() {
        let Some((before, after)) = line.split_once("kind: ") else {
            // What the file says itself would stand there twice.
            if !line.trim_start().starts_with("endpoint: ") {
                placed.extend([line, "\n"]);
            }
            continue;
        };
        let word = after.split([',', ' ', '}']).next().unwrap_or_default();
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
        let sim = dialect(kind.unwrap_or_else(|| panic!("no kind in {line}")));
        let sim = sim.map_or(others, |dialect| &sims[&dialect]);
        let origin = format!("http://{}", sim.addr());
        let endpoint = match kind {
            Some(Kind::AzureOpenAi | Kind::Anthropic | Kind::Gemini | Kind::Vertex | Kind::Bedrock) => origin,
            _ => format!("{origin}/v1"),
        };
        let line = match after.split_once(", endpoint: ") {
            // In braces, with an endpoint or without.
            Some((word, _)) => format!("{before}kind: {word}, endpoint: \"{endpoint}\" }}"),
            None if before.contains('{') => format!("{before}endpoint: \"{endpoint}\", kind: {after}"),
            None => format!("{before}kind: {after}\n{before}endpoint: \"{endpoint}\""),
        };
        placed.extend([line.as_str(), "\n"]);
    }
    placed
}

/// Who is as strict as the real one; all vendors beside OpenAI have manners of their own.
fn dialect(kind: Kind) -> Option<Dialect> {
    match kind {
        Kind::OpenAi => Some(Dialect::OpenAi),
        Kind::AzureOpenAi => Some(Dialect::Azure),
        Kind::Anthropic => Some(Dialect::Anthropic),
        Kind::Gemini => Some(Dialect::Gemini),
        Kind::Vertex => Some(Dialect::Vertex),
        Kind::Bedrock => Some(Dialect::Bedrock),
        _ => None,
    }
}

#[tokio::test]
async fn every_provider_answers_every_model_that_names_it() {
    let mut sims = BTreeMap::new();
    for kind in Kind::ALL {
        if let Some(dialect) = dialect(kind) {
            sims.insert(dialect, native(kind.as_str(), dialect).await);
        }
    }
    let others = sim("others").await;
    let yaml = placed(&example("every-provider.yaml"), &sims, &others);
    let config = Config::parse(
        &yaml,
        &understudy::config::SystemSources,
        understudy::app::failover_cause,
    );
    let config = config.unwrap_or_else(|error| panic!("{error}\nin\n{yaml}"));
    for kind in Kind::ALL {
        let provider = config.providers.iter().find(|provider| provider.kind == kind);
        let name = &provider.unwrap_or_else(|| panic!("nobody is {kind}")).name;
        let mut targets = config.models.iter().flat_map(|model| &model.targets);
        assert!(
            targets.any(|target| target.provider == *name),
            "no model has {name}"
        );
    }
    let gateway = start::<0>(&yaml, []).await;

    for model in &config.models {
        for target in &model.targets {
            let (model, provider) = (model.name.as_str(), target.provider.as_str());
            let mut asked = chat(model);
            asked["max_completion_tokens"] = 500.into();
            let claude = json!({ "model": model, "max_tokens": 500, "messages": asked["messages"] });
            for (path, mut asked) in [(CHAT, asked), (MESSAGES, claude)] {
                for stream in [false, true] {
                    asked["stream"] = stream.into();
                    let call = gateway.post(path, asked.clone());
                    let answer = call.header("x-understudy-order", provider).send().await;
                    assert_eq!(
                        (answer.status.as_u16(), answer.hops()),
                        (200, vec![format!("{provider} ok")]),
                        "{model} {path}: {}",
                        answer.text()
                    );
                    assert!(
                        answer.text().contains(" says: Say hello.") || stream,
                        "{}",
                        answer.text()
                    );
                }
            }
        }
    }
    gateway.stop().await;
}
