//! `arb run` on threads: from a booted journal to the summary.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::cli::exit::CliError;
use crate::cli::exit::Exit;
use crate::cli::replay::stop_flag;
use crate::cli::run::boot;
use crate::cli::run::boot::Boot;
use crate::cli::run::ending;
use crate::cli::run::evidence;
use crate::cli::run::evidence::Witness;
use crate::cli::run::evidence::Witnesses;
use crate::cli::run::job::Job;
use crate::cli::run::left;
use crate::cli::run::no_log;
use crate::cli::run::refused;
use crate::cli::run::reload::Reload;
use crate::cli::run::telemetry_plan;
use crate::cli::run::venues;
use crate::cli::run::venues::Built;

use crate::cli::run::watchdog_plan;
use crate::cli::summary::RunView;
use crate::cli::summary::Summary;
use crate::config::yaml::IdlePolicy;
use crate::config::yaml::Mode;
use crate::config::yaml::Placement as PlacementYaml;
use crate::config::yaml::ThreadYaml;
use crate::engine::agent::Engine;
use crate::engine::core::Core;
use crate::feed::recorder::Recorder;
use crate::gateway::paper::Paper;
use crate::journal::agent::Journal;
use crate::runtime::crew::Pinned;
use crate::runtime::crew::Post;
use crate::runtime::crew::StartError;
use crate::runtime::idle::Idle;
use crate::scenario::keeper::Keeper;
use crate::scenario::live::Back;
use crate::scenario::live::Hands;
use crate::scenario::live::Running;
use crate::scenario::members::VenueFeed;
use crate::scenario::posts::Placement;
use crate::scenario::posts::Posts;
use crate::scenario::posts::Role;
use crate::scenario::posts::ThreadPlan;
use crate::scenario::record::Record;
use crate::scenario::sabotage::Sabotage;
use crate::sim::agent::MarketFeed;
use crate::sim::saboteur::Switches;
use crate::sim::tampering::Tampering;
use crate::telemetry::agent::Ports as TelemetryPorts;
use crate::telemetry::agent::Telemetry;
use crate::telemetry::agent::Timeline;
use crate::telemetry::writer::LogWriter;
use crate::topology::Plant;
use crate::topology::Site;
use crate::topology::mock_plant;
use crate::topology::venues as in_use;
use crate::types::board::DogBoard;
use crate::types::board::Terms;
use crate::types::fact::Fact;
use crate::types::ids::VenueId;
use crate::types::journal::JournalState;
use crate::types::time::Clock;
use crate::types::time::DurNs;
use crate::types::time::MonoNs;
use crate::types::time::Now;
use crate::watchdog::agent::Watchdog;
use crate::watchdog::step::Standing;

/// How long the synthetic market has been going at the start: every book has had its first image.
const HEAD_START: DurNs = DurNs::from_ms(200);

/// Boots, starts, waits and ends.
pub(super) fn run(job: &Job<'_>, log: &mut Option<LogWriter>) -> Result<Exit, CliError> {
    // Everything that can refuse comes before the journal begins a file.
    let lock = boot::lock(job)?;
    if let Some(log) = log.as_mut() {
        boot::open_log_file(job, log)?;
    }
    if job.loaded.checked.mode == Mode::Mock {
        job.market.check().map_err(refused)?;
    }
    let (standing, mut standing_file) = left::read(job)?;
    let switches = Switches::default();
    let evidence_files = evidence::files(job, &switches)?;
    let Boot { core, carry, writer, state } = boot::boot(job)?;
    let fares = Arc::clone(&state);
    let stop = stop_flag(Exit::Unhedged);
    let mut reload = Reload::new(job);
    let posts = posts(job);
    let site = site(job, &posts, (core, Arc::clone(&state)));
    let sabotage = sabotage(job, &switches);
    let built = build(job, &posts, (site, &sabotage))?;
    let Built { mut plant, outlets, helpers, recorder, keeper: mut rules } = built;
    let watchdog = watchdog(job, &posts, &mut plant, (&state, standing));
    let dog = Arc::clone(&plant.boards.dog);
    let record = Arc::new(Mutex::new(Record::resumed(&job.plan.engine, &carry)));
    let (terms, lost) = (Arc::<Terms>::default(), Arc::<AtomicU64>::default());
    let notices = plant.boards.notices.clone();
    let witness = Witness::new(Arc::clone(&terms), notices, Arc::clone(&lost));
    let journal = Journal::new(outlets.facts, writer, state);
    let journal = journal.watched_by(watching(&record, witness));
    let Some(writer) = log.take() else { return Err(no_log()) };
    let mut ports = TelemetryPorts::new(outlets.reports, writer, reload.reopen_log());
    (ports.sources.due, ports.sources.notices) = (Some(outlets.due), Some(outlets.notices));
    ports.sources.losses = vec![("notices_lost", lost)];
    ports.sources.losses.extend(recorder.iter().flat_map(Recorder::losses));
    ports.evidence = evidence_files;
    let tallies = plant.feeds.iter().map(VenueFeed::tally).collect();
    let witnesses = Witnesses { pulses: posts.pulses(), tallies, switches, record: terms };
    let ports = evidence::join(job, &mut plant, witnesses, (ports, evidence::beat(job)));
    let telemetry = Telemetry::new(telemetry_plan(job, Timeline::Real), ports);
    let hands = Hands { plant, journal, telemetry, watchdog, helpers, recorder, sabotage };
    let begun = job.clock.mono();
    let running = Running::start(posts, hands, job.clock, &mut tell).map_err(not_started)?;
    let ended = || stop.load(Ordering::Relaxed) || fares.has_failed();
    let mut keep = || left::keep(&mut standing_file, &dog, job.clock.mono());
    running.wait(&ended, &mut || {
        reload.look(job);
        keep();
        rules.iter_mut().for_each(Keeper::look);
    });
    say_why(stop.load(Ordering::Relaxed), dog.ending());
    let back = running.end(&mut keep);
    keep();
    let span = job.clock.mono().since(begun);
    let done = finish(job, back, (&record, span, &dog));
    drop(lock);
    done
}

/// The plant of the mode.
fn build(
    job: &Job<'_>,
    posts: &Posts,
    (site, sabotage): (Site, &Sabotage),
) -> Result<Built, CliError> {
    match job.loaded.checked.mode {
        Mode::Mock => mock(job, (site, sabotage)),
        Mode::Paper | Mode::Live => {
            let disk_is_full = Arc::clone(&sabotage.switches.disk_is_full);
            venues::build(job, posts, (site, disk_is_full))
        }
    }
}

/// What hears of every fact before it is written.
fn watching(record: &Arc<Mutex<Record>>, mut witness: Witness) -> Box<dyn FnMut(&Fact) + Send> {
    let record = Arc::clone(record);
    Box::new(move |fact| {
        record.lock().unwrap_or_else(PoisonError::into_inner).take(fact);
        witness.take(fact);
    })
}

fn say_why(is_asked: bool, watchdog: Option<u8>) {
    if let Some(code) = watchdog {
        log::error!("the watchdog ends the run (exit {code})");
    }
    if is_asked {
        log::info!("stopping: no new pairs; orders at work come to their end");
    }
}

fn site(job: &Job<'_>, posts: &Posts, (core, journal): (Box<Core>, Arc<JournalState>)) -> Site {
    let waker = |role| posts.of(role).and_then(Post::waker);
    Site {
        optional: job.loaded.checked.optional.clone(),
        core: Some(core),
        journal: Some(journal),
        engine: waker(Role::Engine),
        gateway: waker(Role::Gateway),
        record: waker(Role::Journal),
        telemetry: waker(Role::Telemetry),
    }
}

fn posts(job: &Job<'_>) -> Posts {
    let posts = Posts::new(&thread_plan(job));
    if posts.is_crowded {
        log::warn!(
            "the threads that never sleep leave no core to the others: set runtime.threads.*.idle \
             to park or auto, or use more cores"
        );
    }
    posts
}

/// The fault schedule from now on.
fn sabotage(job: &Job<'_>, switches: &Switches) -> Sabotage {
    Sabotage { faults: job.faults.clone(), start: job.clock.mono(), switches: switches.clone() }
}

/// The synthetic market, with the feeds' part of the fault schedule laid over it.
fn mock(job: &Job<'_>, (site, sabotage): (Site, &Sabotage)) -> Result<Built, CliError> {
    let mut market = job.market.clone();
    // Its books stand already when the engine starts, as those of a venue would.
    market.start = MonoNs(job.clock.mono().0.saturating_sub(HEAD_START.0));
    let (plant, outlets) = mock_plant(&job.plan, &market, site).map_err(refused)?;
    let tampered = |feed: MarketFeed| {
        let venue = (feed.venue(), &job.market.instruments[..]);
        feed.tampered(Tampering::new(&sabotage.faults, sabotage.start, venue))
    };
    let plant = plant.with_feeds(|feed| VenueFeed::Synthetic(Box::new(tampered(feed))));
    Ok(Built { plant, outlets, helpers: Vec::new(), recorder: None, keeper: None })
}

/// The watchdog over these threads.
fn watchdog(
    job: &Job<'_>,
    posts: &Posts,
    plant: &mut Plant<VenueFeed>,
    (journal, standing): (&Arc<JournalState>, Standing),
) -> Watchdog {
    let sections = &job.loaded.checked.sections;
    let ports = plant.boards.dog_ports(&plant.permission);
    let mut subjects = posts.subjects(&mut plant.boards, sections.sys_monitor.enabled);
    subjects.journal = Some(Arc::clone(journal));
    Watchdog::new(watchdog_plan(job, standing), subjects, ports)
}

/// Journal closed, log flushed, summary printed; then how it ended.
fn finish(
    job: &Job<'_>,
    back: Back<Journal>,
    (record, span, dog): (&Mutex<Record>, DurNs, &DogBoard),
) -> Result<Exit, CliError> {
    let Back { feeds, engine, gateway, journal, recorder, telemetry, falls, late } = back;
    let now = Now { mono: job.clock.mono(), wall: Clock::wall() };
    // Only a run that came to its end in order says so on record.
    let orderly = falls.is_empty() && late.is_empty();
    let stopped = journal.map(|mut journal| match (orderly, journal.error()) {
        (false, None) => Ok(()),
        _ => journal.stop(now),
    });
    let trace = engine.as_ref().map(|engine| engine.core().trace_hash());
    recorder.into_iter().for_each(|recorder| end_recording(recorder, trace, now));
    for name in &late {
        log::error!("thread {name} did not come to its end in time");
    }
    for fall in &falls {
        log::error!("thread {} panicked: {}", fall.thread, fall.message);
    }
    let told = telemetry.map(|mut telemetry| telemetry.finish(now));
    if let Some(lost) = told.as_ref().map(|end| end.log_losses.queue).filter(|lost| *lost > 0) {
        eprintln!("{lost} log lines were lost: their queue was full");
    }
    if let Some(fall) = falls.first() {
        let what = format!("thread {} panicked: {}", fall.thread, fall.message);
        let hint = "this is a defect: report it with the log; the journal holds what is open";
        return Err(CliError::new(Exit::Internal, what, hint));
    }
    let (Some(engine), Some(gateway)) = (engine, gateway) else {
        let what = format!("threads that did not end in time: {}", late.join(", "));
        return Err(CliError::new(Exit::Internal, what, "the journal holds what is open"));
    };
    let sound = is_sound(record, &engine, &gateway);
    let exit = match stopped {
        Some(Err(_)) | None => Exit::Io,
        Some(Ok(())) if !orderly => Exit::Internal,
        Some(Ok(())) => ending(sound, engine.core().is_exposed(), dog.ending()),
    };
    let view = RunView {
        engine: &engine,
        venues: feeds.iter().map(|feed| (feed.venue(), feed.tally())).collect(),
        tick_to_decision: engine.tick_to_decision(),
        tick_to_order: engine.tick_to_order(),
        span,
        invariants_ok: sound,
        watchdog: Some(dog),
        snapshots: told.and_then(|end| end.checkpoints),
    };
    Summary::of(&view, job.heading(exit)).print(job.common.json)?;
    match stopped {
        Some(Err(error)) => Err(boot::failed(error)),
        _ => Ok(exit),
    }
}

/// Ends its files, and says what there is and what is missing in it.
fn end_recording(recorder: Recorder, trace: Option<u64>, now: Now) {
    let (count, losses) = (recorder.count(), recorder.losses());
    if let Err(error) = recorder.finish(trace, now) {
        log::error!("the recording was not ended as it should be: {error}");
    }
    let [lines, bytes] = [&count.lines, &count.bytes].map(|count| count.load(Ordering::Relaxed));
    log::info!("the recording has {lines} lines, {bytes} bytes");
    for (name, count) in losses {
        let count = count.load(Ordering::Relaxed);
        if count > 0 {
            log::warn!("the recording is not whole: {name} {count}");
        }
    }
}

fn is_sound(record: &Mutex<Record>, engine: &Engine, gateway: &Paper) -> bool {
    record.lock().unwrap_or_else(PoisonError::into_inner).is_sound(engine, gateway)
}

fn tell(name: &str, pinned: &Pinned) {
    match pinned {
        Pinned::Not { .. } => log::warn!("thread {name}: {pinned}; it runs unpinned"),
        Pinned::On { .. } => log::info!("thread {name}: {pinned}"),
        Pinned::Free => {}
    }
}

fn thread_plan(job: &Job<'_>) -> ThreadPlan {
    let runtime = &job.loaded.checked.sections.runtime;
    let placement = match runtime.placement {
        PlacementYaml::Threads => Placement::Threads,
        PlacementYaml::Shared => Placement::Shared,
    };
    let venues = in_use(&job.plan.engine.instruments);
    let seat = |(name, thread): (&str, &ThreadYaml)| {
        let role = role_of(name)?;
        let is_there = match role {
            Role::Feed(venue) => venues.contains(&venue),
            _ => true,
        };
        let idle = match thread.idle {
            IdlePolicy::Spin => Idle::Spin,
            IdlePolicy::Yield => Idle::Yield,
            IdlePolicy::Park => Idle::Park,
            IdlePolicy::Auto => Idle::Auto,
        };
        is_there.then_some((role, thread.core.map(|core| core as usize), idle))
    };
    let mut seats: Vec<_> = runtime.threads.all().into_iter().filter_map(seat).collect();
    if job.loaded.checked.mode != Mode::Mock {
        let desks = venues.iter().map(|venue| Role::Desk(*venue));
        seats.extend(desks.chain([Role::Names]).map(|role| (role, None, Idle::Park)));
    }
    if job.recording.is_some() {
        seats.push((Role::Recorder, None, Idle::Park));
    }
    ThreadPlan { placement, seats }
}

/// The role of a key of `runtime.threads`.
fn role_of(name: &str) -> Option<Role> {
    if let Some(venue) = name.strip_prefix("feed_") {
        return VenueId::from_name(venue).map(Role::Feed);
    }
    let always = [Role::Engine, Role::Gateway, Role::Journal, Role::Telemetry, Role::Watchdog];
    always.into_iter().find(|role| role.name() == name)
}

fn not_started(error: StartError) -> CliError {
    CliError::new(Exit::Internal, error, "see the limits of this user (ulimit -u)")
}
