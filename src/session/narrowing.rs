//! How a caller narrows our choice, by its own headers. It may narrow, and never widens.

use std::time::Duration;

use super::arrival::{rejected, shortened};
use super::operations::{Headers, Reply};
use crate::catalog::{Catalog, ProviderIx};
use crate::plan::Narrowing;

/// Reads `x-understudy-failover`, `-order` and `-timeout`.
pub(super) fn narrowing<H: Headers>(headers: &H, catalog: &Catalog) -> Result<Narrowing, Reply> {
    let mut narrowing = Narrowing::default();
    if let Some(value) = headers.first("x-understudy-failover") {
        narrowing.failover_off = match value.as_ref() {
            b"off" => true,
            b"on" | b"" => false,
            other => {
                return Err(bad_header(
                    "x-understudy-failover",
                    other,
                    "write `off`, or leave it out",
                ));
            }
        };
    }
    if let Some(value) = headers.first("x-understudy-order") {
        narrowing.order = order(value, catalog)?;
    }
    if let Some(value) = headers.first("x-understudy-timeout") {
        let wanted = std::str::from_utf8(value)
            .ok()
            .and_then(|text| humantime::parse_duration(text.trim()).ok());
        match wanted {
            Some(timeout) if timeout >= Duration::from_millis(1) => narrowing.timeout = Some(timeout),
            _ => {
                return Err(bad_header(
                    "x-understudy-timeout",
                    value,
                    "write a duration such as `20s` or `1500ms`",
                ));
            }
        }
    }
    Ok(narrowing)
}

fn order(value: &[u8], catalog: &Catalog) -> Result<Vec<ProviderIx>, Reply> {
    let mut order = Vec::new();
    for name in value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
    {
        match std::str::from_utf8(name)
            .ok()
            .and_then(|name| catalog.provider_named(name))
        {
            Some(provider) if !order.contains(&provider) => order.push(provider),
            Some(_) => {}
            None => {
                return Err(bad_header(
                    "x-understudy-order",
                    name,
                    "name providers of this gateway, separated by commas",
                ));
            }
        }
    }
    Ok(order)
}

fn bad_header(name: &'static str, value: &[u8], remedy: &str) -> Reply {
    let value = shortened(&String::from_utf8_lossy(value));
    rejected(
        400,
        "invalid_header",
        &format!("`{name}: {value}` cannot be followed; {remedy}"),
    )
}
