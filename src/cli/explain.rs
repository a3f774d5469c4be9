//! `understudy explain`: where would a request for this model go, and why not elsewhere?

use clap::Args;

use super::arguments;
use super::gateway_admin::AdminArgs;
use super::output;
use super::reports;
use super::table::Table;
use crate::admin::{AdminSource as _, ModelReport};
use crate::app;

/// Tell where a request for a model would go now, and why not elsewhere
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The model, as clients name it
    model: String,
    #[command(flatten)]
    admin: AdminArgs,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Asks the running Understudy; when none runs, answers from the configuration alone.
pub(super) async fn run(explain: Explain) -> anyhow::Result<()> {
    let gateway = explain.admin.gateway()?;
    let (report, source) = match gateway.model(&explain.model).await {
        Ok(report) => (report, format!("now, as http://{}/ sees it", gateway.address())),
        Err(error) if error.is_nobody() && !explain.admin.names_a_gateway() => {
            let path = &explain.admin.file.config;
            let at_rest = app::at_rest(&arguments::load(path)?, path)?;
            let source = format!(
                "by {} alone, as if every circuit were closed: no Understudy answers at {}",
                path.display(),
                gateway.address()
            );
            (at_rest.model(&explain.model)?, source)
        }
        Err(error) => return Err(error.into()),
    };
    if explain.json {
        output::aside(source);
        return Ok(output::json(&report)?);
    }
    Ok(output::line(told(&report, &source))?)
}

fn told(report: &ModelReport, source: &str) -> String {
    let aliases = match report.aliases.as_slice() {
        [] => String::new(),
        aliases => format!(" (also {})", aliases.join(", ")),
    };
    let mode = match report.mode.as_str() {
        "retry" => format!("up to {} attempts", report.attempts),
        "next_request" => "one attempt, and after a failure the next request goes elsewhere".to_owned(),
        "off" => "one attempt, no failover".to_owned(),
        other => other.to_owned(),
    };
    let all_open = match (report.all_open, report.when_all_open.as_str()) {
        (false, _) => "",
        (true, "fail") => "\nEvery target is benched, and requests fail until one may be probed.",
        (true, _) => "\nEvery target is benched, and the one that may return soonest is tried all the same.",
    };
    let mut table = Table::with_headings(["try", "provider", "its model", "standing", "why"]);
    for target in &report.targets {
        table.row([
            target
                .place
                .map_or_else(|| "-".to_owned(), |place| place.to_string()),
            target.provider.clone(),
            target.model.clone(),
            reports::standing(target),
            target.why.clone(),
        ]);
    }
    format!(
        "{}{aliases}: {}, {mode}\n{source}{all_open}\n\n{table}",
        report.name,
        order(&report.order)
    )
}

fn order(order: &str) -> &str {
    match order {
        "weighted" => "by priority, then by chance in proportion to the weights",
        "fastest" => "by priority, then by time to the first token",
        "cheapest" => "by priority, then by price",
        "ordered" => "by priority, then in the order of the file",
        other => other,
    }
}
