//! What Upbit and Bithumb have in common: the grammar of their frames, requests and answers. What
//! differs (units of time, names of keys, flags) is said by each venue's own folder.

pub mod account;
pub mod answers;
pub mod codec;
pub mod listing;
pub mod lists;
pub mod number;
pub mod object;
pub mod private;
pub mod public;
pub mod refusal;
pub mod request;
pub mod stamp;
pub mod stream;
pub mod usual;
