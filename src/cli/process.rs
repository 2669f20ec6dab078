//! Preparations of the process, before anything else.

/// Keeps drivers, and decoders that break down on a picture, from printing messages of their own, and the file-size limit
/// from ending the program.
///
/// # Safety
/// No other thread may run: the environment is changed.
pub unsafe fn prepare_process() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What becomes the error of a picture is told with the picture.
        if !crate::picture::is_guarded() {
            told(panic);
        }
    }));
    #[cfg(unix)]
    {
        // A write beyond the limit on file sizes should fail with an error, not end the program. SAFETY:
        // ignoring a signal touches no memory.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // If this is unset or not an absolute path (over ssh, in a container), the Wayland library, which Mesa's
        // Vulkan layer asks for the display's GPU, prints two lines that begin with "error:" although nothing is
        // wrong. With any absolute path it silently finds no display. Debian's policy reserves this one, so nobody
        // can offer a display there.
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
