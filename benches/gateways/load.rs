//! The load: HTTP/1.1 over connections that stay open, either as fast as answers come or at a fixed rate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Connections of the load at a fixed rate: more than it ever needs at once, unless a gateway stalls.
const PACED_CONNECTIONS: usize = 32;

/// One request, sent again and again.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The gateway.
    pub to: SocketAddr,
    /// The model it names.
    pub model: String,
    /// Which route plain Envoy is to take; Understudy takes it off.
    pub route: &'static str,
    /// Whether a stream is asked for.
    pub stream: bool,
}

impl Question {
    fn request(&self) -> anyhow::Result<Request<Full<Bytes>>> {
        let body = format!(
            r#"{{"model":"{}","stream":{},"max_tokens":64,"messages":[{{"role":"system","content":"You are a terse assistant. Answer in one sentence, without a preamble, and say so when you do not know."}},{{"role":"user","content":"Which of the two planets is larger, Mars or Venus, and by how much in kilometres of diameter?"}}]}}"#,
            self.model, self.stream
        );
        Request::post("/v1/chat/completions")
            .header("host", self.to.to_string())
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .header("user-agent", "understudy-bench/1")
            .header("authorization", "Bearer sk-of-the-caller")
            .header("x-bench-route", self.route)
            .body(Full::from(body))
            .context("the request cannot be built")
    }
}

/// What a load saw.
#[derive(Debug, Default, Clone)]
pub(crate) struct Seen {
    /// Requests that were answered with 200 and a whole body.
    pub answered: u64,
    /// All others.
    pub failed: u64,
    /// How long it took in all.
    pub took: Duration,
    /// How long each answer took, in no order.
    pub latencies: Vec<Duration>,
}

impl Seen {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.answered) / self.took.as_secs_f64()
    }

    /// The latency that `share` of all answers did not exceed, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted
            .get((sorted.len() * percent / 100).min(last))
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }

    fn note(&mut self, (ok, latency): (bool, Duration)) {
        if ok {
            self.answered += 1;
            self.latencies.push(latency);
        } else {
            self.failed += 1;
        }
    }
}

fn now() -> Instant {
    Instant::now()
}

/// A count as a ratio needs it.
#[expect(clippy::cast_precision_loss, reason = "no benchmark makes 2^53 requests")]
pub(crate) fn count(count: u64) -> f64 {
    count as f64
}

/// One connection.
struct Connection {
    question: Question,
    request: Request<Full<Bytes>>,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    async fn open(question: &Question) -> anyhow::Result<Self> {
        Ok(Self {
            question: question.clone(),
            request: question.request()?,
            sender: connect(question.to).await?,
        })
    }

    /// Asks once; false for anything but a 200 with a whole body.
    async fn ask(&mut self) -> bool {
        if self.sender.ready().await.is_err() {
            match connect(self.question.to).await {
                Ok(sender) => self.sender = sender,
                Err(_) => return false,
            }
        }
        let Ok(answer) = self.sender.send_request(self.request.clone()).await else {
            return false;
        };
        let ok = answer.status() == StatusCode::OK;
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        ok
    }
}

async fn connect(to: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with its sender.
    drop(tokio::spawn(connection));
    Ok(sender)
}

/// Asks once, for readiness.
pub(crate) async fn try_once(question: &Question) -> bool {
    let asked = async { Ok::<_, anyhow::Error>(Connection::open(question).await?.ask().await) };
    tokio::time::timeout(Duration::from_secs(2), asked)
        .await
        .is_ok_and(|asked| asked.unwrap_or(false))
}

/// So many connections, each asking again as soon as it was answered.
pub(crate) async fn saturate(
    question: &Question,
    connections: usize,
    time: Duration,
) -> anyhow::Result<Seen> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(question).await?);
    }
    let began = now();
    let end = began + time;
    let mut asking = JoinSet::new();
    for mut connection in open {
        asking.spawn(async move {
            let mut seen = Seen::default();
            let mut before = now();
            while before < end {
                let ok = connection.ask().await;
                let now = now();
                seen.note((ok, now - before));
                before = now;
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = asking.join_next().await {
        let seen = seen?;
        all.answered += seen.answered;
        all.failed += seen.failed;
        all.latencies.extend(seen.latencies);
    }
    all.took = now() - began;
    Ok(all)
}

/// So many requests per second, whether or not answers come.
///
/// A latency counts from the moment the request was due, so a stall is felt by all that queue behind it. Only when a
/// connection was idle at that moment does it count from the sending: how late the timer of the load itself is, about
/// a millisecond, is not the gateway's doing.
pub(crate) async fn paced(question: &Question, rate: u32, time: Duration) -> anyhow::Result<Seen> {
    let (idle, mut waiting) = mpsc::unbounded_channel();
    let (told, mut results) = mpsc::unbounded_channel();
    for _ in 0..PACED_CONNECTIONS {
        idle.send(Connection::open(question).await?).ok();
    }
    let began = now();
    let mut asking = JoinSet::new();
    let pause = Duration::from_secs(1) / rate;
    let mut due = began;
    while due < began + time {
        tokio::time::sleep_until(due.into()).await;
        let (mut connection, since) = match waiting.try_recv() {
            Ok(connection) => (connection, now()),
            Err(_) => (waiting.recv().await.context("a connection comes back")?, due),
        };
        let (idle, told) = (idle.clone(), told.clone());
        asking.spawn(async move {
            let ok = connection.ask().await;
            told.send((ok, now() - since)).ok();
            idle.send(connection).ok();
        });
        while asking.try_join_next().is_some() {}
        due += pause;
    }
    while asking.join_next().await.is_some() {}
    drop(told);
    let mut seen = Seen {
        took: now() - began,
        ..Seen::default()
    };
    while let Some(result) = results.recv().await {
        seen.note(result);
    }
    Ok(seen)
}
