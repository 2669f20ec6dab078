//! How quick a model is on this machine: what `aand bench` measures.

mod machine;
mod timing;
mod training;

pub use machine::{Machine, peak_memory_mb, processor_ms, reset_peak_memory};
pub use timing::{Summary, repeat};
pub use training::{Engine, TrainingSpeed, burns_device, training_speed};

use crate::Result;
use crate::detection::Detector;
use crate::gpu::Processor;
use crate::model::Precision;
use crate::picture::{Picture, Size, normalize};
use serde::Serialize;
use std::path::Path;
use std::time::Instant;

/// Batches whose throughput is measured.
const BATCHES: [usize; 2] = [8, 32];

/// How often and what to measure.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Runs at batch 1.
    pub runs: usize,
    /// Runs of each larger batch, and of the layers one by one; with 0 neither is measured.
    pub batches: usize,
}

/// Milliseconds from opening the file to the first score.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FirstAnswer {
    /// The first time in this process.
    pub cold: f64,
    /// The second time, with everything that process and system have cached.
    pub warm: f64,
}

/// Pictures per second at one batch size.
#[derive(Clone, Debug, Serialize)]
pub struct Throughput {
    /// Pictures at once.
    pub batch: usize,
    /// From the median run.
    pub pictures_per_second: f64,
    /// Every run.
    pub ms: Vec<f64>,
    /// Peak memory of the process up to then, where the system reports it.
    pub peak_memory_mb: Option<f64>,
}

/// Milliseconds of one layer, the median of a few runs.
#[derive(Clone, Debug, Serialize)]
pub struct LayerTime {
    /// As in the model file, for example `student.oce.blocks.0.conv1`.
    pub name: String,
    /// At batch 1.
    pub ms: f64,
}

/// Everything measured in detection. The pictures are 8-bit ones, already in memory at the model's size; normalization
/// and anomaly map are included.
#[derive(Clone, Debug, Serialize)]
pub struct DetectionSpeed {
    /// Reading the model file and making it ready.
    pub load_ms: f64,
    /// From opening the file.
    pub first_answer_ms: FirstAnswer,
    /// Every run at batch 1, by the clock.
    pub latency_ms: Vec<f64>,
    /// Processor time of all threads together, mean of the runs at batch 1, where the system reports it. It
    /// depends little on what else the machine is doing.
    pub processor_ms: Option<f64>,
    /// Summary of `latency_ms`.
    pub latency: Summary,
    /// Peak memory after the runs at batch 1, where the system reports it.
    pub peak_memory_mb: Option<f64>,
    /// At larger batches.
    pub throughput: Vec<Throughput>,
    /// Where the device can time them.
    pub layers: Vec<LayerTime>,
}

/// Measures detection with the model file `path` on `processor`, computed with `precision`.
///
/// # Errors
/// The model cannot be read, or the device failed.
pub fn detection_speed(
    path: &Path,
    processor: &Processor,
    precision: Precision,
    extent: Extent,
) -> Result<DetectionSpeed> {
    let started = Instant::now();
    let detector = Detector::open_in(precision, path, processor)?;
    let load_ms = milliseconds(started);
    let size = detector.info.size;
    // Made within the time of the first answer, where a millisecond does not matter.
    let one = pictures(1, size);
    answer(&detector, &one)?;
    let cold = milliseconds(started);
    let before = processor_ms();
    let latency_ms = repeat(extent.runs, || answer(&detector, &one))?;
    let spent = before.and_then(|before| processor_ms().map(|after| after - before));
    let peak = peak_memory_mb();
    let layers = layers(&detector, size, extent.batches)?;
    let mut throughput = Vec::new();
    for batch in BATCHES.into_iter().filter(|_| extent.batches > 0) {
        let many = pictures(batch, size);
        answer(&detector, &many)?;
        let ms = repeat(extent.batches, || answer(&detector, &many))?;
        let pictures_per_second = batch as f64 * 1000.0 / Summary::of(&ms).median_ms;
        throughput.push(Throughput { batch, pictures_per_second, ms, peak_memory_mb: peak_memory_mb() });
    }
    drop(detector);
    let started = Instant::now();
    answer(&Detector::open_in(precision, path, processor)?, &one)?;
    let warm = milliseconds(started);
    Ok(DetectionSpeed {
        load_ms,
        first_answer_ms: FirstAnswer { cold, warm },
        latency: Summary::of(&latency_ms),
        latency_ms,
        processor_ms: spent.map(|ms| ms / extent.runs as f64),
        peak_memory_mb: peak,
        throughput,
        layers,
    })
}

/// Maps and verdicts of a batch of pictures.
fn answer(detector: &Detector, pictures: &[Picture]) -> Result<()> {
    for map in detector.maps_of(pictures)? {
        detector.judge(map, detector.info.size)?;
    }
    Ok(())
}

/// Made-up pictures: the time does not depend on what they show.
fn pictures(count: usize, size: Size) -> Vec<Picture> {
    let value = |seed: usize, i: u32| ((i as usize + seed).wrapping_mul(2_654_435_761) >> 13) as u8;
    let (width, height) = size.pixels();
    let made = |n: usize| {
        Picture::from_fn(width, height, |x, y| {
            image::Rgb([0, 1, 2].map(|c| value(n, 3 * (y * width + x) + c)))
        })
    };
    (0..count).map(made).collect()
}

fn layers(detector: &Detector, size: Size, count: usize) -> Result<Vec<LayerTime>> {
    let pixels = normalize(&pictures(1, size)[0]);
    let runs = (0..count).map(|_| detector.layer_times(&pixels)).collect::<Result<Vec<_>>>()?;
    let layer = |i: usize| {
        let ms: Vec<f64> = runs.iter().map(|run| run[i].1).collect();
        LayerTime { name: runs[0][i].0.clone(), ms: Summary::of(&ms).median_ms }
    };
    Ok((0..runs.first().map_or(0, Vec::len)).map(layer).collect())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
