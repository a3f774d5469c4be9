//! How much is logged, and how.

use std::io::IsTerminal as _;

use clap::Args;

use super::Usage;
use crate::config::{self, LogLevel, LogSettings};
use crate::telemetry::log::{self, LogError, LogFormat};

/// What the command line says about the log.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// What is logged to stderr: a level, or filters such as `info,understudy::xds=debug`; default: the file's `log`
    ///
    /// A level is about Understudy's own lines. Filters for the HTTP libraries below `warn` show headers, and with them
    /// keys.
    #[arg(long, value_name = "FILTER", env = "UNDERSTUDY_LOG")]
    log: Option<String>,
}

impl LogArgs {
    /// Starts logging; the command line is heard before the file. Answers in which form lines are written.
    pub(super) fn start(&self, settings: LogSettings) -> anyhow::Result<LogFormat> {
        let format = match settings.format {
            Some(config::LogFormat::Text) => LogFormat::Text,
            None if std::io::stderr().is_terminal() => LogFormat::Text,
            Some(config::LogFormat::Json) | None => LogFormat::Json,
        };
        let filter = self
            .log
            .as_deref()
            .map_or_else(|| ours(settings.level.as_str()), filter);
        begin(format, &filter)?;
        Ok(format)
    }

    /// Starts logging only when the command line asks for it.
    pub(super) fn start_if_asked(&self) -> anyhow::Result<()> {
        self.log
            .as_deref()
            .map_or(Ok(()), |given| begin(LogFormat::Text, &filter(given)))
    }
}

fn begin(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    log::init(format, filter).map_err(|error| match error {
        LogError::Filter { .. } => Usage(error.to_string()).into(),
        LogError::AlreadySet => error.into(),
    })
}

fn filter(given: &str) -> String {
    const LEVELS: [LogLevel; 5] = [
        LogLevel::Error,
        LogLevel::Warn,
        LogLevel::Info,
        LogLevel::Debug,
        LogLevel::Trace,
    ];
    let level = LEVELS
        .into_iter()
        .find(|level| given.trim().eq_ignore_ascii_case(level.as_str()));
    level.map_or_else(|| given.to_owned(), |level| ours(level.as_str()))
}

/// A level is about our own lines: those of the HTTP libraries below `warn` show headers, and with them keys.
fn ours(level: &str) -> String {
    if level == LogLevel::Error.as_str() {
        return level.to_owned();
    }
    format!("warn,understudy={level}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_about_our_own_lines_and_a_filter_is_taken_as_it_stands() {
        assert_eq!(filter("debug"), "warn,understudy=debug");
        assert_eq!(filter(" INFO "), "warn,understudy=info");
        assert_eq!(filter("error"), "error");
        assert_eq!(filter("info,understudy::xds=trace"), "info,understudy::xds=trace");
    }
}
