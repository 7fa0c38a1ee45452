//! The residual ledger: coins that stand unhedged outside any pair, at their value when taken in.

use arrayvec::ArrayVec;

use crate::types::carry::CarriedResidual;
use crate::types::ids::Asset;
use crate::types::limit;
use crate::types::market::Instrument;
use crate::types::market::Quote;
use crate::types::units::Krw;
use crate::types::units::Price;
use crate::types::units::SignedQty;

/// One base coin's residual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Residual {
    /// Which coin.
    pub base: Asset,
    /// Long above zero, short below.
    pub qty: SignedQty,
    /// Σ of the values at which it was taken in, with its sign.
    pub value: Krw,
    /// Quantity at the last attempt to work it off: not tried again unless it changed or its price
    /// stop is hit.
    pub attempted: SignedQty,
}

/// All residuals.
#[derive(Clone, Debug)]
pub struct Residuals {
    rows: ArrayVec<Residual, { limit::INSTRUMENTS }>,
}

impl Residuals {
    /// A row for every coin that has a KRW instrument; nothing stands yet.
    pub fn new(instruments: &[Instrument]) -> Residuals {
        let mut rows: ArrayVec<Residual, { limit::INSTRUMENTS }> = ArrayVec::new();
        for instrument in instruments.iter().filter(|i| i.quote == Quote::Krw) {
            let known = rows.iter().any(|row| row.base == instrument.base);
            if !known && !rows.is_full() {
                rows.push(Residual {
                    base: instrument.base,
                    qty: SignedQty::ZERO,
                    value: Krw::ZERO,
                    attempted: SignedQty::ZERO,
                });
            }
        }
        Residuals { rows }
    }
    /// The rows.
    pub fn rows(&self) -> &[Residual] {
        &self.rows
    }
    /// Takes in a residual at a value of the same sign. `None` (and nothing taken) on overflow.
    pub fn take_in(&mut self, base: Asset, qty: SignedQty, value: Krw) -> Option<()> {
        let row = self.rows.iter_mut().find(|row| row.base == base)?;
        let (sum, total) = (row.qty.plus(qty)?, row.value.plus(&value)?);
        row.qty = sum;
        row.value = total;
        Some(())
    }
    /// Takes over a row of an earlier run. `None` if its coin is not traded any more.
    pub fn adopt(&mut self, carried: &CarriedResidual) -> Option<()> {
        let CarriedResidual { base, qty, value, attempted } = *carried;
        let row = self.rows.iter_mut().find(|row| row.base == base)?;
        *row = Residual { base, qty, value, attempted };
        Some(())
    }
    /// The present quantity was tried in vain.
    pub fn give_up(&mut self, base: Asset) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.base == base) {
            row.attempted = row.qty;
        }
    }
    /// Hands a whole row out, to be worked off.
    pub fn hand_out(&mut self, index: usize) -> (SignedQty, Krw) {
        let row = &mut self.rows[index];
        row.attempted = row.qty;
        let out = (row.qty, row.value);
        row.qty = SignedQty::ZERO;
        row.value = Krw::ZERO;
        out
    }
    /// Σ |booked value|: what counts against `risk.max_residual_krw`.
    pub fn total(&self) -> Krw {
        let size = |value: Krw| value.max(value.negated());
        let sum = |total: Krw, row: &Residual| total.plus(&size(row.value)).unwrap_or(total);
        self.rows.iter().fold(Krw::ZERO, sum)
    }
}

impl Residual {
    /// Price at which it was taken in, won per coin.
    pub fn taken_at(&self) -> Option<Price> {
        let scale = crate::types::units::SCALE;
        let (value, qty) = (self.value.raw().checked_abs()?, self.qty.raw().checked_abs()?);
        crate::types::units::mul_div(value, scale, qty, crate::types::units::Round::Down)
            .and_then(Price::from_raw)
    }
}
