//! What was found as pictures: the heat map, and the picture under it.

use crate::errors::{raised, wrong};
use crate::source::Source;
use aand::detection::{self, Found};
use aand::picture::{Picture, ScoreMap, Size};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

/// Bytes of `height` rows of `width` pixels of red, green, blue.
type Drawn<'py> = (Bound<'py, PyBytes>, u32, u32);

fn score_map(values: &PyBackedBytes, width: usize) -> ScoreMap {
    let data: Vec<f32> = values.as_chunks().0.iter().map(|&value| f32::from_ne_bytes(value)).collect();
    ScoreMap { width, height: data.len() / width.max(1), data }
}

fn drawn(py: Python<'_>, picture: Picture) -> Drawn<'_> {
    (PyBytes::new(py, picture.as_raw()), picture.height(), picture.width())
}

/// The heat map of a map's bytes, at the size of the picture.
#[pyfunction]
pub fn heat_map(
    py: Python<'_>,
    values: PyBackedBytes,
    columns: usize,
    size: (usize, usize),
    threshold: f64,
) -> Drawn<'_> {
    let size = Size::new(size.0, size.1);
    let picture = py.detach(|| detection::heat_map(&score_map(&values, columns), size, threshold));
    drawn(py, picture)
}

/// The picture with its heat map over it, and a box around each region.
#[pyfunction]
pub fn overlay<'py>(
    py: Python<'py>,
    source: Source,
    values: PyBackedBytes,
    columns: usize,
    threshold: f64,
    boxes: Vec<[u32; 4]>,
    range: Option<&str>,
) -> PyResult<Drawn<'py>> {
    let found = |bounds| Found { bounds, center: [0.0; 2], area: 0, maximum: 0.0, mean: 0.0 };
    let boxes: Vec<Found> = boxes.into_iter().map(found).collect();
    let range = range.map(|range| range.parse().map_err(|e| wrong("range", range, e))).transpose()?;
    let draw = || {
        let native = source.open(range)?;
        let mut picture = detection::overlay(&native, &score_map(&values, columns), threshold);
        detection::draw_boxes(&mut picture, &boxes, Size::of(&native));
        Ok::<_, aand::Error>(picture)
    };
    py.detach(draw).map(|picture| drawn(py, picture)).map_err(raised)
}
