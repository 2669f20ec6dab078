//! The native half of the Python package `aand`: what computes. Everything here is private to `python/aand`, which
//! says what the functions are for.

mod detector;
mod draw;
mod errors;
mod pool;
mod source;
mod train;

use pyo3::prelude::*;

/// The module `aand._aand`.
#[pymodule]
fn _aand(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<detector::Detector>()?;
    module.add_class::<detector::Map>()?;
    module.add_function(wrap_pyfunction!(draw::heat_map, module)?)?;
    module.add_function(wrap_pyfunction!(draw::overlay, module)?)?;
    module.add_function(wrap_pyfunction!(train::train, module)?)?;
    errors::register(module)
}
