//! The training loop of the compact trunk.

use super::checkpoint::{Checkpoint, Progress};
use super::network::{CompactTrunk, Layout};
use super::objective::{Standard, Target, losses};
use super::optimizer::{Adam, learning_rate};
use super::procedural::Painter;
use super::prune::prune;
use super::scale::{factors, scaled};
use super::standardize::{numbers, standardize};
use super::stream::{Batch, Stream};
use super::{PretrainOptions, holdout, trunk_file};
use crate::model::NamedTensor;
use crate::teacher::{Backbone, Teacher};
use crate::terminal::print;
use crate::weights::TensorFile;
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Steps between two readings of the loss, each of which waits for the device.
const LOOK_EVERY: usize = 20;
/// Steps between two updates of the averaged weights, and how much of the old average stays.
const AVERAGE_EVERY: usize = 10;
const AVERAGE_KEEPS: f64 = 0.99;
/// How often training may diverge before it is abandoned.
const STRIKES: usize = 6;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// The state that changes with each step.
#[derive(Clone)]
struct State {
    weights: Tensor<1>,
    averaged: Tensor<1>,
    adam: Adam,
}

/// A run of the training.
pub struct Distillation<'a> {
    options: &'a PretrainOptions,
    device: Device,
    teacher: Teacher,
    layout: Layout,
    painter: Arc<Painter>,
    threads: usize,
    standard: Standard,
    standard_numbers: [(Vec<f32>, Vec<f32>); 3],
    state: State,
    progress: Progress,
    began: Instant,
    earlier_seconds: f64,
}

impl<'a> Distillation<'a> {
    /// Reads the teacher and starts afresh or from the checkpoint.
    pub fn new(options: &'a PretrainOptions, device: Device) -> Result<Self> {
        let teacher = Teacher::load(Backbone::Resnet18, &TensorFile::open(&options.teacher)?, &device)?;
        let layout = Layout::new(Backbone::Resnet18.channels());
        let threads = options
            .threads
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
        let checkpoint = match options.resume {
            true => Some(Checkpoint::read(&Checkpoint::path(&options.out))?),
            false => None,
        };
        let seed = checkpoint.as_ref().map_or(options.seed, |c| c.progress.seed);
        let painter = Arc::new(Painter::new(seed));
        let flat = |v: Vec<f32>| {
            let length = v.len();
            Tensor::<1>::from_data(TensorData::new(v, [length]), &device)
        };
        let (state, standard_numbers, progress);
        if let Some(checkpoint) = checkpoint {
            let weights = |name: &str| checkpoint.vector(name, layout.weights).map(flat);
            state = State {
                weights: weights("weights")?,
                averaged: weights("averaged")?,
                adam: Adam {
                    first: weights("first_moment")?,
                    second: weights("second_moment")?,
                    step: checkpoint.progress.step,
                },
            };
            let mut found = [const { (Vec::new(), Vec::new()) }; 3];
            for (level, (channels, slot)) in
                Backbone::Resnet18.channels().into_iter().zip(&mut found).enumerate()
            {
                slot.0 = checkpoint.vector(&format!("standard{level}.mean"), channels)?;
                slot.1 = checkpoint.vector(&format!("standard{level}.deviation"), channels)?;
            }
            standard_numbers = found;
            progress = checkpoint.progress;
        } else {
            let pictures = first_pictures(seed, options, &device);
            standard_numbers = standardize(&teacher, &pictures)?;
            let pruned = prune(&teacher, Backbone::Compact, &pictures, &device)?;
            let weights = flat(layout.first_weights(pruned, &standard_numbers)?);
            state = State { adam: Adam::new(&weights), averaged: weights.clone(), weights };
            progress = Progress { step: 0, pictures: 0, seconds: 0.0, seed, caution: 1.0 };
        }
        Ok(Self {
            standard: Standard::new(&standard_numbers, &device),
            earlier_seconds: progress.seconds,
            began: Instant::now(),
            options,
            device,
            teacher,
            layout,
            painter,
            threads,
            standard_numbers,
            state,
            progress,
        })
    }

    /// The share of the run that is done, 0 to 1.
    fn share(&self) -> f64 {
        let steps = self.progress.step as f64 / self.options.steps as f64;
        let minutes = self.options.minutes.map_or(0.0, |m| self.seconds() / 60.0 / m);
        steps.max(minutes)
    }

    fn seconds(&self) -> f64 {
        self.earlier_seconds + self.began.elapsed().as_secs_f64()
    }

    /// Pictures per step and their side, at this point of the run.
    fn shape(&self) -> (usize, usize) {
        shapes(self.options)[usize::from(self.share() >= 1.0 - self.options.last_share)]
    }

    /// Trains to the end.
    pub fn run(mut self) -> Result<()> {
        STOP.store(false, Ordering::SeqCst);
        // A program that already handles Ctrl-C keeps its own handler.
        let _ = ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst));
        let held_out = self.options.batch.min(holdout::PAINTED);
        let painted = holdout::painted(self.progress.seed, held_out, self.options.size);
        let probe = match &self.options.probe {
            Some(folder) => holdout::photographs(folder, held_out, self.options.size)?,
            None => Vec::new(),
        };
        let mut strikes = 0;
        let mut good = (self.state.clone(), self.progress.clone());
        let mut shape = self.shape();
        let mut stream = self.stream(shape);
        let mut sums: Option<Tensor<1>> = None;
        let mut looked = (Instant::now(), self.progress.pictures);
        self.begin();
        self.report("held-out", &painted)?;
        self.report("probe", &probe)?;
        while self.share() < 1.0 && !STOP.load(Ordering::SeqCst) {
            if self.shape() != shape {
                shape = self.shape();
                print(format!("from here on {} pictures of {} px a step", shape.0, shape.1));
                stream = self.stream(shape);
            }
            let Some(batch) = stream.take() else {
                return Err(Error::Training("the painting threads have died; start with --resume".into()));
            };
            let parts = self.step(&batch);
            sums = Some(sums.map_or(parts.clone(), |sum| sum + parts));
            let step = self.progress.step;
            if step.is_multiple_of(LOOK_EVERY) {
                let parts = sums.take().map_or(Ok(Vec::new()), |sum| numbers(&(sum / LOOK_EVERY as f64)))?;
                if parts.iter().all(|part| part.is_finite()) {
                    good = (self.state.clone(), self.progress.clone());
                } else {
                    strikes += 1;
                    if strikes > STRIKES {
                        let reason = "the loss keeps becoming infinite; start again with a lower --rate";
                        return Err(Error::Training(reason.into()));
                    }
                    let pictures = self.progress.pictures;
                    (self.state, self.progress) = good.clone();
                    // Different pictures this time, and smaller steps.
                    self.progress.pictures = pictures;
                    self.progress.caution *= 0.5;
                    good.1.caution = self.progress.caution;
                    print(format!(
                        "step {step}: not finite; back to step {} at half the rate",
                        self.progress.step
                    ));
                    continue;
                }
                if step.is_multiple_of(5 * LOOK_EVERY) || step <= 5 * LOOK_EVERY {
                    let rate = (self.progress.pictures - looked.1) as f64 / looked.0.elapsed().as_secs_f64();
                    looked = (Instant::now(), self.progress.pictures);
                    self.say(&parts, rate);
                }
            }
            if step.is_multiple_of(self.options.check_every) {
                self.report("held-out", &painted)?;
                self.report("probe", &probe)?;
            }
            if step.is_multiple_of(self.options.save_every) {
                self.save(&painted)?;
            }
        }
        self.save(&painted)?;
        if STOP.load(Ordering::SeqCst) {
            let step = self.progress.step;
            return Err(Error::Interrupted(format!("stopped after step {step}; go on with --resume")));
        }
        self.report("held-out", &painted)?;
        self.report("probe", &probe)?;
        print(format!("{} is ready", self.options.out.display()));
        Ok(())
    }

    fn begin(&mut self) {
        // --minutes counts from the first step, not from the first pass over the pictures.
        self.began = Instant::now();
        print(format!(
            "step {} of {}, {} weights, {} painting threads",
            self.progress.step, self.options.steps, self.layout.weights, self.threads
        ));
    }

    fn stream(&self, (count, size): (usize, usize)) -> Stream {
        Stream::start(&self.painter, self.progress.pictures, count, size, self.threads)
    }

    /// Takes one step; returns the unweighted losses, on the device.
    fn step(&mut self, batch: &Batch) -> Tensor<1> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.progress.seed);
        rng.set_stream(u64::MAX - self.progress.step as u64);
        let window = [rng.random(), rng.random()];
        let x = batch.upload(&self.device);
        let targets = self
            .standard
            .targets(self.teacher.forward(x.clone()))
            .map(|target| Target { plain: target.plain.autodiff(), standard: target.standard.autodiff() });
        let network = CompactTrunk::new(&self.layout, &self.state.weights, true);
        let losses = losses(&network, x.autodiff(), targets, window);
        let gradient = network.gradient(&losses.total.backward());
        let share = self.share();
        let rate = self.progress.caution * learning_rate(self.options.rate, self.progress.step, share);
        let state = &mut self.state;
        state.weights = state.adam.step(state.weights.clone(), gradient, rate);
        let keep = |old: &Tensor<1>, new: Tensor<1>, keep: f64| old.clone() * keep + new * (1.0 - keep);
        self.progress.step += 1;
        self.progress.pictures += batch.count as u64;
        if self.progress.step.is_multiple_of(AVERAGE_EVERY) {
            // Early on the average forgets faster, or it would keep the first weights for long.
            let kept = AVERAGE_KEEPS.min(1.0 - 1.0 / (1.0 + (self.progress.step / AVERAGE_EVERY) as f64));
            state.averaged = keep(&state.averaged, state.weights.clone(), kept);
        }
        losses.parts
    }

    /// Mean losses over batches.
    fn measure(&self, weights: &Tensor<1>, batches: &[Batch]) -> Result<Vec<f32>> {
        let network = CompactTrunk::new(&self.layout, weights, false);
        let mut sum: Option<Tensor<1>> = None;
        for batch in batches {
            let x = batch.upload(&self.device);
            let targets = self.standard.targets(self.teacher.forward(x.clone()));
            let parts = losses(&network, x, targets, [0.5, 0.5]).parts;
            sum = Some(sum.map_or(parts.clone(), |sum| sum + parts));
        }
        sum.map_or(Ok(Vec::new()), |sum| numbers(&(sum / batches.len() as f64)))
    }

    fn report(&self, name: &str, batches: &[Batch]) -> Result<()> {
        if batches.is_empty() {
            return Ok(());
        }
        let own = self.measure(&self.state.weights, batches)?;
        let averaged = self.measure(&self.state.averaged, batches)?;
        print(format!("  {name:9} {}", describe(&own)));
        print(format!("  averaged  {}", describe(&averaged)));
        Ok(())
    }

    fn say(&self, parts: &[f32], rate: f64) {
        let (step, seconds) = (self.progress.step, self.seconds());
        print(format!("{step:7} {seconds:6.0} s {rate:6.0} pictures/s  {}", describe(parts)));
    }

    /// Writes the checkpoint, and the better of the plain and the averaged weights as the trunk.
    fn save(&mut self, painted: &[Batch]) -> Result<()> {
        self.progress.seconds = self.seconds();
        let state = &self.state;
        let mut vectors = BTreeMap::new();
        for (name, tensor) in [
            ("weights", &state.weights),
            ("averaged", &state.averaged),
            ("first_moment", &state.adam.first),
            ("second_moment", &state.adam.second),
        ] {
            vectors.insert(name.to_owned(), numbers(tensor)?);
        }
        for (level, (mean, deviation)) in self.standard_numbers.iter().enumerate() {
            vectors.insert(format!("standard{level}.mean"), mean.clone());
            vectors.insert(format!("standard{level}.deviation"), deviation.clone());
        }
        let checkpoint = Checkpoint { progress: self.progress.clone(), vectors };
        checkpoint.write(&Checkpoint::path(&self.options.out))?;

        let first = &painted[..painted.len().min(2)];
        let sum = |parts: Vec<f32>| parts.iter().sum::<f32>();
        let own = sum(self.measure(&state.weights, first)?);
        let averaged = sum(self.measure(&state.averaged, first)?);
        let (name, weights) = match own < averaged {
            true => ("weights", &state.weights),
            false => ("averaged", &state.averaged),
        };
        let network = CompactTrunk::new(&self.layout, weights, false);
        let x = painted[0].upload(&self.device);
        let trained = network.features(x.clone());
        let factors = factors(self.teacher.forward(x.clone()), trained.clone())?;
        let weights = scaled(&self.layout, &checkpoint.vectors[name], factors);
        let trunk = trunk_file::tensors(&self.layout, &weights);
        let mut factor = factors.into_iter();
        let wanted = trained.map(|a| a.mul_scalar(factor.next().expect("three levels")));
        self.compare(trunk.clone(), wanted, x)?;
        trunk_file::write(&trunk, &self.options.out)
    }

    /// Makes sure that the 16-bit trunk has the `wanted` features.
    fn compare(&self, trunk: Vec<NamedTensor>, wanted: [Tensor<4>; 3], x: Tensor<4>) -> Result<()> {
        let compact = Teacher::load(Backbone::Compact, &trunk_file::rounded(trunk), &self.device)?;
        for (level, (a, b)) in wanted.into_iter().zip(compact.forward(x)).enumerate() {
            let error = (a.clone() - b).square().mean().sqrt() / (a.square().mean().sqrt() + 1e-6);
            let error = numbers(&error)?[0];
            if error.is_nan() || error >= 1e-2 {
                return Err(Error::Training(format!(
                    "level {} of the 16-bit trunk is off by {error}; train on with --resume",
                    level + 1
                )));
            }
        }
        Ok(())
    }
}

/// Pictures per step and their side, in the first and in the last part of the run; both have about as many
/// pixels.
fn shapes(options: &PretrainOptions) -> [(usize, usize); 2] {
    let count = options.batch * options.size * options.size / (options.last_size * options.last_size);
    [(options.batch, options.size), (count.max(4), options.last_size)]
}

/// The pictures to which the first weights are fitted: alternating between both sizes, from another seed than
/// the training's, in batches.
fn first_pictures(seed: u64, options: &PretrainOptions, device: &Device) -> Vec<Tensor<4>> {
    let painter = Painter::new(!seed);
    let batches = options.fit_pictures.div_ceil(options.batch).max(2);
    let batch = |i: usize| {
        let (count, size) = shapes(options)[i % 2];
        painter.batch((i * options.batch) as u64, count, size).upload(device)
    };
    (0..batches).map(batch).collect()
}

/// The losses in words.
fn describe(parts: &[f32]) -> String {
    let names = ["square", "cosine", "relation", "discrepancy"];
    let list = |part: usize| {
        parts.iter().skip(part).step_by(names.len()).map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(" ")
    };
    names.iter().enumerate().map(|(i, name)| format!("{name} {}", list(i))).collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teacher::test_file;
    use std::path::{Path, PathBuf};

    fn options(out: &Path, teacher: PathBuf, steps: usize) -> PretrainOptions {
        PretrainOptions {
            teacher,
            out: out.join("trunk.safetensors"),
            steps,
            minutes: None,
            batch: 4,
            size: 64,
            last_size: 64,
            last_share: 0.0,
            rate: 2e-3,
            seed: 1,
            resume: false,
            save_every: 1000,
            check_every: 1000,
            probe: None,
            threads: Some(2),
            fit_pictures: 16,
        }
    }

    #[test]
    fn the_file_holds_the_network() {
        let folder = tempfile::tempdir().unwrap();
        trained(folder.path(), test_file::write(Backbone::Resnet18, folder.path()), 3);
    }

    /// A random teacher's features carry too little information for so few steps.
    #[test]
    #[ignore = "needs torchvision's ResNet-18 in the file named by AAND_TEACHER"]
    fn a_few_steps_lower_the_loss() {
        let folder = tempfile::tempdir().unwrap();
        let teacher = std::env::var_os("AAND_TEACHER").expect("AAND_TEACHER names the weights").into();
        let [first, last] = trained(folder.path(), teacher, 30);
        assert!(last < 0.9 * first, "from {first} to {last}");
    }

    /// Takes `1 + steps` steps on one batch and saves the network; returns the first and the last loss.
    fn trained(folder: &Path, teacher: PathBuf, steps: usize) -> [f32; 2] {
        // A high rate, since these steps are all within the warm-up.
        let options = PretrainOptions { rate: 0.02, ..options(folder, teacher, 1000) };
        let mut run = Distillation::new(&options, Device::flex()).unwrap();
        let batch = run.painter.batch(0, 4, 64);
        // Without the relations, whose window changes from step to step.
        let total = |parts: Tensor<1>| {
            numbers(&parts).unwrap().chunks(4).map(|level| level[0] + level[1]).sum::<f32>()
        };
        let first = total(run.step(&batch));
        let mut last = first;
        for _ in 0..steps {
            last = total(run.step(&batch));
        }
        // `save` itself compares the 16-bit trunk with the network.
        run.save(std::slice::from_ref(&batch)).unwrap();
        let file = TensorFile::open(&options.out).unwrap();
        let compact = Teacher::load(Backbone::Compact, &file, &Device::flex()).unwrap();
        let levels = compact.forward(batch.upload(&Device::flex())).map(|x| x.dims());
        assert_eq!(levels, [[4, 32, 16, 16], [4, 64, 8, 8], [4, 128, 4, 4]]);
        assert!(std::fs::metadata(&options.out).unwrap().len() < 3 << 20);
        [first, last]
    }

    #[test]
    fn resumed_training_is_the_same_training() {
        let folder = tempfile::tempdir().unwrap();
        let teacher = test_file::write(Backbone::Resnet18, folder.path());
        let options = options(folder.path(), teacher, 1000);
        let step = |run: &mut Distillation<'_>| {
            let batch = run.painter.batch(run.progress.pictures, 4, 64);
            run.step(&batch);
        };
        let mut whole = Distillation::new(&options, Device::flex()).unwrap();
        step(&mut whole);
        whole.save(&[whole.painter.batch(0, 4, 64)]).unwrap();
        step(&mut whole);
        let again = PretrainOptions { resume: true, ..options.clone() };
        let mut resumed = Distillation::new(&again, Device::flex()).unwrap();
        step(&mut resumed);
        assert_eq!(resumed.progress.step, 2);
        let difference = (whole.state.weights.clone() - resumed.state.weights.clone()).abs().max();
        assert!(numbers(&difference).unwrap()[0] < 1e-6);
    }
}
