use std::process::Stdio;

use clap::CommandFactory as _;
use understudy::cli::Cli;

use super::program::Place;

const GOOD: &str = "
providers:
  openai: { kind: openai, api_key: sk-1 }
  azure: { kind: azure-openai, endpoint: https://a.openai.azure.com, api_key: k, deployment: d }
models:
  gpt-4o: { targets: [ { provider: openai }, { provider: azure, priority: 1 } ] }
  small: { targets: [ { provider: openai } ], failover: { attempts: 2 } }
";

#[tokio::test]
async fn a_good_configuration_is_summed_up_and_shown_to_envoy() {
    let place = Place::with_config(GOOD);

    let ran = place.run(&["check"]).await;

    assert_eq!(
        ran.out,
        "understudy.yaml is good: 2 providers, 2 models, 3 targets, 2 routes\n\
         Envoy 1.40.0 accepts the configuration that it yields\n"
    );
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn without_an_envoy_the_file_alone_is_checked_and_that_is_said() {
    let place = Place::with_config(GOOD).without_envoy();

    let ran = place.run(&["check"]).await;
    let asked_for = place.run(&["check", "--no-envoy", "understudy.yaml"]).await;

    let good = "understudy.yaml is good: 2 providers, 2 models, 3 targets, 2 routes\n";
    assert_eq!(asked_for.out, good);
    assert_eq!(
        ran.out,
        format!("{good}Envoy was not asked: none is at hand (envoy/fetch.sh brings one)\n")
    );
    assert_eq!((ran.code, asked_for.code), (Some(0), Some(0)));
}

#[tokio::test]
async fn all_mistakes_are_told_at_once_with_what_to_write() {
    let place = Place::new();
    place.write(
        "bad.yaml",
        "providers: { openai: { kind: opnai, api_key: \"${NO_SUCH_KEY}\" } }\n\
         models: { gpt-4o: { targets: [ { provider: opena } ], failover: { atempts: 3 } } }\n",
    );

    let ran = place.run(&["check", "bad.yaml"]).await;

    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.out, "");
    assert_eq!(
        ran.err,
        "understudy: bad.yaml has 4 mistakes\n\
         providers.openai.kind: `opnai` is not one of openai, azure-openai, anthropic, gemini, vertex, bedrock, mistral, groq, deepseek, xai, together, fireworks, openrouter, cohere, ollama, vllm, openai-compatible\n  \
           hint: did you mean `openai`?\n\
         providers.openai.api_key: the environment variable `NO_SUCH_KEY` is not set or empty\n  \
           hint: export NO_SUCH_KEY, or write `${NO_SUCH_KEY:-default}`\n\
         models.gpt-4o.targets[0].provider: `opena` is not one of `providers`\n  \
           hint: did you mean `openai`?\n\
         models.gpt-4o.failover.atempts: unknown key\n  \
           hint: did you mean `attempts`?\n"
    );
}

#[tokio::test]
async fn what_envoy_refuses_is_told_by_check() {
    let place = Place::with_config(
        "providers: { p: { kind: openai, api_key: k, tls: { ca: /no/such/ca.pem } } }\n\
         models: { m: { targets: [ { provider: p } ] } }\n",
    );

    let ran = place.run(&["check"]).await;

    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.err,
        "understudy: Envoy cannot read `/no/such/ca.pem`; see that the file is there and that this user may read it\n"
    );
}

#[tokio::test]
async fn the_schema_is_the_one_that_is_shipped() {
    let ran = Place::new().run(&["schema"]).await;

    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/understudy.schema.json");
    assert_eq!(ran.out, std::fs::read_to_string(shipped).unwrap());
}

#[tokio::test]
async fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);

    let mut command = place.command(&["schema"]);
    command.stdout(Stdio::from(writer));
    let ended = command.output().await.unwrap();

    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}

#[tokio::test]
async fn a_wrong_call_ends_with_2() {
    let place = Place::with_config(GOOD);

    for wrong in [
        &["upp"][..],
        &["check", "--nope"],
        &["status", "--watch", "--json"],
        &["serve", "--log", "understudy=loud"],
        &["probe", "--model", "gpt-5"],
        &["sim", "--fault", "rate_limt"],
        &["status", "--admin", "nowhere"],
    ] {
        let ran = place.run(wrong).await;
        assert_eq!(ran.code, Some(2), "{wrong:?}: {ran:?}");
        assert_ne!(ran.err, "", "{wrong:?}");
    }
}

#[tokio::test]
async fn help_fits_on_a_screen_and_every_command_has_a_sentence() {
    let ran = Place::new().run(&["help"]).await;

    assert_eq!(ran.code, Some(0));
    assert!(ran.out.lines().count() <= 24, "{}", ran.out);
    for command in Cli::command().get_subcommands() {
        let about = command.get_about().unwrap().to_string();
        assert!(ran.out.contains(&about), "{}: {about}", command.get_name());
        for argument in command.get_arguments() {
            let said = argument.get_help().or(argument.get_long_help());
            assert!(said.is_some(), "{} {}", command.get_name(), argument.get_id());
        }
    }
    Cli::command().debug_assert();
}
