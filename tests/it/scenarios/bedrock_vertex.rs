//! `bedrock-vertex.yaml`: one Claude from four places; a key, signatures for two regions, a token; what is said to each
//! of them.

use serde_json::json;
use understudy::sim::{AwsKeys, SimConfig};

use super::*;

const MESSAGES: &str = "/v1/messages";
const MODEL: &str = "claude-sonnet-4-6";
const PLACES: [&str; 4] = ["anthropic", "bedrock", "bedrock-backup-1", "vertex"];

struct Places {
    sims: [Sim; 4],
    gateway: Running,
    _folder: tempfile::TempDir,
}

/// A region that computes each signature again.
async fn region(name: &str) -> Sim {
    let mut config = SimConfig::named(name);
    config.dialect = Some(Dialect::Bedrock);
    config.sign_in.aws = Some(AwsKeys {
        region: Some(name.to_owned()),
        ..AwsKeys::new("AKIDOURS", "secret/of+ours")
    });
    Sim::start(config).await.unwrap()
}

/// The key file of a service account whose tokens come from `sim`.
fn key_file(sim: &Sim) -> String {
    let file = json!({
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "k1",
        "private_key": include_str!("../../../src/app/tokens/tests/account.pem"),
        "client_email": "understudy@my-project.iam.gserviceaccount.com",
        "token_uri": format!("http://{}/token", sim.addr()),
    });
    file.to_string()
}

async fn places() -> Places {
    let sims = [
        native("anthropic", Dialect::Anthropic).await,
        region("us-east-1").await,
        region("us-west-2").await,
        native("vertex", Dialect::Vertex).await,
    ];
    let folder = tempfile::tempdir().unwrap();
    let account = folder.path().join("vertex.json");
    std::fs::write(&account, key_file(&sims[3])).unwrap();
    let root = |sim: &Sim| format!("http://{}", sim.addr());
    let env = [
        ("ANTHROPIC_URL", root(&sims[0])),
        ("ANTHROPIC_API_KEY", "sk-ant-ours".to_owned()),
        ("BEDROCK_URL", root(&sims[1])),
        ("BEDROCK_WEST_URL", root(&sims[2])),
        ("AWS_ACCESS_KEY_ID", "AKIDOURS".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret/of+ours".to_owned()),
        ("VERTEX_URL", root(&sims[3])),
        ("VERTEX_ACCOUNT", format!("file:{}", account.display())),
    ];
    let gateway = start(&example("bedrock-vertex.yaml"), env).await;
    Places {
        sims,
        gateway,
        _folder: folder,
    }
}

/// The path and the body of the last request for an answer.
fn last(sim: &Sim) -> (String, Value) {
    let requests = sim.control().recent_requests();
    let last = requests
        .iter()
        .rfind(|request| !request.path().ends_with("/token"));
    let last = last.expect("it was asked");
    (last.path(), serde_json::from_slice(last.body()).unwrap())
}

fn ask() -> Value {
    let cached = json!([{ "type": "text", "text": "Be brief.", "cache_control": { "type": "ephemeral" } }]);
    json!({ "model": MODEL, "max_tokens": 100, "system": cached, "messages": [{ "role": "user", "content": "Say hello." }] })
}

#[tokio::test]
async fn the_same_model_answers_from_one_place_after_the_other() {
    let all = places().await;
    let mut trail: Vec<String> = Vec::new();
    for (place, sim) in PLACES.iter().zip(&all.sims) {
        let mut served = trail.clone();
        served.push(format!("{place} ok"));
        for stream in [false, true] {
            forgive(&all.gateway, &PLACES).await;
            let mut chat = chat(MODEL);
            chat["stream"] = stream.into();
            let answer = all.gateway.post(CHAT, chat).send().await;
            assert_eq!(
                (answer.status.as_u16(), answer.hops()),
                (200, served.clone()),
                "{}",
                answer.text()
            );
        }
        trail.push(format!("{place} overloaded"));
        sim.control().set_fault(fault(Fault::Overloaded));
    }
    forgive(&all.gateway, &PLACES).await;
    let nobody = all.gateway.post(CHAT, chat(MODEL)).send().await;
    assert_eq!(nobody.hops(), trail);
    all.gateway.stop().await;
}

#[tokio::test]
async fn each_place_is_asked_as_it_wants_to_be() {
    let all = places().await;
    for (place, sim) in PLACES.iter().zip(&all.sims) {
        let call = all.gateway.post(MESSAGES, ask());
        let answer = call.header("x-understudy-order", place).send().await;
        assert_eq!(answer.status, 200, "{place}: {}", answer.text());
        assert_eq!(answer.json()["type"], "message", "{place}");
        let (path, body) = last(sim);
        match *place {
            "anthropic" => {
                assert_eq!(path, "/v1/messages");
                assert_eq!(body, ask());
            }
            "vertex" => {
                assert_eq!(
                    path,
                    "/v1/projects/my-project/locations/global/publishers/anthropic/models/claude-sonnet-4-6:rawPredict"
                );
                assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
                assert_eq!(
                    (&body["system"], &body["model"]),
                    (&ask()["system"], &Value::Null),
                    "as it was written: {body}"
                );
            }
            _ => {
                assert_eq!(path, "/model/us.anthropic.claude-sonnet-4-6/converse");
                assert_eq!(body["system"], json!([{ "text": "Be brief." }]), "{body}");
            }
        }
    }
    all.gateway.stop().await;
}

#[tokio::test]
async fn a_token_that_is_refused_is_the_credentials_fault_and_the_others_serve() {
    let all = places().await;
    all.sims[3].control().revoke_tokens();

    let order = "vertex, anthropic";
    let call = all.gateway.post(CHAT, chat(MODEL));
    let answer = call.header("x-understudy-order", order).send().await;

    assert_eq!(
        answer.hops(),
        ["vertex auth", "anthropic ok"],
        "{}",
        answer.text()
    );
    let benched = target(&all.gateway, MODEL, "vertex").await;
    let scopes = benched["circuits"].as_array().unwrap().iter();
    let open: Vec<&Value> = scopes
        .filter(|circuit| circuit["state"] == "open")
        .map(|circuit| &circuit["scope"])
        .collect();
    assert_eq!(open, ["credential"], "{benched:#}");
    all.gateway.stop().await;
}
