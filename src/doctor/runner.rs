//! Runs the checks, all at once, each within a time limit.
//!
//! A check that times out or panics is a finding like any other. Its thread cannot be stopped from
//! outside, so it is left running and ends with the process; the programs that it runs are killed
//! by [`crate::machine::Machine::run`].

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::context::{TimedOut, seconds};
use super::{Check, Context, Finding};
use crate::machine::no_thread;

/// How much longer than a program a check may take, for the work before and after it.
const GRACE: Duration = Duration::from_millis(500);

/// What a thread reports.
enum Event {
    Started(usize),
    Ended(usize, Option<Finding>),
}

/// Runs these checks and returns each with its finding, in the same order.
pub fn run(checks: &[Check], context: &Arc<Context>) -> Vec<(Check, Finding)> {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let places = Arc::new(Places::new(processors.max(2)));
    let (sender, receiver) = mpsc::channel();
    for (at, check) in checks.iter().enumerate() {
        start(at, *check, context, &places, sender.clone());
    }
    drop(sender);
    let mut findings: Vec<Option<Finding>> = vec![None; checks.len()];
    let mut deadlines: Vec<Option<Instant>> = vec![None; checks.len()];
    while findings.iter().any(Option::is_none) {
        let open = |at: &usize| findings[*at].is_none();
        let next = (0..checks.len())
            .filter(open)
            .filter_map(|at| deadlines[at])
            .min();
        let wait = next.map_or(context.limit, |next| {
            next.saturating_duration_since(Instant::now())
        });
        match receiver.recv_timeout(wait) {
            Ok(Event::Started(at)) => deadlines[at] = Some(Instant::now() + context.limit + GRACE),
            Ok(Event::Ended(at, finding)) => {
                findings[at].get_or_insert_with(|| finding.unwrap_or_else(crashed));
            }
            // No thread is left to report anything.
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = Instant::now();
        for (at, finding) in findings.iter_mut().enumerate() {
            if finding.is_none() && deadlines[at].is_some_and(|deadline| deadline <= now) {
                let why = format!("no answer within {}", seconds(context.limit));
                *finding = Some(late(&checks[at], &why));
                if checks[at].starts_program {
                    places.give_back();
                }
            }
        }
    }
    let both = checks.iter().copied().zip(findings);
    both.map(|(check, finding)| (check, finding.unwrap_or_else(crashed)))
        .collect()
}

fn start(
    at: usize,
    check: Check,
    context: &Arc<Context>,
    places: &Arc<Places>,
    sender: Sender<Event>,
) {
    let (context, places) = (Arc::clone(context), Arc::clone(places));
    let failed = sender.clone();
    let thread = std::thread::Builder::new()
        .name(check.id.to_owned())
        .spawn(move || {
            if check.starts_program {
                places.take();
            }
            // The receiver may have given up on a late check.
            let _ = sender.send(Event::Started(at));
            let looked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                check.run.look(&context).unwrap_or_else(|error| match error.downcast_ref::<TimedOut>() {
                    Some(why) => late(&check, &why.0),
                    None => Finding::of_error(&error),
                })
            }));
            if check.starts_program {
                places.give_back();
            }
            let _ = sender.send(Event::Ended(at, looked.ok()));
        });
    if let Err(error) = thread {
        let finding = Finding::warn(no_thread(&error).to_string());
        let _ = failed.send(Event::Ended(
            at,
            Some(finding.fix(format!("azup doctor {}", check.id))),
        ));
    }
}

fn crashed() -> Finding {
    Finding::fail("the check itself crashed: this is a bug in azup").fix("azup doctor -v")
}

/// A busy machine may be the reason: this proves nothing, so it is not a failure.
fn late(check: &Check, why: &str) -> Finding {
    Finding::warn(why).fix(format!("azup doctor {} --limit 20", check.id))
}

/// Limits how many checks run a program at a time.
struct Places {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Places {
    fn new(count: usize) -> Self {
        Self {
            free: Mutex::new(count),
            changed: Condvar::new(),
        }
    }

    fn take(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self
            .changed
            .wait_while(free, |free| *free == 0)
            .unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
    }

    fn give_back(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Run;
    use crate::doctor::Status;
    use crate::machine::Machine;
    use crate::options::{DoctorOptions, Global};

    fn context(home: &std::path::Path) -> Arc<Context> {
        let doctor = DoctorOptions {
            blob_port: None,
            queue_port: None,
            table_port: None,
            limit: 1,
        };
        let machine = Machine::for_test(home, &[]);
        Arc::new(Context::new(&doctor, &Global::default(), &machine).expect("a home"))
    }

    const fn check(starts_program: bool, run: fn(&Context) -> anyhow::Result<Finding>) -> Check {
        Check {
            id: "x",
            title: "",
            explained_by: &[],
            starts_program,
            run: Run::Check(run),
        }
    }

    fn hangs(_: &Context) -> anyhow::Result<Finding> {
        std::thread::sleep(Duration::from_secs(600));
        Ok(Finding::ok(""))
    }

    #[test]
    fn a_check_that_crashes_fails_or_hangs_is_a_finding_and_the_others_go_on() {
        let home = tempfile::tempdir().expect("a folder");
        let context = context(home.path());
        // More hang than there are places for programs.
        let places = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let many = places.max(2) + 1;
        let mut checks = vec![check(true, hangs); many];
        checks.push(check(true, |_| panic!("on purpose")));
        checks.push(check(false, |_| {
            Err(crate::failure::Failure::new("broken")
                .hint("mend it")
                .into())
        }));
        checks.push(check(true, |_| Ok(Finding::ok("fine"))));
        let done = run(&checks, &context);
        let findings: Vec<&Finding> = done.iter().map(|(_, finding)| finding).collect();
        for finding in &findings[..many] {
            assert_eq!(finding.detail, "no answer within a second");
            assert_eq!(finding.status, Status::Warn);
        }
        assert_eq!(findings[many], &crashed());
        assert_eq!(findings[many + 1], &Finding::fail("broken").fix("mend it"));
        assert_eq!(findings[many + 2], &Finding::ok("fine"));
    }
}
