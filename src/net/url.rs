//! Addresses of venues: what is connected to, and how. Plain text goes to this machine only
//! (`FAULTS.md` F93).

use std::fmt;
use std::net::IpAddr;

/// Whether the bytes on the wire are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scheme {
    /// `ws`, `http`: loopback only.
    Plain,
    /// `wss`, `https`.
    Tls,
}

/// Where to connect and what to ask for there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Encrypted or not.
    pub scheme: Scheme,
    /// Name or address, lower case; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query as sent; begins with `/`.
    pub path: String,
}

/// Why a text is no address that may be used. Each message says how to mend it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UrlError {
    /// Not one of the four schemes.
    #[error("{0}: begin with wss:// or https:// (ws:// or http:// only to this machine)")]
    Scheme(String),
    /// No host between `//` and the path.
    #[error("{0}: there is no host after ://")]
    Host(String),
    /// The port is no number from 1 to 65535.
    #[error("{0}: the port must be a number from 1 to 65535")]
    Port(String),
    /// Names or keys in the address end up in logs.
    #[error("the address has user info before @: take it out, keys belong into the environment")]
    UserInfo,
    /// Beyond visible ASCII, or a fragment.
    #[error("{0}: write only visible ASCII without `#`; encode the rest as %XX")]
    Character(String),
    /// Unencrypted to another machine.
    #[error("{0}: unencrypted connections go to localhost only: use wss:// or https://")]
    Plain(String),
}

impl Endpoint {
    /// Reads `ws://`, `wss://`, `http://` or `https://`; the default ports are 80 and 443.
    pub fn parse(text: &str) -> Result<Endpoint, UrlError> {
        let (scheme, rest) = scheme_of(text).ok_or_else(|| UrlError::Scheme(text.to_owned()))?;
        if rest.split(['/', '?']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(UrlError::UserInfo);
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(UrlError::Character(text.to_owned()));
        }
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(at);
        let (host, port) = authority_of(authority, text)?;
        let port = match port {
            None => scheme.default_port(),
            Some(digits) => port_of(digits).ok_or_else(|| UrlError::Port(text.to_owned()))?,
        };
        if scheme == Scheme::Plain && !is_loopback(&host) {
            return Err(UrlError::Plain(text.to_owned()));
        }
        let path = if tail.starts_with('/') { tail.to_owned() } else { format!("/{tail}") };
        Ok(Endpoint { scheme, host, port, path })
    }
    /// The same place with `suffix` behind the path: one slash between them, none before a `?`.
    pub fn join(&self, suffix: &str) -> Endpoint {
        let base = self.path.trim_end_matches('/');
        let path =
            if suffix.starts_with(['/', '?']) && !(base.is_empty() && suffix.starts_with('?')) {
                format!("{base}{suffix}")
            } else {
                format!("{base}/{suffix}")
            };
        Endpoint { path, ..self.clone() }
    }
    /// What the `Host` header says: the port only if it is not the scheme's own.
    pub fn authority(&self) -> String {
        let host = self.bracketed();
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
    /// As `http` or `https`, for a client that wants a whole address.
    pub fn as_http(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Plain => "http",
            Scheme::Tls => "https",
        };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }
    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Endpoint {
    /// Host and port and no path: paths can hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.bracketed(), self.port)
    }
}

impl Scheme {
    const fn default_port(self) -> u16 {
        match self {
            Scheme::Plain => 80,
            Scheme::Tls => 443,
        }
    }
}

fn scheme_of(text: &str) -> Option<(Scheme, &str)> {
    let (name, rest) = text.split_once("://")?;
    match name.to_ascii_lowercase().as_str() {
        "ws" | "http" => Some((Scheme::Plain, rest)),
        "wss" | "https" => Some((Scheme::Tls, rest)),
        _ => None,
    }
}

fn authority_of<'t>(authority: &'t str, text: &str) -> Result<(String, Option<&'t str>), UrlError> {
    let no_host = || UrlError::Host(text.to_owned());
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (host, behind) = inner.split_once(']').ok_or_else(no_host)?;
            if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
                return Err(no_host());
            }
            match behind.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if behind.is_empty() => (host, None),
                None => return Err(UrlError::Port(text.to_owned())),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() { Err(no_host()) } else { Ok((host.to_ascii_lowercase(), port)) }
}

fn port_of(digits: &str) -> Option<u16> {
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| are_digits && *port > 0)
}

/// `localhost`, `127.0.0.0/8` and `::1`, by what is written: nothing is resolved.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Scheme, String, u16, String) {
        let found = Endpoint::parse(text).expect(text);
        (found.scheme, found.host, found.port, found.path)
    }

    #[test]
    fn an_address_falls_into_scheme_host_port_and_path() {
        let own = |host: &str, port, path: &str| (Scheme::Tls, host.to_owned(), port, path.into());
        assert_eq!(
            parsed("wss://api.upbit.com/websocket/v1"),
            own("api.upbit.com", 443, "/websocket/v1")
        );
        assert_eq!(parsed("WSS://Stream.Binance.com:9443"), own("stream.binance.com", 9443, "/"));
        assert_eq!(parsed("https://a.b?x=1&y=2"), own("a.b", 443, "/?x=1&y=2"));
        assert_eq!(parsed("https://[2001:db8::1]:8443/x"), own("2001:db8::1", 8443, "/x"));
    }

    #[test]
    fn plain_text_goes_to_this_machine_only() {
        for local in ["ws://localhost:1/", "http://127.8.9.1:1/", "ws://[::1]:1/", "ws://127.0.0.1"]
        {
            assert_eq!(parsed(local).0, Scheme::Plain, "{local}");
        }
        let remote = [
            "ws://10.0.0.1/",
            "http://localhost.example.com/",
            "ws://0.0.0.0:1/",
            "http://127.0.0.1.nip.io/",
            "ws://[::2]/",
            "http://2130706433/",
        ];
        for text in remote {
            assert_eq!(Endpoint::parse(text), Err(UrlError::Plain(text.to_owned())));
        }
    }

    #[test]
    fn a_bad_address_is_refused_with_what_to_do() {
        let refused = |text: &str| Endpoint::parse(text).expect_err(text).to_string();
        assert!(refused("ftp://a/").contains("begin with wss://"));
        assert!(refused("a.b.c").contains("begin with wss://"));
        assert!(refused("wss://").contains("no host"));
        assert!(refused("wss://:443/").contains("no host"));
        assert!(refused("wss://[::1/").contains("no host"));
        for port in ["0", "65536", "+1", "", "x"] {
            assert!(refused(&format!("wss://a:{port}/")).contains("1 to 65535"), "{port}");
        }
        assert!(refused("wss://a/b c").contains("visible ASCII"));
        assert!(refused("wss://a/b\r\nX: y").contains("visible ASCII"));
        assert!(refused("wss://a/#b").contains("visible ASCII"));
    }

    #[test]
    fn keys_in_an_address_are_refused_and_not_repeated() {
        for text in ["wss://key:secret@a/", "wss://secret@a", "wss://sec ret@a/"] {
            let told = Endpoint::parse(text).expect_err(text);
            assert_eq!(told, UrlError::UserInfo);
            assert!(!told.to_string().contains("secret"));
        }
        assert_eq!(parsed("wss://a/@b").3, "/@b", "an @ in the path is no user info");
    }

    #[test]
    fn joining_puts_one_slash_between() {
        let base = Endpoint::parse("https://a/v5/").expect("an address");
        assert_eq!(base.join("market/time").path, "/v5/market/time");
        assert_eq!(base.join("/market/time").path, "/v5/market/time");
        assert_eq!(base.join("?x=1").path, "/v5?x=1");
        let bare = Endpoint::parse("https://a").expect("an address");
        assert_eq!(bare.join("x").path, "/x");
        assert_eq!(bare.join("?x=1").path, "/?x=1");
    }

    #[test]
    fn the_port_is_told_only_where_it_is_not_the_usual_one() {
        let told = |text: &str| Endpoint::parse(text).expect(text).authority();
        assert_eq!(told("wss://a:443/"), "a");
        assert_eq!(told("wss://a:80/"), "a:80");
        assert_eq!(told("ws://[::1]:9/"), "[::1]:9");
        let shown = Endpoint::parse("wss://a/secret?key=1").expect("an address").to_string();
        assert_eq!(shown, "a:443");
    }
}
