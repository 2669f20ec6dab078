//! Stage 2 on the GPU: steps of the student on the advanced teacher's features (method.md 4).

use super::parameters::{Parameters, Tensor};
use super::results::Results;
use super::student::{RanStudent, Student};
use super::tape::{Common, Feature, Program, Step, Tape, buffer};
use super::{Adam, Scheme};
use crate::gpu::Gpu;
use crate::gpu::pass::{each, each_row};
use crate::gpu::shaders::{Kernels, Shader};
use crate::gpu::tile::{Tile, TileRule};
use crate::gpu::uniforms::{DistillBack, DistillHardest, DistillSums, bound};
use crate::model::Precision;
use crate::teacher::TensorSource;
use crate::{Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// The student in training.
pub struct Distill {
    gpu: Arc<Gpu>,
    scheme: Scheme,
    tile: TileRule,
    kernels: Kernels,
    parameters: Parameters,
    student: Student,
    common: Common,
    /// `F_A` of the batch, by level.
    inputs: [wgpu::Buffer; 3],
    /// Per level and picture, the words that `shaders/distill_hardest.wgsl` writes.
    losses: [wgpu::Buffer; 3],
    /// By the number of pictures in the batch.
    programs: HashMap<usize, Program>,
    results: Results,
    /// The number of pictures of each step whose losses have not been taken, earliest first.
    counts: std::collections::VecDeque<usize>,
    adam: Adam,
}

/// Words of a picture's losses.
const WORDS: usize = 8;

impl Distill {
    /// A student from the tensors `student.*` of `source`, for batches of up to `scheme.batch` pictures.
    ///
    /// # Errors
    /// A tensor is missing, or the device is out of memory.
    pub fn new(gpu: Arc<Gpu>, scheme: Scheme, source: &dyn TensorSource) -> Result<Self> {
        let tile = Tile::rule(gpu.info.device_type);
        let mut parameters = Parameters::default();
        let student = Student::new(&gpu, &mut parameters, scheme.backbone, scheme.size)?;
        parameters.upload(&gpu, source)?;
        let common = Common::new(&gpu);
        let inputs = [0, 1, 2].map(|k| {
            let feature = student.level(k, 0);
            buffer(&gpu, "features", 16 * scheme.batch * feature.quads() as usize)
        });
        let losses = [0, 1, 2].map(|_| buffer(&gpu, "losses", 4 * WORDS * scheme.batch));
        let results = Results::new(&gpu, 3 * WORDS * scheme.batch + 1);
        let mut distill = Self {
            kernels: Kernels::new(Precision::F32),
            adam: Adam::new(scheme.beta1, 1),
            programs: HashMap::new(),
            counts: std::collections::VecDeque::new(),
            gpu,
            scheme,
            tile,
            parameters,
            student,
            common,
            inputs,
            losses,
            results,
        };
        distill.prepare(scheme.batch)?;
        distill.turn()?;
        distill.gpu.check()?;
        Ok(distill)
    }

    /// Continues from an optimizer's moments and step count.
    ///
    /// # Errors
    /// A moment is missing or has another shape.
    pub fn resume(&mut self, moments: &dyn TensorSource, times: &[u32]) -> Result<()> {
        self.parameters.upload_moments(&self.gpu, moments)?;
        self.adam.resume(times)
    }

    /// Writes features `[picture][y][x][channel]` into a level of the next batch, starting at its first
    /// picture.
    pub fn write(&self, k: usize, features: &[f32]) {
        self.gpu.write(&self.inputs[k], 0, bytemuck::cast_slice(features));
    }

    /// Numbers of one picture's features, by level.
    pub fn lengths(&self) -> [usize; 3] {
        [0, 1, 2].map(|k| 4 * self.student.level(k, 0).quads() as usize)
    }

    /// Dispatches of a full step.
    pub fn dispatches(&self) -> usize {
        self.programs.get(&self.scheme.batch).map_or(0, Program::dispatches)
    }

    /// Kernels that were compiled.
    pub fn pipelines(&self) -> usize {
        self.kernels.count()
    }

    /// Submits a step of Adam on the first `count` pictures of the inputs to the GPU, after the commands that
    /// `load` records, and returns at once.
    ///
    /// # Errors
    /// The device failed.
    pub fn step(
        &mut self,
        count: usize,
        lr: f64,
        load: impl FnOnce(&mut wgpu::CommandEncoder, &[wgpu::Buffer; 3]) -> Result<()>,
    ) -> Result<()> {
        self.prepare(count)?;
        let step = Step { optimizers: vec![Some(self.adam.next(0, lr))] };
        let program = self.programs.get_mut(&count).ok_or_else(|| Error::Device("no program".into()))?;
        program.prepare(&self.gpu, &step);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        load(&mut encoder, &self.inputs)?;
        program.encode(&self.gpu, &mut encoder, &self.kernels, &step, self.results.submissions());
        let [a, b, c] = &self.losses;
        let words = WORDS * count;
        let from = [(a, words), (b, words), (c, words), (&self.common.broken, 1)];
        self.counts.push_back(count);
        self.results.submit(&self.gpu, encoder, &from)
    }

    /// The number of steps whose losses have not been taken.
    pub fn pending(&self) -> usize {
        self.results.pending()
    }

    /// KD and HKD, summed over the levels, of the earliest step whose losses have not been taken.
    ///
    /// # Errors
    /// The device failed, or a number of the step was not finite.
    pub async fn losses(&mut self) -> Result<Option<[f64; 2]>> {
        let Some(words) = self.results.take(&self.gpu).await? else { return Ok(None) };
        let count = self.counts.pop_front().unwrap_or(1) as f64;
        let mut losses = [0.0; 2];
        for picture in words[..words.len() - 1].chunks_exact(WORDS) {
            let number = |i: usize| f64::from(f32::from_bits(picture[i])) / count;
            losses = [losses[0] + number(4), losses[1] + number(5)];
        }
        if words[words.len() - 1] != 0 || !(losses[0] + losses[1]).is_finite() {
            return Err(Error::Training("the loss of stage 2 is not a number".into()));
        }
        Ok(Some(losses))
    }

    /// The student's tensors.
    ///
    /// # Errors
    /// The device failed.
    pub async fn tensors(&self) -> Result<Vec<Tensor>> {
        self.parameters.download(&self.gpu).await
    }

    /// The optimizer's moments and step count.
    ///
    /// # Errors
    /// The device failed.
    pub async fn moments(&self) -> Result<(Vec<Tensor>, Vec<u32>)> {
        Ok((self.parameters.download_moments(&self.gpu).await?, self.adam.times().to_vec()))
    }

    /// Recomputes all turned weights.
    fn turn(&mut self) -> Result<()> {
        let mut tape = Tape::new(self.tile, 1, self.scheme.beta1, &self.common);
        self.student.turn(&mut tape, &self.parameters);
        let kernels: Vec<Shader> = tape.kernels().collect();
        self.kernels.prepare(&self.gpu, kernels)?;
        tape.into_parts()
            .finish(&self.gpu, &mut self.common, &self.kernels)?
            .run_once(&self.gpu, &self.kernels);
        Ok(())
    }

    /// The program for `count` pictures.
    fn prepare(&mut self, count: usize) -> Result<()> {
        if self.programs.contains_key(&count) {
            return Ok(());
        }
        let mut tape = Tape::new(self.tile, count, self.scheme.beta1, &self.common);
        let teacher = [0, 1, 2].map(|k| self.student.level(k, tape.keep(&self.inputs[k])));
        let ran = self.student.forward(&mut tape, &self.parameters, teacher);
        let losses = [0, 1, 2].map(|k| tape.keep(&self.losses[k]));
        let gradients = distillation(&mut tape, &teacher, &ran, losses, self.scheme.hardest);
        self.student.back(&mut tape, &self.parameters, &ran, gradients);
        let kernels: Vec<Shader> = tape.kernels().collect();
        self.kernels.prepare(&self.gpu, kernels)?;
        let program = tape.into_parts().finish(&self.gpu, &mut self.common, &self.kernels)?;
        self.programs.insert(count, program);
        Ok(())
    }
}

/// KD + HKD of every level (Eq. 9 to 12), and its gradient with respect to the student's features.
fn distillation(
    tape: &mut Tape,
    teacher: &[Feature; 3],
    student: &RanStudent,
    losses: [usize; 3],
    hardest: usize,
) -> [Feature; 3] {
    [0, 1, 2].map(|k| {
        let (t, s) = (teacher[k], student.features[k]);
        let name = format!("distillation {}", k + 1);
        let (positions, rows) = (t.positions(), tape.pictures * t.positions());
        let sums = tape.temporary(rows);
        let chosen = tape.temporary(rows.div_ceil(4));
        let uniform = DistillSums { rows, channels: t.channels };
        let bindings = vec![t.id, s.id, sums];
        tape.push(&name, bound(Shader::DistillSums, uniform, bindings, each_row(rows)));
        let count = (hardest as u32).min(positions);
        let groups = [tape.pictures, 1, 1];
        let bindings = vec![sums, chosen, losses[k]];
        let uniform = DistillHardest { positions, count };
        tape.push(&name, bound(Shader::DistillHardest, uniform, bindings, groups));
        let gradient = tape.feature(s.channels, s.height, s.width);
        let uniform = DistillBack { rows, channels: t.channels, positions, pictures: tape.pictures, count };
        let bindings = vec![t.id, s.id, sums, chosen, losses[k], gradient.id];
        tape.push(&name, bound(Shader::DistillBack, uniform, bindings, each(rows * t.channels)));
        gradient
    })
}
