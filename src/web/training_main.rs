//! The WebAssembly module for training: everything it exports is in `aand::web`.

fn main() {
    #[cfg(target_arch = "wasm32")]
    aand::web::report_panics();
}
