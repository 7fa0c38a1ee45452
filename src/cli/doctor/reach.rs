//! Checks of what a run talks to: every venue in use, and Redis. Each venue gets an equal share of
//! the time that is left, so one that hangs takes nothing from the others. Nothing is written
//! anywhere. Only the look-up of a name has no deadline of ours: it has the system's.

use std::net::SocketAddr;

use crate::cli::doctor::finding::Finding;
use crate::cli::exit::Exit;
use crate::config::load::Loaded;
use crate::config::yaml::Mode;
use crate::feed::limits::FeedLimits;
use crate::net::dial::DialLimits;
use crate::net::dial::websocket;
use crate::net::http::Http;
use crate::net::http::HttpReply;
use crate::net::resolve::lookup;
use crate::net::tls::ClientTls;
use crate::net::url::Endpoint;
use crate::scenario::rules;
use crate::scenario::rules::Change;
use crate::telemetry::limits::RedisLimits;
use crate::telemetry::redis::Password;
use crate::telemetry::redis::RedisClient;
use crate::telemetry::redis::RedisPlan;
use crate::telemetry::redis::resolve;
use crate::topology::venues as in_use;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::Millis;
use crate::types::time::MonoNs;
use crate::types::time::WallNs;
use crate::venue::stream_of;

/// For all venues together; the last step of the last one may take as long again as its share.
const WHOLE: DurNs = DurNs::from_secs(16);
/// Our clock may be so far from a venue's.
const SKEW_WARN: DurNs = DurNs::from_ms(250);
/// Beyond this, venues refuse requests for their time.
const SKEW_FAIL: DurNs = DurNs::from_secs(1);
/// A warm request that takes longer makes snapshots and orders late.
const SLOW_REQUEST: DurNs = DurNs::from_ms(1_000);

/// Every check of venues and Redis. In mode mock no venue is looked at.
pub fn checks(loaded: &Loaded) -> Vec<Finding> {
    let mut findings = match loaded.checked.mode {
        Mode::Mock => vec![Finding::skip("venues.reach", "mode mock needs no network")],
        Mode::Paper | Mode::Live => venues(loaded),
    };
    findings.extend(loaded.checked.redis.as_ref().map(|limits| {
        let is_required = loaded.checked.sections.redis.required;
        redis(limits, if is_required { Need::Required } else { Need::Optional })
    }));
    findings
}

fn venues(loaded: &Loaded) -> Vec<Finding> {
    let instruments = &loaded.checked.engine.instruments;
    let venues = in_use(instruments);
    let limits = loaded.checked.feeds.iter().filter(|limits| venues.contains(&limits.venue));
    let limits: Vec<&FeedLimits> = limits.collect();
    let tls = match limits.first().map(|limits| ClientTls::new(&limits.roots)) {
        None => return vec![Finding::skip("venues.reach", "no venue is in use")],
        Some(Ok(tls)) => tls,
        Some(Err(error)) => {
            let fix = "set venues.tls_roots to webpki, system, or a PEM file that can be read";
            return vec![Finding::fail("venues.tls_roots", error.to_string(), (fix, Exit::Config))];
        }
    };
    let mut findings = vec![Finding::ok("venues.tls_roots", "certificate authorities were read")];
    let (clock, mut left) = (Clock::start(), limits.len() as u64);
    for limits in limits {
        let now = clock.mono();
        let share = DurNs(WHOLE.0.saturating_sub(now.0) / left.max(1));
        left -= 1;
        let venue = limits.venue;
        let is_optional = loaded.checked.optional.contains(&venue);
        let need = if is_optional { Need::Optional } else { Need::Required };
        let visit = Visit { limits, tls: &tls, clock, by: now.plus(share), need };
        findings.extend(visit.all(instruments));
    }
    findings
}

/// Whether a run can go on without it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Required,
    Optional,
}

impl Need {
    /// A failure of what is required, a warning about what is not.
    fn missing(self, check: &str, found: String, fix: &str) -> Finding {
        match self {
            Need::Required => Finding::fail(check, found, (fix, Exit::Unreachable)),
            Need::Optional => {
                let fix = format!("{fix}; a run goes on without it");
                Finding::warn(check, format!("{found} (not required)"), &fix)
            }
        }
    }
}

/// A look at one venue.
struct Visit<'a> {
    limits: &'a FeedLimits,
    tls: &'a ClientTls,
    clock: Clock,
    by: MonoNs,
    need: Need,
}

/// An answer with its times.
struct Answer {
    reply: HttpReply,
    asked_at: WallNs,
    heard_at: WallNs,
    /// Of the first request, with connecting, and of this one.
    took: [DurNs; 2],
}

impl Visit<'_> {
    fn all(&self, instruments: &[Instrument]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let begun = self.clock.mono();
        let found = lookup(&self.limits.websocket.host, self.limits.websocket.port);
        let took = self.clock.mono().since(begun);
        match found {
            Err(error) => {
                let fix = "see /etc/resolv.conf and the host in the venue's ws_url";
                let found = format!("{}: {error}", self.limits.websocket.host);
                findings.push(self.need.missing(&self.name("name"), found, fix));
            }
            Ok(addresses) => {
                let first: Vec<String> =
                    addresses.iter().take(3).map(|address| address.ip().to_string()).collect();
                let (count, first) = (addresses.len(), first.join(", "));
                let found = format!("{count} addresses in {} ms: {first}", Millis(took));
                findings.push(Finding::ok(&self.name("name"), found));
                findings.push(self.socket(&addresses));
            }
        }
        let mine: Vec<Instrument> =
            instruments.iter().filter(|i| i.venue == self.limits.venue).cloned().collect();
        match self.request(&mine) {
            Err(finding) => findings.push(finding),
            Ok(answer) => {
                findings.push(self.round_trip(&answer));
                findings.push(self.offset(&answer));
                findings.push(self.instruments(mine));
            }
        }
        findings
    }

    fn name(&self, what: &str) -> String {
        format!("{}.{what}", self.limits.venue.name())
    }
    fn left(&self) -> DurNs {
        self.by.since(self.clock.mono()).max(DurNs::from_ms(1))
    }

    /// TCP, TLS and the upgrade; half of the time, so that requests get the other half.
    fn socket(&self, addresses: &[SocketAddr]) -> Finding {
        let check = self.name("websocket");
        let path = stream_of(self.limits.venue).path();
        let endpoint = match path {
            "" => self.limits.websocket.clone(),
            path => self.limits.websocket.join(path),
        };
        let quarter = DurNs(self.left().0 / 4);
        let DialLimits { connect, handshake } = self.limits.dial;
        let limits =
            DialLimits { connect: connect.min(quarter), handshake: handshake.min(quarter) };
        let begun = self.clock.mono();
        match websocket(&endpoint, addresses, self.tls, &limits) {
            Ok(_) => {
                let took = self.clock.mono().since(begun);
                Finding::ok(&check, format!("{endpoint} opens in {} ms", Millis(took)))
            }
            Err(error) => {
                let fix = "see the venue's ws_url, a firewall or proxy in between, and \
                           venues.tls_roots; venues block some countries";
                self.need.missing(&check, format!("{endpoint}: {error}"), fix)
            }
        }
    }

    /// A small request, twice: the second finds the connection open.
    fn request(&self, mine: &[Instrument]) -> Result<Answer, Finding> {
        let stream = stream_of(self.limits.venue);
        let codes = rules::symbols(self.limits.venue, mine);
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        // Without an endpoint for the time, the date of the smallest known answer has to do.
        let own = stream.time_path().map(str::to_owned);
        let path = own.or_else(|| stream.rules_paths(&codes).last().cloned()).unwrap_or_default();
        let endpoint = self.limits.rest.join(&path);
        let http = Http::new(self.tls, self.limits.request.min(DurNs(self.left().0 / 2)));
        let first = self.get(&http, &endpoint)?;
        let again = self.get(&http, &endpoint)?;
        Ok(Answer { took: [first.took[0], again.took[0]], ..again })
    }
    fn get(&self, http: &Http, endpoint: &Endpoint) -> Result<Answer, Finding> {
        let (begun, asked_at) = (self.clock.mono(), Clock::wall());
        let reply = http.get(endpoint);
        let took = self.clock.mono().since(begun);
        let heard_at = WallNs(asked_at.0.saturating_add(took.0));
        let fix = "see the venue's rest_url, a firewall or proxy in between, and \
                   venues.tls_roots; 403 and 451 block this address, 418 and 429 ask for a pause";
        let missing = |found| Err(self.need.missing(&self.name("request"), found, fix));
        match reply {
            Err(error) => missing(format!("{endpoint}: {error}")),
            Ok(reply) if reply.status >= 400 => {
                missing(format!("{endpoint}: the venue answers with status {}", reply.status))
            }
            Ok(reply) => Ok(Answer { reply, asked_at, heard_at, took: [took; 2] }),
        }
    }
    fn round_trip(&self, answer: &Answer) -> Finding {
        let [first, again] = answer.took;
        let found = format!("{} ms, {} ms with connecting", Millis(again), Millis(first));
        let fix = "run nearer to the venue: snapshots and orders wait for this";
        let is_fast = again < SLOW_REQUEST;
        Finding::warn_unless(is_fast.into(), &self.name("request"), (found, fix))
    }
    fn offset(&self, answer: &Answer) -> Finding {
        let check = self.name("clock");
        let stream = stream_of(self.limits.venue);
        let told = match stream.time_path() {
            Some(_) => stream.time_ms(&answer.reply.body).ok().map(|ms| (ms, 1)),
            None => answer.reply.date_ms.map(|ms| (ms, 1_000)),
        };
        let Some(told) = told else {
            return Finding::skip(&check, "the answer tells no time");
        };
        let (word, by) = ahead(told, answer.asked_at, answer.heard_at);
        let exact = if told.1 > 1 { ", to the second of its Date header" } else { "" };
        let found = format!("our clock is {} ms {word} the venue's{exact}", Millis(by));
        let fix = "set this machine's clock by NTP: venues refuse requests of another time";
        match by {
            by if by > SKEW_FAIL => self.need.missing(&check, found, fix),
            by if by > SKEW_WARN => Finding::warn(&check, found, fix),
            _ => Finding::ok(&check, found),
        }
    }
    fn instruments(&self, mut mine: Vec<Instrument>) -> Finding {
        let check = self.name("instruments");
        let venue = self.limits.venue;
        let symbols = rules::symbols(venue, &mine);
        let told = match rules::ask_within(self.limits, &symbols, self.left()) {
            Ok(told) => told,
            Err(error) => {
                let fix = "compare instruments with what the venue lists";
                return self.need.missing(&check, error.to_string(), fix);
            }
        };
        let changes = rules::adopt(venue, &told, &mut mine);
        verdict(&check, (venue, mine.len()), &changes)
    }
}

/// What the venue's rules mean for the instruments of the configuration.
fn verdict(
    check: &str,
    (venue, count): (VenueId, usize),
    changes: &[(Instrument, Change)],
) -> Finding {
    let is_dead = |change: &Change| matches!(change, Change::NotListed | Change::NotTrading);
    let name =
        |(instrument, change): &(Instrument, Change)| format!("{}: {change}", instrument.name);
    let all: Vec<String> = changes.iter().map(name).collect();
    if changes.is_empty() {
        let found = format!("{count} listed and trading, grids as configured");
        return Finding::ok(check, found);
    }
    let venue = venue.name();
    let fix = match changes.iter().any(|(_, change)| is_dead(change)) {
        true => format!("take it out of instruments: a run halts it at {venue}"),
        false => format!("set it in instruments as {venue} has it; a run takes the venue's"),
    };
    Finding::warn(check, all.join("; "), &fix)
}

/// How far our clock is from the venue's at least, whatever the way took: the venue read its own
/// between our asking and hearing.
fn ahead(
    (venue_ms, step_ms): (u64, u64),
    asked_at: WallNs,
    heard_at: WallNs,
) -> (&'static str, DurNs) {
    let ns = |ms: u64| DurNs::from_ms(ms).0;
    let (from, to) = (ns(venue_ms), ns(venue_ms.saturating_add(step_ms)));
    match (asked_at.0.saturating_sub(to), from.saturating_sub(heard_at.0)) {
        (0, behind) => ("behind", DurNs(behind)),
        (ahead, _) => ("ahead of", DurNs(ahead)),
    }
}

fn redis(limits: &RedisLimits, need: Need) -> Finding {
    let check = "redis.ping";
    let fix = "start it, or see redis.url and REDIS_PASSWORD";
    let at = format!("{}:{}", limits.host, limits.port);
    let addresses = match resolve(limits) {
        Ok(addresses) => addresses,
        Err(error) => return need.missing(check, format!("{at}: {error}"), fix),
    };
    let plan = RedisPlan {
        limits: limits.clone(),
        instance: String::new(),
        run_id: String::new(),
        password: Password::from_env(),
        addresses,
    };
    match RedisClient::new(plan, Clock::start()).ping() {
        Ok(took) => Finding::ok(check, format!("{at} answers in {} ms", Millis(took))),
        Err(error) => need.missing(check, format!("{at}: {error}"), fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_only_as_wrong_as_the_way_cannot_explain() {
        let wall = |ms| WallNs(DurNs::from_ms(ms).0);
        let off = |told, asked, heard| {
            let (word, by) = ahead(told, wall(asked), wall(heard));
            (word, by.as_ms())
        };
        assert_eq!(off((1_050, 1), 1_000, 1_100), ("behind", 0), "right by all that is known");
        assert_eq!(off((1_400, 1), 1_000, 1_100), ("behind", 300));
        assert_eq!(off((500, 1), 1_000, 1_100), ("ahead of", 499));
        assert_eq!(off((500, 1_000), 1_000, 1_100), ("behind", 0), "a date has whole seconds");
    }

    #[test]
    fn what_is_not_required_is_a_warning_with_the_same_fix() {
        let [fail, warn] =
            [Need::Required, Need::Optional].map(|need| need.missing("x", "gone".into(), "mend"));
        assert_eq!((fail.exit, fail.fix.as_str()), (Exit::Unreachable, "mend"));
        assert_eq!(warn.exit, Exit::Done);
        assert!(warn.fix.starts_with("mend"), "{warn:?}");
    }
}
