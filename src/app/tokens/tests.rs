use std::collections::VecDeque;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::catalog::{Generation, TokenSource};
use crate::config::{Config, Endpoint, Entra, Scheme, Secret, ServiceAccount, SystemSources};

/// The secret of [`entra`].
pub(super) const SECRET: &str = "s3cret~+&=x";

/// Longer than anything here takes.
pub(super) const BOUND: Duration = Duration::from_secs(10);

pub(super) fn endpoint(address: &str) -> Endpoint {
    let (host, port) = address.rsplit_once(':').unwrap();
    Endpoint {
        scheme: Scheme::Http,
        host: host.to_owned(),
        port: port.parse().unwrap(),
        base_path: "/token".to_owned(),
    }
}

pub(super) fn account(token_url: Endpoint) -> ServiceAccount {
    ServiceAccount {
        client_email: "understudy@project.iam.example".to_owned(),
        private_key: Secret::try_pem(include_str!("tests/account.pem")).unwrap(),
        private_key_id: Some("key-1".to_owned()),
        project_id: None,
        token_url,
    }
}

pub(super) fn entra(token_url: Endpoint) -> Entra {
    Entra {
        client_id: "app-1".to_owned(),
        client_secret: Secret::try_new(SECRET).unwrap(),
        token_url,
        scope: "https://cognitiveservices.azure.com/.default".to_owned(),
    }
}

/// What a server does with a request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Sends this, then closes.
    Bytes(String),
    /// Leaves it unanswered.
    Nothing,
}

impl Reply {
    pub(super) fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }

    pub(super) fn token(token: &str, seconds: u64) -> Self {
        let body = format!(r#"{{"access_token":"{token}","expires_in":{seconds},"token_type":"Bearer"}}"#);
        Self::json(200, &body)
    }
}

/// Hands out tokens on a loopback port: each reply once, the last one for ever.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    asked: watch::Receiver<Vec<String>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub(super) async fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, asked) = watch::channel(Vec::new());
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                seen.send_modify(|seen: &mut Vec<String>| seen.push(request));
                let next = replies.pop_front().unwrap();
                match &next {
                    Reply::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap_or_default(),
                    Reply::Nothing => open.push(stream),
                }
                if replies.is_empty() {
                    replies.push_back(next);
                }
            }
        });
        Self {
            address,
            asked,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        endpoint(&self.address.to_string())
    }

    /// What it was asked so far, when that is so many times.
    pub(super) async fn asked(&self, times: usize) -> Vec<String> {
        let mut asked = self.asked.clone();
        let enough = asked.wait_for(|seen| seen.len() >= times);
        tokio::time::timeout(BOUND, enough)
            .await
            .unwrap()
            .unwrap()
            .clone()
    }
}

/// A whole request with its body.
async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut chunk = [0; 4096];
    loop {
        let length = stream.read(&mut chunk).await.unwrap_or_default();
        text.push_str(&String::from_utf8_lossy(&chunk[..length]));
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        });
        if is_whole || length == 0 {
            return text;
        }
    }
}

/// A catalog whose provider `a` signs in at `server`, and `b` at `other`, as `client`.
fn catalog(server: &Server, client: &str) -> Catalog {
    let text = format!(
        "providers:\n  a: &a\n    kind: azure-openai\n    endpoint: https://r.example\n    deployment: d\n    \
         entra: {{ token_url: 'http://{}/token', client_id: {client}, client_secret: hidden-secret }}\n  \
         b: {{ kind: azure-openai, endpoint: https://s.example, deployment: d, \
         entra: {{ token_url: 'http://{}/token', client_id: {client}, client_secret: hidden-secret }} }}\n\
         models: {{ m: {{ targets: [ {{ provider: a }} ] }} }}",
        server.address, server.address
    );
    let config = Config::parse(&text, &SystemSources, |_| Ok(())).unwrap_or_else(|bad| panic!("{bad}"));
    Catalog::build(&config, Generation(1)).unwrap()
}

fn tokens() -> Tokens {
    Tokens::new(Arc::new(Telemetry::new(None).unwrap()))
}

fn header(catalog: &Catalog) -> Option<bytes::Bytes> {
    let slot = catalog.token_slots()[0];
    slot.current(SystemTime::now())
        .map(|header| header.expose().clone())
}

#[tokio::test]
async fn providers_of_one_identity_share_a_token_that_is_fetched_at_once() {
    let server = Server::replying([Reply::token("first", 3600)]).await;
    let catalog = catalog(&server, "app-1");
    let tokens = tokens();

    assert!(tokens.all_tried(), "nothing is waited for yet");
    tokens.follow(&catalog);
    assert!(!tokens.all_tried());
    tokens.tried(BOUND).await;

    assert!(tokens.all_tried());
    assert_eq!(header(&catalog).unwrap(), "Bearer first");
    assert_eq!(server.asked(1).await.len(), 1);
    assert!(tokens.warnings().is_empty());
    let good_for = tokens.good_for(SystemTime::now());
    let names: Vec<&str> = good_for.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(good_for.iter().all(|(_, left)| left.as_secs() > 3500));
}

#[tokio::test]
async fn what_a_reload_keeps_keeps_its_token_and_its_task() {
    let server = Server::replying([Reply::token("first", 3600), Reply::token("second", 3600)]).await;
    let old = catalog(&server, "app-1");
    let tokens = tokens();
    tokens.follow(&old);
    tokens.tried(BOUND).await;

    let mut same = catalog(&server, "app-1");
    same.adopt_tokens(&old);
    tokens.follow(&same);
    assert!(tokens.all_tried());
    assert_eq!(header(&same).unwrap(), "Bearer first");
    assert_eq!(server.asked(1).await.len(), 1, "it was not asked for again");

    let mut other = catalog(&server, "app-2");
    other.adopt_tokens(&same);
    tokens.follow(&other);
    assert!(!tokens.all_tried());
    tokens.tried(BOUND).await;
    assert_eq!(header(&other).unwrap(), "Bearer second");
    assert_eq!(tokens.kept.lock().len(), 1, "the other task has ended");
}

#[tokio::test]
async fn a_failure_is_a_warning_without_the_secret_and_no_reason_to_wait() {
    let body = r#"{"error":"invalid_client","error_description":"hidden-secret is wrong"}"#;
    let server = Server::replying([Reply::json(401, body)]).await;
    let catalog = catalog(&server, "app-1");
    let tokens = tokens();

    tokens.follow(&catalog);
    tokens.tried(BOUND).await;

    assert!(tokens.all_tried() && header(&catalog).is_none());
    assert_eq!(
        tokens.warnings(),
        ["the access token of `a`, `b` could not be fetched: HTTP 401: invalid_client: *** is wrong"]
    );
    assert_eq!(tokens.good_for(SystemTime::now())[0].1, Duration::ZERO);
}

#[tokio::test]
async fn a_server_that_is_silent_is_not_waited_for_longer_than_patience() {
    let server = Server::replying([Reply::Nothing]).await;
    let catalog = catalog(&server, "app-1");
    let tokens = tokens();

    tokens.follow(&catalog);
    tokens.tried(Duration::from_millis(20)).await;

    assert!(!tokens.all_tried());
}

#[tokio::test]
async fn stopping_ends_every_task() {
    let server = Server::replying([Reply::Nothing]).await;
    let catalog = catalog(&server, "app-1");
    let tokens = tokens();
    tokens.follow(&catalog);
    let charge = Arc::downgrade(&tokens.kept.lock()[0].charge);
    server.asked(1).await;

    tokens.stop();

    let ended = async {
        while charge.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, ended).await.unwrap();
}

#[tokio::test]
async fn a_service_account_is_exchanged_by_its_statement() {
    let server = Server::replying([Reply::token("ya29", 3599)]).await;
    let source = TokenSource::ServiceAccount(account(server.endpoint()));

    let fresh = exchange::Exchange::fetch(&Https::default(), &source, &[], SystemTime::now())
        .await
        .unwrap();

    assert_eq!(fresh.token.expose(), "ya29");
    let asked = &server.asked(1).await[0];
    assert!(asked.starts_with("POST /token HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("jwt-bearer&assertion=eyJ"), "{asked}");
}
