//! Who owns what at a simulated venue. Every raw unit that an account loses is gained by the fees
//! or by the market that it traded with, and the other way round.

use std::collections::BTreeMap;

use crate::sim::exchange::order::AccountId;
use crate::types::ids::Asset;

/// One balance, × 10⁻⁸; neither part is ever negative.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Free to use.
    pub free_raw: i64,
    /// Locked in open orders.
    pub locked_raw: i64,
}

/// What one match moves, × 10⁻⁸. The account pays out of what is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// What the account gives, and how much of it.
    pub given: (Asset, i64),
    /// What it gets before fees.
    pub got: (Asset, i64),
    /// The fee: of what it gives it is paid on top out of the lock, of what it gets it is kept.
    pub fee: (Asset, i64),
}

/// All balances of a venue.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    balances: BTreeMap<(AccountId, Asset), Balance>,
    deposits: BTreeMap<Asset, i128>,
    fees: BTreeMap<Asset, i128>,
    market: BTreeMap<Asset, i128>,
}

impl Ledger {
    /// Puts money in. Amounts of zero or less change nothing.
    pub fn deposit(&mut self, account: AccountId, asset: Asset, raw: i64) {
        let balance = self.balances.entry((account, asset)).or_default();
        let room = i64::MAX - balance.free_raw.max(balance.locked_raw);
        let raw = raw.clamp(0, room);
        balance.free_raw += raw;
        *self.deposits.entry(asset).or_default() += i128::from(raw);
    }
    /// One balance; zero if the account has none.
    pub fn balance(&self, account: AccountId, asset: Asset) -> Balance {
        self.balances.get(&(account, asset)).copied().unwrap_or_default()
    }
    /// Every balance of an account.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = (Asset, Balance)> {
        let own = self.balances.iter().filter(move |((owner, _), _)| *owner == account);
        own.map(|((_, asset), balance)| (*asset, *balance))
    }
    /// Moves from free to locked; nothing changes if there is not enough.
    #[must_use]
    pub fn lock(&mut self, account: AccountId, asset: Asset, raw: i64) -> Locked {
        let balance = self.balances.entry((account, asset)).or_default();
        if raw < 0 || raw > balance.free_raw {
            return Locked::Short;
        }
        balance.free_raw -= raw;
        balance.locked_raw += raw;
        Locked::Done
    }
    /// Moves from locked to free, at most what is locked.
    pub fn unlock(&mut self, account: AccountId, asset: Asset, raw: i64) {
        let balance = self.balances.entry((account, asset)).or_default();
        let raw = raw.clamp(0, balance.locked_raw);
        balance.locked_raw -= raw;
        balance.free_raw += raw;
    }
    /// Books a match.
    pub fn settle(&mut self, account: AccountId, moved: Move) {
        let ((given, paid), (got, gained), (fee, fee_raw)) = (moved.given, moved.got, moved.fee);
        let on_top = if fee == given { fee_raw } else { 0 };
        let kept = fee_raw - on_top;
        self.balances.entry((account, given)).or_default().locked_raw -= paid + on_top;
        self.balances.entry((account, got)).or_default().free_raw += gained - kept;
        *self.market.entry(given).or_default() += i128::from(paid);
        *self.market.entry(got).or_default() -= i128::from(gained);
        *self.fees.entry(fee).or_default() += i128::from(fee_raw);
    }
    /// Fees taken so far.
    pub fn fees(&self) -> impl Iterator<Item = (Asset, i128)> {
        self.fees.iter().map(|(asset, raw)| (*asset, *raw))
    }
    /// Money put in so far.
    pub fn deposits(&self) -> impl Iterator<Item = (Asset, i128)> {
        self.deposits.iter().map(|(asset, raw)| (*asset, *raw))
    }
    /// Assets in which balances, fees and the market's gain do not add up to the deposits, or in
    /// which a balance is negative. Empty unless this program has a defect.
    pub fn broken(&self) -> Vec<Asset> {
        let mut sums: BTreeMap<Asset, i128> = BTreeMap::new();
        let mut negative = Vec::new();
        for ((_, asset), balance) in &self.balances {
            let sum = i128::from(balance.free_raw) + i128::from(balance.locked_raw);
            *sums.entry(*asset).or_default() += sum;
            if balance.free_raw < 0 || balance.locked_raw < 0 {
                negative.push(*asset);
            }
        }
        for (asset, raw) in self.fees.iter().chain(&self.market) {
            *sums.entry(*asset).or_default() += raw;
        }
        let deposited = |asset: &Asset| self.deposits.get(asset).copied().unwrap_or(0);
        let odd = sums.into_iter().filter(|(asset, sum)| *sum != deposited(asset));
        negative.into_iter().chain(odd.map(|(asset, _)| asset)).collect()
    }
}

/// What became of a lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Locked {
    /// It is locked.
    Done,
    /// There is not enough.
    Short,
}
