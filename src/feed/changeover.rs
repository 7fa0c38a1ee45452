//! The part of a session in which one connection takes the place of another, or nothing does:
//! rule 4 of [`crate::feed::session`], and what follows when a connection ends.

use crate::feed::action::Action;
use crate::feed::action::Lane;
use crate::feed::action::News;
use crate::feed::connection::Why;
use crate::feed::session::Phase;
use crate::feed::session::Session;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::venue::stream::BookSource;

impl Session {
    /// Opens the second connection when it is time, and lets it take over when it shows all that
    /// is live.
    pub(in crate::feed) fn rotate(&mut self, now: MonoNs) {
        let (old, new) = (self.feeding, self.feeding.other());
        let Phase::Open(feeding) = &self.lanes[old.index()] else { return };
        match &self.lanes[new.index()] {
            Phase::Idle if self.rotate_at.is_some_and(|at| at <= now) => self.dial(new, now),
            Phase::Open(second) => {
                let (live, seen) = (feeding.standings.live(), second.standings.live());
                if live.are_in(seen) && !seen.is_empty() {
                    self.switch(now);
                } else if now.since(second.opened_at) >= self.longest_wait() {
                    self.close(new, Why::GivenUp, now);
                }
            }
            _ => {}
        }
    }
    fn switch(&mut self, now: MonoNs) {
        let old = self.feeding;
        self.feeding = old.other();
        if self.manners.books == BookSource::StreamSnapshot {
            self.act(Action::OpenBooks);
        }
        self.act(Action::Feed(self.feeding));
        self.act(Action::Close(old, Why::Replaced));
        self.lanes[old.index()] = Phase::Idle;
        self.rotate_at = self.old_at(now);
        self.rotate_backoff.reset();
        self.act(Action::Tell(News::Rotated));
    }
    /// When a connection that opens now is to be replaced: a twenty-fourth of its longest life
    /// before the end of that.
    pub(in crate::feed) fn old_at(&self, now: MonoNs) -> Option<MonoNs> {
        let life = self.manners.longest_life?;
        Some(now.plus(DurNs(life.0 - life.0 / 24)))
    }
    /// Both deadlines of a symbol, and a little.
    fn longest_wait(&self) -> DurNs {
        DurNs(self.manners.first_image.0.saturating_mul(2)).max(DurNs::from_secs(1))
    }
    /// A second connection failed: the next one after a pause.
    pub(in crate::feed) fn put_off(&mut self, least: DurNs, now: MonoNs) {
        let pause = self.rotate_backoff.next(&mut self.rng).max(least);
        self.rotate_at = Some(now.plus(pause));
        self.act(Action::Tell(News::RotationFailed));
    }

    /// A connection ended, or is to. If it fed the books, the second one takes over or a new one
    /// is opened after a pause.
    pub(in crate::feed) fn close(&mut self, lane: Lane, why: Why, now: MonoNs) {
        let Phase::Open(_) = &self.lanes[lane.index()] else { return };
        self.lanes[lane.index()] = Phase::Idle;
        self.act(Action::Close(lane, why));
        if lane != self.feeding {
            return self.put_off(DurNs(0), now);
        }
        self.act(Action::CloseBooks);
        self.fetches.on_close();
        self.rotate_at = None;
        match &self.lanes[lane.other().index()] {
            Phase::Idle | Phase::Resting { .. } => {
                let pause = self.backoff.next(&mut self.rng);
                self.lanes[lane.index()] = Phase::Resting { until: now.plus(pause) };
            }
            Phase::Dialing { .. } => self.feeding = lane.other(),
            Phase::Open(second) => {
                self.feeding = lane.other();
                self.rotate_at = self.old_at(second.opened_at);
                self.act(Action::OpenBooks);
                self.act(Action::Feed(self.feeding));
            }
        }
    }
}
