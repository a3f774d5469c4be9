//! What is shipped as text is true: examples load, commands parse, names and tables agree with the program, links lead
//! somewhere.

mod languages; // what becomes of a request in another language
mod providers; // kinds, vendors, models: the tables and what they need
mod requests; // the requests that are shown, the headers and fields that are listed

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;
use understudy::catalog::{Catalog, Generation};
use understudy::cli::Cli;
use understudy::config::{Config, Sources};
use understudy::outcome::{Class, Effect, Scope};
use understudy::telemetry::metrics::NAMES;
use understudy::xds::{BootstrapSettings, GrpcAddress, bootstrap_yaml};

/// The image of the Envoy that everything is tested with.
const ENVOY_IMAGE: &str = "envoyproxy/envoy:v1.40.0";
/// Texts whose links are followed and whose commands are parsed.
const TEXTS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// The real files; of the environment only what a test says.
struct Environment(&'static [&'static str]);

impl Sources for Environment {
    fn env(&self, name: &str) -> Option<String> {
        self.0
            .contains(&name)
            .then(|| format!("the-{}", name.to_lowercase()))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if path.starts_with("/run/secrets") {
            let content = match path.file_name().and_then(|name| name.to_str()) {
                Some("vertex.json") => KEY_FILE,
                Some("aws-credentials") => PROFILES,
                _ => "a-secret-from-a-file",
            };
            return Ok(content.as_bytes().to_vec());
        }
        fs::read(path)
    }
}

/// The key file of a service account that is nobody's.
const KEY_FILE: &str = r#"{
    "type": "service_account",
    "project_id": "my-project",
    "private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "client_email": "understudy@my-project.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token"
}"#;

/// AWS's file of credentials, with nobody's.
const PROFILES: &str = "[batch]\naws_access_key_id = AKIDBATCH\naws_secret_access_key = secret\n";

/// What the README, `examples/understudy.yaml` and `compose/understudy.yaml` want set; the other examples need nothing.
const EVERYTHING: Environment = Environment(&[
    "ADMIN_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_OPENAI_KEY",
    "ENTRA_CLIENT_SECRET",
    "OPENAI_API_KEY",
    "OTHER_KEY",
    "TEAM_SEARCH_KEY",
]);

#[test]
fn every_example_can_be_served_without_any_preparation() {
    for path in files("examples", "yaml") {
        let needs_keys = path.ends_with("examples/understudy.yaml");
        let environment = if needs_keys { EVERYTHING } else { Environment(&[]) };

        let config = understudy::app::load(&path, &environment).unwrap_or_else(|error| panic!("{error}"));

        assert_eq!(config.warnings, Vec::<String>::new(), "{}", path.display());
        Catalog::build(&config, Generation(1)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn every_example_points_editors_to_the_schema() {
    for path in files("examples", "yaml")
        .into_iter()
        .chain([at("compose/understudy.yaml")])
    {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        let schema = first
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap_or_else(|| panic!("{}", path.display()));
        let schema = path.parent().expect("a file in a folder").join(schema);
        assert!(schema.is_file(), "{} names {}", path.display(), schema.display());
    }
}

#[test]
fn whole_configurations_in_the_readme_can_be_served() {
    let readme = read(&at("README.md"));
    let mut whole = 0;
    for block in blocks(&readme, "yaml")
        .iter()
        .filter(|block| block.contains("\nproviders:") && block.contains("\nmodels:"))
    {
        let config = Config::parse(block, &EVERYTHING, understudy::app::failover_cause);
        let config = config.unwrap_or_else(|error| panic!("{error}\nin\n{block}"));
        assert_eq!(config.warnings, Vec::<String>::new(), "in\n{block}");
        whole += 1;
    }
    assert!(whole > 0, "the README shows a whole configuration");
}

#[test]
fn compose_runs_stock_images_as_ordinary_users() {
    let compose = yaml("docker-compose.yml");
    let services = compose["services"].as_object().expect("services");
    assert_eq!(
        services.keys().collect::<Vec<_>>(),
        ["envoy", "understudy", "sim-primary", "sim-backup"]
    );
    for (name, service) in services {
        let is_ours = service["build"] == "." && service["image"] == "understudy:local";
        assert!(is_ours || service["image"] == ENVOY_IMAGE, "{name}");
        assert!(is_ours || service["user"] == "101:101", "{name} runs as root");
        assert!(
            is_ours || service["healthcheck"].is_object(),
            "{name} has no health check"
        );
        assert_eq!(service["read_only"], true, "{name} may write");
        assert_eq!(service["security_opt"][0], "no-new-privileges:true", "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().expect("a port in quotes");
            assert!(
                port.starts_with("127.0.0.1:"),
                "{name} publishes {port} to everybody"
            );
            assert!(
                !port.contains("9902"),
                "{name} publishes the port that keys cross"
            );
        }
    }
    let dockerfile = read(&at("Dockerfile"));
    let images: Vec<&str> = dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("FROM "))
        .collect();
    assert_eq!(images, ["rust:1.95-bookworm AS build", "debian:bookworm-slim"]);
    assert!(
        dockerfile.contains("\nUSER ") && dockerfile.contains("\nHEALTHCHECK "),
        "{dockerfile}"
    );
}

#[test]
fn compose_boots_envoy_from_the_shipped_bootstrap() {
    let settings = BootstrapSettings {
        grpc: GrpcAddress::Tcp {
            host: "understudy".to_owned(),
            port: 9902,
        },
        admin: ([0, 0, 0, 0], 9901).into(),
        ..BootstrapSettings::default()
    };

    let written = read(&at("compose/envoy.yaml"));

    assert_eq!(
        written,
        bootstrap_yaml(&settings),
        "compose/envoy.yaml is envoy/bootstrap.yaml with addresses filled in"
    );
    let config = understudy::app::load(&at("compose/understudy.yaml"), &EVERYTHING)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.grpc.to_string(), "understudy:9902");
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn every_text_names_the_same_envoy() {
    let version = ENVOY_IMAGE.rsplit(":v").next().expect("a tag");

    assert!(read(&at("envoy/fetch.sh")).contains(&format!("\nversion={version}\n")));
    assert!(read(&at("README.md")).contains(version));
}

#[test]
fn commands_that_are_shown_parse() {
    Cli::command().debug_assert();
    let mut shown = 0;
    for command in shown_commands() {
        if let Err(error) = Cli::try_parse_from(&command) {
            let is_answer = matches!(
                error.kind(),
                clap::error::ErrorKind::DisplayHelp | clap::error::ErrorKind::DisplayVersion
            );
            assert!(is_answer, "`{}` is shown, and: {error}", command.join(" "));
        }
        shown += 1;
    }
    assert!(shown >= 10, "only {shown} commands were found");
}

#[test]
fn every_command_is_in_the_readme() {
    let readme = read(&at("README.md"));
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            readme.contains(&format!("understudy {name}")),
            "the README never says `understudy {name}`"
        );
    }
}

#[test]
fn the_readme_lists_exactly_the_metrics_there_are() {
    let listed: BTreeSet<String> = table("| metric |")
        .into_iter()
        .flat_map(|cells| backticked(&cells[0]))
        .collect();

    let there: BTreeSet<String> = NAMES.into_iter().map(str::to_owned).collect();
    assert_eq!(listed, there);
}

#[test]
fn the_readmes_table_of_classes_is_the_programs() {
    let mut listed = BTreeSet::new();
    for cells in table("| class |") {
        for label in backticked(&cells[0]) {
            let class: Class = label.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(
                cells[2].starts_with("yes"),
                class.fails_over_by_default(),
                "{label} moves on"
            );
            assert_eq!(cells[3], blamed(class), "{label} is held against");
            assert_eq!(
                cells[4].starts_with("opens"),
                opens(class),
                "{label} and its circuit"
            );
            listed.insert(label);
        }
    }
    let there: BTreeSet<String> = Class::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(listed, there);
}

#[test]
fn admin_paths_in_the_readme_exist() {
    let routes = read(&at("src/admin/routes.rs"));
    let mut seen = 0;
    for cells in table("| admin path |") {
        for path in backticked(&cells[0]) {
            let path = path.rsplit(' ').next().unwrap_or_default();
            let fixed = path.split('{').next().unwrap_or_default();
            assert!(path == "/" || routes.contains(&format!("\"{fixed}\"")), "{path}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "only {seen} paths were found");
}

#[test]
fn links_lead_somewhere() {
    for text in TEXTS {
        let markdown = read(&at(text));
        for target in links(&markdown) {
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { text } else { file };
            assert!(at(file).exists(), "{text} links to {target}");
            if !heading.is_empty() {
                let anchors = anchors(&read(&at(file)));
                assert!(
                    anchors.contains(heading),
                    "{text} links to {target}; there is {anchors:?}"
                );
            }
        }
    }
}

#[test]
fn the_licence_is_the_one_that_the_manifest_names() {
    assert!(read(&at("Cargo.toml")).contains("license = \"Apache-2.0\""));
    assert!(read(&at("LICENSE")).contains("Apache License\n                           Version 2.0"));
}

fn blamed(class: Class) -> &'static str {
    match class.blame() {
        None => "nobody",
        Some(Scope::Endpoint) => "endpoint",
        Some(Scope::Credential) => "credential",
        Some(Scope::Target) => "target",
    }
}

fn opens(class: Class) -> bool {
    matches!(class.effect(), Effect::OpenAtOnce | Effect::OpenLong)
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    assert!(path.is_file(), "{} is there", path.display());
    fs::read_to_string(path).expect("a readable text")
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(&at(path))).expect("YAML")
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(at(folder)).expect("a readable folder");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// The insides of fenced blocks of one language.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in markdown.lines() {
        match line.strip_prefix("```") {
            Some(word) if !is_inside && word == language => {
                is_inside = true;
                found.push("\n".to_owned());
            }
            Some(_) => is_inside = false,
            None if is_inside => {
                let block = found.last_mut().expect("a block was begun");
                block.push_str(line);
                block.push('\n');
            }
            None => {}
        }
    }
    found
}

/// The rows of the README's table whose first line begins so, cell by cell.
fn table(head: &str) -> Vec<Vec<String>> {
    let readme = read(&at("README.md"));
    let rows = readme.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let rows: Vec<Vec<String>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
        .collect();
    assert!(
        !rows.is_empty(),
        "the README has no table that begins with `{head}`"
    );
    rows
}

fn backticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The targets of links to files of this repository.
fn links(markdown: &str) -> Vec<String> {
    let targets = markdown
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.to_owned())
        .filter(|target| !target.contains("://"))
        .collect()
}

/// The anchors of headings, as they are made from their words.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .map(|heading| {
            let kept = |c: char| (c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).then_some(c);
            heading
                .trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter_map(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}

/// Every command line of ours in the README's blocks, in the heads of examples, in compose and in the Dockerfile.
fn shown_commands() -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for text in TEXTS {
        for block in blocks(&read(&at(text)), "sh") {
            commands.extend(block.replace("\\\n", " ").lines().filter_map(command));
        }
    }
    for example in files("examples", "yaml") {
        let comments = read(&example);
        let indented = comments.lines().filter_map(|line| line.strip_prefix("#     "));
        commands.extend(indented.filter_map(command));
    }
    for service in yaml("docker-compose.yml")["services"]
        .as_object()
        .expect("services")
        .values()
    {
        if service["build"] == "." {
            let words = service["command"].as_array().expect("a command").iter();
            let words = words.map(|word| word.as_str().expect("a word").to_owned());
            commands.push(std::iter::once("understudy".to_owned()).chain(words).collect());
        }
    }
    for line in read(&at("Dockerfile")).lines() {
        let Some(list) = line
            .split_once("CMD [")
            .and_then(|(_, list)| list.strip_suffix(']'))
        else {
            continue;
        };
        let words: Vec<String> = backticked(&list.replace('"', "`"));
        let is_named = words.first().is_some_and(|word| word == "understudy");
        commands.push(if is_named {
            words
        } else {
            std::iter::once("understudy".to_owned()).chain(words).collect()
        });
    }
    commands
}

/// The words of a shell line that runs this program, from its name on.
fn command(line: &str) -> Option<Vec<String>> {
    let words = words(line.trim().trim_start_matches("$ "));
    let is_assignment = |word: &&String| word.contains('=') && !word.starts_with('-');
    let words: Vec<String> = words.iter().skip_while(is_assignment).cloned().collect();
    let words = match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["understudy" | "target/release/understudy", ..] => words.into_iter().skip(1).collect::<Vec<_>>(),
        ["cargo", "run", "--release", "--", ..] => words.into_iter().skip(4).collect(),
        _ => return None,
    };
    Some(std::iter::once("understudy".to_owned()).chain(words).collect())
}

/// Words as a shell separates them, up to a comment, a pipe, a redirection or the next command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, '#' | '|' | '>' | '&' | ';') if word.is_none() => break,
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

#[test]
fn shell_lines_are_read_as_a_shell_does() {
    let read = |line: &str| command(line).map(|words| words.join("|"));

    assert_eq!(
        read("K=v understudy up --config a.yaml   # comment").as_deref(),
        Some("understudy|up|--config|a.yaml")
    );
    assert_eq!(
        read("understudy sim --fault-header 'a: b' | tee log").as_deref(),
        Some("understudy|sim|--fault-header|a: b")
    );
    assert_eq!(
        read("cargo run --release -- demo").as_deref(),
        Some("understudy|demo")
    );
    assert_eq!(read("curl http://127.0.0.1:10000/v1/models"), None);
}
