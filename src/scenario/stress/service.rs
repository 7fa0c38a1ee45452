//! Scenarios of Redis: a real server that dies, stands still, answers late or comes back. The run
//! must warn, and nothing but its heartbeat may notice.

use crate::runtime::child::Signal;
use crate::scenario::stress::conditions::later;
use crate::scenario::stress::conditions::lives;
use crate::scenario::stress::conditions::never;
use crate::scenario::stress::conditions::returns_to_normal;
use crate::scenario::stress::proxy::Habit;
use crate::scenario::stress::proxy::Proxy;
use crate::scenario::stress::script::Look;
use crate::scenario::stress::script::Script;
use crate::scenario::stress::server::Redis;
use crate::scenario::stress::settings::INTERVAL_MS;
use crate::scenario::stress::settings::Settings;
use crate::scenario::stress::stage::Stage;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;

/// `redis.timeout_ms`. A loop that waited for Redis would be at least this long.
const TIMEOUT_MS: u64 = 1_000;
/// WARN above this age.
const WARN_MS: u64 = 2_000;
/// ERROR above this age, were Redis required.
const ERROR_MS: u64 = 4_000;
/// How long an outage is watched: beyond the age that would be ERROR.
const WATCHED: DurNs = DurNs::from_ms(ERROR_MS);
/// The injected delay of each piece, each way.
const DELAY: DurNs = DurNs::from_secs(2);

pub(super) fn redis_down() -> Script {
    with_server(Front::Server)
        .inject("redis-server is killed", |stage| server(stage)?.send(Signal::Kill).map(|()| true))
        .within(6_000, "WARN by redis_age_ms", warns)
        .within(12_000, "everything else goes on as before", goes_on())
}

pub(super) fn redis_stalled() -> Script {
    with_server(Front::Server)
        .inject("redis-server stands still", |stage| {
            server(stage)?.send(Signal::Stop).map(|()| true)
        })
        .within(6_000, "WARN by redis_age_ms", warns)
        .within(12_000, "everything else goes on as before", goes_on())
        .setup("redis-server goes on", |stage| server(stage)?.send(Signal::Continue).map(|()| true))
        .within(24_000, "NORMAL again", returns_to_normal)
}

pub(super) fn redis_slow_proxy() -> Script {
    with_server(Front::Proxy)
        .inject("answers come 4 s late", |stage| habit(stage, Habit::Delay(DELAY)))
        .within(6_000, "WARN by redis_age_ms", warns)
        .within(12_000, "everything else goes on as before", goes_on())
        .setup("the connection is half open", |stage| habit(stage, Habit::Silent))
        .within(18_000, "everything else still goes on as before", goes_on())
        .setup("the proxy lets everything pass", |stage| habit(stage, Habit::Pass))
        .within(30_000, "NORMAL again", returns_to_normal)
}

pub(super) fn redis_restarted() -> Script {
    with_server(Front::Server)
        .inject("redis-server is killed", |stage| server(stage)?.send(Signal::Kill).map(|()| true))
        .within(6_000, "WARN by redis_age_ms", warns)
        .setup("another redis-server starts", |stage| server(stage)?.restart().map(|()| true))
        .setup("it answers", |stage| {
            stage.noted = stage.wall;
            Ok(server(stage)?.answers())
        })
        .within(22_000, "NORMAL again", returns_to_normal)
        .within(26_000, "a snapshot with a fresh age", |stage| {
            let Some((at, snapshot)) = stage.newest_snapshot() else { return Ok(false) };
            let age = snapshot["redis_heartbeat_age_ms"].as_f64();
            let is_fresh = age.is_some_and(|age| age < WARN_MS as f64);
            Ok(at > stage.noted && is_fresh && snapshot["redis_ok"] == true)
        })
}

/// What the run takes for its Redis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    Server,
    Proxy,
}

/// A server, a run that beats through it, and what must hold whatever happens to the server.
fn with_server(front: Front) -> Script {
    let settings = Settings::new()
        .set("redis.timeout_ms", TIMEOUT_MS)
        .set("watchdog.redis_heartbeat_warn_threshold_ms", WARN_MS)
        .set("watchdog.max_redis_heartbeat_age_ms", ERROR_MS);
    Script::default()
        .setup("redis-server starts", move |stage| {
            let server = Redis::start(&stage.path("")).map_err(|error| error.to_string())?;
            if front == Front::Proxy {
                let proxy = Proxy::before(server.port()).map_err(|error| error.to_string())?;
                stage.proxy = Some(proxy);
            }
            stage.redis = Some(server);
            Ok(true)
        })
        .setup("it answers", |stage| Ok(server(stage)?.answers()))
        .starts(settings)
        .setup("a heartbeat in it", |stage| Ok(server(stage)?.holds_keys()))
        .setup("NORMAL and entries", |stage| {
            let last = stage.watch.last_transition();
            let is_normal = last.is_some_and(|seen| seen.event.to.as_deref() == Some("NORMAL"));
            Ok(is_normal && stage.watch.entries.len() > 3 && stage.watch.metrics().count() > 3)
        })
        .always(lives)
        .always(|stage| never(stage, "CRITICAL"))
        .always(|stage| {
            let beyond = |seen: &&crate::scenario::stress::watch::Seen| {
                seen.event.to.as_deref() == Some("ERROR")
                    && seen.event.cause.as_deref() == Some("redis_age_ms")
            };
            match stage.watch.events.iter().find(beyond) {
                Some(_) => Err("ERROR by redis_age_ms, which is not required".to_owned()),
                None => Ok(true),
            }
        })
}

fn server(stage: &mut Stage) -> Result<&mut Redis, String> {
    stage.redis.as_mut().ok_or_else(|| "there is no redis-server".to_owned())
}

fn habit(stage: &mut Stage, habit: Habit) -> Look {
    let proxy = stage.proxy.as_mut().ok_or("there is no proxy")?;
    proxy.habit = habit;
    Ok(true)
}

fn warns(stage: &mut Stage) -> Look {
    let warned = stage.watch.severity("WARN", "redis_age_ms", stage.injected);
    Ok(warned.is_some_and(|seen| seen.at < later(stage.injected, ERROR_MS + WARN_MS)))
}

/// For a while cycles close in time, entries come, and no loop is as long as a wait for Redis.
fn goes_on() -> impl FnMut(&mut Stage) -> Look {
    let mut before: Option<(MonoNs, usize, usize)> = None;
    move |stage| {
        let now = (stage.now, stage.watch.metrics().count(), stage.watch.entries.len());
        let (began, cycles, entries) = *before.get_or_insert(now);
        if let Some(slow) = stage.watch.loop_ms().iter().skip(cycles).find(|ms| is_slow(**ms)) {
            return Err(format!("a loop of {slow} ms"));
        }
        if stage.now.since(began) < WATCHED {
            return Ok(false);
        }
        let due = (WATCHED.as_ms() / INTERVAL_MS) as usize;
        match (now.1 - cycles, now.2 - entries) {
            (closed, _) if closed + 2 < due => Err(format!("{closed} of {due} cycles closed")),
            (_, 0) => Err("no entry".to_owned()),
            _ => Ok(true),
        }
    }
}

fn is_slow(loop_ms: f64) -> bool {
    loop_ms >= TIMEOUT_MS as f64 * 0.9
}
