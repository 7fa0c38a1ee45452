//! Requests and upgrades at one venue of the local exchange, and what faults make of them.

use crate::net::serve::Request;
use crate::net::serve::Response;
use crate::sim::dialect::SimNow;
use crate::sim::server::frames;
use crate::sim::server::house::House;
use crate::sim::server::limits::SimEffect;
use crate::sim::server::stats::Count;
use crate::types::time::DurNs;
use crate::types::time::Now;

/// How much later than its fills the answer to an order comes.
const LATE_ACK: DurNs = DurNs::from_ms(200);

impl House {
    pub(crate) fn request(&mut self, index: usize, request: Request, now: Now) {
        let at = self.moment(now);
        let request = self.misnamed(request);
        if let Some(refusal) = self.refusal(&request) {
            self.stats.add(self.venue(), Count::Tampered);
            return self.connections[index].respond(&refusal, now.mono);
        }
        self.stats.add(self.venue(), Count::Requests);
        if request.upgrade_key().is_some() {
            return self.open(index, &request, at);
        }
        let response = self.dialect.http(&request, &mut self.exchange, at);
        let is_change = request.method != "GET";
        let connection = &mut self.connections[index];
        let lost = |effect| is_change && self.troubles.has(effect);
        if lost(SimEffect::LostReply) {
            connection.hang_up();
        } else if lost(SimEffect::TimeoutAfterAccept) {
            connection.never_respond(now.mono);
        } else if lost(SimEffect::FillBeforeAck) {
            connection.respond_at(now.mono.plus(LATE_ACK), response);
        } else {
            connection.respond(&response, now.mono);
        }
        self.tell_accounts(at);
    }
    /// What a fault answers in place of the venue.
    fn refusal(&mut self, request: &Request) -> Option<Response> {
        self.refusals += 1;
        if self.troubles.has(SimEffect::Html403) {
            let page = "<html><head><title>403 Forbidden</title></head><body>403</body></html>";
            let kind = ("Content-Type".to_owned(), "text/html".to_owned());
            return Some(Response { status: 403, headers: vec![kind], body: page.into() });
        }
        if self.troubles.has(SimEffect::Http5xx) {
            let status = [502, 503, 500][usize::try_from(self.refusals % 3).unwrap_or(0)];
            let kind = ("Content-Type".to_owned(), "text/html".to_owned());
            let body = b"<html><body>upstream error</body></html>".to_vec();
            return Some(Response { status, headers: vec![kind], body });
        }
        let is_shut = self.troubles.has(SimEffect::Maintenance) && request.upgrade_key().is_some();
        is_shut.then(|| Response::json(503, "{\"error\":\"under maintenance\"}"))
    }
    fn misnamed(&self, mut request: Request) -> Request {
        for symbol in self.unknown_symbols() {
            let misname = |text: &str| frames::misname(text.as_bytes(), &symbol);
            request.query = String::from_utf8_lossy(&misname(&request.query)).into_owned();
            request.path = String::from_utf8_lossy(&misname(&request.path)).into_owned();
            request.body = frames::misname(&request.body, &symbol);
        }
        request
    }
    pub(crate) fn unknown_symbols(&self) -> Vec<String> {
        let pairs = self.troubles.all().iter().zip(&self.symbols);
        let unknown = pairs.filter(|(fault, _)| fault.effect == SimEffect::UnknownSymbol);
        unknown.map(|(_, symbol)| symbol.clone().unwrap_or_else(|| self.first_symbol())).collect()
    }
    /// The venue's code of its first instrument: what a fault without symbol means.
    pub(crate) fn first_symbol(&self) -> String {
        self.exchange.instruments().first().map(frames::native).unwrap_or_default()
    }
    fn open(&mut self, index: usize, request: &Request, at: SimNow) {
        let connection = &mut self.connections[index];
        let (seat, headers) = match self.dialect.open(request, (&self.exchange, at)) {
            Ok(opened) => opened,
            Err(refusal) => return connection.respond(&refusal, at.now.mono),
        };
        let lines: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let upgraded = connection.peer().map(|peer| peer.upgrade(request, &lines));
        if !matches!(upgraded, Some(Ok(()))) {
            return connection.reset();
        }
        connection.seat = Some(seat);
        self.stats.add(self.exchange.venue(), Count::Opened);
        if self.troubles.has(SimEffect::GiantFrame) {
            connection.send_raw(&frames::giant_frame());
        }
        if self.troubles.has(SimEffect::Rst) {
            connection.reset();
        }
    }
}
