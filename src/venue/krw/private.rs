//! Private frames of both venues: orders in each venue's own keys, assets in the same.

use crate::types::market::TickBand;
use crate::venue::Control;
use crate::venue::DecodeError;
use crate::venue::krw::account::balance;
use crate::venue::krw::answers;
use crate::venue::krw::object::Object;
use crate::venue::krw::object::message;
use crate::venue::krw::object::need;
use crate::venue::krw::object::rows;
use crate::venue::krw::refusal::Heard;
use crate::venue::krw::refusal::refusal;
use crate::venue::private::Call;
use crate::venue::private::OrderUpdate;
use crate::venue::private::Private;
use crate::venue::private::PrivateEvent;
use crate::venue::private::Reply;

/// Reads one `myOrder`.
pub type ReadOrder = fn(&Object<'_>) -> Result<OrderUpdate, DecodeError>;

/// Private messages of a venue with this grammar: what differs between the venues.
#[derive(Clone, Copy, Debug)]
pub struct KrwPrivate {
    /// Reads an order of the private stream.
    pub order: ReadOrder,
    /// The tick table of markets in won.
    pub krw_ticks: &'static [TickBand],
}

impl Private for KrwPrivate {
    fn decode_private(&self, frame: &[u8]) -> Result<Vec<PrivateEvent>, DecodeError> {
        decode(frame, self.order)
    }

    /// [`Call::Fills`] is the answer to the request for one order: neither venue has another. A
    /// status of 400 and above is a refusal whatever the body says.
    fn decode_reply(&self, call: Call, status: u16, body: &[u8]) -> Result<Reply, DecodeError> {
        answers::decode(Heard { call, status }, body, self.krw_ticks)
    }
}

/// An object or a list of them, DEFAULT or SIMPLE keys.
fn decode(frame: &[u8], order: ReadOrder) -> Result<Vec<PrivateEvent>, DecodeError> {
    let mut events = Vec::new();
    for object in rows(message(frame)?)? {
        // A frame belongs to no request of its own: what fails is the subscription.
        let heard = Heard { call: Call::Orders, status: 200 };
        if let Some(error) = refusal(&object, heard)? {
            events.push(PrivateEvent::Reply(Reply::Refused(error)));
        } else if object.raw(&["status"]).is_some() {
            events.push(PrivateEvent::Control(Control::Status));
        } else if object.raw(&["method"]).is_some() {
            events.push(PrivateEvent::Control(Control::Ack));
        } else {
            match need(object.text(&["type", "ty"])?)?.as_str() {
                "myOrder" => events.push(PrivateEvent::Order(order(&object)?)),
                "myAsset" => assets(&object, &mut events)?,
                _ => events.push(PrivateEvent::Control(Control::Unused)),
            }
        }
    }
    Ok(events)
}

fn assets(object: &Object<'_>, events: &mut Vec<PrivateEvent>) -> Result<(), DecodeError> {
    for asset in need(object.list(&["assets", "ast"])?)? {
        events.push(PrivateEvent::Balance(balance(&asset)?));
    }
    Ok(())
}
