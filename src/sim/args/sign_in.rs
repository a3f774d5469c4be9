//! The flags of who may sign in.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::text;
use crate::sim::config::SimError;
use crate::sim::sign_in::{AwsKeys, EntraClient, SignIn};

/// Who else may sign in.
#[derive(Clone, Debug, Args)]
pub struct SignInArgs {
    /// The access key that requests to Bedrock must be signed with
    #[arg(long, value_name = "ID", requires = "aws_secret_key")]
    pub aws_access_key: Option<String>,
    /// Its secret
    #[arg(long, value_name = "SECRET", requires = "aws_access_key")]
    pub aws_secret_key: Option<String>,
    /// The session token that must come with it
    #[arg(long, value_name = "TOKEN", requires = "aws_access_key")]
    pub aws_session_token: Option<String>,
    /// The only region that may be signed for
    #[arg(long, value_name = "REGION", requires = "aws_access_key")]
    pub aws_region: Option<String>,
    /// The public key (PEM) of the service account that gets Google's tokens at `/token`
    #[arg(long, value_name = "FILE")]
    pub google_public_key: Option<PathBuf>,
    /// The client that gets Entra's tokens at `/TENANT/oauth2/v2.0/token`
    #[arg(long, value_name = "ID", requires = "entra_client_secret")]
    pub entra_client_id: Option<String>,
    /// Its secret
    #[arg(long, value_name = "SECRET", requires = "entra_client_id")]
    pub entra_client_secret: Option<String>,
    /// How long the tokens are valid that are issued here
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    pub token_lifetime: Duration,
}

impl SignInArgs {
    pub(super) fn into_sign_in(self) -> Result<SignIn, SimError> {
        let aws = self
            .aws_access_key
            .zip(self.aws_secret_key)
            .map(|(id, secret)| AwsKeys {
                session_token: self.aws_session_token,
                region: self.aws_region,
                ..AwsKeys::new(id, secret)
            });
        let entra = self.entra_client_id.zip(self.entra_client_secret);
        Ok(SignIn {
            aws,
            google_public_key: self.google_public_key.as_deref().map(text).transpose()?,
            entra: entra.map(|(id, secret)| EntraClient { id, secret }),
            token_lifetime: self.token_lifetime,
        })
    }
}
