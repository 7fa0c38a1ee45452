//! From an HTTP/1.1 connection to a WebSocket, as a client: the exact bytes that are sent, and
//! what is accepted as an answer.
//!
//! Never sends `Origin` (one venue then allows one request in ten seconds, `FAULTS.md` F18) and
//! offers no extension, so an answer that names one is refused (F17).

use crate::net::head::ReplyHead;
use crate::net::url::Endpoint;
use crate::net::ws::accept_key;

/// Why an answer is no upgrade.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UpgradeError {
    /// Status 101 without what belongs to it.
    #[error("the upgrade is not confirmed: `{0}` is missing or wrong")]
    Unconfirmed(&'static str),
    /// Compression or another extension or protocol that was not asked for.
    #[error("the server wants `{0}`, which was not offered")]
    Unasked(String),
    /// A header that cannot be sent.
    #[error("the header `{0}` cannot be sent: visible ASCII only, and none of the upgrade's own")]
    Header(String),
}

const OWN: [&str; 8] = [
    "host",
    "origin",
    "connection",
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
];

/// The request as sent. `headers` come last, in their order.
pub(crate) fn request(
    endpoint: &Endpoint,
    key: &str,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, UpgradeError> {
    let mut text = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n",
        endpoint.path,
        endpoint.authority(),
    );
    for (name, value) in headers {
        if !is_sendable(name, value) {
            return Err(UpgradeError::Header((*name).to_owned()));
        }
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    Ok(text.into_bytes())
}

fn is_sendable(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_text = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    !name.is_empty()
        && name.bytes().all(is_token)
        && value.bytes().all(is_text)
        && !OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Holds an answer with status 101 against the key that was sent.
pub(crate) fn confirm(head: &ReplyHead, key: &str) -> Result<(), UpgradeError> {
    let headers = &head.headers;
    if !headers.has_word("upgrade", "websocket") {
        return Err(UpgradeError::Unconfirmed("Upgrade"));
    }
    if !headers.has_word("connection", "upgrade") {
        return Err(UpgradeError::Unconfirmed("Connection"));
    }
    if headers.get("sec-websocket-accept") != Some(accept_key(key).as_str()) {
        return Err(UpgradeError::Unconfirmed("Sec-WebSocket-Accept"));
    }
    for unasked in ["sec-websocket-extensions", "sec-websocket-protocol"] {
        if let Some(value) = headers.get(unasked) {
            return Err(UpgradeError::Unasked(value.to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::head::reply;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

    fn judged(head: &str) -> Result<(), UpgradeError> {
        let head = reply(format!("{head}\r\n").as_bytes()).expect("HTTP").expect("whole");
        confirm(&head, KEY)
    }

    #[test]
    fn the_request_is_these_bytes_and_has_no_origin() {
        let endpoint = Endpoint::parse("wss://api.upbit.com/websocket/v1").expect("an address");
        let sent = request(&endpoint, KEY, &[]).expect("no headers");
        let golden = "GET /websocket/v1 HTTP/1.1\r\nHost: api.upbit.com\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        assert_eq!(String::from_utf8(sent).expect("ASCII"), golden);
        let sent = request(&endpoint, KEY, &[("Authorization", "Bearer a.b.c")]).expect("sendable");
        let sent = String::from_utf8(sent).expect("ASCII");
        assert!(sent.ends_with("ub25jZQ==\r\nAuthorization: Bearer a.b.c\r\n\r\n"), "{sent}");
    }

    #[test]
    fn a_header_cannot_break_the_request_nor_bring_an_origin() {
        let endpoint = Endpoint::parse("wss://a").expect("an address");
        for pair in
            [("Origin", "x"), ("X", "a\r\nOrigin: b"), ("X y", "a"), ("", "a"), ("host", "b")]
        {
            let refused = request(&endpoint, KEY, &[pair]);
            assert_eq!(refused, Err(UpgradeError::Header(pair.0.to_owned())), "{pair:?}");
        }
    }

    #[test]
    fn an_upgrade_is_confirmed_by_all_three_headers() {
        assert_eq!(judged(GOOD), Ok(()));
        for (name, line) in [
            ("Upgrade", "Upgrade: WebSocket\r\n"),
            ("Connection", "Connection: keep-alive, Upgrade\r\n"),
            ("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        ] {
            assert_eq!(judged(&GOOD.replace(line, "")), Err(UpgradeError::Unconfirmed(name)));
        }
        let other = GOOD.replace("s3p", "S3P");
        assert_eq!(judged(&other), Err(UpgradeError::Unconfirmed("Sec-WebSocket-Accept")));
    }

    #[test]
    fn an_extension_that_was_not_offered_is_refused() {
        let offered = format!("{GOOD}Sec-WebSocket-Extensions: permessage-deflate\r\n");
        assert_eq!(judged(&offered), Err(UpgradeError::Unasked("permessage-deflate".to_owned())));
        let offered = format!("{GOOD}Sec-WebSocket-Protocol: chat\r\n");
        assert_eq!(judged(&offered), Err(UpgradeError::Unasked("chat".to_owned())));
    }
}
