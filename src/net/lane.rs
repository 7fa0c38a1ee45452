//! How the HTTP library gets its connections: ours, with our deadlines, our roots and our rule
//! that plain text stays on this machine.

use std::io;
use std::io::Read;
use std::io::Write;

use ureq::Error;
use ureq::unversioned::transport::Buffers;
use ureq::unversioned::transport::ConnectionDetails;
use ureq::unversioned::transport::Connector;
use ureq::unversioned::transport::LazyBuffers;
use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::Transport;

use crate::net::deadline::Deadline;
use crate::net::deadline::Ready;
use crate::net::open::Dial;
use crate::net::open::DialLimits;
use crate::net::open::connect;
use crate::net::stream::Stream;
use crate::net::tls::ClientTls;
use crate::net::url::Endpoint;
use crate::types::time::DurNs;

/// Opens connections for the library.
#[derive(Debug)]
pub(crate) struct Lanes {
    pub tls: ClientTls,
}

impl Connector<()> for Lanes {
    type Out = Lane;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Lane>, Error> {
        let endpoint = Endpoint::parse(&details.uri.to_string())
            .map_err(|why| Error::BadUri(why.to_string()))?;
        let left = left(details.timeout);
        let limits = DialLimits { connect: left, handshake: left };
        let addresses: &[_] = &details.addrs;
        let dial = Dial { endpoint: &endpoint, addresses, tls: &self.tls, limits, headers: &[] };
        let stream =
            connect(&dial, Deadline::after(left)).map_err(|why| Error::Other(why.into()))?;
        let config = details.config;
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        Ok(Some(Lane { stream, buffers }))
    }
}

/// One connection of the library. Blocks until a deadline that comes with each call.
#[derive(Debug)]
pub(crate) struct Lane {
    stream: Stream,
    buffers: LazyBuffers,
}

impl Transport for Lane {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }
    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let deadline = Deadline::after(left(timeout));
        let mut gone = 0;
        while gone < amount {
            match self.stream.write(&self.buffers.output()[gone..amount]) {
                Ok(moved) => gone += moved,
                Err(why) => wait(&self.stream, Ready::Write, (why, deadline, timeout))?,
            }
        }
        // What TLS holds back goes out with the next read, or now.
        while let Err(why) = self.stream.flush() {
            wait(&self.stream, Ready::Write, (why, deadline, timeout))?;
        }
        Ok(())
    }
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let deadline = Deadline::after(left(timeout));
        loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(taken) => {
                    self.buffers.input_appended(taken);
                    return Ok(taken > 0);
                }
                Err(why) => wait(&self.stream, self.stream.wants(), (why, deadline, timeout))?,
            }
        }
    }
    fn is_open(&mut self) -> bool {
        // An idle connection has nothing to say; one that says something has ended or is confused.
        let read = self.stream.read(&mut [0]);
        matches!(read, Err(why) if why.kind() == io::ErrorKind::WouldBlock)
    }
    fn is_tls(&self) -> bool {
        self.stream.is_encrypted()
    }
}

fn left(timeout: NextTimeout) -> DurNs {
    DurNs(u64::try_from(timeout.after.as_nanos()).unwrap_or(u64::MAX))
}

/// Waits if that is all that is missing; every other failure stays one.
fn wait(
    stream: &Stream,
    ready: Ready,
    (why, deadline, timeout): (io::Error, Deadline, NextTimeout),
) -> Result<(), Error> {
    if why.kind() != io::ErrorKind::WouldBlock {
        return Err(Error::Io(why));
    }
    deadline.wait(stream, ready).map_err(|failed| match failed.kind() {
        io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(failed),
    })
}
