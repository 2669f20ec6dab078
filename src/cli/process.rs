//! What the program asks of the system before it does anything else.

/// Prepares the process, so that drivers and limits do not speak or act in the program's stead.
///
/// # Safety
/// No other thread may run: the environment is changed.
pub unsafe fn prepare_process() {
    #[cfg(unix)]
    {
        // A limit on the size of files is to be an error of the write that meets it, not the end of the program.
        // SAFETY: ignoring a signal touches no memory.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // Where this is unset or no absolute path (over ssh, in a container), the Wayland library that Mesa's Vulkan
        // layer asks for the display's GPU prints two lines that begin with "error:", though nothing is wrong. With
        // any absolute path it finds no display in silence. Debian's policy keeps this one free, so that nobody can
        // offer a display there.
        const VARIABLE: &str = "XDG_RUNTIME_DIR";
        let usable = std::env::var_os(VARIABLE).is_some_and(|path| std::path::Path::new(&path).is_absolute());
        if !usable {
            #[expect(clippy::disallowed_methods, reason = "the only thread, and a driver reads it")]
            // SAFETY: as the caller promises, nobody reads the environment at the same time.
            unsafe {
                std::env::set_var(VARIABLE, "/nonexistent")
            };
        }
    }
}
