//! One client, from its first byte to its last. Nothing here ever waits: the server
//! asks again when there is something to read or room to write, or somebody else has answered.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memmem;
use rustix::event::PollFlags;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Answer, Answers, LONGEST, Later};

/// How long a client may take for all of it.
const LIMIT: Duration = Duration::from_secs(5);

/// How long it may take in all until its answer is known: longer than the user's login does.
const WAITING: Duration = Duration::from_secs(20);

/// How long a client that has its answer may go on sending.
const FAREWELL: Duration = Duration::from_secs(1);

/// How much of that is read (bytes).
const MOST: usize = 256 << 10;

/// A connection that was accepted.
pub(super) struct Connection {
    stream: Stream,
    until: Instant,
    phase: Phase,
}

/// What the bytes go through.
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

    /// Says that nothing more comes. Called again where it would have to wait.
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

/// What comes next.
enum Phase {
    /// The request, as far as it is there.
    Reading(Vec<u8>),
    /// Nothing, until the answer is known.
    Waiting(Later),
    /// The answer, and how much of it is sent.
    Writing(Vec<u8>, usize),
    /// What the client still sends, and how much that was. Closing before it is read
    /// would make the operating system throw away the answer as well.
    Draining(usize),
    /// Nothing any more.
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

    /// The stream.
    pub(super) fn stream(&self) -> &TcpStream {
        self.stream.tcp()
    }

    /// What it waits for.
    pub(super) fn wants(&self) -> PollFlags {
        match (&self.phase, &self.stream) {
            (Phase::Writing(..), _) => PollFlags::OUT,
            // That it has gone is told all the same.
            (Phase::Waiting(_), _) => PollFlags::empty(),
            // A handshake, which also writes.
            (_, Stream::Tls(tls)) if tls.conn.wants_write() => PollFlags::IN | PollFlags::OUT,
            _ => PollFlags::IN,
        }
    }

    /// When its time is up.
    pub(super) fn until(&self) -> Instant {
        self.until
    }

    /// Whether there is nothing left to do for it.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Whether its answer is not known yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.phase, Phase::Waiting(_))
    }

    /// The client has gone before it had its answer.
    pub(super) fn leave(&mut self) {
        self.phase = Phase::Over;
    }

    /// Does what can be done now.
    pub(super) fn go_on(&mut self, answers: &Answers) {
        loop {
            match self.step(answers) {
                Ok(()) if self.is_over() => return,
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // It has gone; there is nobody to tell.
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
                // What is no HTTP (TLS, say) shows by its start. After that a look is
                // worth its time only when an empty line has come.
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
