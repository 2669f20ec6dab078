//! Detection: many pictures, in batches, without the interpreter's lock.

use crate::errors::{DeviceError, raised, wrong};
use crate::pool::{Pool, threads};
use crate::source::Source;
use aand::detection::{self, Detection, Verdict};
use aand::gpu::{Choice, Processor};
use aand::model::{Precision, Threshold};
use aand::picture::{Picture, Seen, Size};
use aand::{Error, Result};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::prelude::*;
use std::path::PathBuf;

/// A model, ready to judge pictures; may be used by several threads at once.
#[pyclass(frozen, module = "aand._aand")]
pub struct Detector {
    detector: detection::Detector,
    /// Which process may use it, if not any: GPUs do not survive a fork.
    process: Option<u32>,
    pool: Option<Pool>,
    /// What computes, in words.
    #[pyo3(get)]
    device: String,
    /// The model's header, as JSON.
    #[pyo3(get)]
    info: String,
}

/// What was found in a picture: score, normalized, anomalous, map, regions, and the picture's width and height. A region
/// is box, center, area, maximum, mean.
type Found = (f64, f64, bool, Py<Map>, Vec<Region>, usize, usize);
type Region = ([u32; 4], [f64; 2], u64, f64, f64);

#[pymethods]
impl Detector {
    /// Opens a model file.
    #[new]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        device: &str,
        precision: &str,
        threshold: Option<f64>,
        min_area: f64,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let choice: Choice = device.parse().map_err(|e| wrong("device", device, e))?;
        let precision = match precision {
            "f32" => Precision::F32,
            "f16" => Precision::F16,
            other => return Err(wrong("precision", other, "f32 or f16")),
        };
        if let Some(value) = threshold.filter(|value| !(value.is_finite() && *value > 0.0)) {
            return Err(wrong("threshold", &value.to_string(), "must be positive"));
        }
        if !(min_area.is_finite() && min_area >= 0.0) {
            return Err(wrong("min_area", &min_area.to_string(), "must be 0 or more"));
        }
        if threads == Some(0) {
            return Err(wrong("threads", "0", "must be 1 or more"));
        }
        let pool = threads.map(Pool::of);
        let ready = crate::pool::threads(pool.as_ref())?;
        let (mut detector, words, on_gpu) = py
            .detach(|| {
                ready.install(|| {
                    let (processor, words) = choice.open()?;
                    let on_gpu = matches!(processor, Processor::Gpu(_));
                    let detector = detection::Detector::open_in(precision, &path, &processor)?;
                    Ok::<_, Error>((detector, words, on_gpu))
                })
            })
            .map_err(raised)?;
        if let Some(value) = threshold {
            let words = "given by the caller, not by the model".to_owned();
            let (method, reliability) = (words.clone(), words);
            detector.info.threshold =
                Threshold { value, method, reliability, reliable: true, ..Threshold::none() };
        }
        detector.min_area = min_area;
        let info = serde_json::to_string(&detector.info)
            .map_err(|error| raised(Error::model(&path, error.to_string())))?;
        let process = on_gpu.then(std::process::id);
        Ok(Self { detector, process, pool, device: words, info })
    }

    /// Judges pictures, `batch` at a time. Each gets an answer: what was found, or the error, as an exception that is
    /// not raised.
    fn detect(&self, py: Python<'_>, sources: Vec<Source>, batch: usize) -> PyResult<Vec<Py<PyAny>>> {
        if self.process.is_some_and(|process| process != std::process::id()) {
            let reason = "this detector was opened on a GPU before the process was forked, and a GPU does not survive \
                          that; open it in this process, start processes with `spawn`, or use `device cpu`";
            return Err(DeviceError::new_err(reason));
        }
        if batch == 0 {
            return Err(wrong("batch", "0", "must be 1 or more"));
        }
        let pool = threads(self.pool.as_ref())?;
        // A picture in tiles is a batch of its own.
        let batch = if self.detector.info.view.tiles.is_some() { 1 } else { batch };
        let mut answers = Vec::with_capacity(sources.len());
        for sources in sources.chunks(batch) {
            py.check_signals()?;
            let found = py.detach(|| pool.install(|| self.batch(sources))).map_err(raised)?;
            for (found, source) in found.into_iter().zip(sources) {
                answers.push(match found {
                    Ok((found, native)) => given(py, found, native)?.into_pyobject(py)?.into_any().unbind(),
                    Err(error) => raised(source.named(error)).into_value(py).into_any(),
                });
            }
        }
        Ok(answers)
    }
}

impl Detector {
    /// One batch; a picture that fails does not affect the others.
    fn batch(&self, sources: &[Source]) -> Result<Vec<Result<(Detection, Size)>>> {
        let (info, detector) = (&self.detector.info, &self.detector);
        let read = |source: &Source| -> Result<(Picture, Size)> {
            let picture = source.open(info.range)?;
            let native = Size::of(&picture);
            match (info.view.misfit(native), source) {
                (None, _) => {}
                (Some(reason), Source::File(path)) => return Err(Error::picture(path, reason)),
                (Some(reason), _) => return Err(Error::Setting(reason)),
            }
            Ok((info.view.see(&picture, info.size).picture.into_owned(), native))
        };
        let read: Vec<Result<(Picture, Size)>> = sources.par_iter().map(read).collect();
        let seen: Vec<Seen<'_>> = read
            .iter()
            .flatten()
            .map(|(picture, native)| Seen { picture: std::borrow::Cow::Borrowed(picture), native: *native })
            .collect();
        let mut maps = pollster::block_on(detector.look(&seen, &mut |_, _| {}))?.into_iter();
        drop(seen);
        let judged = |read: Result<(Picture, Size)>| {
            let (_, native) = read?;
            let map = maps.next().ok_or_else(|| Error::Device("a map is missing".into()))?;
            Ok((detector.judge(map, native)?, native))
        };
        Ok(read.into_iter().map(judged).collect())
    }
}

/// What was found, as values for Python.
fn given(py: Python<'_>, found: Detection, native: Size) -> PyResult<Found> {
    let regions = found.regions.iter().map(|r| (r.bounds, r.center, r.area, r.maximum, r.mean)).collect();
    let anomalous = found.verdict == Verdict::Anomalous;
    let map = Map { width: found.map.width, height: found.map.height, data: found.map.data };
    Ok((found.score, found.normalized, anomalous, Py::new(py, map)?, regions, native.width, native.height))
}

/// An anomaly map, which numpy takes as its own memory: `numpy.asarray(map)` copies nothing.
#[pyclass(frozen, module = "aand._aand")]
pub struct Map {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

#[pymethods]
impl Map {
    /// NumPy's array interface, version 3. The array keeps the map, and nothing else changes it.
    #[getter]
    fn __array_interface__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let interface = PyDict::new(py);
        interface.set_item("version", 3)?;
        interface.set_item("shape", (self.height, self.width))?;
        interface.set_item("typestr", if cfg!(target_endian = "little") { "<f4" } else { ">f4" })?;
        // Read only: Rust relies on this memory not changing.
        interface.set_item("data", (self.data.as_ptr() as usize, true))?;
        Ok(interface)
    }
}
