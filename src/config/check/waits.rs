//! Keys that wait for a part of the program that is not built yet: nothing reads them, so a value
//! of one's own would have no effect, and that must not pass unsaid (`PRODUCT.md` 4).

use serde_json::Value;

use crate::config::check::fault;
use crate::config::keys;
use crate::config::keys::Key;
use crate::config::keys::Kind;
use crate::config::walk::Findings;
use crate::types::number::parse_fixed;

/// Refuses each value of a waiting key that is not its default. The default written out passes:
/// files of the previous system and the shipped ones carry these keys.
pub fn check(values: &Value, found: &mut Findings) {
    for key in keys::table() {
        let Some(part) = &key.waits_for else { continue };
        let differs = keys::at(values, &key.path).is_some_and(|value| !same(key, value));
        if !differs || found.is_faulty(&key.path) {
            continue;
        }
        let what = format!("nothing in this version reads it: it belongs to {part}, not built yet");
        let fix = format!("remove it, or leave the default {}", shown(&key.default));
        fault(found, &key.path, what, &fix);
    }
}

/// A decimal is its text: 30.0 is the default 30.
fn same(key: &Key, value: &Value) -> bool {
    let exact = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        parse_fixed(text.as_bytes()).ok()
    };
    match key.kind {
        Kind::Decimal => exact(value) == exact(&key.default),
        _ => *value == key.default,
    }
}

fn shown(default: &Value) -> String {
    default.as_str().filter(|text| !text.is_empty()).map_or(default.to_string(), str::to_owned)
}
