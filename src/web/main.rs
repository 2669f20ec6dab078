//! The WebAssembly module of the page: everything it exports is in `aand::web`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    aand::web::report_panics();
}
