//! One client, from its first byte to its last. Nothing here ever blocks: the server calls again
//! when there is something to read, room to write, or an answer from another thread.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::event::PollFlags;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Answer, Answers, LONGEST, Later};

/// How long a client may take in total.
const LIMIT: Duration = Duration::from_secs(5);

/// How long it may take in total until its answer is known: longer than the user's login takes.
const WAITING: Duration = Duration::from_secs(20);

/// How long a client may go on sending after it has its answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// How much of that is read (bytes).
const MOST: usize = 256 << 10;

pub(super) struct Connection {
    stream: Stream,
    until: Instant,
    phase: Phase,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &tls.sock,
        }
    }

    fn read(&mut self, chunk: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(chunk),
            Self::Tls(tls) => tls.read(chunk),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    /// Says that nothing more comes. Called again if it would have blocked.
    fn end(&mut self) -> std::io::Result<()> {
        if let Self::Tls(tls) = self {
            tls.conn.send_close_notify();
            while tls.conn.wants_write() {
                tls.conn.write_tls(&mut tls.sock)?;
            }
        }
        self.tcp().shutdown(Shutdown::Write)
    }
}

enum Phase {
    /// The request as received so far.
    Reading(Vec<u8>),
    /// Waiting for the answer.
    Waiting(Later),
    /// The answer, and how much of it has been sent.
    Writing(Vec<u8>, usize),
    /// What the client still sends, and how much that was. Closing before it is read would make the
    /// operating system discard the answer as well.
    Draining(usize),
    /// Done.
    Over,
}

impl Connection {
    /// Takes over a stream that does not block.
    pub(super) fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Option<Self> {
        let stream = match tls {
            None => Stream::Plain(tcp),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).ok()?;
                Stream::Tls(Box::new(StreamOwned::new(connection, tcp)))
            }
        };
        Some(Self {
            stream,
            until: Instant::now() + LIMIT,
            phase: Phase::Reading(Vec::new()),
        })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.tcp()
    }

    /// What to poll for.
    pub(super) fn wants(&self) -> PollFlags {
        match (&self.phase, &self.stream) {
            (Phase::Writing(..), _) => PollFlags::OUT,
            // A hang-up is reported in any case.
            (Phase::Waiting(_), _) => PollFlags::empty(),
            // A handshake, which also writes.
            (_, Stream::Tls(tls)) if tls.conn.wants_write() => PollFlags::IN | PollFlags::OUT,
            _ => PollFlags::IN,
        }
    }

    /// Its deadline.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Whether its answer is not known yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_))
    }

    /// The client has gone before it got its answer.
    pub(super) fn leave(&mut self) {
        self.phase = Phase::Over;
    }

    /// Does what can be done without blocking.
    pub(super) fn go_on(&mut self, answers: &Answers) {
        loop {
            match self.step(answers) {
                Ok(()) if self.is_over() => return,
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The client has gone, so the error goes nowhere.
                Err(_) => {
                    self.phase = Phase::Over;
                    return;
                }
            }
        }
    }

    fn step(&mut self, answers: &Answers) -> std::io::Result<()> {
        let mut chunk = [0; 4096];
        match &mut self.phase {
            Phase::Reading(request) => {
                let before = request.len();
                let count = self.stream.read(&mut chunk)?;
                request.extend_from_slice(&chunk[..count]);
                // A request that is not HTTP (TLS, say) shows from its first bytes. After that,
                // parsing is worthwhile only once an empty line has arrived.
                let look = before == 0
                    || request.len() >= LONGEST
                    || has_empty_line(&request[before.saturating_sub(3)..]);
                let answer = if look { answers(request) } else { None };
                match answer {
                    Some(Answer::Now(answer)) => self.phase = Phase::Writing(answer, 0),
                    Some(Answer::Later(later)) => {
                        self.until = Instant::now() + WAITING;
                        self.phase = Phase::Waiting(later);
                    }
                    None if count == 0 => self.phase = Phase::Over,
                    None => {}
                }
            }
            Phase::Waiting(later) => {
                let answer = later().ok_or(ErrorKind::WouldBlock)?;
                self.until = Instant::now() + LIMIT;
                self.phase = Phase::Writing(answer, 0);
            }
            Phase::Writing(answer, sent) => {
                *sent += self.stream.write(&answer[*sent..])?;
                if *sent == answer.len() {
                    self.stream.end()?;
                    self.until = self.until.min(Instant::now() + FAREWELL);
                    self.phase = Phase::Draining(0);
                }
            }
            Phase::Draining(read) => {
                let count = self.stream.read(&mut chunk)?;
                *read += count;
                if count == 0 || *read > MOST {
                    self.phase = Phase::Over;
                }
            }
            Phase::Over => {}
        }
        Ok(())
    }
}

fn has_empty_line(bytes: &[u8]) -> bool {
    memmem::find(bytes, b"\n\r\n").is_some() || memmem::find(bytes, b"\n\n").is_some()
}
