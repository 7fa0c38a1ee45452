//! What happens when a thread of the crew panics. Before its stack unwinds or anything is printed,
//! entries end, the fall is recorded, its pulse says dead and the others are told to drain.

use std::any::Any;
use std::cell::OnceCell;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::Once;
use std::sync::PoisonError;
use std::thread::Thread;

use arrayvec::ArrayVec;

use crate::runtime::drive::Order;
use crate::runtime::drive::Orders;
use crate::runtime::pulse::PulseView;
use crate::runtime::pulse::State;
use crate::types::control::PermissionWord;

/// Most falls that are kept: more than a crew has threads.
const FALLS: usize = 32;
/// Longest message that is kept, in bytes.
const MESSAGE_BYTES: usize = 512;

/// A thread that panicked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fall {
    /// Its name.
    pub thread: &'static str,
    /// What it said and where, at most 512 bytes of it.
    pub message: String,
}

/// What all threads of a crew share.
#[derive(Debug)]
pub struct Common {
    /// What the loops are told.
    pub orders: Orders,
    permission: Arc<PermissionWord>,
    /// Woken when a thread is over.
    supervisor: Thread,
    falls: Mutex<ArrayVec<Fall, FALLS>>,
}

impl Common {
    /// For a crew whose supervisor is the calling thread.
    pub fn new(permission: Arc<PermissionWord>) -> Common {
        install_hook();
        Common {
            orders: Orders::default(),
            permission,
            supervisor: std::thread::current(),
            falls: Mutex::new(ArrayVec::new()),
        }
    }
    /// Every fall so far, in order.
    pub fn falls(&self) -> Vec<Fall> {
        self.records().to_vec()
    }
    /// The fall of the thread of this name.
    pub fn fall_of(&self, thread: &str) -> Option<Fall> {
        self.records().iter().find(|fall| fall.thread == thread).cloned()
    }
    /// The calling thread is over: its supervisor may want to know.
    pub fn tell_supervisor(&self) {
        self.supervisor.unpark();
    }

    /// The thread panicked. What is urgent first; a second report of the same thread adds nothing.
    pub fn fell(&self, pulse: &PulseView, message: &str) {
        self.permission.end_entries();
        {
            let mut falls = self.records();
            let thread = pulse.name();
            if !falls.is_full() && falls.iter().all(|fall| fall.thread != thread) {
                falls.push(Fall { thread, message: shortened(message) });
            }
        }
        pulse.enter(State::Dead);
        self.orders.give(Order::Drain);
        self.tell_supervisor();
    }

    /// Nothing that holds the lock can leave the records torn, so a poisoned lock is as good.
    fn records(&self) -> MutexGuard<'_, ArrayVec<Fall, FALLS>> {
        self.falls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said, from what a joined or caught panic leaves behind.
pub fn message_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

thread_local! {
    /// Set on the threads of a crew only.
    static SEAT: OnceCell<(Arc<Common>, PulseView)> = const { OnceCell::new() };
}

/// From here on a panic of the calling thread is that of a member of the crew.
pub fn enlist(common: &Arc<Common>, pulse: PulseView) {
    SEAT.with(|seat| {
        seat.get_or_init(|| (Arc::clone(common), pulse));
    });
}

/// Puts our hook before the one that stands, once a process. Other threads' panics pass through.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let next = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            report(info);
            next(info);
        }));
    });
}

fn report(info: &PanicHookInfo<'_>) {
    // A panic in the destructor of the thread's locals finds no seat, and nothing left to save.
    let _ = SEAT.try_with(|seat| {
        let Some((common, pulse)) = seat.get() else { return };
        let said = info.payload_as_str().unwrap_or("no message");
        match info.location() {
            Some(at) => common.fell(pulse, &format!("{said} ({}:{})", at.file(), at.line())),
            None => common.fell(pulse, said),
        }
    });
}

fn shortened(message: &str) -> String {
    message[..message.floor_char_boundary(MESSAGE_BYTES)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::pulse::Pulse;
    use crate::types::control::Permission;
    use crate::types::time::MonoNs;

    #[test]
    fn a_fall_ends_entries_orders_the_others_to_drain_and_is_recorded_once() {
        let permission = Arc::new(PermissionWord::shut());
        permission.grant(Permission::Trade, MonoNs(10));
        let common = Common::new(Arc::clone(&permission));
        let pulse = Pulse::new("engine").view();
        common.fell(&pulse, "first");
        common.fell(&pulse, "second");
        assert_eq!(permission.at(MonoNs(0)), Permission::Finish);
        assert_eq!(common.orders.standing(), Order::Drain);
        assert_eq!(pulse.state(), State::Dead);
        assert_eq!(common.falls(), [Fall { thread: "engine", message: "first".to_owned() }]);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = shortened(&"₩".repeat(1_000));
        assert_eq!(cut.len(), MESSAGE_BYTES / 3 * 3);
    }
}
