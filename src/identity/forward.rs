//! Tokens of the user's own login, requested in separate threads: `az` takes a second and may hang,
//! and no other client should wait for it. One process at a time for each resource. A token is kept
//! until shortly before it expires, and only in memory.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;

use super::login::Login;
use super::token::Token;
use crate::machine::Clock;
use crate::os::{self, Socket};
use crate::output::Output;

/// How long before it expires a token is requested again (seconds).
const EARLY: i64 = 120;

/// The most resources that are requested at once.
const MOST: usize = 16;

/// What to forward, for which clients, and where to report it.
#[derive(Clone, Debug)]
pub struct Forward {
    /// The header of the clients that may have it.
    pub header: String,
    /// The programs that give the tokens.
    pub login: Login,
    /// Where the first token for each resource is reported.
    pub output: Output,
    /// The resources, to be reported later.
    pub handed_on: HandedOn,
}

/// The resources for which a token was forwarded.
#[derive(Clone, Debug, Default)]
pub struct HandedOn(Arc<Mutex<BTreeSet<String>>>);

impl HandedOn {
    /// Their names, in order.
    pub fn resources(&self) -> Vec<String> {
        self.names().iter().cloned().collect()
    }

    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The outcome of a request: nothing yet, a token, or the reason why there is none.
pub(super) type Answer = Arc<OnceLock<Result<Token, String>>>;

/// The threads that ask on behalf of an endpoint's clients. Dropping it ends them.
#[derive(Debug)]
pub(super) struct Forwarder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    login: Login,
    output: Output,
    handed_on: HandedOn,
    clock: Clock,
    /// A byte is written to it when there is an answer.
    wake: Socket,
    stop: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<String, Token>,
    asked: HashMap<String, Answer>,
    threads: Vec<JoinHandle<()>>,
    told: HashSet<String>,
}

impl Forwarder {
    /// Announces answers by a byte to `wake`.
    pub(super) fn new(forward: &Forward, clock: Clock, wake: Socket) -> Self {
        os::leave_no_core();
        Self {
            shared: Arc::new(Shared {
                login: forward.login.clone(),
                output: forward.output,
                handed_on: forward.handed_on.clone(),
                clock,
                wake,
                stop: AtomicBool::new(false),
                state: Mutex::default(),
            }),
        }
    }

    /// Asks for a token, unless one is known or already being requested. Never blocks.
    pub(super) fn ask(&self, resource: &str) -> Answer {
        let shared = &self.shared;
        let now = shared.clock.now().unix_timestamp();
        let mut state = shared.state();
        state.known.retain(|_, token| now + EARLY < token.expires_on);
        if let Some(token) = state.known.get(resource) {
            return settled(Ok(token.clone()));
        }
        if let Some(answer) = state.asked.get(resource) {
            return Arc::clone(answer);
        }
        state.threads.retain(|thread| !thread.is_finished());
        if state.asked.len() >= MOST {
            return settled(Err("there are too many token requests at once".to_owned()));
        }
        let answer = Answer::default();
        let work = {
            let (shared, resource) = (Arc::clone(shared), resource.to_owned());
            let answer = Arc::clone(&answer);
            move || shared.work(resource, &answer)
        };
        let thread = std::thread::Builder::new().name("forward".to_owned());
        match thread.spawn(work) {
            Ok(thread) => state.threads.push(thread),
            Err(error) => return settled(Err(crate::machine::no_thread(&error).to_string())),
        }
        state.asked.insert(resource.to_owned(), Arc::clone(&answer));
        answer
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.shared.state().threads);
        for thread in threads {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent even after a thread panicked: each change is one call.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn work(&self, resource: String, answer: &Answer) {
        let found = self.login.ask(&resource, self.clock.now(), &self.stop);
        self.tell(&resource, &found);
        let found = found.map(|(token, _)| token);
        let mut state = self.state();
        state.asked.remove(&resource);
        if let Ok(token) = &found {
            state.known.insert(resource, token.clone());
        }
        // No other thread sets it.
        let _ = answer.set(found);
        drop(state);
        // If it is full of unread bytes, the reader wakes up anyway.
        let _ = (&self.wake).write(&[0]);
    }
}

impl Shared {
    /// Reports the first of each kind, before the client continues.
    fn tell(&self, resource: &str, found: &Result<(Token, String), String>) {
        let is_new = self.state().told.insert(format!("{resource} {}", found.is_ok()));
        match found {
            Ok((_, who)) if is_new => {
                self.handed_on.names().insert(resource.to_owned());
                let what = format!("forwarded a token for {resource} from {who}");
                self.output.progress(&what);
            }
            Err(why) if is_new && !self.stop.load(Ordering::Relaxed) => {
                let what = format!("no token for {resource} to forward: {why}");
                self.output.warning(&what);
            }
            _ => {}
        }
    }
}

fn settled(result: Result<Token, String>) -> Answer {
    let answer = Answer::default();
    let _ = answer.set(result);
    answer
}
