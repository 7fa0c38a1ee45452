//! Requests over a connection of either venue: one JSON list with a ticket, the streams and, where
//! it matters, the format. A request replaces the one before it; no answer says that it was taken.

/// One stream with its codes, in the venue's spelling.
pub struct Wanted<'s> {
    /// `orderbook`, `trade`, `myOrder`, `myAsset`.
    pub kind: &'static str,
    /// The codes; `None` where the stream takes none (`myAsset`).
    pub codes: Option<&'s [&'s str]>,
    /// Further keys with their values, such as `"level":0`; empty for none.
    pub more: &'static str,
}

/// The message. Tickets tell our requests apart; `id` makes this one's. `format` is `DEFAULT`, or
/// `None` to leave it out.
pub fn request(id: u64, wanted: &[Wanted<'_>], format: Option<&'static str>) -> String {
    let mut parts = vec![format!(r#"{{"ticket":"arb-{id}"}}"#)];
    parts.extend(wanted.iter().map(Wanted::json));
    parts.extend(format.map(|format| format!(r#"{{"format":"{format}"}}"#)));
    format!("[{}]", parts.join(","))
}

/// The request for our orders of these symbols and all our balances, on the private connection of
/// either venue. Balances take no codes: with some, the request is refused.
pub fn private_request(symbols: &[&str], id: u64) -> String {
    let orders = Wanted { kind: "myOrder", codes: Some(symbols), more: "" };
    request(id, &[orders, Wanted { kind: "myAsset", codes: None, more: "" }], None)
}

impl Wanted<'_> {
    fn json(&self) -> String {
        let mut json = format!(r#"{{"type":"{}""#, self.kind);
        if let Some(codes) = self.codes {
            json.push_str(r#","codes":"#);
            json.push_str(&list(codes));
        }
        if !self.more.is_empty() {
            json.push(',');
            json.push_str(self.more);
        }
        json.push('}');
        json
    }
}

/// Codes as a JSON list of texts.
fn list(codes: &[&str]) -> String {
    let quoted: Vec<String> =
        codes.iter().map(|code| serde_json::Value::from(*code).to_string()).collect();
    format!("[{}]", quoted.join(","))
}
