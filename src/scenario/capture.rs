//! Feeds and a recorder on threads, and nothing else: what `arb record` runs.

use std::io;
use std::sync::Arc;

use crate::feed::recorder::Recorder;
use crate::runtime::agent::Agent;
use crate::runtime::crew::Crew;
use crate::runtime::crew::End;
use crate::runtime::crew::Ended;
use crate::runtime::crew::Post;
use crate::runtime::crew::StartError;
use crate::runtime::crew::Worker;
use crate::runtime::drive::Order;
use crate::runtime::fall::Fall;
use crate::runtime::idle::Wait;
use crate::types::control::PermissionWord;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::Now;

/// Longest time from the order to end to the end of a thread.
const DRAIN: DurNs = DurNs::from_secs(5);
/// How often the supervisor looks whether it is over.
const LOOK: DurNs = DurNs::from_ms(50);

/// The threads of a recording besides the recorder's. `F` is what plays a venue's feed, `D` what
/// does its slow errands.
pub struct Crowd<F, D> {
    /// One a venue, with tapped books.
    pub feeds: Vec<(F, Post)>,
    /// Those that serve them.
    pub desks: Vec<(D, Post)>,
}

/// What came back.
pub struct Recorded<F> {
    /// The feeds that came back.
    pub feeds: Vec<F>,
    /// Threads that panicked.
    pub falls: Vec<Fall>,
    /// Threads that did not end in time.
    pub late: Vec<&'static str>,
    /// Whether the last file was ended as it should be; an error also of a recording that stopped
    /// on a full disk.
    pub files: io::Result<()>,
}

/// Records until `is_over` says so or a thread falls. The recorder is the last to end, so that it
/// has everything that the feeds took.
///
/// # Errors
/// The first thread that the system did not give; those started before are told to end.
pub fn record_only<F, D>(
    crowd: Crowd<F, D>,
    recorder: Recorder,
    clock: Clock,
    is_over: &dyn Fn() -> bool,
) -> Result<Recorded<F>, StartError>
where
    F: Agent + Send + 'static,
    D: Agent + Send + 'static,
{
    // Nothing here may trade.
    let mut crew = Crew::new(clock, Arc::new(PermissionWord::shut()));
    let mut post = Post::new("recorder", Wait::Park, DurNs(3 * DRAIN.0));
    for (_, feed) in &crowd.feeds {
        post = post.after(feed.pulse());
    }
    let recorder = crew.start(recorder, post)?;
    let desks = start_all(&mut crew, crowd.desks)?;
    let feeds = start_all(&mut crew, crowd.feeds)?;
    while !is_over() && crew.standing() == Order::Run {
        crew.wait_until(clock.mono().plus(LOOK));
    }
    crew.stop(Order::Drain);
    let by = clock.mono().plus(DRAIN);
    let mut late = Vec::new();
    let mut back = Vec::new();
    for feed in feeds {
        back.extend(came_back(crew.join(feed, by), &mut late));
    }
    // One that waits for an answer of its venue, or of a name server, is left to it: it holds
    // nothing that belongs into the recording.
    let mut waiting = Vec::new();
    for desk in desks {
        let _ = came_back(crew.join(desk, by), &mut waiting);
    }
    for name in waiting {
        log::warn!("thread {name} still waits for an answer and is left to it");
    }
    let by = clock.mono().plus(DRAIN);
    let recorder = came_back(crew.join(recorder, by), &mut late);
    let now = Now { mono: clock.mono(), wall: Clock::wall() };
    let files = match recorder {
        Some(recorder) => recorder.finish(None, now),
        None => Err(io::Error::other("the recorder's thread did not come back")),
    };
    Ok(Recorded { feeds: back, falls: crew.falls(), late, files })
}

fn start_all<A: Agent + Send + 'static>(
    crew: &mut Crew,
    agents: Vec<(A, Post)>,
) -> Result<Vec<Worker<A>>, StartError> {
    let start = |(agent, post)| crew.start(agent, post);
    let started: Result<Vec<_>, _> = agents.into_iter().map(start).collect();
    started.inspect_err(|_| crew.stop(Order::Cut))
}

fn came_back<A>(ended: Ended<A>, late: &mut Vec<&'static str>) -> Option<A> {
    match ended.end {
        End::Returned(agent, _) => Some(agent),
        End::Panicked(_) => None,
        End::Left => {
            late.push(ended.name);
            None
        }
    }
}
