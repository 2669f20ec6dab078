//! Builds the plan of the detector layer by layer, as teacher, amplifier and student define it.

use super::intermediate::LevelViews;
use super::plan::{Buffer, Convolution, Kernel, Operation, Plan, Step, View};
use super::weights::{self, Weights};
use crate::amplification::{TEMPERATURE, position_encoding};
use crate::model::{Info, Score};
use crate::picture::Size;
use crate::teacher::{Backbone, BlockKind, TensorSource};
use crate::{Error, Result};

/// The plan of the model that `info` describes.
pub(super) fn build(info: &Info, source: &dyn TensorSource) -> Result<Plan> {
    let mut network = Builder { backbone: info.backbone, source, buffers: Vec::new(), steps: Vec::new() };
    let input = network.buffer([3, info.size.height, info.size.width]);
    let levels = network.detector(info, input)?;
    let maps = levels.map(|level| level.map);
    Ok(Plan { size: info.size, buffers: network.buffers, steps: network.steps, input, maps, levels })
}

/// The plan of the teacher alone, for pictures of that size.
pub(super) fn teacher(backbone: Backbone, size: Size, source: &dyn TensorSource) -> Result<Plan> {
    let mut network = Builder { backbone, source, buffers: Vec::new(), steps: Vec::new() };
    let input = network.buffer([3, size.height, size.width]);
    let maps = network.teacher(input, None)?;
    let levels = maps.map(|teacher| LevelViews { teacher, gate: None, compared: None, map: teacher });
    Ok(Plan { size, buffers: network.buffers, steps: network.steps, input, maps, levels })
}

/// How a residual block of the student changes height and width.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Keep,
    Halve,
    Double,
}

struct Builder<'a> {
    backbone: Backbone,
    source: &'a dyn TensorSource,
    buffers: Vec<Buffer>,
    steps: Vec<Step>,
}

impl Builder<'_> {
    fn detector(&mut self, info: &Info, picture: View) -> Result<[LevelViews; 3]> {
        if info.score == Score::Gate {
            let features = self.teacher(picture, None)?;
            let gates = self.levels(|network, k| network.gate(info, k, features[k]))?;
            return Ok([0, 1, 2].map(|k| {
                let (teacher, map) = (features[k], gates[k]);
                LevelViews { teacher, gate: Some(map), compared: None, map }
            }));
        }
        if info.score == Score::Nearest {
            return self.nearest(info, picture);
        }
        let backbone = self.backbone;
        let (channels, size) = (backbone.channels()[2], backbone.sizes(info.size)[2]);
        // The bottleneck's input: its third part is level 3 itself, which is therefore computed directly into
        // that part.
        let fused = self.buffer([3 * channels, size.height, size.width]);
        let part = |k: usize| View { first: k * channels, channels, ..fused };
        let amplify = info.raa.generator;
        let vanilla = self.teacher(picture, (!amplify).then(|| part(2)))?;
        let advanced = match amplify {
            true => self.levels(|network, k| {
                let target = if k == 2 { part(2) } else { network.like(vanilla[k]) };
                network.amplifier(info, k, vanilla[k], target)
            })?,
            false => vanilla,
        };
        self.fusion(advanced, [part(0), part(1)])?;
        let embedding = self.embedding(fused)?;
        let student = self.decoder(embedding)?;
        let maps = self.levels(|network, k| {
            let (teacher, student) = (advanced[k], student[k]);
            let output = network.plane_of(teacher);
            let operation = Operation::Discrepancy { teacher, student, output };
            network.push(format!("discrepancy.{}", k + 1), operation);
            Ok(output)
        })?;
        let gates: Vec<View> = self.steps.iter().filter_map(gate_of).collect();
        Ok([0, 1, 2].map(|k| LevelViews {
            teacher: vanilla[k],
            gate: gates.get(k).copied(),
            compared: Some([advanced[k], student[k]]),
            map: maps[k],
        }))
    }

    /// Stem and layers 1 to 3: `F_T`. The last layer is written to `last`, if given.
    fn teacher(&mut self, picture: View, last: Option<View>) -> Result<[View; 3]> {
        let backbone = self.backbone;
        let stem = weights::biased(self.source, "teacher.conv1", [backbone.stem(), 3, 7, 7])?;
        let x = self.convolution("teacher.conv1", picture, (7, 2), stem, true);
        let mut x = self.max_pool(x);
        self.levels(|network, k| {
            let count = backbone.blocks()[k];
            for i in 0..count {
                let stride = if i == 0 && k > 0 { 2 } else { 1 };
                let target = last.filter(|_| k == 2 && i + 1 == count);
                x = network.teacher_block(&format!("teacher.layer{}.{i}", k + 1), k, stride, x, target)?;
            }
            Ok(x)
        })
    }

    /// `relu(body(x) + shortcut(x))`, the teacher's residual block of level `k`.
    fn teacher_block(
        &mut self,
        prefix: &str,
        k: usize,
        stride: usize,
        x: View,
        target: Option<View>,
    ) -> Result<View> {
        let backbone = self.backbone;
        let (input, inner, output) = (x.channels, backbone.inner()[k], backbone.channels()[k]);
        let source = self.source;
        let load = |name: &str, [o, i, size]: [usize; 3]| weights::biased(source, name, [o, i, size, size]);
        let mut shortcut = x;
        if stride != 1 || input != output {
            let name = format!("{prefix}.downsample.0");
            let weights = load(&name, [output, input, 1])?;
            shortcut = self.convolution(&name, x, (1, stride), weights, false);
        }
        let body = match backbone.block() {
            BlockKind::Basic => vec![([inner, input, 3], stride), ([output, inner, 3], 1)],
            BlockKind::Bottleneck => {
                vec![([inner, input, 1], 1), ([inner, inner, 3], stride), ([output, inner, 1], 1)]
            }
        };
        let mut y = x;
        for (i, (shape, stride)) in body.iter().enumerate() {
            let name = format!("{prefix}.conv{}", i + 1);
            let weights = load(&name, *shape)?;
            let kernel = Kernel::Plain { size: shape[2], stride: *stride };
            let last = i + 1 == body.len();
            let to = target.filter(|_| last).unwrap_or_else(|| self.made_by(kernel, y, shape[0]));
            self.convolution_to(&name, [y, to], kernel, weights, last.then_some(shortcut), true);
            y = to;
        }
        Ok(y)
    }

    /// The residual gate `w` of level `k`.
    fn gate(&mut self, info: &Info, k: usize, feature: View) -> Result<View> {
        let prefix = format!("amplifier.levels.{k}.gate");
        let [_, height, width] = self.shape(feature);
        let rows = position_encoding(feature.channels, height, width);
        let positions = height * width;
        let encoding = (0..rows.len()).map(|i| rows[i % positions * feature.channels + i / positions]);
        let placed = self.like(feature);
        let operation = Operation::Position { input: feature, output: placed, encoding: encoding.collect() };
        self.push(format!("{prefix}.position"), operation);
        let query = self.mlp(&format!("{prefix}.mlp"), placed)?;
        let name = format!("{prefix}.memory");
        let shape = [2 * info.raa.memory_items, feature.channels];
        let items = weights::memory(self.source, &name, shape, TEMPERATURE)?;
        let matching = self.convolution(&name, query, (1, 1), items, false);
        let output = self.plane_of(feature);
        self.push(prefix, Operation::Gate { query, matching, output });
        Ok(output)
    }

    /// `F_A = F_T + w Delta` of level `k`, written to `output`.
    fn amplifier(&mut self, info: &Info, k: usize, feature: View, output: View) -> Result<View> {
        let gate = info.raa.gate.then(|| self.gate(info, k, feature)).transpose()?;
        let prefix = format!("amplifier.levels.{k}.generator");
        let generated = self.mlp(&format!("{prefix}.mlp"), feature)?;
        let residual = info.raa.residual;
        self.push(prefix, Operation::Amplify { feature, generated, gate, residual, output });
        Ok(output)
    }

    /// The distances of all levels to the nearest items of their memories.
    fn nearest(&mut self, info: &Info, picture: View) -> Result<[LevelViews; 3]> {
        let features = self.teacher(picture, None)?;
        let counts = info.form.items.unwrap_or([1; 3]);
        let maps = self.levels(|network, k| {
            let feature = network.averaged(k, features[k]);
            let name = format!("nearest.levels.{k}.items");
            if counts[k] < 2 {
                return Err(Error::Setting(format!(
                    "{name}: a memory has 2 patches or more, not {}",
                    counts[k]
                )));
            }
            let items = weights::memory(network.source, &name, [counts[k], feature.channels], 1.0)?;
            let matching = network.convolution(&name, feature, (1, 1), items, false);
            let output = network.plane_of(feature);
            network.push(format!("nearest.levels.{k}"), Operation::Nearest { feature, matching, output });
            Ok(output)
        })?;
        Ok([0, 1, 2].map(|k| {
            let (teacher, map) = (features[k], maps[k]);
            LevelViews { teacher, gate: None, compared: None, map }
        }))
    }

    /// A feature averaged over 3x3 neighborhoods. Zeros beyond the border only make a vector shorter; its direction is
    /// that of the mean over the positions inside.
    fn averaged(&mut self, k: usize, feature: View) -> View {
        let channels = feature.channels;
        let mut weight = vec![0.0; channels * channels * 9];
        (0..channels).for_each(|c| weight[(c * channels + c) * 9..][..9].fill(1.0 / 9.0));
        let weights = Weights { weight, bias: vec![0.0; channels] };
        self.convolution(&format!("nearest.levels.{k}.mean"), feature, (3, 1), weights, false)
    }

    /// `C -> h -> h -> C` with ReLU between, `h = min(2 C, 1024)`.
    fn mlp(&mut self, prefix: &str, x: View) -> Result<View> {
        let (channels, hidden) = (x.channels, (2 * x.channels).min(1024));
        let mut y = x;
        for (i, output) in [hidden, hidden, channels].into_iter().enumerate() {
            let name = format!("{prefix}.conv{}", i + 1);
            let weights = weights::pointwise(self.source, &name, [y.channels, output])?;
            y = self.convolution(&name, y, (1, 1), weights, i < 2);
        }
        Ok(y)
    }

    /// Multi-scale block fusion: levels 1 and 2 are reduced to the size and width of level 3.
    fn fusion(&mut self, [level1, level2, _]: [View; 3], [part1, part2]: [View; 2]) -> Result<()> {
        let halve = Kernel::Plain { size: 3, stride: 2 };
        let between = self.made_by(halve, level1, level2.channels);
        let layers =
            [("level1", 1, level1, between), ("level1", 2, between, part1), ("level2", 1, level2, part2)];
        for (level, i, x, y) in layers {
            let names = ["conv", "bn"].map(|part| format!("student.mbf.{level}.{part}{i}"));
            self.normalized([&names[0], &names[1]], [x, y], halve, None, true)?;
        }
        Ok(())
    }

    /// One-class embedding: as many blocks as the backbone's layer 4.
    fn embedding(&mut self, fused: View) -> Result<View> {
        let backbone = self.backbone;
        let widths = [backbone.inner()[3], 2 * backbone.channels()[2]];
        self.student_layer("student.oce.blocks", fused, widths, backbone.blocks()[3], Scale::Halve)
    }

    /// The teacher's layers in reverse: from the embedding to `F_S` at levels 1, 2 and 3.
    fn decoder(&mut self, embedding: View) -> Result<[View; 3]> {
        let (channels, inner) = (self.backbone.channels(), self.backbone.inner());
        let counts = self.backbone.blocks();
        let mut layer = |name: &str, x: View, k: usize, count: usize| {
            self.student_layer(name, x, [inner[k], channels[k]], count, Scale::Double)
        };
        let level3 = layer("student.decoder.layer1", embedding, 2, counts[0])?;
        let level2 = layer("student.decoder.layer2", level3, 1, counts[1])?;
        let level1 = layer("student.decoder.layer3", level2, 0, counts[2])?;
        Ok([level1, level2, level3])
    }

    /// `count` residual blocks, of which the first changes the size.
    fn student_layer(
        &mut self,
        prefix: &str,
        mut x: View,
        widths: [usize; 2],
        count: usize,
        first: Scale,
    ) -> Result<View> {
        for i in 0..count {
            let scale = if i == 0 { first } else { Scale::Keep };
            x = self.student_block(&format!("{prefix}.{i}"), x, widths, scale)?;
        }
        Ok(x)
    }

    /// `relu(body(x) + shortcut(x))`, the student's residual block from `x` through `inner` (bottleneck only)
    /// to `output` channels.
    fn student_block(
        &mut self,
        prefix: &str,
        x: View,
        [inner, output]: [usize; 2],
        scale: Scale,
    ) -> Result<View> {
        let kernel = |size: usize| match scale {
            Scale::Keep => Kernel::Plain { size, stride: 1 },
            Scale::Halve => Kernel::Plain { size, stride: 2 },
            Scale::Double => Kernel::Transposed,
        };
        let same = |size: usize| Kernel::Plain { size, stride: 1 };
        let named = |first: &str| if scale == Scale::Double { "deconv" } else { first }.to_owned();
        let mut shortcut = x;
        if scale != Scale::Keep || x.channels != output {
            let (name, norm) =
                (format!("{prefix}.shortcut.{}", named("conv")), format!("{prefix}.shortcut.bn"));
            shortcut = self.made_by(kernel(1), x, output);
            self.normalized([&name, &norm], [x, shortcut], kernel(1), None, false)?;
        }
        let body = match self.backbone.block() {
            BlockKind::Basic => vec![(named("conv1"), kernel(3), output), ("conv2".into(), same(3), output)],
            BlockKind::Bottleneck => vec![
                ("conv1".into(), same(1), inner),
                (named("conv2"), kernel(3), inner),
                ("conv3".into(), same(1), output),
            ],
        };
        let mut y = x;
        for (i, (name, kernel, channels)) in body.iter().enumerate() {
            let (name, norm) = (format!("{prefix}.{name}"), format!("{prefix}.bn{}", i + 1));
            let to = self.made_by(*kernel, y, *channels);
            let add = (i + 1 == body.len()).then_some(shortcut);
            self.normalized([&name, &norm], [y, to], *kernel, add, true)?;
            y = to;
        }
        Ok(y)
    }

    /// A convolution without bias, and the batch normalization after it.
    fn normalized(
        &mut self,
        names: [&str; 2],
        [x, y]: [View; 2],
        kernel: Kernel,
        add: Option<View>,
        relu: bool,
    ) -> Result<()> {
        let weights = match kernel {
            Kernel::Plain { size, .. } => {
                weights::normalized(self.source, names, [y.channels, x.channels, size, size], false)?
            }
            Kernel::Transposed => {
                weights::normalized(self.source, names, [x.channels, y.channels, 2, 2], true)?
            }
        };
        self.convolution_to(names[0], [x, y], kernel, weights, add, relu);
        Ok(())
    }

    /// A plain convolution, written to a buffer of its own.
    fn convolution(
        &mut self,
        name: &str,
        x: View,
        (size, stride): (usize, usize),
        weights: Weights,
        relu: bool,
    ) -> View {
        let kernel = Kernel::Plain { size, stride };
        let y = self.made_by(kernel, x, weights.bias.len());
        self.convolution_to(name, [x, y], kernel, weights, None, relu);
        y
    }

    fn convolution_to(
        &mut self,
        name: &str,
        [input, output]: [View; 2],
        kernel: Kernel,
        Weights { weight, bias }: Weights,
        add: Option<View>,
        relu: bool,
    ) {
        let convolution = Convolution { input, output, kernel, weight, bias, add, relu };
        self.push(name.into(), Operation::Convolution(convolution));
    }

    fn max_pool(&mut self, input: View) -> View {
        let [channels, height, width] = self.shape(input);
        let output = self.buffer([channels, height.div_ceil(2), width.div_ceil(2)]);
        self.push("teacher.maxpool".into(), Operation::MaxPool { input, output });
        output
    }

    fn push(&mut self, name: String, operation: Operation) {
        self.steps.push(Step { name, operation });
    }

    /// The view of a whole new buffer.
    fn buffer(&mut self, [channels, height, width]: [usize; 3]) -> View {
        self.buffers.push(Buffer { channels, height, width });
        View { buffer: self.buffers.len() - 1, first: 0, channels }
    }

    /// A buffer for the result of `kernel` on `x`.
    fn made_by(&mut self, kernel: Kernel, x: View, channels: usize) -> View {
        let [_, height, width] = self.shape(x);
        self.buffer(match kernel {
            Kernel::Plain { stride, .. } => [channels, height.div_ceil(stride), width.div_ceil(stride)],
            Kernel::Transposed => [channels, 2 * height, 2 * width],
        })
    }

    /// A buffer with the shape of `x`.
    fn like(&mut self, x: View) -> View {
        let shape = self.shape(x);
        self.buffer(shape)
    }

    /// A buffer with one channel and the size of `x`.
    fn plane_of(&mut self, x: View) -> View {
        let [_, height, width] = self.shape(x);
        self.buffer([1, height, width])
    }

    fn shape(&self, x: View) -> [usize; 3] {
        let Buffer { height, width, .. } = self.buffers[x.buffer];
        [x.channels, height, width]
    }

    /// Does the same for levels 1, 2 and 3.
    fn levels(&mut self, mut level: impl FnMut(&mut Self, usize) -> Result<View>) -> Result<[View; 3]> {
        Ok([level(self, 0)?, level(self, 1)?, level(self, 2)?])
    }
}

/// The gate that a step computes, if it does.
fn gate_of(step: &Step) -> Option<View> {
    match step.operation {
        Operation::Gate { output, .. } => Some(output),
        _ => None,
    }
}
