//! Mutants of every frame, ours and the fixtures', into every decoder: none panics, none hangs, and
//! none changes a book that it has no right to change.
//!
//! At least 100,000 mutants a codec in each run. The slow suite has as many as it is told:
//!
//! ```sh
//! ARB_MUTATIONS=10000000 cargo test --release --test mutations
//! ```
//!
//! The mutants follow from fixed seeds, so a failure comes again; it prints its bytes. A decoder
//! that never ends would end no run: what it may do is bounded by the bytes that it gets, and those
//! are counted, so no clock is asked.
#![allow(clippy::expect_used, reason = "a test that cannot go on has failed")]

use arb::feed::books::Books;
use arb::feed::books::Outcome;
use arb::feed::slot::Change;
use arb::types::ids::InstrumentId;
use arb::types::ids::VenueId;
use arb::types::ids::instrument_name;
use arb::types::limit;
use arb::types::market::Invalid;
use arb::types::market::Level;
use arb::types::time::MonoNs;
use arb::types::time::Now;
use arb::types::time::WallNs;
use arb::venue::FrameKind;
use arb::venue::private::Call;
use arb::venue::private_of;
use arb::venue::stream_of;
use mutate::Mutator;
use worlds::Frame;
use worlds::Part;
use worlds::Seed;
use worlds::World;

#[path = "mutations/mutate.rs"]
mod mutate;
#[path = "mutations/worlds.rs"]
mod worlds;

/// Mutants of a codec in a normal run.
const PUBLIC: usize = 100_000;
/// Mutants of a venue's private messages and answers in a normal run.
const PRIVATE: usize = 20_000;

/// What `ARB_MUTATIONS` says, else the number of a normal run.
fn mutants(normal: usize) -> usize {
    let Some(told) = std::env::var_os("ARB_MUTATIONS") else { return normal };
    let told = told.to_str().and_then(|told| told.parse().ok());
    told.expect("ARB_MUTATIONS is a number of mutants, such as 10000000")
}

/// Prints the frame at work if a decoder panics on it.
struct Witness {
    frame: Vec<u8>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let cut = &self.frame[..self.frame.len().min(4_096)];
            println!("the frame: {}\nits bytes: {cut:?}", String::from_utf8_lossy(cut));
        }
    }
}

/// Calls `act` with mutants of each seed in proportion to its weight; returns how many there were.
fn for_each_mutant(
    seeds: &[Seed],
    total: usize,
    mutator: &mut Mutator,
    mut act: impl FnMut(&mut Mutator, &Frame),
) -> usize {
    let weights: usize = seeds.iter().map(|seed| seed.weight).sum();
    let (mut count, mut bytes) = (0, 0u64);
    let mut witness = Witness { frame: Vec::new() };
    for seed in seeds {
        for _ in 0..(total * seed.weight).div_ceil(weights) {
            let other = &seeds[mutator.below(seeds.len())].frame.bytes;
            witness.frame.clone_from(&seed.frame.bytes);
            mutator.mutate(&mut witness.frame, other);
            bytes += witness.frame.len() as u64;
            count += 1;
            let is_body = seed.frame.is_body != mutator.once_in(32);
            let mutant = Frame { is_body, bytes: std::mem::take(&mut witness.frame) };
            witness.frame.clone_from(&mutant.bytes);
            act(mutator, &mutant);
        }
    }
    assert!(count >= total, "{count} mutants of {total}");
    assert!(bytes <= count as u64 * (limit::FRAME_BYTES as u64 + 1), "work is bounded");
    count
}

/// What a reader may use of one book.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    invalid: Option<Invalid>,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

fn state(books: &Books, slot: usize) -> State {
    let whole = books.whole(slot);
    State { invalid: whole.invalid(), bids: whole.bids().collect(), asks: whole.asks().collect() }
}

fn is_in(books: &Books, slot: usize, state: &State) -> bool {
    let whole = books.whole(slot);
    whole.invalid() == state.invalid
        && whole.bids().eq(state.bids.iter().copied())
        && whole.asks().eq(state.asks.iter().copied())
}

/// Books that are whole, and again so after each mutant that touched one.
struct Patient<'w> {
    world: &'w World,
    books: Books,
    /// The states of all books after healing, and after the first was wounded too.
    healed: [Vec<State>; 2],
    is_wounded: bool,
    /// The states of all books now.
    states: Vec<State>,
    /// Mutants since healing that did something.
    changes: usize,
}

/// After so many mutants that did something, the books are made whole again.
const MOST_CHANGES: usize = 32;

/// Later than any frame, so that none is refused as one from the future.
const NOW: Now = Now { mono: MonoNs(1), wall: WallNs(2_000_000_000_000_000_000) };

impl<'w> Patient<'w> {
    fn new(world: &'w World) -> Patient<'w> {
        let instruments: Vec<_> = (0u8..)
            .zip(world.instruments)
            .map(|(id, (base, quote))| {
                (InstrumentId(id), instrument_name(base, quote).expect("a good name"))
            })
            .collect();
        let books = Books::new(world.venue, &instruments);
        let mut patient = Patient {
            world,
            books,
            healed: [Vec::new(), Vec::new()],
            is_wounded: false,
            states: Vec::new(),
            changes: 0,
        };
        for is_wounded in [true, false] {
            patient.is_wounded = is_wounded;
            patient.heal();
            let all = (0..patient.books.len()).map(|slot| state(&patient.books, slot)).collect();
            patient.healed[usize::from(is_wounded)] = all;
        }
        patient.heal();
        let whole = &patient.healed[0];
        let venue = world.venue.name();
        assert!(whole.iter().all(|state| state.invalid.is_none()), "{venue}: {whole:?}");
        let first = patient.healed[1][0].invalid;
        assert_eq!(first.is_some(), !world.wound.is_empty(), "{venue}: {first:?}");
        patient
    }

    fn heal(&mut self) {
        self.changes = 0;
        self.states.clone_from(&self.healed[usize::from(self.is_wounded)]);
        self.books.on_open(NOW);
        for frame in &self.world.heal {
            self.books.on_frame(kind(frame), &frame.bytes, NOW);
        }
        for frame in self.world.wound.iter().filter(|_| self.is_wounded) {
            self.books.on_frame(kind(frame), &frame.bytes, NOW);
        }
    }

    /// One mutant; what it did to which book, if anything. Panics if it did what it must not.
    fn take(&mut self, frame: &Frame) -> Option<Change> {
        let outcome = self.books.on_frame(kind(frame), &frame.bytes, NOW);
        let touched = match outcome {
            Outcome::Book { slot, .. } => Some(slot),
            _ => None,
        };
        for (slot, state) in self.states.iter().enumerate() {
            let is_same = Some(slot) == touched || is_in(&self.books, slot, state);
            assert!(is_same, "{outcome:?} changed book {slot}");
        }
        let Outcome::Book { slot, change } = outcome else { return None };
        match change {
            Change::Image { .. } => check_image(&mut self.books, slot),
            Change::Gap | Change::Broken(_) => {
                assert!(self.books.whole(slot).invalid().is_some(), "{change:?} left it valid");
            }
            _ => {
                let is_same = is_in(&self.books, slot, &self.states[slot]);
                assert!(is_same, "{change:?} changed the book");
            }
        }
        self.states[slot] = state(&self.books, slot);
        self.changes += 1;
        Some(change)
    }
}

fn kind(frame: &Frame) -> FrameKind {
    if frame.is_body { FrameKind::RestDepth } else { FrameKind::Ws }
}

/// A committed image is a book: valid, sorted, uncrossed, positive, with both sides, within its
/// bound, and its published top is its best part.
fn check_image(books: &mut Books, slot: usize) {
    let State { invalid, bids, asks } = state(books, slot);
    assert_eq!(invalid, None);
    assert!(!bids.is_empty() && !asks.is_empty());
    assert!(bids.len().max(asks.len()) <= limit::BOOK_LEVELS);
    assert!(bids.windows(2).all(|pair| pair[0].price > pair[1].price));
    assert!(asks.windows(2).all(|pair| pair[0].price < pair[1].price));
    assert!(bids[0].price < asks[0].price);
    assert!(bids.iter().chain(&asks).all(|level| level.price.raw() > 0 && !level.qty.is_zero()));
    let top = books.top(slot);
    assert!(bids.starts_with(&top.bids) && asks.starts_with(&top.asks));
}

/// Puts the numbers that follow a healed book behind their keys.
fn following(frame: &[u8], follow: &[(&str, u64)]) -> Vec<u8> {
    let mut text = frame.to_vec();
    for (key, number) in follow {
        let found = text.windows(key.len()).position(|part| part == key.as_bytes());
        let Some(start) = found.map(|at| at + key.len()) else { continue };
        let digits = |byte: &&u8| byte.is_ascii_digit() || **byte == b'-';
        let length = text[start..].iter().take_while(digits).count();
        text.splice(start..start + length, number.to_string().into_bytes());
    }
    text
}

fn mutants_never_harm_the_books_of(venue: VenueId) {
    let mut world = worlds::world(venue);
    let also_following = world.seeds.iter().map(|seed| Seed {
        frame: Frame { bytes: following(&seed.frame.bytes, world.follow), ..seed.frame.clone() },
        weight: seed.weight,
    });
    let also_following: Vec<Seed> = also_following.filter(|_| !world.follow.is_empty()).collect();
    world.seeds.extend(also_following);
    let seeds = std::mem::take(&mut world.seeds);
    let mut patient = Patient::new(&world);
    let mut images = 0;
    let mut mutator = Mutator::new(venue.index() as u64);
    let has_wound = !world.wound.is_empty();
    let count = for_each_mutant(&seeds, mutants(PUBLIC), &mut mutator, |mutator, mutant| {
        // Often enough that snapshots meet a book that waits for one.
        if has_wound && mutator.once_in(16) {
            patient.is_wounded = !patient.is_wounded;
            patient.heal();
        }
        let Some(change) = patient.take(mutant) else { return };
        images += usize::from(matches!(change, Change::Image { .. }));
        // Most mutants meet whole books; some meet what those before them left.
        if patient.changes >= MOST_CHANGES || !mutator.once_in(4) {
            patient.heal();
        }
    });
    // Else the mutants were so wild that no check of what they may change was made.
    assert!(images * 200 > count, "only {images} of {count} mutants made an image");
    println!("{}: {count} mutants of {} seeds, {images} images", venue.name(), seeds.len());
}

#[test]
fn mutants_never_harm_the_books_of_upbit() {
    mutants_never_harm_the_books_of(VenueId::Upbit);
}

#[test]
fn mutants_never_harm_the_books_of_binance() {
    mutants_never_harm_the_books_of(VenueId::Binance);
}

#[test]
fn mutants_never_harm_the_books_of_bithumb() {
    mutants_never_harm_the_books_of(VenueId::Bithumb);
}

#[test]
fn mutants_never_harm_the_books_of_bybit() {
    mutants_never_harm_the_books_of(VenueId::Bybit);
}

#[test]
fn mutants_never_harm_the_books_of_okx() {
    mutants_never_harm_the_books_of(VenueId::Okx);
}

const CALLS: [Call; 10] = [
    Call::Place,
    Call::Cancel,
    Call::Order,
    Call::Orders,
    Call::Fills,
    Call::Balances,
    Call::Fees,
    Call::Time,
    Call::Rules,
    Call::Book,
];
const STATUSES: [u16; 8] = [200, 200, 200, 201, 400, 401, 429, 503];

#[test]
fn mutants_of_private_messages_and_answers_are_read_or_refused() {
    for venue in VenueId::ALL {
        let (private, stream) = (private_of(venue), stream_of(venue));
        let seeds = worlds::seeds(venue, Part::Private);
        let mut mutator = Mutator::new(100 + venue.index() as u64);
        let (mut read, mut refused) = (0, 0);
        let total = mutants(PRIVATE);
        for_each_mutant(&seeds, total, &mut mutator, |mutator, mutant| {
            let bytes = &mutant.bytes;
            let is_read = match mutator.below(8) {
                0 => stream.rules(bytes).map(|rules| rules.len()),
                1 => stream.time_ms(bytes).map(|_| 1),
                2..=4 => private.decode_private(bytes).map(|events| events.len()),
                _ => {
                    let call = CALLS[mutator.below(CALLS.len())];
                    let status = STATUSES[mutator.below(STATUSES.len())];
                    private.decode_reply(call, status, bytes).map(|_| 1)
                }
            };
            match is_read {
                Ok(parts) => {
                    assert!(parts <= bytes.len() + 1, "more is read than stands there");
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        });
        let venue = venue.name();
        assert!(read * 50 > total && refused * 50 > total, "{venue}: {read} read of {total}");
        println!("{venue}: {read} read, {refused} refused");
    }
}
