//! `understudy status`: a running Understudy at a glance.

use std::time::Duration;

use clap::Args;

use super::gateway_admin::{AdminArgs, AskError, GatewayAdmin};
use super::table::Table;
use super::{Told, output, reports, words};
use crate::admin::Status;
use crate::admin::report::{EnvoyReport, ModelReport, ProviderReport};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Goes home and clears what is below.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Show how a running Understudy is: its Envoy, providers and models
#[derive(Debug, Args)]
pub(super) struct StatusView {
    #[command(flatten)]
    admin: AdminArgs,
    /// Look again every second
    #[arg(short, long, conflicts_with_all = ["json", "ready"])]
    watch: bool,
    /// Print the report as JSON
    #[arg(long, conflicts_with = "ready")]
    json: bool,
    /// Only say whether it is ready, and exit with 1 if it is not: for health checks
    #[arg(long)]
    ready: bool,
}

/// Asks once, or until nobody looks.
pub(super) async fn run(view: StatusView) -> anyhow::Result<()> {
    let gateway = view.admin.gateway()?;
    if view.ready {
        return readiness(&gateway).await;
    }
    if view.watch {
        return watch(&gateway).await;
    }
    let status = gateway.status().await?;
    if view.json {
        return Ok(output::json(&status)?);
    }
    Ok(output::line(told(&status))?)
}

async fn readiness(gateway: &GatewayAdmin) -> anyhow::Result<()> {
    let readiness = gateway.readiness().await?;
    if readiness.ready {
        return Ok(output::line("ready")?);
    }
    let reasons = readiness.reasons.join("; ");
    let colon = if reasons.is_empty() { "" } else { ": " };
    output::line(format_args!("not ready{colon}{reasons}"))?;
    Err(Told.into())
}

async fn watch(gateway: &GatewayAdmin) -> anyhow::Result<()> {
    let clear = if output::is_for_a_person() { CLEAR } else { "" };
    loop {
        let shown = match gateway.status().await {
            Ok(status) => told(&status),
            // It may come back; a wrong token or address will not.
            Err(error @ AskError::Unanswered { .. }) => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        output::line(format_args!("{clear}{shown}"))?;
        tokio::time::sleep(EVERY).await;
    }
}

fn told(status: &Status) -> String {
    let mut providers = Table::with_headings([
        "provider",
        "kind",
        "endpoint",
        "endpoint is",
        "key is",
        "last check",
    ]);
    for report in &status.providers {
        providers.row(provider(report));
    }
    let mut models = Table::with_headings(["model", "try", "target", "standing", "last failure"]);
    for model in &status.models {
        add_targets(&mut models, model);
    }
    format!("{}\n\n{providers}\n\n{models}", head(status))
}

fn head(status: &Status) -> String {
    let ready = if status.readiness.ready {
        "ready".to_owned()
    } else {
        format!("not ready ({})", status.readiness.reasons.join("; "))
    };
    let applied = status.applied.as_ref().map(reports::ago).unwrap_or_default();
    let mut lines = vec![format!(
        "Understudy {}: {ready}, up {}, {} in flight",
        status.version,
        words::seconds(status.uptime_seconds),
        words::count(
            usize::try_from(status.requests_in_flight).unwrap_or(usize::MAX),
            "request"
        )
    )];
    lines.push(format!(
        "  configuration  {}, generation {}, applied {applied}",
        status.config_path, status.generation
    ));
    lines.extend(
        status
            .envoys
            .iter()
            .map(|report| envoy(report, status.generation)),
    );
    if let Some(rejected) = &status.rejected {
        let reason = rejected.reason.replace('\n', "\n                 ");
        lines.push(format!(
            "  refused        {}: {reason}",
            reports::ago(&rejected.when)
        ));
    }
    lines.extend(
        status
            .warnings
            .iter()
            .map(|warning| format!("  warning        {warning}")),
    );
    lines.join("\n")
}

fn envoy(report: &EnvoyReport, generation: u64) -> String {
    let has = match (report.connected, report.generation, &report.nack) {
        (false, ..) => "gone".to_owned(),
        (true, _, Some(nack)) => format!("refused {}: {}", nack.kind, nack.message),
        (true, Some(has), None) if has == generation => format!("runs generation {has}"),
        (true, _, None) => "is taking over the configuration".to_owned(),
    };
    format!("  Envoy          {} {}, {has}", report.node, report.version)
}

fn provider(report: &ProviderReport) -> [String; 6] {
    let circuit = |scope: &str| {
        let found = report.circuits.iter().find(|circuit| circuit.scope == scope);
        found.map_or_else(|| "-".to_owned(), reports::circuit)
    };
    [
        report.name.clone(),
        report.kind.clone(),
        report.endpoint.clone(),
        if report.draining {
            "draining".to_owned()
        } else {
            circuit("endpoint")
        },
        circuit("credential"),
        report
            .health
            .as_ref()
            .map_or_else(|| "-".to_owned(), reports::health),
    ]
}

fn add_targets(table: &mut Table, model: &ModelReport) {
    for (position, target) in model.targets.iter().enumerate() {
        let name = if position == 0 { model.name.as_str() } else { "" };
        let standing = match &target.skip {
            Some(skip) if skip.reason != "circuit_open" => format!("left out: {}", skip.detail),
            Some(_) | None => reports::standing(target),
        };
        table.row([
            name.to_owned(),
            target
                .place
                .map_or_else(|| "-".to_owned(), |place| place.to_string()),
            format!("{}/{}", target.provider, target.model),
            standing,
            target
                .last_failure
                .as_ref()
                .map(reports::failure)
                .unwrap_or_default(),
        ]);
    }
}
