//! Stage 1 on the GPU: steps of gate and generator on pictures with synthetic anomalies, and the advanced teacher's
//! features for stage 2 (method.md 2).

use super::parameters::{Parameters, Tensor, read};
use super::raa::{Losses, Margin, Raa, Sample};
use super::results::Results;
use super::tape::{Common, Feature, Program, Step, Tape, buffer};
use super::teacher::GpuTeacher;
use super::{Adam, Scheme};
use crate::amplification::RaaOptions;
use crate::gpu::Gpu;
use crate::gpu::shaders::{Kernels, Shader};
use crate::gpu::tile::{Tile, TileRule};
use crate::model::Precision;
use crate::teacher::TensorSource;
use crate::{Error, Result};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The amplifier in training, with the frozen teacher.
pub struct Amplify {
    gpu: Arc<Gpu>,
    scheme: Scheme,
    options: RaaOptions,
    margin: Margin,
    /// The most normal and anomalous rows of a level that are sampled.
    most_pairs: [usize; 2],
    tile: TileRule,
    kernels: Kernels,
    parameters: Parameters,
    teacher: GpuTeacher,
    levels: [Raa; 3],
    common: Common,
    inputs: Inputs,
    /// `F_T` and `F_A` of the last batch that was advanced, by level.
    vanilla: [wgpu::Buffer; 3],
    advanced: [wgpu::Buffer; 3],
    losses: wgpu::Buffer,
    /// Programs for a step and for advancing, by the number of pictures in the batch.
    steps: HashMap<usize, Sampled>,
    advances: HashMap<usize, Program>,
    results: Results,
    /// Which levels had pairs, for each step whose losses have not been taken, earliest first.
    paired: VecDeque<[bool; 3]>,
    adam: Adam,
}

/// A step's program and, by level, the first of its passes that depend on the number of sampled rows.
struct Sampled {
    program: Program,
    first: [usize; 3],
}

/// The input of a step.
struct Inputs {
    /// `[picture][3][S][S]`.
    pixels: wgpu::Buffer,
    /// 1 where a position is anomalous, by level.
    labels: [wgpu::Buffer; 3],
    /// Positions of normal and of anomalous rows, by level.
    lists: [[wgpu::Buffer; 2]; 3],
}

/// One level of a step's batch.
#[derive(Clone, Debug, Default)]
pub struct LevelBatch {
    /// `[B H W]`: 1 where a position is anomalous, else 0.
    pub labels: Vec<f32>,
    /// Positions of normal and of anomalous rows for the amplification loss; both are empty or neither.
    pub pairs: [Vec<u32>; 2],
}

impl Amplify {
    /// An amplifier from the tensors `amplifier.*` of `source` with the teacher from `teacher.*`, for batches of
    /// up to `scheme.batch` pictures. `margin` is the amplification loss's margin and weight.
    ///
    /// # Errors
    /// A tensor is missing, or the device is out of memory.
    pub fn new(
        gpu: Arc<Gpu>,
        scheme: Scheme,
        options: RaaOptions,
        [alpha, weight]: [f32; 2],
        most_pairs: [usize; 2],
        source: &dyn TensorSource,
    ) -> Result<Self> {
        let tile = Tile::rule(gpu.info.device_type);
        let mut parameters = Parameters::default();
        let (channels, sizes) = (scheme.backbone.channels(), scheme.backbone.sizes(scheme.size));
        let mut level =
            |k: usize| Raa::new(&gpu, &mut parameters, k, channels[k], sizes[k], options, [k, 3 + k]);
        let levels = [level(0)?, level(1)?, level(2)?];
        parameters.upload(&gpu, source)?;
        let teacher = GpuTeacher::new(&gpu, scheme.backbone, scheme.size, source)?;
        let positions = |k: usize| scheme.batch * sizes[k].area();
        let numbers = |name: &str, count: usize| buffer(&gpu, name, 4 * count);
        let inputs = Inputs {
            pixels: numbers("pixels", scheme.batch * 3 * scheme.size.area()),
            labels: [0, 1, 2].map(|k| numbers("labels", positions(k))),
            lists: [0, 1, 2].map(|k| most_pairs.map(|most| numbers("rows", most.min(positions(k))))),
        };
        let feature = |k: usize| numbers("features", positions(k) * channels[k]);
        let mut amplify = Self {
            vanilla: [0, 1, 2].map(feature),
            advanced: [0, 1, 2].map(feature),
            losses: numbers("losses", 8),
            kernels: Kernels::new(Precision::F32),
            common: Common::new(&gpu),
            results: Results::new(&gpu, 9),
            adam: Adam::new(scheme.beta1, 6),
            margin: Margin { alpha, weight },
            steps: HashMap::new(),
            advances: HashMap::new(),
            paired: VecDeque::new(),
            gpu,
            scheme,
            options,
            most_pairs,
            tile,
            parameters,
            teacher,
            levels,
            inputs,
        };
        amplify.turn()?;
        amplify.gpu.check()?;
        Ok(amplify)
    }

    /// Continues from an optimizer's moments and step counts.
    ///
    /// # Errors
    /// A moment is missing or has another shape.
    pub fn resume(&mut self, moments: &dyn TensorSource, times: &[u32]) -> Result<()> {
        self.parameters.upload_moments(&self.gpu, moments)?;
        self.adam.resume(times)
    }

    /// Dispatches of a full step.
    pub fn dispatches(&self) -> usize {
        self.steps.get(&self.scheme.batch).map_or(0, |step| step.program.dispatches())
    }

    /// Channels of the three levels.
    pub fn channels(&self) -> [usize; 3] {
        self.scheme.backbone.channels()
    }

    /// Kernels that were compiled.
    pub fn pipelines(&self) -> usize {
        self.kernels.count()
    }

    /// Submits a step of Adam to the GPU and returns at once. Takes normalized pixels `[count, 3, S, S]` and, for
    /// each level, labels and pairs.
    ///
    /// # Errors
    /// The device failed.
    pub fn step(&mut self, pixels: &[f32], count: usize, batch: &[LevelBatch; 3], lr: f64) -> Result<()> {
        let gpu = &self.gpu;
        gpu.write(&self.inputs.pixels, 0, bytemuck::cast_slice(pixels));
        for (k, level) in batch.iter().enumerate() {
            gpu.write(&self.inputs.labels[k], 0, bytemuck::cast_slice(&level.labels));
            for (list, to) in level.pairs.iter().zip(&self.inputs.lists[k]) {
                gpu.write(to, 0, bytemuck::cast_slice(list));
            }
        }
        let rows = [0, 1, 2].map(|k| [0, 1].map(|i| batch[k].pairs[i].len() as u32));
        let paired = rows.map(|[n, a]| n > 0 && a > 0 && self.options.generator);
        let mut optimizers = Vec::with_capacity(6);
        for group in 0..6 {
            let learns = if group < 3 { self.options.gate } else { paired[group - 3] };
            optimizers.push(learns.then(|| self.adam.next(group, lr)));
        }
        let step = Step { optimizers };
        if !self.steps.contains_key(&count) {
            let (tape, first) = self.step_tape(count);
            let kernels: Vec<Shader> = tape.kernels().collect();
            let passes = tape.into_parts();
            self.kernels.prepare(&self.gpu, kernels)?;
            let program = passes.finish(&self.gpu, &mut self.common, &self.kernels)?;
            self.steps.insert(count, Sampled { program, first });
        }
        let sampled = [0, 1, 2].map(|k| {
            let mut tape = self.tape(count);
            // Only the passes' uniforms are used, so the feature may lie anywhere.
            let feature = self.level(k, tape.nothing);
            self.learn_generator(&mut tape, k, feature, rows[k]);
            tape.entries
        });
        let Sampled { program, first } =
            self.steps.get_mut(&count).ok_or_else(|| Error::Device("no program".into()))?;
        for (&first, entries) in first.iter().zip(sampled) {
            program.resize(first, entries);
        }
        program.prepare(&self.gpu, &step);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        program.encode(&self.gpu, &mut encoder, &self.kernels, &step, self.results.submissions());
        self.paired.push_back(paired);
        self.results.submit(&self.gpu, encoder, &[(&self.losses, 8), (&self.common.broken, 1)])
    }

    /// The number of steps whose losses have not been taken.
    pub fn pending(&self) -> usize {
        self.results.pending()
    }

    /// Focal and amplification loss, summed over the levels, of the earliest step whose losses have not been
    /// taken.
    ///
    /// # Errors
    /// The device failed, or a number of the step was not finite.
    pub async fn losses(&mut self) -> Result<Option<[f64; 2]>> {
        let Some(words) = self.results.take(&self.gpu).await? else { return Ok(None) };
        let paired = self.paired.pop_front().unwrap_or_default();
        let number = |i: usize| f64::from(f32::from_bits(words[i]));
        let focal: f64 = (0..3).filter(|_| self.options.gate).map(number).sum();
        let amplification: f64 = (0..3).filter(|&k| paired[k]).map(|k| number(3 + k)).sum();
        if words[8] != 0 || !(focal + amplification).is_finite() {
            return Err(Error::Training("the loss of stage 1 is not a number".into()));
        }
        Ok(Some([focal, amplification]))
    }

    /// Computes `F_T` and `F_A` from normalized pixels `[count, 3, S, S]` with the predicted gate.
    ///
    /// # Errors
    /// The device failed.
    pub fn advance(&mut self, pixels: &[f32], count: usize) -> Result<()> {
        self.gpu.write(&self.inputs.pixels, 0, bytemuck::cast_slice(pixels));
        if !self.advances.contains_key(&count) {
            let tape = self.advance_tape(count);
            let kernels: Vec<Shader> = tape.kernels().collect();
            let passes = tape.into_parts();
            self.kernels.prepare(&self.gpu, kernels)?;
            let program = passes.finish(&self.gpu, &mut self.common, &self.kernels)?;
            self.advances.insert(count, program);
        }
        let program = self.advances.get_mut(&count).ok_or_else(|| Error::Device("no program".into()))?;
        program.run_once(&self.gpu, &self.kernels);
        self.gpu.check()
    }

    /// The vanilla features of the last batch that was advanced: a buffer per level, `[picture][y][x][channel]`.
    pub fn vanilla(&self) -> &[wgpu::Buffer; 3] {
        &self.vanilla
    }

    /// The advanced features of the last batch.
    pub fn advanced(&self) -> &[wgpu::Buffer; 3] {
        &self.advanced
    }

    /// The numbers of such a buffer.
    ///
    /// # Errors
    /// The device failed.
    pub async fn read(&self, feature: &wgpu::Buffer) -> Result<Vec<f32>> {
        read(&self.gpu, feature).await
    }

    /// The amplifier's tensors.
    ///
    /// # Errors
    /// The device failed.
    pub async fn tensors(&self) -> Result<Vec<Tensor>> {
        self.parameters.download(&self.gpu).await
    }

    /// The optimizer's moments and step counts.
    ///
    /// # Errors
    /// The device failed.
    pub async fn moments(&self) -> Result<(Vec<Tensor>, Vec<u32>)> {
        Ok((self.parameters.download_moments(&self.gpu).await?, self.adam.times().to_vec()))
    }

    /// The most rows of each level that are sampled from `count` pictures.
    fn most(&self, count: usize) -> [[u32; 2]; 3] {
        let sizes = self.scheme.backbone.sizes(self.scheme.size);
        sizes.map(|size| self.most_pairs.map(|most| most.min(count * size.area()) as u32))
    }

    fn level(&self, k: usize, id: usize) -> Feature {
        let (width, height) = self.scheme.backbone.sizes(self.scheme.size)[k].pixels();
        let channels = self.scheme.backbone.channels()[k] as u32 / 4;
        Feature { id, height, width, channels, pixel: channels, offset: 0 }
    }

    fn tape(&self, pictures: usize) -> Tape {
        Tape::new(self.tile, pictures, self.scheme.beta1, &self.common)
    }

    /// A step on `count` pictures with the most sampled rows possible and, by level, the first of the passes that
    /// depend on their number.
    fn step_tape(&self, count: usize) -> (Tape, [usize; 3]) {
        let mut tape = self.tape(count);
        let pixels = tape.keep(&self.inputs.pixels);
        let features = self.teacher.forward(&mut tape, pixels);
        let most = self.most(count);
        let mut first = [0; 3];
        for (k, raa) in self.levels.iter().enumerate() {
            if self.options.gate {
                let labels = tape.keep(&self.inputs.labels[k]);
                let losses = self.places(&mut tape, k);
                raa.learn_gate(&mut tape, &self.parameters, features[k], labels, &losses);
            }
            first[k] = tape.entries.len();
            self.learn_generator(&mut tape, k, features[k], most[k]);
        }
        (tape, first)
    }

    /// Where a level's losses go.
    fn places(&self, tape: &mut Tape, k: usize) -> Losses {
        Losses { id: tape.keep(&self.losses), focal: k as u32, amplification: 3 + k as u32 }
    }

    /// The generator's loss on the given numbers of normal and anomalous rows of a level, its gradients and
    /// the optimizer's steps.
    fn learn_generator(&self, tape: &mut Tape, k: usize, feature: Feature, [n, a]: [u32; 2]) {
        if !self.options.generator {
            return;
        }
        let [normal, anomalous] = &self.inputs.lists[k];
        let lists = [tape.keep(normal), tape.keep(anomalous)];
        let rows = if n > 0 && a > 0 { [n, a] } else { [0; 2] };
        let most = self.most(tape.pictures as usize)[k];
        let losses = self.places(tape, k);
        let sample = Sample { lists, rows, most };
        self.levels[k].learn_generator(tape, &self.parameters, feature, &sample, self.margin, &losses);
    }

    fn advance_tape(&self, count: usize) -> Tape {
        let mut tape = self.tape(count);
        let pixels = tape.keep(&self.inputs.pixels);
        let features = self.teacher.forward(&mut tape, pixels);
        for (k, raa) in self.levels.iter().enumerate() {
            let [vanilla, advanced] =
                [&self.vanilla[k], &self.advanced[k]].map(|buffer| self.level(k, tape.keep(buffer)));
            tape.copy(features[k], vanilla);
            raa.advance(&mut tape, &self.parameters, features[k], advanced);
        }
        tape
    }

    /// Recomputes everything that is derived from the parameters.
    fn turn(&mut self) -> Result<()> {
        let mut tape = self.tape(1);
        self.levels.iter().for_each(|raa| raa.turn(&mut tape, &self.parameters));
        let kernels: Vec<Shader> = tape.kernels().collect();
        let parts = tape.into_parts();
        self.kernels.prepare(&self.gpu, kernels)?;
        parts.finish(&self.gpu, &mut self.common, &self.kernels)?.run_once(&self.gpu, &self.kernels);
        Ok(())
    }
}
