//! One simulated provider's judgement of a request: who may ask, what is asked, what is answered.
//!
//! Invariant: synchronous and without sockets; a whole request goes in and a [`Decision`] comes out. A fault is drawn
//! before anything is checked, because a broken provider is broken for everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use super::answer;
use super::ask::Ask;
use super::body::{Script, SimBody};
use super::config::{ApiKey, Pace, SimConfig};
use super::control::Control;
use super::embedding::Vectors;
use super::events::{Events, Interruption, StreamPlan};
use super::inject::{self, Effect, Reaction, Twist};
use super::refusal::Reason;
use super::reply;
use super::route::{Endpoint, Surface};
use super::rule::FaultRule;
use super::saying::{Content, Saying, Usage};

/// A provider that can be asked.
#[derive(Debug)]
pub(super) struct Provider {
    name: Arc<str>,
    models: Vec<String>,
    api_key: Option<ApiKey>,
    control: Control,
    numbers: AtomicU64,
    vectors: Vectors,
}

/// A request whose path is known.
pub(super) struct Call<'a> {
    pub(super) number: u64,
    /// Unix seconds.
    pub(super) now: u64,
    pub(super) surface: Surface,
    pub(super) endpoint: Endpoint<'a>,
    pub(super) deployment: Option<&'a str>,
    pub(super) parts: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) pace: Pace,
}

/// What becomes of a request, and why.
pub(super) struct Decision {
    pub(super) reaction: Reaction,
    pub(super) rule: Option<Arc<FaultRule>>,
}

impl Call<'_> {
    /// The model or deployment that is meant, or nothing.
    fn model(&self, ask: Option<&Ask<'_>>) -> String {
        match (self.deployment, &self.endpoint) {
            (Some(deployment), _) => deployment.to_owned(),
            (None, Endpoint::Model(id)) => id.clone().into_owned(),
            _ => ask.and_then(|ask| ask.model.clone()).unwrap_or_default(),
        }
    }
}

impl Provider {
    pub(super) fn new(config: SimConfig) -> Self {
        let control = Control::new(&config);
        Self {
            name: config.name.into(),
            models: config.models,
            api_key: config.api_key,
            control,
            numbers: AtomicU64::new(0),
            vectors: Vectors::default(),
        }
    }

    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) const fn control(&self) -> &Control {
        &self.control
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Decides on a request.
    pub(super) fn decide(&self, call: &Call<'_>) -> Decision {
        let ask = if call.endpoint.is_inference() {
            read(call.body)
        } else {
            Ok(Ask::default())
        };
        let model = call.model(ask.as_ref().ok());
        let by_name = FaultRule::of_model(&model).map(Arc::new);
        let is_by_name = by_name.is_some();
        let rule = by_name.or_else(|| self.control.draw_fault(&model, call.endpoint.is_inference()));
        let mut twist = None;
        if let Some(rule) = &rule {
            match inject::effect(rule, call.surface, &model) {
                Effect::Instead(reaction) => {
                    return Decision {
                        reaction,
                        rule: Some(Arc::clone(rule)),
                    };
                }
                Effect::Twist(it) => twist = Some(it),
            }
        }
        let answered = self
            .admit(call, &model, is_by_name)
            .and(ask)
            .and_then(|ask| self.answer(call, &ask, model, twist));
        let response = answered.unwrap_or_else(|reason| reply::refusal(call.surface, &reason));
        Decision {
            reaction: Reaction::Answer(response),
            rule,
        }
    }

    /// Checks method, key, Azure's version and the model, in a provider's order.
    fn admit(&self, call: &Call<'_>, model: &str, is_fault: bool) -> Result<(), Reason> {
        let (allowed, name) = if call.endpoint.is_inference() {
            (Method::POST, "POST")
        } else {
            (Method::GET, "GET")
        };
        if call.parts.method != allowed {
            return Err(Reason::WrongMethod(name));
        }
        self.check_key(&call.parts.headers)?;
        let query = call.parts.uri.query().unwrap_or_default();
        let has_version = query
            .split('&')
            .any(|pair| pair.starts_with("api-version=") && pair.len() > 12);
        if call.surface == Surface::AzureDeployment && !has_version {
            return Err(Reason::UnknownPath(call.parts.uri.path().to_owned()));
        }
        let is_known = self.models.is_empty() || is_fault || self.models.iter().any(|known| known == model);
        if is_known || model.is_empty() {
            Ok(())
        } else {
            Err(Reason::UnknownModel(model.to_owned()))
        }
    }

    fn check_key(&self, headers: &HeaderMap) -> Result<(), Reason> {
        let Some(key) = &self.api_key else { return Ok(()) };
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
            let value = value.as_bytes();
            let (scheme, key) = value.split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
        });
        match bearer.or_else(|| headers.get("api-key").map(HeaderValue::as_bytes)) {
            Some(given) if key.opens(given) => Ok(()),
            Some(_) => Err(Reason::WrongKey),
            None => Err(Reason::MissingKey),
        }
    }

    fn answer(
        &self,
        call: &Call<'_>,
        ask: &Ask<'_>,
        model: String,
        twist: Option<Twist>,
    ) -> Result<Response<SimBody>, Reason> {
        if call.endpoint.is_inference() && model.is_empty() {
            return Err(Reason::missing("model"));
        }
        let document = match &call.endpoint {
            Endpoint::Models if self.models.is_empty() => {
                answer::models(&[format!("sim-{}", self.name)], &self.name)
            }
            Endpoint::Models => answer::models(&self.models, &self.name),
            Endpoint::Model(id) => answer::model(id, &self.name),
            Endpoint::Embeddings => {
                self.vectors
                    .answer(ask, &model, (prompt_tokens(call.body), call.pace.answer_bytes))?
            }
            Endpoint::Chat if ask.messages.as_ref().is_none_or(|messages| messages.count == 0) => {
                return Err(Reason::missing("messages"));
            }
            Endpoint::Completions if ask.prompt.is_none() => return Err(Reason::missing("prompt")),
            Endpoint::Chat | Endpoint::Completions => {
                let saying = self.saying(call, ask, model);
                if ask.is_stream() {
                    return Ok(stream(saying, call.pace, ask.wants_usage(), twist));
                }
                saying.plain()
            }
        };
        Ok(reply::typed(
            StatusCode::OK,
            reply::JSON,
            inject::twisted(document, twist),
        ))
    }

    fn saying(&self, call: &Call<'_>, ask: &Ask<'_>, model: String) -> Saying {
        let (content, completion, finish) = Content::of(ask, &self.name, call.pace);
        Saying {
            number: call.number,
            created: call.now,
            model,
            name: Arc::clone(&self.name),
            is_azure: call.surface.is_azure(),
            content,
            usage: Usage {
                prompt: prompt_tokens(call.body),
                completion,
            },
            finish,
        }
    }
}

fn stream(saying: Saying, pace: Pace, wants_usage: bool, twist: Option<Twist>) -> Response<SimBody> {
    let mut plan = StreamPlan {
        pace,
        wants_usage,
        interruption: None::<Interruption>,
        has_done: true,
    };
    match twist {
        None => {}
        Some(Twist::Slow(delay)) => plan.pace.first_token = delay,
        Some(Twist::Interrupt(interruption)) => plan.interruption = Some(interruption),
        Some(Twist::NoDone) => plan.has_done = false,
    }
    let events = Box::new(Events::new(saying, plan));
    reply::typed(
        StatusCode::OK,
        reply::EVENT_STREAM,
        SimBody::script(Script::Events(events)),
    )
}

fn read(body: &[u8]) -> Result<Ask<'_>, Reason> {
    serde_json::from_slice(body).map_err(|error| {
        let message = if error.is_data() {
            format!("Invalid value in the request: {error}")
        } else {
            "We could not parse the JSON body of your request.".to_owned()
        };
        Reason::Invalid {
            message,
            param: None,
            code: None,
        }
    })
}

/// An estimate, as good as any: four bytes to a token.
fn prompt_tokens(body: &[u8]) -> u64 {
    (body.len() as u64 / 4).max(1)
}
