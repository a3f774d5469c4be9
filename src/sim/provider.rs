//! One simulated provider's judgement of a request: who may ask, what is asked, what is answered.
//!
//! Invariant: synchronous and without sockets; a whole request goes in and a [`Decision`] comes out. A fault is drawn
//! before anything is checked, because a broken provider is broken for everybody.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::ask::{Ask, Asked, Reading};
use super::body::{Script, SimBody};
use super::book::Place;
use super::config::{Pace, SimConfig, SimError};
use super::control::Control;
use super::dialect::{Dialect, Surface};
use super::embedding::Vectors;
use super::events::{Events, StreamPlan};
use super::inject::{self, Effect, Reaction, Twist, Victim};
use super::keys::Keys;
use super::manner::Manner;
use super::refusal::{Reason, Refusal};
use super::reply;
use super::route::Endpoint;
use super::rule::FaultRule;
use super::saying::{self, Saying};
use super::token::Door;

/// A provider that can be asked.
#[derive(Debug)]
pub(super) struct Provider {
    name: Arc<str>,
    only: Option<Dialect>,
    models: Vec<String>,
    keys: Keys,
    control: Control,
    numbers: AtomicU64,
    vectors: Vectors,
}

/// A request whose path is known.
pub(super) struct Call<'a> {
    pub(super) number: u64,
    /// The provider's id of it.
    pub(super) request_id: &'a str,
    pub(super) received: SystemTime,
    pub(super) surface: Surface,
    pub(super) endpoint: Endpoint<'a>,
    /// The model or deployment that the path names.
    pub(super) target: Option<&'a str>,
    pub(super) parts: &'a Parts,
    pub(super) body: &'a Bytes,
    pub(super) pace: Pace,
    pub(super) manner: Manner,
    /// No other dialect is spoken here.
    pub(super) is_strict: bool,
}

/// What becomes of a request, and why.
pub(super) struct Decision {
    pub(super) reaction: Reaction,
    pub(super) rule: Option<Arc<FaultRule>>,
}

impl Call<'_> {
    /// When it came, in Unix seconds.
    pub(super) fn unix_seconds(&self) -> u64 {
        unix_seconds(self.received)
    }

    fn victim(&self) -> Victim<'_> {
        Victim {
            manners: self.surface.language(),
            request_id: self.request_id,
        }
    }

    /// What is asked, in the words of its dialect.
    fn read(&self) -> Reading {
        if self.endpoint.is_inference() {
            return self.surface.language().read(self);
        }
        let model = match &self.endpoint {
            Endpoint::Model(id) => id.clone(),
            _ => Cow::Borrowed(""),
        };
        Reading {
            model: model.into_owned(),
            asked: Ok(Asked::Count),
        }
    }
}

impl Provider {
    pub(super) fn new(config: SimConfig) -> Result<Self, SimError> {
        let control = Control::new(&config);
        Ok(Self {
            keys: Keys::new(&config, Arc::clone(control.mint()))?,
            name: config.name.into(),
            only: config.dialect,
            models: config.models,
            control,
            numbers: AtomicU64::new(0),
            vectors: Vectors::default(),
        })
    }

    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The only dialect it speaks, if it does not speak all.
    pub(super) const fn only(&self) -> Option<Dialect> {
        self.only
    }

    pub(super) const fn control(&self) -> &Control {
        &self.control
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Decides on a request.
    pub(super) fn decide(&self, call: &Call<'_>) -> Decision {
        let Reading { model, asked } = call.read();
        let by_name = FaultRule::of_model(&model).map(Arc::new);
        let is_by_name = by_name.is_some();
        let place = if call.endpoint.is_inference() {
            Place::Inference
        } else {
            Place::Models
        };
        let rule = by_name.or_else(|| self.control.draw_fault(&model, place));
        struck(call.victim(), rule, &model, |twist| {
            self.admit(call, &model, is_by_name)
                .and(asked)
                .map(|asked| self.answer(call, asked, model.clone(), twist))
        })
    }

    /// Decides on a request for a token.
    pub(super) fn decide_token(
        &self,
        door: Door,
        request_id: &str,
        sent: (&Parts, &Bytes),
        now: SystemTime,
    ) -> Decision {
        let victim = Victim {
            manners: door.manners(),
            request_id,
        };
        let rule = self.control.draw_fault("", Place::Token);
        struck(victim, rule, "", |twist| {
            door.admit(sent, &self.keys, unix_seconds(now))?;
            let fresh = self.control.mint().issue(door.audience(), now);
            self.control.stats().issued_token();
            let body = inject::twisted(victim, door.answer(&fresh), twist);
            Ok(reply::typed(StatusCode::OK, reply::JSON, body))
        })
    }

    /// Checks method, sign-in and the model, in a provider's order.
    fn admit(&self, call: &Call<'_>, model: &str, is_fault: bool) -> Result<(), Reason> {
        let (allowed, name) = if call.endpoint.is_inference() {
            (Method::POST, "POST")
        } else {
            (Method::GET, "GET")
        };
        if call.parts.method != allowed {
            return Err(Reason::WrongMethod(name));
        }
        call.surface.language().admit(call, &self.keys)?;
        let is_known = self.models.is_empty() || is_fault || self.models.iter().any(|known| known == model);
        if is_known || model.is_empty() {
            Ok(())
        } else {
            Err(Reason::UnknownModel(model.to_owned()))
        }
    }

    fn answer(
        &self,
        call: &Call<'_>,
        asked: Asked,
        model: String,
        twist: Option<Twist>,
    ) -> Response<SimBody> {
        let language = call.surface.language();
        let prompt = || saying::prompt(call.manner, call.body.len()).prompt;
        let document = match (&call.endpoint, asked) {
            (Endpoint::Models, _) if self.models.is_empty() => {
                language.models(&[format!("sim-{}", self.name)], &self.name)
            }
            (Endpoint::Models, _) => language.models(&self.models, &self.name),
            (Endpoint::Model(id), _) => language.model(id, &self.name),
            (_, Asked::Vectors(wanted)) => {
                self.vectors
                    .answer(wanted, &model, (prompt(), call.pace.answer_bytes))
            }
            (_, Asked::Count) => language.count(prompt()),
            (_, Asked::Words(ask)) => {
                let mut saying = Saying::of(&ask, call, model, Arc::clone(&self.name));
                if twist == Some(Twist::Filter) {
                    saying.filter();
                }
                if ask.is_stream {
                    return stream(call, &ask, saying, twist);
                }
                language.plain(call, &saying)
            }
        };
        reply::typed(
            StatusCode::OK,
            reply::JSON,
            inject::twisted(call.victim(), document, twist),
        )
    }
}

/// What becomes of a request that this rule strikes, if any, and that is otherwise answered like this.
fn struck(
    victim: Victim<'_>,
    rule: Option<Arc<FaultRule>>,
    model: &str,
    answer: impl FnOnce(Option<Twist>) -> Result<Response<SimBody>, Reason>,
) -> Decision {
    let twist = match rule.as_deref().map(|rule| inject::effect(rule, victim, model)) {
        Some(Effect::Instead(reaction)) => return Decision { reaction, rule },
        Some(Effect::Twist(twist)) => Some(twist),
        None => None,
    };
    let response = answer(twist).unwrap_or_else(|reason| {
        let refusal = Refusal::new(&reason, victim.request_id);
        victim.manners.refuse(&refusal).into_response()
    });
    Decision {
        reaction: Reaction::Answer(response),
        rule,
    }
}

fn unix_seconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn stream(call: &Call<'_>, ask: &Ask, saying: Saying, twist: Option<Twist>) -> Response<SimBody> {
    let mut plan = StreamPlan {
        pace: call.pace,
        request_id: call.request_id.to_owned(),
        interruption: None,
        has_done: true,
    };
    match twist {
        None | Some(Twist::Filter) => {}
        Some(Twist::Slow(delay)) => plan.pace.first_token = delay,
        Some(Twist::Interrupt(interruption)) => plan.interruption = Some(interruption),
        Some(Twist::NoDone) => plan.has_done = false,
    }
    let saying = Arc::new(saying);
    let language = call.surface.language();
    let teller = language.teller(call, ask, Arc::clone(&saying));
    let events = Box::new(Events::new(teller, saying, plan));
    reply::typed(
        StatusCode::OK,
        language.stream_type(call),
        SimBody::script(Script::Events(events)),
    )
}
