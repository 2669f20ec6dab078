//! The `aand` program; everything it does is in the library's [`aand::cli`].

fn main() -> std::process::ExitCode {
    aand::cli::run()
}
