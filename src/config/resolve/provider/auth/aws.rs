//! Keys of AWS: from the file, from the environment, or from a file of profiles.
//!
//! Invariant: a key and its secret come from the same place.

use super::super::Resolver;
use crate::config::auth::AwsKeys;
use crate::config::mistake::{ConfigPath, Invalid};
use crate::config::raw::{RawAccount, RawSecret};
use crate::config::secret::Secret;

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
/// The profile that is meant when none is named.
const DEFAULT_PROFILE: &str = "default";
/// So many profiles of a file are named in a message.
const SHOWN_PROFILES: usize = 10;

/// Keys that do not yet say where they sign.
pub(super) struct Keys {
    id: Secret,
    secret: Secret,
    token: Option<Secret>,
}

impl Keys {
    pub(super) fn in_region(self, region: String) -> AwsKeys {
        AwsKeys {
            access_key_id: self.id,
            secret_access_key: self.secret,
            session_token: self.token,
            region,
        }
    }
}

/// The keys that the account says.
pub(super) fn written(
    account: &RawAccount,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Keys> {
    let mut wanted = |name: &str, said: Option<&RawSecret>| {
        let at = at.key(name);
        if said.is_none() {
            let invalid = Invalid::new("missing: `access_key_id` and `secret_access_key` sign together");
            resolver
                .report
                .refuse(&at, invalid.hint(format!("write `{name}: ${{NAME}}`")));
        }
        said.and_then(|RawSecret(text)| resolver.secret(&at, text))
    };
    let id = wanted("access_key_id", account.access_key_id.as_ref());
    let secret = wanted("secret_access_key", account.secret_access_key.as_ref());
    let token = match &account.session_token {
        None => Some(None),
        // Not every environment has temporary keys.
        Some(RawSecret(text)) if text.trim().is_empty() => Some(None),
        said => wanted("session_token", said.as_ref()).map(Some),
    };
    Some(Keys {
        id: id?,
        secret: secret?,
        token: token?,
    })
}

/// The keys of the environment, for an account that says nothing.
pub(super) fn of_environment(at: &ConfigPath, resolver: &mut Resolver<'_, '_>) -> Option<Keys> {
    let (id, secret) = (resolver.vault.env(ID), resolver.vault.env(SECRET));
    let at = at.key("access_key_id");
    let (id, secret) = match (id, secret) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => {
            let remedy = format!(
                "write `access_key_id` and `secret_access_key`, `credentials_file: ${{HOME}}/.aws/credentials` or \
                 `api_key: ${{AWS_BEARER_TOKEN_BEDROCK}}`, or export {ID} and {SECRET}"
            );
            let invalid = Invalid::new("missing: requests would be refused");
            resolver.report.refuse(&at, invalid.hint(remedy));
            return None;
        }
        (id, _) => {
            let (there, gone) = if id.is_some() { (ID, SECRET) } else { (SECRET, ID) };
            let problem = format!("missing: the environment has {there}, and {gone} is not set or empty");
            resolver
                .report
                .refuse(&at, Invalid::new(problem).hint(format!("export {gone}")));
            return None;
        }
    };
    let token = resolver.vault.env(TOKEN).transpose();
    let mut good = |name: &str, secret: Result<Secret, Invalid>| {
        let told = |invalid: Invalid| Invalid {
            problem: format!("the environment variable {name}: {}", invalid.problem),
            ..invalid
        };
        secret.map_err(|invalid| resolver.report.refuse(&at, told(invalid)))
    };
    let (id, secret) = (good(ID, id), good(SECRET, secret));
    let token = token.map_or_else(|invalid| good(TOKEN, Err(invalid)).map(Some), Ok);
    Some(Keys {
        id: id.ok()?,
        secret: secret.ok()?,
        token: token.ok()?,
    })
}

/// The keys of a profile in AWS's file of credentials.
pub(super) fn of_file(
    account: &RawAccount,
    at: &ConfigPath,
    resolver: &mut Resolver<'_, '_>,
) -> Option<Keys> {
    let file_at = at.key("credentials_file");
    let Some(path) = account
        .credentials_file
        .as_deref()
        .map(str::trim)
        .filter(|path| !path.is_empty())
    else {
        let invalid = Invalid::new("missing: which file is the profile in?");
        let remedy = "write for example `credentials_file: ${HOME}/.aws/credentials`";
        resolver.report.refuse(&file_at, invalid.hint(remedy));
        return None;
    };
    let text = resolver.vault.file(path);
    let text = resolver.report.accept(&file_at, text)?;
    let wanted = account.profile.as_deref().map_or(DEFAULT_PROFILE, str::trim);
    let Some(profile) = Profile::find(&text, wanted) else {
        refuse_profile(account, at, &text, resolver);
        return None;
    };
    resolver.report.accept(&file_at, profile.keys())
}

/// Tells that there is no such profile, where it is named.
fn refuse_profile(account: &RawAccount, at: &ConfigPath, text: &str, resolver: &mut Resolver<'_, '_>) {
    let there: Vec<&str> = text
        .lines()
        .filter_map(section)
        .filter(|name| is_name(name))
        .take(SHOWN_PROFILES)
        .collect();
    let remedy = if there.is_empty() {
        "is it AWS's file of credentials?".to_owned()
    } else {
        format!("there is: {}", there.join(", "))
    };
    let (key, invalid) = if account.profile.is_some() {
        ("profile", Invalid::new("is no profile of `credentials_file`"))
    } else {
        (
            "credentials_file",
            Invalid::new(format!("has no profile `{DEFAULT_PROFILE}`")),
        )
    };
    resolver.report.refuse_value(&at.key(key), invalid.hint(remedy));
}

/// A profile of the file, as far as it holds keys.
#[derive(Default)]
struct Profile<'t> {
    id: Option<&'t str>,
    secret: Option<&'t str>,
    token: Option<&'t str>,
}

impl<'t> Profile<'t> {
    fn find(text: &'t str, wanted: &str) -> Option<Self> {
        let mut found: Option<Self> = None;
        let mut is_inside = false;
        for line in text.lines().map(str::trim) {
            if let Some(name) = section(line) {
                is_inside = name == wanted;
                if is_inside {
                    found.get_or_insert_default();
                }
            } else if let (true, Some(profile), Some((name, value))) =
                (is_inside, &mut found, line.split_once('='))
            {
                match name.trim().to_ascii_lowercase().as_str() {
                    "aws_access_key_id" => profile.id = Some(value.trim()),
                    "aws_secret_access_key" => profile.secret = Some(value.trim()),
                    "aws_session_token" => profile.token = Some(value.trim()),
                    // Comments, and settings that are no keys.
                    _ => {}
                }
            }
        }
        found
    }

    fn keys(&self) -> Result<Keys, Invalid> {
        let key = |name: &str, value: Option<&str>| {
            let value = value.filter(|value| !value.is_empty());
            let missing = || {
                Invalid::new(format!("has no `{name}` in the profile"))
                    .hint("only profiles that hold keys can sign")
            };
            Secret::try_new(value.ok_or_else(missing)?).map_err(|invalid| Invalid {
                problem: format!("has a wrong `{name}` in the profile: {}", invalid.problem),
                remedy: None,
            })
        };
        Ok(Keys {
            id: key("aws_access_key_id", self.id)?,
            secret: key("aws_secret_access_key", self.secret)?,
            token: match self.token {
                None => None,
                said => Some(key("aws_session_token", said)?),
            },
        })
    }
}

/// The name in `[name]`, or in `[profile name]` as AWS's other file has it.
fn section(line: &str) -> Option<&str> {
    let (name, _) = line.trim().strip_prefix('[')?.split_once(']')?;
    let name = name.trim();
    Some(name.strip_prefix("profile ").unwrap_or(name).trim())
}

/// Fit to be shown: nothing that a file of another kind could have in brackets.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@');
    (1..=40).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
# for people
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key=one/two+three==
; more
[ profile batch ]
AWS_ACCESS_KEY_ID = AKIDBATCH
  aws_secret_access_key =  batch-secret
aws_session_token = token==
[sso]
sso_session = x
[half]
aws_access_key_id = AKIDHALF
";

    fn exposed(keys: &Keys) -> (&str, &str, Option<&str>) {
        let token = keys.token.as_ref().map(Secret::expose);
        (keys.id.expose(), keys.secret.expose(), token)
    }

    fn keys(text: &str, profile: &str) -> Result<Keys, Invalid> {
        Profile::find(text, profile).expect(profile).keys()
    }

    #[test]
    fn profiles_are_read_as_aws_writes_them() {
        let default = keys(FILE, "default").ok().unwrap();
        let batch = keys(FILE, "batch").ok().unwrap();

        assert_eq!(exposed(&default), ("AKIDDEFAULT", "one/two+three==", None));
        assert_eq!(exposed(&batch), ("AKIDBATCH", "batch-secret", Some("token==")));
        assert!(Profile::find(FILE, "nobody").is_none());
    }

    #[test]
    fn a_profile_without_keys_says_so_and_shows_none() {
        for (text, profile, problem) in [
            (FILE, "sso", "has no `aws_access_key_id` in the profile"),
            (FILE, "half", "has no `aws_secret_access_key` in the profile"),
            (
                "[x]\naws_access_key_id=a b",
                "x",
                "has a wrong `aws_access_key_id` in the profile: the secret has a space inside",
            ),
        ] {
            assert_eq!(keys(text, profile).err().unwrap().problem, problem);
        }
    }

    #[test]
    fn only_what_is_a_name_is_shown_as_one() {
        let shown = |line| section(line).filter(|name| is_name(name));

        assert_eq!(shown("[ profile a.b-c ] # x"), Some("a.b-c"));
        assert_eq!(shown("sk-live [se cret] {"), None);
        assert_eq!(shown("[se cret]"), None);
        assert_eq!(shown("[\"sk-live\"]"), None);
    }
}
