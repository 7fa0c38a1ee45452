#!/usr/bin/env python3
"""Writes the synthetic recordings under tests/data from the venues' documented formats.

Nothing in them was received from a venue. The Binance side is a small order book to which one
change at a time happens, each with its update id; diffs, book tickers and the REST snapshot are
views of that one book, so they agree at every update id. The Upbit side is the same market at a
premium that swings, in won. Same script, same bytes: the only randomness is a fixed sequence.

    tools/demo_recording.py            writes demo_btc.rec.gz and demo_btc_eth.rec.gz
    tools/demo_recording.py --check    says whether those files hold what this script makes
"""

import gzip
import io
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "tests" / "data"
START_NS = 1_764_000_000_000_000_000
STEP_NS = 100_000_000
NS_PER_MS = 1_000_000
# Steps at which the REST snapshot is taken, and at which its answer arrives.
SNAPSHOT_TAKEN, SNAPSHOT_RECEIVED = 3, 5


class Draw:
    """A 64-bit linear congruential sequence: the same numbers on every machine."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % bound


def fixed8(raw):
    """A quantity of 10^-8 units as Binance writes it: always eight decimals."""
    return f"{raw // 10**8}.{raw % 10**8:08d}"


def java(raw):
    """A quantity of 10^-8 units as Upbit writes it: a Java double, exponents included."""
    if raw == 0:
        return "0.0"
    whole = raw // 10**8
    if whole >= 10**7 or raw < 10**5:
        digits = str(raw)
        power = len(digits) - 1 - 8
        rest = digits[1:].rstrip("0") or "0"
        return f"{digits[0]}.{rest}E{power}"
    part = f"{raw % 10**8:08d}".rstrip("0") or "0"
    return f"{whole}.{part}"


class Base:
    """What differs between the coins."""

    def __init__(self, code, price, qty, first_id):
        self.code = code
        self.price_cents = price * 100
        self.qty = qty
        self.first_id = first_id
        self.grid_cents = max(2, price // 600)
        self.won_tick = 1_000 if price * 1_400 >= 2_000_000 else 500


class BinanceBook:
    """One book, changed level by level; every change has an update id."""

    DEPTH = 40

    def __init__(self, base, draw):
        self.base, self.draw = base, draw
        self.symbol = f"{base.code}USDT"
        self.update_id = self.diffed_id = base.first_id
        self.bids, self.asks = {}, {}
        self.changed = {"b": {}, "a": {}}
        self.tickers = []
        self.aim(base.price_cents)

    def price_of(self, step):
        """Price in cents of a step of the grid; a fixed jitter makes the digits look lived in."""
        jitter = (step * 7919) % self.base.grid_cents
        return step * self.base.grid_cents + jitter

    def quantity(self):
        return (self.draw.below(40) + 8) * self.base.qty * 10**3

    def change(self, side, price, qty):
        book, key = (self.bids, "b") if side == "bid" else (self.asks, "a")
        before = self.best()
        self.update_id += 1
        if qty:
            book[price] = qty
        else:
            book.pop(price, None)
        self.changed[key][price] = qty
        after = self.best()
        if after != before and None not in after:
            self.tickers.append((self.update_id, after))

    def best(self):
        bid = max(self.bids, default=None)
        ask = min(self.asks, default=None)
        return (
            None if bid is None else (bid, self.bids[bid]),
            None if ask is None else (ask, self.asks[ask]),
        )

    def aim(self, mid_cents):
        """Moves the book to a mid: what is in the way goes first, so it never stands crossed."""
        middle = mid_cents // self.base.grid_cents
        bids = {self.price_of(middle - at) for at in range(1, self.DEPTH + 1)}
        asks = {self.price_of(middle + at) for at in range(0, self.DEPTH)}
        for side, book, target in (("bid", self.bids, bids), ("ask", self.asks, asks)):
            for price in sorted(set(book) - target):
                self.change(side, price, 0)
        for side, book, target in (("bid", self.bids, bids), ("ask", self.asks, asks)):
            for price in sorted(target - set(book)):
                self.change(side, price, self.quantity())

    def touch(self, count):
        for _ in range(count):
            side, book = (("bid", self.bids), ("ask", self.asks))[self.draw.below(2)]
            ladder = sorted(book, reverse=side == "bid")
            # Mostly near the top, as on a real venue.
            at = min(self.draw.below(self.DEPTH), self.draw.below(self.DEPTH))
            self.change(side, ladder[min(at, len(ladder) - 1)], self.quantity())

    def cents(self, price):
        return f"{price // 100}.{price % 100:02d}000000"

    def levels(self, pairs):
        return ",".join(f'["{self.cents(price)}","{fixed8(qty)}"]' for price, qty in pairs)

    def diff(self, event_ms):
        first_id, self.diffed_id = self.diffed_id + 1, self.update_id
        bids = sorted(self.changed["b"].items(), reverse=True)
        asks = sorted(self.changed["a"].items())
        self.changed = {"b": {}, "a": {}}
        head = f'"e":"depthUpdate","E":{event_ms},"s":"{self.symbol}"'
        ids = f'"U":{first_id},"u":{self.update_id}'
        sides = f'"b":[{self.levels(bids)}],"a":[{self.levels(asks)}]'
        return wrapped(f"{self.symbol.lower()}@depth@100ms", f"{{{head},{ids},{sides}}}")

    def snapshot(self):
        bids = sorted(self.bids.items(), reverse=True)
        asks = sorted(self.asks.items())
        head = f'"lastUpdateId":{self.update_id}'
        return f'{{{head},"bids":[{self.levels(bids)}],"asks":[{self.levels(asks)}]}}'

    def ticker(self, update_id, best):
        (bid, bid_qty), (ask, ask_qty) = best
        bid = f'"b":"{self.cents(bid)}","B":"{fixed8(bid_qty)}"'
        ask = f'"a":"{self.cents(ask)}","A":"{fixed8(ask_qty)}"'
        inner = f'{{"u":{update_id},"s":"{self.symbol}",{bid},{ask}}}'
        return wrapped(f"{self.symbol.lower()}@bookTicker", inner)

    def trade(self, number, event_ms):
        ask, _ = min(self.asks.items())
        what = f'"p":"{self.cents(ask)}","q":"{fixed8(self.quantity())}"'
        head = f'"e":"trade","E":{event_ms},"s":"{self.symbol}","t":{number}'
        inner = f'{{{head},{what},"T":{event_ms - 1},"m":false,"M":true}}'
        return wrapped(f"{self.symbol.lower()}@trade", inner)


def swing(at, period, height):
    """A triangle wave through 0 at 0, up first."""
    phase = (at + period // 4) % period * 4 * height // period
    return phase - height if phase <= 2 * height else 3 * height - phase


def wrapped(stream, inner):
    return f'{{"stream":"{stream}","data":{inner}}}'


class UpbitBook:
    """Fifteen units around a price in won; a few sizes change each time."""

    UNITS = 15

    def __init__(self, code, tick, qty, draw):
        self.code, self.tick, self.qty, self.draw = code, tick, qty, draw
        self.sent = 0
        self.sizes = [[self.size(), self.size()] for _ in range(self.UNITS)]

    def size(self):
        return (self.draw.below(9_000) + 900) * self.qty

    def frame(self, mid_won, event_ms):
        for _ in range(2):
            self.sizes[self.draw.below(self.UNITS)][self.draw.below(2)] = self.size()
        bid = mid_won // self.tick * self.tick
        units = []
        for at, (ask_size, bid_size) in enumerate(self.sizes):
            prices = (bid + (at + 1) * self.tick, bid - at * self.tick)
            ask, low = (java(price * 10**8) for price in prices)
            sizes = f'"ask_size":{java(ask_size)},"bid_size":{java(bid_size)}'
            units.append(f'{{"ask_price":{ask},"bid_price":{low},{sizes}}}')
        asks, bids = (java(sum(pair[side] for pair in self.sizes)) for side in (0, 1))
        head = f'"type":"orderbook","code":"{self.code}","timestamp":{event_ms}'
        totals = f'"total_ask_size":{asks},"total_bid_size":{bids}'
        stream = "REALTIME" if self.sent else "SNAPSHOT"
        self.sent += 1
        tail = f'"stream_type":"{stream}","level":0'
        return f'{{{head},{totals},"orderbook_units":[{",".join(units)}],{tail}}}'


class Lines:
    """The recording: every line a little later than the one before it."""

    def __init__(self):
        self.text, self.clock = io.StringIO(), START_NS

    def move_to(self, ns):
        self.clock = max(self.clock, ns)

    def add(self, venue, kind, payload):
        self.clock += 37_000
        self.text.write(f"{self.clock} {venue} {kind} {payload}\n")


class Market:
    """One coin on both venues."""

    def __init__(self, base, draw):
        self.binance = BinanceBook(base, draw)
        self.upbit = UpbitBook(f"KRW-{base.code}", base.won_tick, base.qty // 5, draw)
        self.mid = base.price_cents
        self.draw, self.base = draw, base
        self.trades = 0

    def step(self, lines, at, event_ms):
        reach = self.base.grid_cents * 3
        self.mid += self.draw.below(2 * reach + 1) - reach
        self.binance.aim(self.mid)
        if at == SNAPSHOT_TAKEN:
            # Between two changes of one diff, so that the first diff to apply straddles it.
            self.snapshot = self.binance.snapshot()
        self.binance.touch(5)
        # The venue sends the newest top only, a few times within the 100 ms.
        for update_id, best in self.binance.tickers[-2:]:
            lines.add("binance", "ws", self.binance.ticker(update_id, best))
        self.binance.tickers.clear()
        if at % 4 == 1:
            self.trades += 1
            number = self.base.first_id // 10 + self.trades
            lines.add("binance", "ws", self.binance.trade(number, event_ms))
        lines.add("binance", "ws", self.binance.diff(event_ms))
        if at == SNAPSHOT_RECEIVED:
            lines.add("binance", "rest_depth", self.snapshot)


def recording(bases, seconds):
    """A premium of up to 1 % either way, one swing in 40 s, over a rate of 1,400 won."""
    draw, lines = Draw(20_251_123), Lines()
    markets = [Market(base, draw) for base in bases]
    rate_book = UpbitBook("KRW-USDT", 1, 4_000_000_000, draw)
    for venue in ("binance", "upbit"):
        lines.add(venue, "open", "{}")
    for at in range(seconds * 10):
        now = START_NS + at * STEP_NS
        lines.move_to(now)
        event_ms = now // NS_PER_MS - 8
        rate = 1_400_500 + swing(at, 610, 900)
        if at % 2 == 0:
            lines.add("upbit", "ws", rate_book.frame(rate // 1_000, event_ms))
        premium = swing(at, 400, 10_000)
        for market in markets:
            market.step(lines, at, event_ms)
            # Cents of a dollar, thousandths of a won, parts per million.
            won = market.mid * rate * (1_000_000 + premium) // 10**11
            lines.add("upbit", "ws", market.upbit.frame(won, event_ms))
    return lines.text.getvalue()


BTC = Base("BTC", 61_837, 2_500, 50_093_239_188)
ETH = Base("ETH", 2_683, 50_000, 33_017_552_004)
RECORDINGS = {
    "demo_btc.rec.gz": lambda: recording([BTC], 120),
    "demo_btc_eth.rec.gz": lambda: recording([BTC, ETH], 25),
}


def main():
    stale = []
    for name, make in RECORDINGS.items():
        path, text = DATA / name, make().encode()
        if "--check" in sys.argv[1:]:
            if not path.exists() or gzip.decompress(path.read_bytes()) != text:
                stale.append(name)
            continue
        path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
        lines = text.count(b"\n")
        print(f"{path.name}: {lines} lines, {len(text)} bytes, {path.stat().st_size} compressed")
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; run tools/demo_recording.py and commit the result")


if __name__ == "__main__":
    main()
