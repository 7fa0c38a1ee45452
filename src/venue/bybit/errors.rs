//! What Bybit's codes mean for us: `retCode` of answers over HTTP and over the order connection
//! (`VENUES.md` 4, Bybit v5 `error`).

use crate::venue::private::ErrorClass;

/// The class of a code. Codes after which nobody knows whether the venue acted are `Unknown`.
pub const fn class(code: i64) -> ErrorClass {
    match code {
        // Server errors and timeouts: of the request, of the backend, of creation or cancel.
        10000 | 10016 | 170001 | 170007 | 170146 | 170147 => ErrorClass::Unknown,
        10006 | 10018 | 10403 | 10429 | 20003 | 170005 | 170222 => ErrorClass::RateLimit,
        10008 | 10009 => ErrorClass::Banned,
        10003 | 10004 | 10005 | 10007 | 10010 | 10024 | 10027 | 10028 | 10029 | 33004 => {
            ErrorClass::Auth
        }
        10002 => ErrorClass::Clock,
        170033 | 170131 => ErrorClass::Balance,
        // Position limit; price too high, too low; decimals, size, value, price band.
        170010 | 170011 | 170124 | 170132..=170137 | 170140 | 170148 | 170193 | 170194 => {
            ErrorClass::Rules
        }
        10014 | 170141 => ErrorClass::Duplicate,
        170143 | 170213 => ErrorClass::NoOrder,
        170139 | 170142 => ErrorClass::OrderOver,
        170145 => ErrorClass::NotReady,
        170151 | 170157 | 170159 => ErrorClass::Offline,
        170121 => ErrorClass::NoSymbol,
        10001 | 10017 | 10404 | 20006 | 170105..=170117 | 170130 => ErrorClass::Request,
        // The service restarts and takes no new request; what is at work goes on.
        10019 => ErrorClass::Busy,
        170218 => ErrorClass::WouldTake,
        _ => ErrorClass::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class() {
        let cases: [(ErrorClass, &[i64]); 11] = [
            (ErrorClass::Unknown, &[10016, 170007, 170146, 170147]),
            (ErrorClass::RateLimit, &[10006, 170005, 170222, 10403, 10429]),
            (ErrorClass::Auth, &[10003, 10004, 10005, 10010]),
            (ErrorClass::Clock, &[10002]),
            (ErrorClass::Balance, &[170131]),
            (ErrorClass::Rules, &[170134, 170136, 170137, 170140, 170193, 170194]),
            (ErrorClass::Duplicate, &[170141]),
            (ErrorClass::NoOrder, &[170213, 170143]),
            (ErrorClass::OrderOver, &[170139, 170142]),
            (ErrorClass::Busy, &[10019]),
            (ErrorClass::Other, &[1, -1, i64::MAX]),
        ];
        for (expected, codes) in cases {
            assert!(codes.iter().all(|code| class(*code) == expected), "{expected:?}");
        }
    }
}
