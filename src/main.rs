//! The `aand` program; everything it does is in the library's [`aand::cli`].

#[global_allocator]
static MEMORY: aand::cli::HugePages = aand::cli::HugePages;

fn main() -> std::process::ExitCode {
    // SAFETY: no other thread runs yet.
    unsafe { aand::cli::prepare_process() };
    aand::cli::run()
}
