//! The one HTTP server: one thread that waits for all its clients at once. The caller supplies the
//! answers and, if wanted, TLS. A client gets one answer.
//!
//! A thread per client would let a thousand idle clients use up the memory or, with fewer threads,
//! keep the others waiting. Here an idle client costs one open file, and when there are too many
//! the oldest is dropped. An answer that takes time is computed in a thread of its own, which wakes
//! this one with a byte.

mod connection;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use connection::Connection;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::ServerConfig;

use crate::os::{self, Socket};

/// The most clients at once. The rest of azup, in the same process, needs files too, so it is never
/// more than half of what the operating system allows.
const MOST: u64 = 512;

/// The longest request head that is read (bytes).
pub const LONGEST: usize = 16 << 10;

/// How many clients are accepted before the others get their turn.
const BATCH: usize = 64;

/// How long to stop accepting after the operating system could not accept.
const PAUSE: Duration = Duration::from_millis(100);

/// The answer to a request.
pub enum Answer {
    /// The whole answer.
    Now(Vec<u8>),
    /// Not known yet; asked again after a byte arrives on the socket that [`Server::start`] hands
    /// out.
    Later(Later),
}

/// The answer, once it is known.
pub type Later = Box<dyn Fn() -> Option<Vec<u8>> + Send>;

/// The answer to the start of a request; `None` if more of it is needed, which never happens once
/// there are [`LONGEST`] bytes.
pub type Answers = Box<dyn Fn(&[u8]) -> Option<Answer> + Send>;

/// A server in the background, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    // Closed to tell the thread to end.
    stop: Option<Socket>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at `listen` (port 0: any free port), with TLS if `tls` is given. `answers` receives
    /// the socket that wakes the server when an [`Answer::Later`] is known.
    pub fn start(
        listen: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        answers: impl FnOnce(Option<Socket>) -> Answers,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = os::pair()?;
        let (wake, woken) = os::pair()?;
        // A thread that wakes it must not block either.
        for end in [&wake, &woken] {
            end.set_nonblocking(true)?;
        }
        let work = Work {
            listener,
            stopped,
            woken,
            tls,
            answers: answers(wake.try_clone().ok()),
            _wake: wake,
            connections: VecDeque::new(),
            most: most(),
            paused: None,
        };
        let thread = std::thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || work.serve())?;
        Ok(Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, and waits until it has ended.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How many clients this process may have at once.
fn most() -> usize {
    let allowed = os::most_files();
    usize::try_from((allowed / 2).clamp(8, MOST)).unwrap_or(8)
}

struct Work {
    listener: TcpListener,
    stopped: Socket,
    /// Receives a byte when another thread has an answer.
    woken: Socket,
    /// The other end, held so that it is never closed.
    _wake: Socket,
    tls: Option<Arc<ServerConfig>>,
    answers: Answers,
    /// The oldest first.
    connections: VecDeque<Connection>,
    most: usize,
    /// Until when no client is accepted.
    paused: Option<Instant>,
}

impl Work {
    fn serve(mut self) {
        loop {
            let Some(ready) = self.wait() else {
                return;
            };
            let now = Instant::now();
            let woken = ready.woken;
            if woken {
                self.wake_up();
            }
            for (connection, ready) in self.connections.iter_mut().zip(ready.connections) {
                match connection.is_waiting() {
                    // A waiting client is polled only for hanging up.
                    true if ready => connection.leave(),
                    true if woken => connection.go_on(&self.answers),
                    false if ready => connection.go_on(&self.answers),
                    _ => {}
                }
            }
            self.connections
                .retain(|connection| !connection.is_over() && now < connection.until());
            if ready.listener {
                self.let_in();
            }
        }
    }

    /// Reads the bytes that were sent to wake this thread.
    fn wake_up(&mut self) {
        let mut bytes = [0; 64];
        // A read that fills the buffer may have left some.
        while self.woken.read(&mut bytes).is_ok_and(|count| count == bytes.len()) {}
    }

    /// Waits until there is something to do; `None`: the server is to end.
    fn wait(&mut self) -> Option<Ready> {
        let now = Instant::now();
        self.paused = self.paused.filter(|until| now < *until);
        let listening = if self.paused.is_some() {
            PollFlags::empty()
        } else {
            PollFlags::IN
        };
        let until = self
            .connections
            .iter()
            .map(Connection::until)
            .chain(self.paused)
            .min();
        // A millisecond more, so that the deadline has really passed afterwards.
        let left =
            until.map(|until| until.saturating_duration_since(now) + Duration::from_millis(1));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut waits: Vec<PollFd<'_>> = vec![
            PollFd::new(&self.stopped, PollFlags::IN),
            PollFd::new(&self.listener, listening),
            PollFd::new(&self.woken, PollFlags::IN),
        ];
        waits.extend(
            self.connections
                .iter()
                .map(|connection| PollFd::new(connection.stream(), connection.wants())),
        );
        if let Err(error) = poll(&mut waits, left.as_ref())
            && error != rustix::io::Errno::INTR
        {
            // Out of memory; nothing is known to be ready.
            std::thread::sleep(PAUSE);
        }
        let ready: Vec<bool> = waits
            .iter()
            .map(|wait| !wait.revents().is_empty())
            .collect();
        if ready[0] {
            return None;
        }
        Some(Ready {
            listener: ready[1] && self.paused.is_none(),
            woken: ready[2],
            connections: ready[3..].to_vec(),
        })
    }

    fn let_in(&mut self) {
        for _ in 0..BATCH {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    if stream.set_nonblocking(true).is_err() {
                        continue;
                    }
                    // The answer is one write; there is nothing to gather.
                    let _ = stream.set_nodelay(true);
                    let Some(mut connection) = Connection::new(stream, self.tls.as_ref()) else {
                        continue;
                    };
                    // Most clients have sent their request already.
                    connection.go_on(&self.answers);
                    if self.connections.len() >= self.most {
                        self.connections.pop_front();
                    }
                    self.connections.push_back(connection);
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    ErrorKind::WouldBlock => return,
                    // No file descriptor is left: the oldest client gives one back.
                    _ => {
                        self.connections.pop_front();
                        self.paused = Some(Instant::now() + PAUSE);
                        return;
                    }
                },
            }
        }
    }
}

struct Ready {
    listener: bool,
    woken: bool,
    connections: Vec<bool>,
}
