use std::collections::VecDeque;
use std::path::PathBuf;

use parking_lot::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::app::tokens::Users;
use crate::app::tokens::exchange::{Failure, Fresh};
use crate::catalog::{Catalog, Generation, TokenSlot, TokenSource};
use crate::config::{Config, Secret, SystemSources};

/// What came of a try: a lifetime in seconds, or the status of a refusal.
type Outcome = Result<u64, u16>;

/// Answers from a list, whose last entry holds for ever, and notes when it was asked.
#[derive(Clone)]
struct Scripted {
    outcomes: Arc<Mutex<VecDeque<Outcome>>>,
    asked: Arc<Mutex<Vec<Duration>>>,
    began: Instant,
}

impl Exchange for Scripted {
    async fn fetch(&self, _: &TokenSource, _: &[PathBuf], _: SystemTime) -> Result<Fresh, Failure> {
        let number = {
            let mut asked = self.asked.lock();
            asked.push(Instant::now() - self.began);
            asked.len()
        };
        let mut outcomes = self.outcomes.lock();
        let outcome = match outcomes.len() {
            1 => outcomes[0],
            _ => outcomes.pop_front().unwrap(),
        };
        match outcome {
            Ok(seconds) => Ok(Fresh {
                token: Secret::try_new(&format!("token-{number}")).unwrap(),
                lifetime: Duration::from_secs(seconds),
            }),
            Err(status) => Err(Failure::Refused {
                status,
                said: String::new(),
                wait: None,
            }),
        }
    }
}

/// A keeper at work under a clock that the test moves.
struct Bench {
    slot: Arc<TokenSlot>,
    script: Scripted,
    charge: Arc<Charge>,
    telemetry: Arc<Telemetry>,
    task: AbortOnDropHandle<()>,
}

/// The wall clock, which goes with the test's.
fn wall(began: Instant) -> impl Fn() -> SystemTime + Clone {
    move || SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + (Instant::now() - began)
}

fn keep(outcomes: &[Outcome]) -> Bench {
    let text = "providers: { a: { kind: azure-openai, endpoint: https://r.example, deployment: d, \
        entra: { tenant: t, client_id: c, client_secret: hidden-secret } } }\n\
        models: { m: { targets: [ { provider: a } ] } }";
    let config = Config::parse(text, &SystemSources, |_| Ok(())).unwrap();
    let catalog = Catalog::build(&config, Generation(1)).unwrap();
    let slot = Arc::clone(catalog.token_slots()[0]);
    let telemetry = Arc::new(Telemetry::new(None).unwrap());
    telemetry.resolve(&crate::telemetry::metrics::Labels::of(&catalog));
    let users = Users {
        names: vec![Arc::from("a")],
        authorities: Vec::new(),
    };
    let charge = Arc::new(Charge {
        slot: Arc::clone(&slot),
        users: Mutex::new(users),
        state: tokio::sync::watch::Sender::default(),
    });
    let script = Scripted {
        outcomes: Arc::new(Mutex::new(outcomes.iter().copied().collect())),
        asked: Arc::default(),
        began: Instant::now(),
    };
    let keeper = Keeper {
        charge: Arc::clone(&charge),
        exchange: script.clone(),
        today: wall(script.began),
        telemetry: Arc::clone(&telemetry),
    };
    Bench {
        slot,
        charge,
        telemetry,
        task: AbortOnDropHandle::new(tokio::spawn(keeper.run(Rng::with_seed(7)))),
        script,
    }
}

impl Bench {
    /// Lets so much time pass since the beginning.
    async fn at(&self, seconds: u64) {
        tokio::time::sleep_until(self.script.began + Duration::from_secs(seconds)).await;
    }

    fn held(&self) -> Option<String> {
        let header = self.slot.current(wall(self.script.began)())?;
        Some(String::from_utf8(header.expose().to_vec()).unwrap())
    }

    fn asked(&self) -> Vec<u64> {
        self.script.asked.lock().iter().map(Duration::as_secs).collect()
    }

    fn counted(&self, result: &str) -> u64 {
        let text = self
            .telemetry
            .render(&crate::telemetry::metrics::Observed::default());
        let series = text.lines().find(|line| {
            line.starts_with("understudy_token_refresh_total") && line.contains(&format!("\"{result}\""))
        });
        series.map_or(0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_there_from_the_start_to_the_end_of_time() {
    let bench = keep(&[Ok(3600)]);

    for second in 1..40_000 {
        bench.at(second).await;
        assert!(bench.held().is_some(), "none after {second} s");
    }

    let asked = bench.asked();
    let gaps: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (2592..=2881).contains(gap)), "{gaps:?}");
    assert_eq!(bench.counted("ok"), asked.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn the_old_token_is_used_while_its_renewal_fails() {
    let bench = keep(&[Ok(3600), Err(503), Err(503), Err(503), Err(503), Ok(3600)]);

    bench.at(2570).await;
    assert_eq!(bench.held().unwrap(), "Bearer token-1");
    bench.at(2900).await;

    assert_eq!(bench.asked().len(), 6, "one renewal, four repetitions");
    assert_eq!(bench.held().unwrap(), "Bearer token-6");
    assert_eq!((bench.counted("ok"), bench.counted("failed")), (2, 4));
    let state = bench.charge.state.borrow().clone();
    assert_eq!((state.tried, state.failure), (true, None));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_renewed_expires_and_is_asked_for_ever_after() {
    let bench = keep(&[Ok(600), Err(503)]);

    bench.at(599).await;
    assert_eq!(bench.held().unwrap(), "Bearer token-1");
    bench.at(601).await;
    assert_eq!(bench.held(), None);
    assert_eq!(bench.charge.state.borrow().failure.as_deref(), Some("HTTP 503"));

    bench.at(4201).await;
    let in_the_last_hour = bench.asked().iter().filter(|at| **at > 601).count();
    assert!((60..=120).contains(&in_the_last_hour), "{in_the_last_hour} times");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_turned_away_asks_less_and_less() {
    let bench = keep(&[Err(401)]);

    bench.at(7200).await;

    let asked = bench.asked();
    assert!((24..60).contains(&asked.len()), "{asked:?}");
    assert_eq!(asked[0], 0);
    assert!(bench.held().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_leaps_ahead_renews_at_once() {
    let mut bench = keep(&[Ok(3600)]);
    bench.at(10).await;
    let leap = Arc::new(Mutex::new(Duration::ZERO));
    let (ahead, began) = (Arc::clone(&leap), bench.script.began);
    let keeper = Keeper {
        charge: Arc::clone(&bench.charge),
        exchange: bench.script.clone(),
        today: move || wall(began)() + *ahead.lock(),
        telemetry: Arc::clone(&bench.telemetry),
    };
    bench.task = AbortOnDropHandle::new(tokio::spawn(keeper.run(Rng::with_seed(7))));
    bench.at(20).await;
    assert_eq!(bench.asked().len(), 2);

    *leap.lock() = Duration::from_hours(8);
    bench.at(60).await;

    assert_eq!(bench.asked().len(), 3, "the machine slept through the renewal");
}

#[tokio::test(start_paused = true)]
async fn a_lifetime_of_nothing_makes_no_tight_loop() {
    let bench = keep(&[Ok(0)]);

    bench.at(100).await;

    assert!(bench.asked().len() <= 101, "{}", bench.asked().len());
}
