//! What requests and attempts count: the part of the metrics on the request path.
//!
//! It finds handles that were looked up before and adds to them; a label is only built when a series is new.

use std::sync::Arc;

use super::Metrics;
use super::handles::{LastFailure, TargetHandles};
use crate::dialect::usage::Usage;
use crate::telemetry::event::{AllOpen, AttemptEnded, AttemptRecord, RequestEnded, RequestOutcome};

impl Metrics {
    pub(in crate::telemetry) fn attempt_ended(&self, event: &AttemptEnded) {
        let AttemptRecord {
            target,
            provider,
            provider_model,
            ..
        } = &event.record;
        let table = self.table.load();
        let Some(row) = table.target(
            event.generation,
            *target,
            [provider, &event.model, provider_model],
        ) else {
            return;
        };
        self.count_attempt(row, event);
    }

    fn count_attempt(&self, row: &TargetHandles, event: &AttemptEnded) {
        let record = &event.record;
        let [provider, model, provider_model] = &row.values;
        let attempts = || {
            let class = Arc::from(record.label());
            self.attempts
                .attempts
                .of([provider.clone(), model.clone(), provider_model.clone(), class])
        };
        if let Some(first_token) = record.first_token {
            let pair = || self.attempts.first_token.of([provider.clone(), model.clone()]);
            row.first_token
                .get_or_init(pair)
                .observe(first_token.as_secs_f64());
        }
        let Some(class) = record.class else {
            row.answered.get_or_init(attempts).inc();
            let pair = || self.attempts.duration.of([provider.clone(), model.clone()]);
            row.duration
                .get_or_init(pair)
                .observe(record.duration.as_secs_f64());
            return;
        };
        row.failed.at(class as usize, attempts).inc();
        if event.failed_over {
            let failovers = || {
                self.attempts
                    .failovers
                    .of([provider.clone(), Arc::from(class.as_str())])
            };
            row.failovers.at(class as usize, failovers).inc();
        }
        let failure = LastFailure {
            class,
            status: record.status,
            detail: record.detail,
            at: event.at,
        };
        *row.last_failure.lock() = Some(failure);
    }

    pub(in crate::telemetry) fn request_ended(&self, event: &RequestEnded) {
        let table = self.table.load();
        let outcome = event.outcome as usize;
        let label = || Arc::from(event.outcome.label());

        let row = event
            .model
            .as_ref()
            .map_or(Some(&self.no_model), |model| table.model(event.generation, model));
        if let Some(row) = row {
            row.requests
                .at(outcome, || self.requests.requests.of([row.name.clone(), label()]))
                .inc();
            if event.outcome == RequestOutcome::Success {
                let duration = || self.requests.duration.of([row.name.clone()]);
                row.duration
                    .get_or_init(duration)
                    .observe(event.duration.as_secs_f64());
            }
        }
        if let Some(row) = event
            .client
            .as_ref()
            .and_then(|client| table.client(event.generation, client))
        {
            row.requests
                .at(outcome, || {
                    self.requests.by_client.of([row.name.clone(), label()])
                })
                .inc();
        }
        let added = [event.added.plan, event.added.attempt, event.added.finish];
        for (stage, added) in self
            .stages
            .iter()
            .zip(added)
            .filter(|(_, added)| !added.is_zero())
        {
            stage.observe(added.as_secs_f64());
        }
        if let (Some(last), Some((_, model))) = (event.attempts.last(), &event.model) {
            let names = [&last.provider, model, &last.provider_model];
            if let Some(row) = table.target(event.generation, last.target, names) {
                self.count_usage(row, event.usage.unwrap_or_default(), event.cost_micro_usd);
                if let Some(rate) = event.tokens_per_second() {
                    let [provider, model, _] = &row.values;
                    let pair = || self.attempts.token_rate.of([provider.clone(), model.clone()]);
                    row.token_rate.get_or_init(pair).observe(rate);
                }
            }
        }
    }

    fn count_usage(&self, row: &TargetHandles, usage: Usage, cost_micro_usd: Option<f64>) {
        let kinds = [
            ("input", usage.input),
            ("cached_input", usage.cached_input),
            ("cache_write", usage.cache_write),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ];
        let [provider, model, provider_model] = &row.values;
        for (index, (kind, count)) in kinds.into_iter().enumerate().filter(|(_, (_, count))| *count > 0) {
            let tokens = || {
                let kind = Arc::from(kind);
                self.attempts
                    .tokens
                    .of([provider.clone(), model.clone(), provider_model.clone(), kind])
            };
            row.tokens.at(index, tokens).inc_by(count);
        }
        if let Some(micro) = cost_micro_usd.filter(|micro| *micro > 0.0) {
            let cost = || self.attempts.cost.of(row.values.clone());
            row.cost.get_or_init(cost).inc_by(micro / 1e6);
        }
    }

    pub(in crate::telemetry) fn all_open(&self, event: &AllOpen) {
        let table = self.table.load();
        if let Some(row) = table.model(event.generation, &event.model) {
            let decision = if event.forced { "try_soonest" } else { "fail" };
            self.requests
                .all_open
                .of([row.name.clone(), Arc::from(decision)])
                .inc();
        }
    }
}
