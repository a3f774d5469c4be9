//! Whose credential a provider gets, and of what kind.
//!
//! Invariant: a credential goes only to the endpoint of the account that says it, or of a backup of the same kind
//! that says none. No mistake told here repeats what may be one.

use super::{Account, Resolver, identity};
use crate::config::auth::Auth;
use crate::config::kind::Kind;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::provider::Endpoint;
use crate::config::raw::{RawAccount, RawAuth};

mod aws;
mod entra;
mod google;

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Key,
    AwsKeys,
    AwsFile,
    ServiceAccount,
    Entra,
    Word,
}

/// A key of the file that says how we sign in, or where.
struct Key {
    name: &'static str,
    is_said: fn(&RawAccount) -> bool,
    /// The way it stands for; `None` for what only goes along with one.
    way: Option<Way>,
    /// The only kind it means something to.
    kind: Option<Kind>,
}

const fn key(
    name: &'static str,
    is_said: fn(&RawAccount) -> bool,
    way: Option<Way>,
    kind: Option<Kind>,
) -> Key {
    Key {
        name,
        is_said,
        way,
        kind,
    }
}

/// Every key that says how we sign in, and those that belong to one kind alone.
const KEYS: [Key; 13] = {
    const AWS: Option<Kind> = Some(Kind::Bedrock);
    const GOOGLE: Option<Kind> = Some(Kind::Vertex);
    const KEYS: Option<Way> = Some(Way::AwsKeys);
    const FILE: Option<Way> = Some(Way::AwsFile);
    const ACCOUNT: Option<Way> = Some(Way::ServiceAccount);
    [
        key("api_key", |a| a.api_key.is_some(), Some(Way::Key), None),
        key("access_key_id", |a| a.access_key_id.is_some(), KEYS, AWS),
        key("secret_access_key", |a| a.secret_access_key.is_some(), KEYS, AWS),
        key("session_token", |a| a.session_token.is_some(), KEYS, AWS),
        key("credentials_file", |a| a.credentials_file.is_some(), FILE, AWS),
        key("profile", |a| a.profile.is_some(), FILE, AWS),
        key(
            "service_account",
            |a| a.service_account.is_some(),
            ACCOUNT,
            GOOGLE,
        ),
        key("token_url", |a| a.token_url.is_some(), None, GOOGLE),
        key(
            "entra",
            |a| a.entra.is_some(),
            Some(Way::Entra),
            Some(Kind::AzureOpenAi),
        ),
        key("auth", |a| a.auth.is_some(), Some(Way::Word), None),
        key("project", |a| a.project.is_some(), None, GOOGLE),
        key("location", |a| a.location.is_some(), None, GOOGLE),
        key("region", |a| a.region.is_some(), None, AWS),
    ]
};

impl Key {
    fn belongs_to(&self, kind: Kind) -> bool {
        self.kind.is_none_or(|owner| owner == kind)
    }
}

/// The keys of a section that say how we sign in.
fn ways(account: &RawAccount) -> impl Iterator<Item = (&'static Key, Way)> {
    let said = KEYS.iter().filter(|key| (key.is_said)(account));
    said.filter_map(|key| Some((key, key.way?)))
}

impl Account<'_> {
    /// Tells of keys that belong to another kind.
    pub(super) fn refuse_foreign_keys(&self, kind: Kind, resolver: &mut Resolver<'_, '_>) {
        for (account, at) in self.own.iter() {
            let foreign = |key: &Key| (key.is_said)(account) && !key.belongs_to(kind);
            for key in KEYS.iter().filter(|key| foreign(key)) {
                let invalid = Invalid::new(format!("means nothing to {kind}"));
                let owner = key.kind.map_or("", Kind::as_str);
                resolver.report.refuse(
                    &at.key(key.name),
                    invalid.hint(format!("leave it out; it belongs to `kind: {owner}`")),
                );
            }
        }
    }

    /// The section that says how we sign in: whichever says a part of it says all of it.
    fn signing_in(&self) -> Option<(&RawAccount, &ConfigPath)> {
        self.own
            .iter()
            .find(|(account, _)| ways(account).next().is_some())
    }

    /// We sign in with a key.
    pub(super) fn says_key(&self) -> bool {
        self.signing_in()
            .is_some_and(|(account, _)| account.api_key.is_some())
    }

    /// Whose credential it gets; `region` is what requests would be signed for.
    pub(super) fn auth(
        &self,
        kind: Option<Kind>,
        endpoint: Option<&Endpoint>,
        area: &identity::Area,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<Auth> {
        let Some((account, at)) = self.signing_in() else {
            return match kind {
                Some(kind) if kind.may_be_open() => Some(Auth::None),
                Some(Kind::Bedrock) if !self.is_mistyped(resolver) => {
                    let region = self.region(endpoint, area, resolver);
                    let keys = aws::of_environment(&self.last(), resolver);
                    Some(Auth::Aws(keys?.in_region(region?)))
                }
                _ => {
                    self.refuse_unsigned(kind?, resolver);
                    None
                }
            };
        };
        match only_way(account, kind, at, resolver)? {
            Way::Key => {
                let key = account.api_key.as_ref()?;
                resolver.secret(&at.key("api_key"), &key.0).map(Auth::ApiKey)
            }
            Way::Word => match account.auth? {
                RawAuth::Passthrough => Some(Auth::Passthrough),
                RawAuth::None => Some(Auth::None),
            },
            Way::AwsKeys => {
                let region = self.region(endpoint, area, resolver);
                let keys = aws::written(account, at, resolver);
                Some(Auth::Aws(keys?.in_region(region?)))
            }
            Way::AwsFile => {
                let region = self.region(endpoint, area, resolver);
                let keys = aws::of_file(account, at, resolver);
                Some(Auth::Aws(keys?.in_region(region?)))
            }
            Way::ServiceAccount => google::service_account(account, at, resolver).map(Auth::ServiceAccount),
            Way::Entra => {
                let entra = account.entra.as_ref()?;
                entra::resolve(entra, &at.key("entra"), endpoint, resolver).map(Auth::Entra)
            }
        }
    }

    /// The region that requests are signed for.
    fn region(
        &self,
        endpoint: Option<&Endpoint>,
        area: &identity::Area,
        resolver: &mut Resolver<'_, '_>,
    ) -> Option<String> {
        let (area, endpoint) = (area.as_ref().ok()?, endpoint?);
        let region = area.as_deref().or_else(|| identity::aws_region(&endpoint.host));
        if region.is_none() {
            let invalid = Invalid::new("missing: requests are signed for one region");
            resolver.report.refuse(
                &self.teller_of_kind().key("region"),
                invalid.hint("write for example `region: us-east-1`"),
            );
        }
        region.map(str::to_owned)
    }

    /// A key that would have said how we sign in was taken out, with a mistake.
    fn is_mistyped(&self, resolver: &Resolver<'_, '_>) -> bool {
        let sections = || self.own.iter().map(|(_, at)| at);
        KEYS.iter()
            .filter(|key| key.way.is_some())
            .any(|key| sections().any(|at| resolver.report.is_spoiled(&at.key(key.name))))
    }

    /// The most general section: where it would be said for all of them.
    fn last(&self) -> ConfigPath {
        let last = self.own.iter().next_back();
        last.map_or(&self.at, |(_, at)| at).clone()
    }

    fn refuse_unsigned(&self, kind: Kind, resolver: &mut Resolver<'_, '_>) {
        if self.is_mistyped(resolver) {
            return;
        }
        let (key, remedy) = match kind {
            Kind::Vertex => (
                "service_account",
                "write `service_account: file:/path/to/key.json`, or `api_key: ${NAME}` for express mode",
            ),
            Kind::AzureOpenAi => (
                "api_key",
                "write `api_key: ${NAME}`, `entra: { tenant: .., client_id: .., client_secret: ${NAME} }`, \
                 or `auth: passthrough` to send the caller's own",
            ),
            _ => (
                "api_key",
                "write `api_key: ${NAME}`, or `auth: passthrough` to send the caller's own",
            ),
        };
        resolver.report.refuse(
            &self.last().key(key),
            Invalid::new("missing: requests would be refused").hint(remedy),
        );
    }
}

/// The one way that a section says; those of other kinds are told already.
fn only_way(
    account: &RawAccount,
    kind: Option<Kind>,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Way> {
    let mut ways = ways(account).filter(|(key, _)| kind.is_none_or(|kind| key.belongs_to(kind)));
    let (first, way) = ways.next()?;
    let Some((other, _)) = ways.find(|(_, other)| *other != way) else {
        return Some(way);
    };
    let (first, other) = (first.name, other.name);
    let at = at.key(other);
    if other == "auth" {
        let problem = format!("says that our key is not sent, and `{first}` gives one");
        let invalid = Invalid::new(problem).hint("keep one of the two");
        resolver.report.refuse_value(&at, invalid);
    } else {
        let problem = format!("there is `{first}` too, and one is enough to sign in");
        let invalid = Invalid::new(problem).hint("keep one of the two");
        resolver.report.refuse(&at, invalid);
    }
    None
}
