//! Sockets: TCP and TLS with deadlines, WebSocket, cold HTTPS, and the server side of the local
//! exchange. Everything received and everything that waits to be sent is bounded.
//!
//! Owns: file descriptors. Never: threads, retries, what a message means.

mod date;
pub mod deadline;
pub mod dial;
pub mod head;
pub mod http;
mod lane;
mod message;
mod open;
mod peer;
pub mod resolve;
pub mod serve;
pub mod stream;
pub mod tcp;
pub mod tls;
mod told;
mod upgrade;
pub mod url;
mod wire;
pub mod ws;
