//! A request and its answer, until the sockets bring theirs.

/// A request over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Upper-case method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Query without its question mark, as it came; empty if none.
    pub query: String,
    /// Header names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}
