//! What is asked of glibc's allocator. Compilers take much memory for a moment, and it would keep most of that for good.

/// Has all threads share two arenas: each has its own free memory, which others do not get. To be called before there are
/// threads.
pub fn share_arenas() {
    libc_calls::share_arenas();
}

/// Gives the system what is free.
pub fn give_back() {
    libc_calls::give_back();
}

#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "calls into the C library that have no safe wrapper"
)]
mod libc_calls {
    pub(super) fn share_arenas() {
        // SAFETY: mallopt(3) takes no pointer.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
    }

    pub(super) fn give_back() {
        // SAFETY: malloc_trim(3) takes no pointer and is safe to call from any thread.
        unsafe { libc::malloc_trim(0) };
    }
}

#[cfg(not(target_env = "gnu"))]
mod libc_calls {
    pub(super) fn share_arenas() {}

    pub(super) fn give_back() {}
}
