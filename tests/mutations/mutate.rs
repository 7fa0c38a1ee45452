//! Ways to break a frame. Each takes a frame and leaves another one, at most [`LONGEST`] long
//! except for one that is meant to be too long.

use arb::types::limit;
use arb::types::rng::SplitMix64;

/// Longest mutant of the usual kinds: many times a usual frame, quick to read.
pub const LONGEST: usize = 64 * 1024;

/// Numbers that readers trip over, in the place of one.
const NUMBERS: [&str; 34] = [
    "0",
    "-0",
    "-1",
    "00",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "1E-8",
    "1e-9",
    "1e400",
    "1e-400",
    "1e99999999999999999999",
    "NaN",
    "Infinity",
    "-Infinity",
    "0x10",
    "1_000",
    "1,000",
    "9e15",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "92233720368.54775807",
    "92233720368.54775808",
    "0.00000001",
    "0.000000001",
    "340282366920938463463374607431768211456",
    "null",
    "\"\"",
    "99999999999999999999999999999999",
];

/// Bytes that do not belong where they are put.
const STRANGERS: [&[u8]; 18] = [
    b"\0",
    b"\xef\xbb\xbf",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\u0000",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\\",
    b"\"",
    b"\x1b[2J",
    b"\r\n",
    b"//",
    b"\xe2\x82",
    b"\\u00e9",
    b"{}",
    b"[]",
];

/// Values of another kind.
const VALUES: [&str; 12] = [
    "null",
    "true",
    "false",
    "0",
    "-1",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[[]]",
    "[\"1\"]",
    "{\"b\":[]}",
];

/// A seeded source of mutants.
pub struct Mutator {
    rng: SplitMix64,
}

impl Mutator {
    /// The same seed gives the same mutants of the same frames.
    pub fn new(seed: u64) -> Mutator {
        Mutator { rng: SplitMix64::new(seed, 5) }
    }

    /// Uniform in `0..bound`; 0 for 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.rng.below(bound as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Breaks the frame in one to three ways; `other` is a frame to take parts from.
    pub fn mutate(&mut self, frame: &mut Vec<u8>, other: &[u8]) {
        if self.once_in(8_192) {
            // Longer than any frame may be: refused before it is read.
            frame.resize(limit::FRAME_BYTES + 1, b' ');
            return;
        }
        if self.once_in(2) {
            // Still a message, but one that says something else.
            self.gently(frame);
        } else {
            for _ in 0..1 + self.below(8).saturating_sub(5) {
                self.once(frame, other);
            }
        }
        frame.truncate(LONGEST);
    }

    fn gently(&mut self, frame: &mut Vec<u8>) {
        match self.below(5) {
            0 | 1 => self.change_digit(frame),
            2 => self.swap_digits(frame),
            3 => self.swap_parts(frame),
            _ => self.repeat_value(frame),
        }
    }

    /// A value twice, such as a level.
    fn repeat_value(&mut self, frame: &mut Vec<u8>) {
        let Some(value) = self.values(frame) else { return };
        let mut more = frame[value.clone()].to_vec();
        more.insert(0, b',');
        insert(frame, value.end, &more);
    }

    fn once(&mut self, frame: &mut Vec<u8>, other: &[u8]) {
        match self.below(20) {
            0 => frame.truncate(self.below(frame.len() + 1)),
            1 => self.flip_bits(frame),
            2 | 3 => self.overwrite(frame),
            4 => {
                let range = self.range(frame.len(), 64);
                frame.drain(range);
            }
            5 => self.repeat(frame),
            6 => {
                let copy = frame.clone();
                frame.extend_from_slice(&copy);
            }
            7 => self.splice(frame, other),
            8 => self.nest(frame),
            9 => self.enlarge(frame),
            10 | 11 => self.change_digit(frame),
            12 => self.swap_digits(frame),
            13 | 14 => self.change_number(frame),
            15 => {
                let at = self.below(frame.len() + 1);
                let stranger = STRANGERS[self.below(STRANGERS.len())];
                insert(frame, at, stranger);
            }
            16 => self.duplicate_key(frame),
            17 => self.rename_key(frame),
            18 => self.change_value(frame),
            _ => self.swap_parts(frame),
        }
    }

    /// A part of the frame, at most so long, possibly empty.
    fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(longest) + 1)
    }

    fn flip_bits(&mut self, frame: &mut [u8]) {
        for _ in 0..1 + self.below(4) {
            let at = self.below(frame.len());
            if let Some(byte) = frame.get_mut(at) {
                *byte ^= 1 << self.below(8);
            }
        }
    }

    /// Puts a byte that means something in JSON, or any, in the place of one.
    fn overwrite(&mut self, frame: &mut [u8]) {
        const TELLING: &[u8] = b"{}[]\",:-+.eE0189ntf\\ \0";
        let at = self.below(frame.len());
        let telling = TELLING[self.below(TELLING.len())];
        let any = self.below(256) as u8;
        let byte = if self.once_in(3) { any } else { telling };
        if let Some(place) = frame.get_mut(at) {
            *place = byte;
        }
    }

    fn repeat(&mut self, frame: &mut Vec<u8>) {
        let range = self.range(frame.len(), 256);
        let part = frame[range.clone()].to_vec();
        for _ in 0..1 + self.below(3) {
            insert(frame, range.end, &part);
        }
    }

    /// The beginning of one and the end of the other.
    fn splice(&mut self, frame: &mut Vec<u8>, other: &[u8]) {
        frame.truncate(self.below(frame.len() + 1));
        frame.extend_from_slice(&other[self.below(other.len() + 1)..]);
    }

    /// Brackets around a value or the whole, closed or not.
    fn nest(&mut self, frame: &mut Vec<u8>) {
        let depth = if self.once_in(4) { 1 + self.below(4_000) } else { 1 + self.below(40) };
        let (open, close) = if self.once_in(2) { ("[", "]") } else { ("{\"data\":", "}") };
        let range = match self.values(frame) {
            Some(value) if !self.once_in(4) => value,
            _ => 0..frame.len(),
        };
        if !self.once_in(4) {
            insert(frame, range.end, close.repeat(depth).as_bytes());
        }
        insert(frame, range.start, open.repeat(depth).as_bytes());
    }

    /// Many copies of an element, a long text, a long number, or much white space.
    fn enlarge(&mut self, frame: &mut Vec<u8>) {
        let times = 1 + self.below(400);
        let Some(value) = self.values(frame) else { return };
        let more = match self.below(4) {
            0 => {
                let mut one = b",".to_vec();
                one.extend_from_slice(&frame[value.clone()]);
                one.truncate(512);
                one.repeat(times.min(LONGEST / one.len()))
            }
            1 => " ".repeat(times).into_bytes(),
            2 => format!(",\"{}\"", "x".repeat(times)).into_bytes(),
            _ => "0".repeat(times).into_bytes(),
        };
        insert(frame, value.end, &more);
    }

    /// The place of some byte that passes, from a random point on and around.
    fn find(&mut self, frame: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
        let start = self.below(frame.len());
        let from = |range: std::ops::Range<usize>| range.into_iter().find(|at| wanted(frame[*at]));
        from(start..frame.len()).or_else(|| from(0..start))
    }

    fn change_digit(&mut self, frame: &mut [u8]) {
        if let Some(at) = self.find(frame, |byte| byte.is_ascii_digit()) {
            frame[at] = b'0' + self.below(10) as u8;
        }
    }

    fn swap_digits(&mut self, frame: &mut [u8]) {
        let one = self.find(frame, |byte| byte.is_ascii_digit());
        let two = self.find(frame, |byte| byte.is_ascii_digit());
        if let (Some(one), Some(two)) = (one, two) {
            frame.swap(one, two);
        }
    }

    fn change_number(&mut self, frame: &mut Vec<u8>) {
        let Some(at) = self.find(frame, |byte| byte.is_ascii_digit()) else { return };
        let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let before = frame[..at].iter().rev().take_while(|byte| is_number(byte)).count();
        let behind = frame[at..].iter().take_while(|byte| is_number(byte)).count();
        let number = NUMBERS[self.below(NUMBERS.len())];
        frame.splice(at - before..at + behind, number.bytes());
    }

    /// A key with its value once more, with the value or with another.
    fn duplicate_key(&mut self, frame: &mut Vec<u8>) {
        let Some(key) = self.key(frame) else { return };
        let Some(value) = value_at(frame, key.end + 1) else { return };
        let mut pair = frame[key.clone()].to_vec();
        pair.push(b':');
        if self.once_in(2) {
            pair.extend_from_slice(&frame[value]);
        } else {
            pair.extend_from_slice(VALUES[self.below(VALUES.len())].as_bytes());
        }
        pair.push(b',');
        insert(frame, key.start, &pair);
    }

    /// The name of one key for another.
    fn rename_key(&mut self, frame: &mut Vec<u8>) {
        let (Some(one), Some(two)) = (self.key(frame), self.key(frame)) else { return };
        let name = frame[two].to_vec();
        frame.splice(one, name);
    }

    fn change_value(&mut self, frame: &mut Vec<u8>) {
        let Some(value) = self.values(frame) else { return };
        let other = VALUES[self.below(VALUES.len())];
        frame.splice(value, other.bytes());
    }

    /// Two values in each other's place: levels out of order, bids for asks.
    fn swap_parts(&mut self, frame: &mut Vec<u8>) {
        let (Some(one), Some(two)) = (self.values(frame), self.values(frame)) else { return };
        let (first, second) = if one.start <= two.start { (one, two) } else { (two, one) };
        if first.end > second.start {
            return;
        }
        let (front, back) = (frame[first.clone()].to_vec(), frame[second.clone()].to_vec());
        frame.splice(second, front);
        frame.splice(first, back);
    }

    /// A key with its quotes.
    fn key(&mut self, frame: &[u8]) -> Option<std::ops::Range<usize>> {
        let colon = self.find(frame, |byte| byte == b':')?;
        let end = colon.checked_sub(1).filter(|end| frame[*end] == b'"')?;
        let start = frame[..end].iter().rposition(|byte| *byte == b'"')?;
        Some(start..colon)
    }

    /// A value behind a colon, a comma or an opening bracket.
    fn values(&mut self, frame: &[u8]) -> Option<std::ops::Range<usize>> {
        let before = self.find(frame, |byte| b":,[".contains(&byte))?;
        value_at(frame, before + 1)
    }
}

fn insert(frame: &mut Vec<u8>, at: usize, more: &[u8]) {
    let room = LONGEST.saturating_sub(frame.len());
    frame.splice(at..at, more.iter().copied().take(room));
}

/// The JSON value that begins here, as far as brackets and quotes tell.
fn value_at(frame: &[u8], start: usize) -> Option<std::ops::Range<usize>> {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for (at, byte) in frame.iter().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' | b',' if depth == 0 => return (at > start).then_some(start..at),
            b']' | b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}
