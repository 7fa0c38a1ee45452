//! Where Redis is, from `redis`.

use crate::config::check::fault;
use crate::config::walk::Findings;
use crate::config::yaml::RedisYaml;
use crate::telemetry::limits::RedisLimits;
use crate::types::time::DurNs;

/// The port that an address without one means.
const PORT: u16 = 6_379;

/// Limits of the heartbeat through Redis; `None` when it is off. The address has to be right also
/// then, like every other value of the file.
pub fn redis(yaml: &RedisYaml, found: &mut Findings) -> Option<RedisLimits> {
    let Some((host, port, database)) = address(&yaml.url) else {
        if !found.is_faulty("redis.url") {
            let what = "must be redis://HOST[:PORT][/DATABASE]".to_owned();
            fault(found, "redis.url", what, "redis://127.0.0.1:6379/0 is the default");
        }
        return None;
    };
    yaml.enabled.then(|| RedisLimits {
        host: host.to_owned(),
        port,
        database,
        prefix: yaml.prefix.clone(),
        ttl: DurNs::from_secs(yaml.health_ttl_seconds),
        timeout: DurNs::from_ms(yaml.timeout_ms),
    })
}

/// Host, port and database of an address.
fn address(url: &str) -> Option<(&str, u16, u32)> {
    let rest = url.strip_prefix("redis://")?;
    let (place, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match place.split_once(':') {
        Some((host, port)) => (host, plain(port)?),
        None => (place, PORT),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let is_host = !host.is_empty() && host.chars().all(named);
    let database = if database.is_empty() { 0 } else { plain(database)? };
    (is_host && port != 0).then_some((host, port, database))
}

/// A number in digits only: no sign.
fn plain<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_may_have_a_port_and_a_database() {
        assert_eq!(address("redis://127.0.0.1:6380/3"), Some(("127.0.0.1", 6_380, 3)));
        assert_eq!(address("redis://redis-1.example/"), Some(("redis-1.example", PORT, 0)));
        assert_eq!(address("redis://localhost"), Some(("localhost", PORT, 0)));
    }

    #[test]
    fn an_address_with_anything_else_is_none() {
        for wrong in [
            "rediss://host",
            "redis://",
            "redis://:6379",
            "redis://host:",
            "redis://host:0",
            "redis://host:65536",
            "redis://host:+1",
            "redis://host/x",
            "redis://host/-1",
            "redis://host/0/1",
            "redis://host/0?db=1",
            "redis://user@host",
        ] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
