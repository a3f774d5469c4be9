//! Where a provider is, and which version of its API is meant.
//!
//! Invariant: the base path of what comes out is what every path of the kind's language follows.

use super::{Account, Noted, Resolver, endpoint};
use crate::config::auth::Auth;
use crate::config::kind::{Kind, Place};
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::provider::Endpoint;
use crate::config::raw::{RawAccount, RawUrl};

/// Azure's version with the longest promise of support.
const AZURE_API_VERSION: &str = "2024-10-21";
/// The longest name of a region, a location or a project.
const LONGEST_NAME: usize = 40;

/// A region of AWS or a location of Google Cloud, where one was said.
pub(super) type Area = Result<Option<String>, Noted>;

impl Account<'_> {
    /// The region or location, for the kinds that have one.
    pub(super) fn area(&self, kind: Option<Kind>, resolver: &mut Resolver<'_, '_>) -> Area {
        type Pick = fn(&RawAccount) -> Option<&String>;
        let (key, pick, example): (_, Pick, _) = match kind {
            Some(Kind::Bedrock) => ("region", |account| account.region.as_ref(), "`us-east-1`"),
            Some(Kind::Vertex) => (
                "location",
                |account| account.location.as_ref(),
                "`europe-west4` or `global`",
            ),
            _ => return Ok(None),
        };
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let area = resolver.value(self.own.said(key, pick), None, |name| {
            let name = name.trim();
            let is_name = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_plain);
            let invalid =
                || Invalid::new(format!("is no {key}")).hint(format!("write for example {example}"));
            is_name.then(|| Some(name.to_owned())).ok_or_else(invalid)
        });
        area.ok_or(Noted)
    }

    /// Where it is, apart from what of its path depends on who signs in.
    pub(super) fn endpoint(
        &self,
        kind: Kind,
        area: &Area,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<Endpoint> {
        if let Some(said) = self.own.said("endpoint", |account| account.endpoint.as_ref()) {
            return url(&said.at, said.value, resolver, |endpoint| {
                endpoint::settle(endpoint, kind)
            });
        }
        let area = area.as_ref().ok()?.as_deref();
        let known = match (kind.place(), area) {
            (Place::At(url), _) => url.to_owned(),
            (Place::Region, Some(region)) => aws_url(region),
            (Place::Location, Some(location)) => google_url(location),
            // A key of express mode is for no place in particular.
            (Place::Location, None) if self.says_key() => google_url("global"),
            (place, _) => {
                self.refuse_nowhere(kind, place, resolver);
                return None;
            }
        };
        resolver.report.accept(&self.at, endpoint::parse(&known))
    }

    fn refuse_nowhere(&self, kind: Kind, place: Place, resolver: &mut Resolver<'_, '_>) {
        let (key, example) = match place {
            Place::At(example) | Place::Anywhere(example) => ("endpoint", example),
            Place::Region => ("region", "us-east-1"),
            Place::Location => ("location", "europe-west4"),
        };
        let invalid = Invalid::new(format!("missing: where is this {kind} provider?"));
        resolver.report.refuse(
            &self.teller_of_kind().key(key),
            invalid.hint(format!("write for example `{key}: {example}`")),
        );
    }

    /// The section that says the kind, which is where something is missing that belongs to it.
    pub(super) fn teller_of_kind(&self) -> ConfigPath {
        let teller = self.said.said("kind", |account| account.kind.as_ref());
        teller.map_or_else(|| self.at.clone(), |said| said.at.parent())
    }

    /// vertex: its paths go through a project and a location, but for those of express mode.
    pub(super) fn enter_project(
        &self,
        endpoint: &mut Endpoint,
        area: &Area,
        auth: &Auth,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<()> {
        let said = self.own.said("project", |account| account.project.as_ref());
        let said = resolver.value(said, None, |name| {
            let is_plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_');
            let name = name.trim();
            let is_name = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(is_plain);
            let invalid = || Invalid::new("is no id of a project").hint("write for example `my-project-123`");
            is_name.then(|| Some(name.to_owned())).ok_or_else(invalid)
        });
        let own = match auth {
            Auth::ServiceAccount(account) => account.project_id.clone(),
            _ => None,
        };
        let project = said?.or(own);
        if endpoint.base_path.contains("/projects/") {
            return Some(());
        }
        let path = match (project, area.as_ref().ok()?, auth) {
            (Some(project), Some(location), _) => format!("/projects/{project}/locations/{location}"),
            (None, None, Auth::ApiKey(_)) => String::new(),
            (Some(_), None, _) => {
                self.refuse_nowhere(Kind::Vertex, Place::Location, resolver);
                return None;
            }
            (None, _, _) => {
                let invalid = Invalid::new("missing: whose models are they?");
                let invalid = invalid.hint("write the id of your project of Google Cloud");
                let at = self.teller_of_kind().key("project");
                resolver.report.refuse(&at, invalid);
                return None;
            }
        };
        let has_version = ["/v1", "/v1beta1"]
            .iter()
            .any(|version| endpoint.base_path.ends_with(version));
        let version = if has_version { "" } else { "/v1" };
        endpoint.base_path.push_str(version);
        endpoint.base_path.push_str(&path);
        Some(())
    }

    /// The version, which for Azure may also decide the path of its endpoint.
    pub(super) fn api_version(
        &self,
        kind: Option<Kind>,
        endpoint: Option<&mut Endpoint>,
        resolver: &mut Resolver<'_, '_>,
    ) -> Result<Option<String>, Noted> {
        let said = self
            .own
            .said("api_version", |account| account.api_version.as_ref());
        let kind = kind.ok_or(Noted)?;
        let is_v1 = endpoint
            .as_ref()
            .is_some_and(|endpoint| endpoint.base_path.ends_with(endpoint::AZURE_V1));
        let Some(said) = said else {
            let is_dated = kind == Kind::AzureOpenAi && !is_v1;
            return Ok(is_dated.then(|| AZURE_API_VERSION.to_owned()));
        };
        let checked = check_version(kind, said.value.trim());
        let version = resolver.report.accept(&said.at, checked).ok_or(Noted)?;
        if version.is_none() && !is_v1 {
            endpoint.ok_or(Noted)?.base_path.push_str(endpoint::AZURE_V1);
        }
        Ok(version)
    }
}

/// A URL of the file, of which nothing is repeated that may be a secret.
pub(super) fn url(
    at: &ConfigPath,
    RawUrl(text): &RawUrl,
    resolver: &mut Resolver<'_, '_>,
    settle: impl FnOnce(Endpoint) -> Result<Endpoint, Invalid>,
) -> Option<Endpoint> {
    if endpoint::has_credentials(text) {
        let remedy = "take them out of the URL, and write `api_key`";
        resolver.report.refuse(
            at,
            Invalid::new("holds credentials, which a URL would show").hint(remedy),
        );
        return None;
    }
    if text.contains(['?', '#']) {
        let invalid = Invalid::new("has a query or a fragment");
        let remedy = "end the URL before the `?` or `#`; a key belongs into `api_key`";
        resolver.report.refuse(at, invalid.hint(remedy));
        return None;
    }
    resolver.report.accept(at, endpoint::parse(text).and_then(settle))
}

/// Where Bedrock answers in a region.
fn aws_url(region: &str) -> String {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://bedrock-runtime.{region}.amazonaws.com{china}")
}

/// The region in the name of one of Bedrock's own hosts.
pub(super) fn aws_region(host: &str) -> Option<&str> {
    let rest = host.strip_prefix("bedrock-runtime")?;
    let rest = rest.strip_prefix("-fips").unwrap_or(rest).strip_prefix('.')?;
    let rest = rest.strip_suffix(".cn").unwrap_or(rest);
    rest.strip_suffix(".amazonaws.com")
        .filter(|region| !region.contains('.'))
}

/// Where Vertex answers for a location.
fn google_url(location: &str) -> String {
    match location {
        "global" => "https://aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
        _ => format!("https://{location}-aiplatform.googleapis.com"),
    }
}

/// A dated version; `None` for the API without.
fn check_version(kind: Kind, version: &str) -> Result<Option<String>, Invalid> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if kind != Kind::AzureOpenAi {
        Err(Invalid::new(format!("means nothing to {kind}")).hint("leave it out"))
    } else if version == "v1" {
        Ok(None)
    } else if version.is_empty() || !version.bytes().all(is_plain) {
        let invalid = Invalid::new("is not a version of the API");
        Err(invalid.hint(format!("write for example `{AZURE_API_VERSION}` or `v1`")))
    } else {
        Ok(Some(version.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_read_from_the_hosts_that_are_made_from_one() {
        for region in ["us-east-1", "eu-central-2", "cn-north-1"] {
            let endpoint = endpoint::parse(&aws_url(region)).unwrap();
            assert_eq!(aws_region(&endpoint.host), Some(region));
        }
        assert_eq!(
            aws_region("bedrock-runtime-fips.us-gov-west-1.amazonaws.com"),
            Some("us-gov-west-1")
        );
        for host in [
            "127.0.0.1",
            "bedrock.example.com",
            "bedrock-runtime.a.vpce.amazonaws.com",
        ] {
            assert_eq!(aws_region(host), None, "{host}");
        }
    }

    #[test]
    fn every_location_has_its_host() {
        for (location, url) in [
            ("global", "https://aiplatform.googleapis.com"),
            ("eu", "https://aiplatform.eu.rep.googleapis.com"),
            ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
        ] {
            assert_eq!(google_url(location), url);
        }
    }
}
