//! What `arb sim` prints instead of serving: a configuration that points at it, and its accounts.

use serde_json::json;

use crate::cli::Common;
use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::simargs::SimArgs;
use crate::sim::exchange::account::Account;
use crate::sim::exchange::listing;
use crate::sim::plan::start_price_raw;
use crate::types::ids::VenueId;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::units::Plain;
use crate::types::units::Price;

/// The path of a venue's public WebSocket, as it stands in the configuration.
pub const fn ws_path(venue: VenueId) -> &'static str {
    match venue {
        VenueId::Upbit | VenueId::Bithumb => "/websocket/v1",
        VenueId::Binance | VenueId::Bybit | VenueId::Okx => "",
    }
}

fn no_coins() -> CliError {
    let what = "one to six coins are needed, each once, and neither KRW nor USDT";
    CliError::new(Exit::Usage, what, "name them with --bases BTC,ETH")
}

/// A whole configuration for `arb run --mode paper` against the exchange that these arguments
/// start.
///
/// # Errors
/// `Exit::Usage` for coins that cannot be listed, and for --base-port 0.
pub fn configuration(args: &SimArgs, common: &Common) -> Result<String, CliError> {
    if args.base_port == 0 {
        let what = "a configuration needs ports that are known";
        return Err(CliError::new(Exit::Usage, what, "give --base-port a number above 0"));
    }
    let table = listing::instruments(&args.bases).ok_or_else(no_coins)?;
    let venues = args.venues();
    let quotes_krw = |venue: &&VenueId| matches!(venue, VenueId::Upbit | VenueId::Bithumb);
    let krw = venues.iter().filter(quotes_krw).count();
    if krw == 0 || krw == venues.len() {
        let what = "a route needs a venue in KRW and one in USDT";
        return Err(CliError::new(
            Exit::Usage,
            what,
            "name both kinds with --venues upbit,binance",
        ));
    }
    let mut text = String::from(
        "# Made by `arb sim --print-config`: arb run --mode paper against the local exchange.\n\
         mode:\n  current: paper\n\n",
    );
    for venue in VenueId::ALL {
        text.push_str(&section(venue, args));
    }
    text.push_str(PACE);
    text.push_str("venues:\n  fx: ");
    let is_served = |venue: &VenueId| venues.contains(venue);
    let fx = [VenueId::Upbit, VenueId::Bithumb].into_iter().find(is_served);
    text.push_str(fx.unwrap_or(VenueId::Upbit).name());
    if args.tls {
        let path = args.certificate(common);
        let path = std::path::absolute(&path).unwrap_or(path);
        text.push_str(&format!("\n  tls_roots: {:?}", path.display().to_string()));
    }
    text.push_str("\n\ninstruments:\n");
    for instrument in table.iter().filter(|instrument| venues.contains(&instrument.venue)) {
        text.push_str(&row(instrument));
    }
    text.push_str("\npaper:\n  balances:\n");
    for venue in venues {
        let funds = listing::funds(venue, &args.bases);
        let funds: Vec<String> = funds
            .iter()
            .map(|(asset, raw)| format!("{asset}: {}", Plain(raw / FUNDS_PART)))
            .collect();
        text.push_str(&format!("    {}: {{{}}}\n", venue.name(), funds.join(", ")));
    }
    Ok(text)
}

/// With these the synthetic market is worth a pair every few seconds, and each of them ends within
/// minutes: the shipped thresholds wait for hours. A venue that is hit again and again is connected
/// to again within seconds: on loopback nobody has to be spared. And what was broken on purpose is
/// soon forgotten, or the third fault of a script would be the third strike. Five venues have
/// twelve routes for each coin, which often pay at once.
const PACE: &str = "\
signal_engine:
  min_spread_pct: 0.2

exit:
  take_profit_pct: 0.3
  max_holding_seconds: 60

risk:
  max_orders_per_second: 40
  max_orders_per_minute: 600

websocket:
  reconnect_interval: 2

watchdog:
  strike_decay_cycles: 20

";

/// The paper account has this part of the simulated one: a hundredth.
const FUNDS_PART: i64 = 100;

fn section(venue: VenueId, args: &SimArgs) -> String {
    let name = venue.name();
    if !args.venues().contains(&venue) {
        return format!("{name}:\n  enabled: false\n\n");
    }
    let (ws, http) = if args.tls { ("wss", "https") } else { ("ws", "http") };
    let port = args.base_port.saturating_add(venue.index() as u16);
    let path = ws_path(venue);
    format!(
        "{name}:\n  enabled: true\n  rest_url: \"{http}://127.0.0.1:{port}\"\n  \
         ws_url: \"{ws}://127.0.0.1:{port}{path}\"\n\n"
    )
}

fn row(instrument: &Instrument) -> String {
    let tick = match (instrument.venue, Price::from_raw(start_price_raw(instrument))) {
        (VenueId::Upbit, _) | (_, None) => "upbit_krw".to_owned(),
        (_, Some(price)) => Plain(instrument.ticks.tick_at(price)).to_string(),
    };
    let venue = instrument.venue.name();
    let (name, lot) = (instrument.name, instrument.lot);
    let least = Plain(instrument.min_notional_raw);
    format!(
        "  - {{venue: {venue}, name: {name}, lot: {lot}, tick: {tick}, min_notional: {least}}}\n"
    )
}

/// The keys of the simulated accounts.
///
/// # Errors
/// `Exit::Usage` for coins that cannot be listed.
pub fn accounts(args: &SimArgs, common: &Common) -> Result<String, CliError> {
    listing::instruments(&args.bases).ok_or_else(no_coins)?;
    let mut text = String::new();
    for venue in args.venues() {
        for account in listing::accounts(venue, args.seed) {
            text.push_str(&match common.json {
                true => format!("{}\n", account_json(venue, &account)),
                false => account_text(venue, &account, args),
            });
        }
    }
    Ok(text)
}

fn account_json(venue: VenueId, account: &Account) -> serde_json::Value {
    json!({
        "venue": venue.name(),
        "account": account.id.0,
        "key": account.key,
        "secret": account.secret,
        "passphrase": account.passphrase,
        "ed25519_secret_hex": account.ed25519.as_ref().map(|_| listing::TEST_ED25519_SECRET),
        "may_withdraw": account.may_withdraw,
    })
}

fn account_text(venue: VenueId, account: &Account, args: &SimArgs) -> String {
    let rights = if account.may_withdraw { "may trade and withdraw" } else { "may trade" };
    let mut text = format!("{} account {} ({rights})\n", venue.name(), account.id.0);
    text.push_str(&format!("  key        {}\n  secret     {}\n", account.key, account.secret));
    if !account.passphrase.is_empty() {
        text.push_str(&format!("  passphrase {}\n", account.passphrase));
    }
    if account.ed25519.is_some() {
        text.push_str(&format!("  ed25519    {}\n", listing::TEST_ED25519_SECRET));
    }
    let funds = listing::funds(venue, &args.bases);
    let funds: Vec<String> =
        funds.iter().map(|(asset, raw)| format!("{} {asset}", Plain(*raw))).collect();
    let money = match listing::quote_of(venue) {
        Quote::Krw => "won",
        Quote::Usdt => "tether",
    };
    text.push_str(&format!("  owns       {} (quoted in {money})\n", funds.join(", ")));
    text
}
