//! What a client of Upbit or Bithumb asks for over its WebSocket. Pure.

use serde_json::Map;
use serde_json::Value;

use crate::types::ids::VenueId;

/// How frames are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Format {
    /// Short keys, and numbers in the spelling that goes with them.
    pub is_short: bool,
    /// Each frame is wrapped in a list of one.
    pub is_list: bool,
}

/// What a subscription delivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Whole books.
    Orderbook,
    /// Public trades.
    Trade,
    /// The day's numbers.
    Ticker,
    /// Our orders.
    MyOrder,
    /// Our balances.
    MyAsset,
}

impl Kind {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Orderbook => "orderbook",
            Kind::Trade => "trade",
            Kind::Ticker => "ticker",
            Kind::MyOrder => "myOrder",
            Kind::MyAsset => "myAsset",
        }
    }
    /// True for what belongs to an account.
    pub const fn is_private(self) -> bool {
        matches!(self, Kind::MyOrder | Kind::MyAsset)
    }
}

/// One object of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    /// What.
    pub kind: Kind,
    /// Codes as sent, suffix apart, each with how many levels it asks for.
    pub codes: Vec<(String, usize)>,
    /// No frames after the first.
    pub is_only_snapshot: bool,
    /// No first frame.
    pub is_only_realtime: bool,
    /// Grouping of prices; another one than 0 gives no data here.
    pub level: i64,
}

/// A request that was understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Asked {
    /// Replaces every earlier subscription of the connection.
    Subscribe {
        /// How to write.
        format: Format,
        /// What to send.
        wants: Vec<Want>,
    },
    /// Asks what is subscribed.
    List {
        /// How to write from here on.
        format: Format,
        /// Names the answer.
        ticket: String,
    },
}

/// Why a request is refused: the connection is closed afterwards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The venue's name of it.
    pub name: &'static str,
    /// Its words.
    pub message: String,
}

fn fault<T>(name: &'static str, message: &str) -> Result<T, Fault> {
    Err(Fault { name, message: message.to_owned() })
}

/// Reads a request.
///
/// # Errors
/// [`Fault`], as the venue names it.
pub fn read(text: &[u8], venue: VenueId) -> Result<Asked, Fault> {
    let Ok(Value::Array(parts)) = serde_json::from_slice::<Value>(text) else {
        return fault("WRONG_FORMAT", "The format does not fit.");
    };
    let objects: Vec<&Map<String, Value>> = parts.iter().filter_map(Value::as_object).collect();
    if objects.len() != parts.len() {
        return fault("WRONG_FORMAT", "The format does not fit.");
    }
    let ticket = objects.iter().find_map(|part| part.get("ticket")?.as_str());
    let Some(ticket) = ticket.filter(|ticket| !ticket.is_empty()) else {
        return fault("NO_TICKET", "There is no ticket, or it is not valid.");
    };
    let format = read_format(&objects)?;
    if objects.iter().any(|part| part.get("method").is_some()) {
        return Ok(Asked::List { format, ticket: ticket.to_owned() });
    }
    let typed = objects.iter().filter(|part| part.contains_key("type"));
    let wants = typed.map(|part| read_want(part, venue)).collect::<Result<Vec<Want>, Fault>>()?;
    if wants.is_empty() {
        return fault("NO_TYPE", "There is no type.");
    }
    Ok(Asked::Subscribe { format, wants })
}

fn read_format(objects: &[&Map<String, Value>]) -> Result<Format, Fault> {
    let named = objects.iter().find_map(|part| part.get("format")?.as_str());
    match named {
        None | Some("DEFAULT") => Ok(Format { is_short: false, is_list: false }),
        Some("SIMPLE") => Ok(Format { is_short: true, is_list: false }),
        Some("JSON_LIST") => Ok(Format { is_short: false, is_list: true }),
        Some("SIMPLE_LIST") => Ok(Format { is_short: true, is_list: true }),
        Some(_) => fault("WRONG_FORMAT", "The format does not fit."),
    }
}

fn read_want(part: &Map<String, Value>, venue: VenueId) -> Result<Want, Fault> {
    let name = part.get("type").and_then(Value::as_str).unwrap_or_default();
    let all = [Kind::Orderbook, Kind::Trade, Kind::Ticker, Kind::MyOrder, Kind::MyAsset];
    let Some(kind) = all.into_iter().find(|kind| kind.name() == name) else {
        return fault("INVALID_PARAM", &format!("{name} is no type that is supported."));
    };
    let listed = part.get("codes").and_then(Value::as_array);
    if kind == Kind::MyAsset && listed.is_some() {
        return fault("WRONG_FORMAT", "The format does not fit.");
    }
    let texts = listed.into_iter().flatten().filter_map(Value::as_str);
    let codes: Vec<(String, usize)> = texts.map(|code| split_code(code, venue)).collect();
    if codes.is_empty() && !kind.is_private() {
        return match venue {
            VenueId::Bithumb => fault("INVALID_PARAM", "The field codes is empty."),
            _ => fault("NO_CODES", "There are no codes."),
        };
    }
    let flag = |name: &str| part.get(name).and_then(Value::as_bool).unwrap_or_default();
    // Each venue ignores the spelling of the other.
    let (snapshot, realtime) = match venue {
        VenueId::Bithumb => ("isOnlySnapshot", "isOnlyRealtime"),
        _ => ("is_only_snapshot", "is_only_realtime"),
    };
    Ok(Want {
        kind,
        codes,
        is_only_snapshot: flag(snapshot),
        is_only_realtime: flag(realtime),
        level: part.get("level").and_then(Value::as_i64).unwrap_or_default(),
    })
}

/// Most levels of a book on the wire.
pub const fn most_levels(venue: VenueId) -> usize {
    match venue {
        VenueId::Bithumb => 15,
        _ => 30,
    }
}

/// `KRW-BTC.5`: the code, and its levels: 1, 5, 15 or all.
fn split_code(code: &str, venue: VenueId) -> (String, usize) {
    let most = most_levels(venue);
    match code.split_once('.') {
        Some((code, count)) => {
            let count = count.parse().ok().filter(|count| [1, 5, 15].contains(count));
            (code.to_owned(), count.unwrap_or(most).min(most))
        }
        None => (code.to_owned(), most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(text: &str, venue: VenueId) -> &'static str {
        read(text.as_bytes(), venue).err().map_or("", |fault| fault.name)
    }

    #[test]
    fn each_flaw_of_a_request_has_the_name_that_the_venue_gives_it() {
        let upbit = VenueId::Upbit;
        assert_eq!(name_of("{}", upbit), "WRONG_FORMAT");
        assert_eq!(name_of(r#"[{"type":"orderbook","codes":["A"]}]"#, upbit), "NO_TICKET");
        assert_eq!(name_of(r#"[{"ticket":"t"}]"#, upbit), "NO_TYPE");
        assert_eq!(name_of(r#"[{"ticket":"t"},{"type":"nope"}]"#, upbit), "INVALID_PARAM");
        let empty = r#"[{"ticket":"t"},{"type":"orderbook","codes":[]}]"#;
        assert_eq!(name_of(empty, upbit), "NO_CODES");
        assert_eq!(name_of(empty, VenueId::Bithumb), "INVALID_PARAM");
        let asset = r#"[{"ticket":"t"},{"type":"myAsset","codes":["KRW-BTC"]}]"#;
        assert_eq!(name_of(asset, upbit), "WRONG_FORMAT");
    }

    #[test]
    fn each_venue_reads_its_own_spelling_of_the_flags() {
        let text = br#"[{"ticket":"t"},{"type":"trade","codes":["K"],"isOnlyRealtime":true,
            "is_only_snapshot":true},{"format":"SIMPLE_LIST"}]"#;
        let flags = |venue| match read(text, venue) {
            Ok(Asked::Subscribe { wants, format }) => {
                (wants[0].is_only_snapshot, wants[0].is_only_realtime, format.is_list)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(flags(VenueId::Upbit), (true, false, true));
        assert_eq!(flags(VenueId::Bithumb), (false, true, true));
    }

    #[test]
    fn a_suffix_names_the_levels() {
        assert_eq!(split_code("KRW-BTC.5", VenueId::Upbit), ("KRW-BTC".to_owned(), 5));
        assert_eq!(split_code("KRW-BTC.7", VenueId::Upbit), ("KRW-BTC".to_owned(), 30));
        assert_eq!(split_code("KRW-BTC", VenueId::Bithumb), ("KRW-BTC".to_owned(), 15));
    }
}
