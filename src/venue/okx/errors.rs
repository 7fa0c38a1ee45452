//! What OKX's codes mean for us: `code` and `sCode` of answers over HTTP and over a connection, and
//! of error events (`VENUES.md` 5).

use crate::venue::private::ErrorClass;

/// The class of a code. Codes after which nobody knows whether the venue acted are `Unknown`.
pub fn class(code: &str) -> ErrorClass {
    match code {
        // Timeouts of the API and of an order.
        "50004" | "51149" => ErrorClass::Unknown,
        "50011" | "50040" | "50061" | "60014" => ErrorClass::RateLimit,
        "50100" | "50101" | "50103" | "50104" | "50105" | "50106" | "50107" | "50110" | "50111"
        | "50113" | "50114" | "50119" | "50120" | "60005" | "60007" | "60009" | "60011"
        | "60024" | "60032" => ErrorClass::Auth,
        "50102" | "50112" | "60004" | "60006" => ErrorClass::Clock,
        "51008" | "51119" | "51127" | "51131" => ErrorClass::Balance,
        // Price limits, size and lot, smallest and largest order.
        "51006" | "51020" | "51116" | "51120" | "51121" | "51201" | "51202" | "51203" => {
            ErrorClass::Rules
        }
        "51016" => ErrorClass::Duplicate,
        "51603" => ErrorClass::NoOrder,
        "51400" | "51401" | "51402" | "51503" => ErrorClass::OrderOver,
        "51410" | "51412" => ErrorClass::NotReady,
        "51021" | "51022" | "51027" | "51028" | "51030" | "51034" => ErrorClass::Offline,
        "51001" | "51015" | "51026" => ErrorClass::NoSymbol,
        "50000" | "50002" | "50012" | "50014" | "50015" | "50024" | "51000" | "51003" | "60012"
        | "60013" | "60018" | "60029" | "64003" | "64004" => ErrorClass::Request,
        "50001" | "50013" | "50026" | "63999" => ErrorClass::Busy,
        "51019" => ErrorClass::WouldTake,
        _ => ErrorClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class() {
        let cases: [(ErrorClass, &[&str]); 13] = [
            (ErrorClass::Unknown, &["50004"]),
            (ErrorClass::RateLimit, &["50011"]),
            (ErrorClass::Auth, &["50111", "50113", "60009"]),
            (ErrorClass::Clock, &["50102", "50112"]),
            (ErrorClass::Balance, &["51008"]),
            (ErrorClass::Rules, &["51020"]),
            (ErrorClass::Duplicate, &["51016"]),
            (ErrorClass::NoOrder, &["51603"]),
            (ErrorClass::OrderOver, &["51400", "51503"]),
            (ErrorClass::NoSymbol, &["51001"]),
            (ErrorClass::Request, &["60012", "60018", "64003", "64004"]),
            (ErrorClass::Busy, &["50001", "50013", "50026"]),
            (ErrorClass::WouldTake, &["51019"]),
        ];
        for (expected, codes) in cases {
            assert!(codes.iter().all(|code| class(code) == expected), "{expected:?}");
        }
        assert!(["", "1", "x"].iter().all(|code| class(code) == ErrorClass::Other));
    }
}
