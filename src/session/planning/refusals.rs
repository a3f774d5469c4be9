//! Refusals of requests that were read: each says what is wrong, in OpenAI's shape.

use std::time::Instant;

use bytes::Bytes;

use crate::catalog::{Catalog, TargetIx};
use crate::dialect::Malformed;
use crate::dialect::scan::InvalidBody;
use crate::outcome::{Class, Ending, final_answer, openai_error};
use crate::plan::{Plan, Skip};
use crate::session::arrival::{rejected, shortened};
use crate::session::operations::Reply;

/// Envoy refuses what is larger too, but never less than its own buffer of a megabyte.
pub(in crate::session) fn too_large(size: u64, largest: u64) -> Reply {
    let message = format!("the request body has {size} bytes, and this gateway takes {largest} at most");
    rejected(413, "request_too_large", &message)
}

/// The body cannot be read.
pub(super) fn unreadable(error: &InvalidBody) -> Reply {
    let message = error.to_string();
    let body = openai_error(
        "invalid_request_error",
        Some("invalid_body"),
        error.param(),
        &message,
    );
    Reply {
        status: 400,
        headers: Vec::new(),
        body,
        details: "invalid_body",
    }
}

/// The body is JSON, and not a request that anybody could answer.
pub(super) fn malformed(malformed: &Malformed) -> Reply {
    let param = Some(malformed.at.as_str());
    let body = openai_error(
        "invalid_request_error",
        Some("invalid_body"),
        param,
        &malformed.to_string(),
    );
    Reply {
        status: 400,
        headers: Vec::new(),
        body,
        details: "invalid_body",
    }
}

/// The caller may not name that model.
pub(super) fn not_allowed(model: &str) -> Reply {
    let message = format!("this API key may not use the model `{}`", shortened(model));
    let body = openai_error(
        "permission_error",
        Some("model_not_allowed"),
        Some("model"),
        &message,
    );
    Reply {
        status: 403,
        headers: Vec::new(),
        body,
        details: "model_not_allowed",
    }
}

/// No target can be tried: either none fits, or all are benched, and then the caller is told when to come back.
pub(super) fn nothing_to_try(catalog: &Catalog, planned: &Plan, (asked, now): (&str, Instant)) -> Reply {
    let soonest = planned
        .soonest_return()
        .map(|until| until.saturating_duration_since(now));
    let reason = |(target, skip): &(TargetIx, Skip)| format!("{}: {skip}", catalog.provider_of(*target).name);
    let reasons = planned.skips.iter().map(reason).collect::<Vec<_>>().join("; ");
    let class = match planned.skips.first() {
        Some((_, Skip::ContextWindow { .. })) => Class::ContextLength,
        _ => Class::Unsupported,
    };
    let misfit = |skip: &Skip| {
        matches!(
            skip,
            Skip::Unsupported { .. } | Skip::ContextWindow { .. } | Skip::NotAllowed
        )
    };
    let ending = if planned.skips.iter().all(|(_, skip)| misfit(skip)) {
        Ending::NothingFits {
            class,
            reason: &reasons,
        }
    } else {
        Ending::Exhausted
    };
    let answer = final_answer(asked, &[], ending, soonest);
    let mut headers: Vec<(&'static str, Bytes)> = Vec::new();
    headers.extend(
        answer
            .retry_after
            .map(|seconds| ("retry-after", seconds.to_string().into())),
    );
    headers.extend(answer.should_retry.map(|word| ("x-should-retry", word.into())));
    Reply {
        status: answer.status,
        headers,
        body: answer.body,
        details: "nothing_available",
    }
}
