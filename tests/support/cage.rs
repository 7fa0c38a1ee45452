//! Watches one thread for what an engine must not do: heap allocations through a counting
//! allocator, system calls through a seccomp filter that turns a forbidden one into a signal.
#![allow(unsafe_code, reason = "an allocator, a signal handler and a filter need it")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::alloc::GlobalAlloc;
use std::alloc::Layout;
use std::alloc::System;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

thread_local! {
    /// Without destructor and lazy part, so that an allocator may look at it.
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static TOUCHES: Cell<u64> = const { Cell::new(0) };
}
static TRAPPED: AtomicU64 = AtomicU64::new(0);
static LAST_TRAPPED: AtomicI64 = AtomicI64::new(-1);

/// The system's allocator, counting every call of a watched thread.
pub struct Counting;

impl Counting {
    fn note() {
        if IS_WATCHED.get() {
            TOUCHES.set(TOUCHES.get() + 1);
        }
    }
}

// SAFETY: every call goes to the system's allocator with its arguments unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::note();
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Counting::note();
        unsafe { System.dealloc(block, layout) }
    }
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::note();
        unsafe { System.realloc(block, layout, size) }
    }
}

/// Whether heap use of the calling thread counts from here on.
pub fn watch_heap(is_watched: bool) {
    IS_WATCHED.set(is_watched);
}

/// Allocations, reallocations and releases of the calling thread while it was watched.
pub fn heap_touches() -> u64 {
    TOUCHES.get()
}

/// What an idle policy may call (the clock normally needs no call at all), and what a thread and
/// a signal handler need to end. Of the latter, `munmap` and `madvise` could only come from the
/// allocator, which is counted by itself.
const ALLOWED: [libc::c_long; 11] = [
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sigaltstack,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

extern "C" fn on_trap(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: of a SIGSYS by seccomp: three ints, the calling address, then the call's number.
    let call = unsafe { *info.cast::<u8>().add(24).cast::<i32>() };
    LAST_TRAPPED.store(i64::from(call), Ordering::Relaxed);
    TRAPPED.fetch_add(1, Ordering::Relaxed);
}

/// From here on the calling thread traps at any system call that is not allowed: it is not made,
/// and counted. For good. False where the system offers no filters.
pub fn cage() -> bool {
    let code = |of: u32| u16::try_from(of).unwrap_or(0);
    let line = |of: u32, jumps: (u8, u8), k: u32| libc::sock_filter {
        code: code(of),
        jt: jumps.0,
        jf: jumps.1,
        k,
    };
    // The number of the call is the first word that the filter sees.
    let mut program = vec![line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, (0, 0), 0)];
    for (at, call) in ALLOWED.into_iter().enumerate() {
        let to_allow = (ALLOWED.len() - at) as u8;
        let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        program.push(line(equal, (to_allow, 0), call as u32));
    }
    let answer = libc::BPF_RET | libc::BPF_K;
    program.push(line(answer, (0, 0), libc::SECCOMP_RET_TRAP));
    program.push(line(answer, (0, 0), libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: plain system calls; handler and filter outlive what refers to them.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_trap as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        libc::sigaction(libc::SIGSYS, &action, ptr::null_mut()) == 0
            && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) == 0
    }
}

/// Calls that were not made, and the number of the last one.
pub fn trapped() -> (u64, i64) {
    (TRAPPED.load(Ordering::Relaxed), LAST_TRAPPED.load(Ordering::Relaxed))
}

/// Makes a call that no caged thread may make.
pub fn forbidden_call() {
    // SAFETY: changes nothing.
    unsafe { libc::getppid() };
}
