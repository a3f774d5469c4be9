//! Service accounts of Google Cloud, as their key files describe them.
//!
//! Invariant: a message says what a key file lacks, and nothing of what it holds.

use serde_json::{Map, Value};

use super::super::{Resolver, endpoint, identity};
use crate::config::auth::ServiceAccount;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::raw::RawAccount;
use crate::config::secret::Secret;

/// What Google calls key files that are none of a service account; nothing else of `type` is repeated.
const OTHER_TYPES: [&str; 3] = [
    "authorized_user",
    "external_account",
    "impersonated_service_account",
];

/// The service account that the account names.
pub(super) fn service_account(
    account: &RawAccount,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<ServiceAccount> {
    let file_at = at.key("service_account");
    let text = resolver.vault.text(&account.service_account.as_ref()?.0);
    let key = text
        .and_then(|text| KeyFile::read(&text))
        .map_err(|invalid| resolver.report.refuse(&file_at, invalid));
    let said = account.token_url.as_ref().map(|url| {
        let at = at.key("token_url");
        identity::url(&at, url, resolver, endpoint::token_url)
    });
    let key = key.ok()?;
    let token_url = match said {
        Some(said) => said?,
        None => key
            .token_url()
            .map_err(|invalid| resolver.report.refuse(&file_at, invalid))
            .ok()?,
    };
    Some(ServiceAccount {
        client_email: key.client_email,
        private_key: key.private_key,
        private_key_id: key.private_key_id,
        project_id: key.project_id,
        token_url,
    })
}

/// What is needed of a key file.
struct KeyFile {
    client_email: String,
    private_key: Secret,
    private_key_id: Option<String>,
    project_id: Option<String>,
    token_uri: String,
}

impl KeyFile {
    fn read(text: &str) -> Result<Self, Invalid> {
        let remedy =
            "write `file:/path/to/key.json`, the file that Google Cloud made for the service account";
        let Ok(fields) = serde_json::from_str::<Map<String, Value>>(text) else {
            return Err(Invalid::new("is not the JSON of a key file").hint(remedy));
        };
        let field = |name: &str| {
            let value = fields.get(name).and_then(Value::as_str).map(str::trim);
            value.filter(|value| !value.is_empty())
        };
        let kind = field("type").and_then(|kind| OTHER_TYPES.iter().find(|other| **other == kind));
        if let Some(kind) = kind {
            return Err(Invalid::new(format!(
                "the key file is that of an `{kind}`, not of a service account"
            ))
            .hint(remedy));
        }
        let missing: Vec<String> = ["client_email", "private_key", "token_uri"]
            .iter()
            .filter(|name| field(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let problem = format!("the key file has no {}", missing.join(" and no "));
            return Err(Invalid::new(problem).hint(remedy));
        }
        let owned = |name| field(name).map(str::to_owned);
        let client_email = owned("client_email").unwrap_or_default();
        let is_email = client_email.contains('@') && client_email.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_email {
            return Err(Invalid::new("the `client_email` of the key file is no address").hint(remedy));
        }
        Ok(Self {
            client_email,
            private_key: Secret::try_pem(field("private_key").unwrap_or_default())?,
            private_key_id: owned("private_key_id"),
            project_id: owned("project_id").filter(|id| is_project(id)),
            token_uri: owned("token_uri").unwrap_or_default(),
        })
    }

    fn token_url(&self) -> Result<super::Endpoint, Invalid> {
        let url = if endpoint::has_credentials(&self.token_uri) {
            Err(Invalid::new("holds credentials"))
        } else {
            endpoint::parse(&self.token_uri).and_then(endpoint::token_url)
        };
        url.map_err(|invalid| Invalid {
            problem: format!("the `token_uri` of the key file {}", invalid.problem),
            ..invalid
        })
    }
}

fn is_project(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_');
    id.len() <= 40 && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file() -> Value {
        json!({
            "type": "service_account", "project_id": "my-project", "private_key_id": "k1",
            "private_key": "-----BEGIN PRIVATE KEY-----\nMIIBhush\n-----END PRIVATE KEY-----\n",
            "client_email": "understudy@my-project.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token", "universe_domain": "googleapis.com",
        })
    }

    #[test]
    fn a_key_file_is_read_whole() {
        let key = KeyFile::read(&file().to_string()).unwrap_or_else(|invalid| panic!("{invalid}"));

        assert_eq!(key.client_email, "understudy@my-project.iam.gserviceaccount.com");
        assert_eq!(key.project_id.as_deref(), Some("my-project"));
        assert_eq!(key.private_key_id.as_deref(), Some("k1"));
        assert!(key.private_key.expose().contains("MIIBhush"));
        assert_eq!(
            key.token_url().unwrap().to_string(),
            "https://oauth2.googleapis.com/token"
        );
    }

    #[test]
    fn a_key_file_says_what_it_lacks_and_shows_nothing() {
        let without = |names: &[&str]| {
            let mut file = file();
            for name in names {
                file.as_object_mut().unwrap().remove(*name);
            }
            file.to_string()
        };
        let with = |name: &str, value: &str| {
            let mut file = file();
            file[name] = value.into();
            file.to_string()
        };
        for (text, problem) in [
            ("hush {".to_owned(), "is not the JSON of a key file"),
            ("[\"hush\"]".to_owned(), "is not the JSON of a key file"),
            (without(&["client_email"]), "the key file has no `client_email`"),
            (
                without(&["private_key", "token_uri"]),
                "the key file has no `private_key` and no `token_uri`",
            ),
            (
                with("type", "authorized_user"),
                "the key file is that of an `authorized_user`, not of a service account",
            ),
            (
                with("client_email", "hush"),
                "the `client_email` of the key file is no address",
            ),
            (
                with("private_key", "hush"),
                "the private key does not stand between `-----BEGIN PRIVATE KEY-----` and `-----END PRIVATE KEY-----`",
            ),
        ] {
            let invalid = KeyFile::read(&text).err().unwrap();
            assert_eq!(invalid.problem, problem);
            assert!(!invalid.to_string().contains("hush"), "{invalid}");
        }
        for (url, problem) in [
            ("http://far.example/hush", "would be sent secrets in plain text"),
            ("hush", "is not a URL"),
            ("https://hush@far.example/", "holds credentials"),
        ] {
            let key = KeyFile::read(&with("token_uri", url)).ok().unwrap();
            assert_eq!(
                key.token_url().unwrap_err().problem,
                format!("the `token_uri` of the key file {problem}")
            );
        }
    }
}
