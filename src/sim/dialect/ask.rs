//! A request as the dialects read it, and the answer before it is put into HTTP. Pure.

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::spell::Obj;
use crate::types::calendar::Utc;
use crate::types::number::parse_fixed;
use crate::types::time::WallNs;

/// Name and value of each parameter, percent-decoded, in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub Vec<(String, String)>);

impl Params {
    /// Of a query string or a form body.
    pub fn of_query(text: &str) -> Params {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| match pair.split_once('=') {
            Some((name, value)) => (decoded(name), decoded(value)),
            None => (decoded(pair), String::new()),
        };
        Params(pairs.map(split).collect())
    }
    /// Of a flat JSON object, in the order of its keys; `None` if it is no object. Numbers keep
    /// their spelling, nested values are left out.
    pub fn of_json(body: &[u8]) -> Option<Params> {
        let fields: Fields = serde_json::from_slice(body).ok()?;
        Some(Params(fields.0))
    }
    /// The first value of that name, if it is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
    /// All values of that name or of `name[]`.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let is_it = |key: &str| key == name || key.strip_suffix("[]") == Some(name);
        self.0.iter().filter(|(key, _)| is_it(key)).map(|(_, value)| value.as_str()).collect()
    }
    /// A whole number.
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }
    /// A decimal, raw 10⁻⁸ units; `None` if it is absent or no exact decimal.
    pub fn raw(&self, name: &str) -> Option<i64> {
        parse_fixed(self.get(name)?.as_bytes()).ok()
    }
    /// `name=value` joined by `&`, nothing encoded.
    pub fn joined(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("&")
    }
}

/// The fields of a flat object, in order.
struct Fields(Vec<(String, String)>);

impl<'f> serde::Deserialize<'f> for Fields {
    fn deserialize<D: serde::Deserializer<'f>>(json: D) -> Result<Fields, D::Error> {
        json.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'f> serde::de::Visitor<'f> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("an object")
    }
    fn visit_map<A: serde::de::MapAccess<'f>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let raw: &serde_json::value::RawValue = map.next_value()?;
            let text = raw.get();
            let is_nested = text.starts_with(['{', '[']);
            if text.starts_with('"') {
                fields.push((key, serde_json::from_str(text).unwrap_or_default()));
            } else if !is_nested && text != "null" {
                fields.push((key, text.to_owned()));
            }
        }
        Ok(Fields(fields))
    }
}

/// Percent-decoded; a broken escape stays as it is.
pub fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let value = escape
            .and_then(|two| std::str::from_utf8(two).ok())
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        match value {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Status, headers and JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beside the content's type and length.
    pub headers: Vec<(String, String)>,
    /// JSON.
    pub body: String,
}

impl Answer {
    /// Of a status and a body.
    pub fn new(status: u16, body: impl Into<String>) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into() }
    }
    /// Status 200.
    pub fn ok(body: impl Into<String>) -> Answer {
        Answer::new(200, body)
    }
    /// With one more header.
    pub fn header(mut self, name: &str, value: impl std::fmt::Display) -> Answer {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }
    /// `{"error":{"name":..,"message":..}}`; the name is JSON already, text or number.
    pub fn named(status: u16, name: impl std::fmt::Display, message: &str) -> Answer {
        let error = Obj::new().raw("name", name).text("message", message).end();
        Answer::new(status, Obj::new().raw("error", error).end())
    }
    /// `{"code":..,"msg":..}`.
    pub fn coded(status: u16, code: i64, message: &str) -> Answer {
        Answer::new(status, Obj::new().raw("code", code).text("msg", message).end())
    }
}

/// The first header of that lower-case name.
pub fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.get(name)
}

/// An answer in HTTP, with the venue's date.
pub fn response(answer: Answer, wall_ms: u64) -> Response {
    let mut headers = answer.headers;
    headers.push(("Content-Type".to_owned(), "application/json;charset=UTF-8".to_owned()));
    headers.push(("Date".to_owned(), date(wall_ms)));
    Response { status: answer.status, headers, body: answer.body.into_bytes() }
}

/// As HTTP writes a date: `Thu, 01 Jan 1970 00:00:00 GMT`.
fn date(wall_ms: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let utc = Utc::of(WallNs(wall_ms.saturating_mul(1_000_000)));
    let day = DAYS[(wall_ms / 86_400_000 % 7) as usize];
    let text = utc.iso().to_string();
    let month = text[5..7].parse::<usize>().unwrap_or(1);
    let month = MONTHS[month.clamp(1, 12) - 1];
    format!("{day}, {} {month} {} {} GMT", &text[8..10], &text[..4], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_in_the_order_sent() {
        let params = Params::of_query("b=1&a=KRW%2DBTC&states%5B%5D=wait&states[]=watch&c");
        assert_eq!(params.get("a"), Some("KRW-BTC"));
        assert_eq!(params.all("states"), ["wait", "watch"]);
        assert_eq!(params.get("c"), None);
        assert_eq!(params.joined(), "b=1&a=KRW-BTC&states[]=wait&states[]=watch&c=");
    }

    #[test]
    fn a_date_is_written_as_http_wants_it() {
        assert_eq!(date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    #[test]
    fn a_body_keeps_its_order_and_the_spelling_of_its_numbers() {
        let params = Params::of_json(br#"{"b":"x","a":1.50,"n":null,"deep":{"x":1}}"#);
        assert_eq!(params.map(|params| params.joined()).as_deref(), Some("b=x&a=1.50"));
        assert_eq!(Params::of_json(b"[1]"), None);
    }
}
