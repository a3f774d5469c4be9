//! Every class once: its name, its status, whom it blames, and who is asked after it.

use std::fmt::Write as _;

use serde_json::Value;
use understudy::sim::Sim;

use super::{CHAT, disturbed, sim, target};
use crate::support::{Gateway, Running, chat, closed_port};

/// Who is blamed, and how much.
#[derive(Clone, Copy, Debug)]
enum Blame {
    /// The second failure in a row opens this circuit.
    Counts(&'static str),
    /// The first one does.
    Opens(&'static str),
    /// No circuit hears of it.
    Nobody,
}

use Blame::{Counts, Nobody, Opens};

/// Provider and model are named after the row.
struct Row {
    name: &'static str,
    /// What the simulated provider is asked for.
    fault: &'static str,
    class: &'static str,
    status: Option<u16>,
    blame: Blame,
}

const fn row(name: &'static str, fault: &'static str, class: &'static str, status: u16, blame: Blame) -> Row {
    let status = if status == 0 { None } else { Some(status) };
    Row {
        name,
        fault,
        class,
        status,
        blame,
    }
}

/// What moves on.
const MOVING: [Row; 28] = [
    row("refused", "gpt-4o", "connect", 0, Counts("endpoint")),
    row("reset", "fault-reset", "reset", 0, Counts("endpoint")),
    row("closed", "fault-close", "reset", 0, Counts("endpoint")),
    row("slow", "fault-hang", "timeout", 0, Counts("target")),
    row(
        "s500",
        "fault-server_error",
        "server_error",
        500,
        Counts("target"),
    ),
    row(
        "s502",
        "fault-server_error:502",
        "server_error",
        502,
        Counts("target"),
    ),
    row(
        "s504",
        "fault-server_error:504",
        "server_error",
        504,
        Counts("target"),
    ),
    row(
        "s520",
        "fault-server_error:520",
        "server_error",
        520,
        Counts("target"),
    ),
    row("page", "fault-html", "server_error", 502, Counts("target")),
    row("page503", "fault-html:503", "overloaded", 503, Counts("target")),
    row("big", "fault-big_error", "server_error", 500, Counts("target")),
    row("empty", "fault-empty", "bad_response", 200, Counts("target")),
    row("moved", "fault-redirect", "bad_response", 307, Counts("target")),
    row(
        "cut_json",
        "fault-bad_json",
        "bad_response",
        200,
        Counts("target"),
    ),
    row(
        "cut_body",
        "fault-cut_stream",
        "bad_response",
        200,
        Counts("target"),
    ),
    row(
        "hidden",
        "fault-stream_error",
        "server_error",
        200,
        Counts("target"),
    ),
    row("s503", "fault-overloaded", "overloaded", 503, Counts("target")),
    row(
        "s529",
        "fault-server_error:529",
        "overloaded",
        529,
        Counts("target"),
    ),
    row(
        "s498",
        "fault-server_error:498",
        "overloaded",
        498,
        Counts("target"),
    ),
    row("s408", "fault-server_error:408", "timeout", 408, Counts("target")),
    row(
        "limited",
        "fault-rate_limit:60",
        "rate_limited",
        429,
        Opens("target"),
    ),
    row(
        "garbled",
        "fault-gzip_broken",
        "rate_limited",
        429,
        Opens("target"),
    ),
    row(
        "money",
        "fault-quota",
        "quota_exhausted",
        429,
        Opens("credential"),
    ),
    row(
        "zipped",
        "fault-gzip",
        "quota_exhausted",
        429,
        Opens("credential"),
    ),
    row("key", "fault-auth", "auth", 401, Opens("credential")),
    row(
        "denied",
        "fault-server_error:403",
        "permission",
        403,
        Opens("credential"),
    ),
    row(
        "absent",
        "fault-model_not_found",
        "model_not_found",
        404,
        Opens("target"),
    ),
    row("unable", "fault-server_error:405", "unsupported", 405, Nobody),
];

/// What the caller gets as it is. `long` has a backup, but none that declares a larger window.
const STAYING: [Row; 5] = [
    row("filtered", "fault-content_filter", "content_filter", 400, Nobody),
    row("long", "fault-context_length", "context_length", 400, Nobody),
    row(
        "heavy",
        "fault-server_error:413",
        "payload_too_large",
        413,
        Nobody,
    ),
    row("wrong", "fault-server_error:422", "client_error", 422, Nobody),
    row("odd", "fault-server_error:409", "client_error", 409, Nobody),
];

/// One provider and one model for each row, all at the same simulated one.
async fn gateway(primary: &Sim, backup: &Sim) -> Running {
    let mut yaml = String::from("providers:\n");
    for Row { name, .. } in MOVING.iter().chain(&STAYING) {
        let endpoint = if *name == "refused" {
            "{closed}"
        } else {
            "{primary}"
        };
        writeln!(
            yaml,
            "  {name}: {{ kind: openai-compatible, endpoint: \"{endpoint}\", api_key: sk-{name} }}"
        )
        .unwrap();
    }
    yaml.push_str("  backup: { kind: openai-compatible, endpoint: \"{backup}\" }\nmodels:\n");
    for Row { name, fault, .. } in MOVING.iter().chain(&STAYING) {
        let patience = if *name == "slow" { "150ms" } else { "30s" };
        write!(
            yaml,
            "  m-{name}:\n    targets:\n      - {{ provider: {name}, model: \"{fault}\" }}\n      \
             - {{ provider: backup, priority: 1 }}\n    failover: {{ per_try_timeout: {patience} }}\n"
        )
        .unwrap();
    }
    Gateway::with(&yaml)
        .fill("primary", primary.base_url())
        .fill("closed", format!("http://{}/v1", closed_port()))
        .fill("backup", backup.base_url())
        .start()
        .await
}

async fn circuits(gateway: &Running, name: &str) -> Value {
    target(&gateway.status().await, &format!("m-{name}"), name).clone()
}

async fn asked(gateway: &Running, name: &str) -> u64 {
    gateway
        .envoy_stat(&format!("cluster.{name}.upstream_rq_total"))
        .await
}

#[tokio::test]
async fn each_failure_that_moves_on_is_told_blamed_and_avoided() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = gateway(&primary, &backup).await;
    let mut moved = 0;

    for Row {
        name,
        class,
        status,
        blame,
        ..
    } in &MOVING
    {
        let model = format!("m-{name}");
        let failures = match blame {
            Counts(_) | Nobody => 2,
            Opens(_) => 1,
        };
        for failure in 1..=failures {
            let answer = gateway.post(CHAT, chat(&model)).send().await;

            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            assert_eq!(
                answer.hops(),
                [format!("{name} {class}"), "backup ok".to_owned()],
                "{name}"
            );
            assert_eq!(answer.trail()[0].status, *status, "{name}: {:?}", answer.trail());
            assert_eq!(answer.header("x-understudy-attempts"), Some("2"), "{name}");
            let disturbed = disturbed(&circuits(&gateway, name).await);
            let expected = match blame {
                Counts(scope) if failure == 2 => vec![format!("{scope} open {class}")],
                Opens(scope) => vec![format!("{scope} open {class}")],
                Counts(_) | Nobody => vec![],
            };
            assert_eq!(disturbed, expected, "{name} after {failure}");
        }
        moved += failures;
        let after = gateway.post(CHAT, chat(&model)).send().await;
        if matches!(blame, Nobody) {
            assert_eq!(after.hops()[0], format!("{name} {class}"), "{name}");
            moved += 1;
        } else {
            assert_eq!(after.hops(), ["backup ok"], "{name}");
            let asked = asked(&gateway, name).await;
            // A connection that was never made carried no request.
            let expected = if *name == "refused" { 0 } else { failures };
            assert_eq!(asked, expected, "{name} was asked");
        }
    }

    let retries = gateway.envoy_stat("cluster.backup.upstream_rq_retry").await;
    let good = gateway
        .envoy_stat("cluster.backup.upstream_rq_retry_success")
        .await;
    assert_eq!((retries, good), (moved, moved), "every move was Envoy's retry");
    assert_eq!(
        gateway
            .envoy_stat("cluster.slow.upstream_rq_per_try_timeout")
            .await,
        2
    );
    gateway.stop().await;
}

#[tokio::test]
async fn what_does_not_move_on_is_asked_once_and_blames_nobody() {
    let (primary, backup) = (sim("primary").await, sim("backup").await);
    let gateway = gateway(&primary, &backup).await;

    for Row {
        name, class, status, ..
    } in &STAYING
    {
        for _ in 0..3 {
            let answer = gateway.post(CHAT, chat(&format!("m-{name}"))).send().await;

            assert_eq!(Some(answer.status.as_u16()), *status, "{name}: {}", answer.text());
            assert_eq!(answer.hops(), [format!("{name} {class}")]);
        }
        let circuits = circuits(&gateway, name).await;
        assert_eq!(disturbed(&circuits), [""; 0], "{name}");
        let failures = |circuit: &Value| circuit["window_failures"].as_u64().unwrap();
        let counted: u64 = circuits["circuits"]
            .as_array()
            .unwrap()
            .iter()
            .map(failures)
            .sum();
        assert_eq!(counted, 0, "{name}: {circuits:#}");
        assert_eq!(asked(&gateway, name).await, 3, "{name}");
    }

    assert_eq!(backup.control().counters().requests, 0);
    assert_eq!(gateway.envoy_stat("cluster.backup.upstream_rq_retry").await, 0);
    gateway.stop().await;
}
