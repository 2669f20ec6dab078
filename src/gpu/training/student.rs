//! Bottleneck and decoder on the tape: forward pass, and the gradients of all their parameters (method.md
//! 4.1, 4.2).

use super::convolution::{Add, BARE, Finish, Layer};
use super::norm::{NormOffset, Normalized, Norms, Shortcut};
use super::parameters::{Parameters, whole_quads};
use super::tape::{Feature, Id, Tape};
use crate::Result;
use crate::gpu::Gpu;
use crate::inference::Kernel;
use crate::picture::Size;
use crate::teacher::{Backbone, BlockKind};

/// How a block changes height and width.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Keep,
    Halve,
    Double,
}

/// A convolution and the norm after it.
struct Unit {
    layer: Layer,
    place: NormOffset,
}

/// `relu(body(x) + shortcut(x))`.
struct Block {
    body: Vec<Unit>,
    shortcut: Option<Unit>,
}

/// The student's layers and parameters, independent of the batch.
pub(super) struct Student {
    level1: [Unit; 2],
    level2: Unit,
    oce: Vec<Block>,
    /// The decoder's layers, which give levels 3, 2 and 1.
    decoder: [Vec<Block>; 3],
    pub norms: Norms,
    /// Quads of all norms' scales and shifts.
    pub affine: u32,
    channels: [u32; 3],
    /// Width and height of each level.
    sizes: [(u32, u32); 3],
}

/// A unit after its forward pass.
struct Ran {
    x: Feature,
    norm: Normalized,
    y: Feature,
}

/// A block after its forward pass.
struct RanBlock {
    inner: Vec<Ran>,
    last: Ran,
    shortcut: Option<Normalized>,
}

/// The student after its forward pass, with everything that its gradients need.
pub(super) struct RanStudent {
    level1: [Ran; 2],
    level2: Ran,
    oce: Vec<RanBlock>,
    decoder: [Vec<RanBlock>; 3],
    /// `F_S` at levels 1, 2 and 3.
    pub features: [Feature; 3],
}

/// Makes layers and parameters, and names them.
struct Maker<'a> {
    gpu: &'a Gpu,
    parameters: &'a mut Parameters,
    affine: Vec<(String, Vec<usize>)>,
    running: Vec<(String, Vec<usize>)>,
    quads: u32,
}

impl Maker<'_> {
    /// A convolution `conv` of `[input, output]` channels and its norm `bn`.
    fn unit(
        &mut self,
        [conv, bn]: [String; 2],
        kernel: Kernel,
        [input, output]: [usize; 2],
        trained: bool,
    ) -> Result<Unit> {
        let shape = match kernel {
            Kernel::Plain { size, .. } => [output, input, size, size],
            Kernel::Transposed => [input, output, 2, 2],
        };
        let name = format!("{conv}.weight");
        let weight = self.parameters.convolution(self.gpu, name, shape, kernel == Kernel::Transposed);
        let channels = [whole_quads(input)?, whole_quads(output)?];
        let layer = Layer::new(self.gpu, conv, kernel, channels, weight, trained);
        let place = NormOffset { affine: self.quads, running: self.quads };
        self.quads += 2 * channels[1];
        self.affine.extend(["weight", "bias"].map(|part| (format!("{bn}.{part}"), vec![output])));
        self.running
            .extend(["running_mean", "running_var"].map(|part| (format!("{bn}.{part}"), vec![output])));
        Ok(Unit { layer, place })
    }

    /// A residual block from `input` through `inner` (bottleneck only) to `output` channels.
    fn block(
        &mut self,
        kind: BlockKind,
        prefix: &str,
        [input, inner, output]: [usize; 3],
        scale: Scale,
    ) -> Result<Block> {
        let kernel = |size: usize| match scale {
            Scale::Keep => Kernel::Plain { size, stride: 1 },
            Scale::Halve => Kernel::Plain { size, stride: 2 },
            Scale::Double => Kernel::Transposed,
        };
        let same = |size: usize| Kernel::Plain { size, stride: 1 };
        let named = |first: &str| if scale == Scale::Double { "deconv" } else { first }.to_owned();
        let body = match kind {
            BlockKind::Basic => {
                vec![
                    (named("conv1"), kernel(3), [input, output]),
                    ("conv2".into(), same(3), [output, output]),
                ]
            }
            BlockKind::Bottleneck => vec![
                ("conv1".into(), same(1), [input, inner]),
                (named("conv2"), kernel(3), [inner, inner]),
                ("conv3".into(), same(1), [inner, output]),
            ],
        };
        let shortcut = match scale != Scale::Keep || input != output {
            true => {
                let names = [format!("{prefix}.shortcut.{}", named("conv")), format!("{prefix}.shortcut.bn")];
                Some(self.unit(names, kernel(1), [input, output], true)?)
            }
            false => None,
        };
        let body = body.into_iter().enumerate().map(|(i, (name, kernel, channels))| {
            self.unit([format!("{prefix}.{name}"), format!("{prefix}.bn{}", i + 1)], kernel, channels, true)
        });
        Ok(Block { body: body.collect::<Result<_>>()?, shortcut })
    }
}

impl Student {
    /// The student for the teacher `backbone` and pictures of that size; its tensors are added to `parameters`.
    ///
    /// # Errors
    /// A number of channels is not a multiple of four.
    pub fn new(gpu: &Gpu, parameters: &mut Parameters, backbone: Backbone, size: Size) -> Result<Self> {
        let mut maker = Maker { gpu, parameters, affine: Vec::new(), running: Vec::new(), quads: 0 };
        let (channels, inner, counts) = (backbone.channels(), backbone.inner(), backbone.blocks());
        let [c1, c2, c3] = channels;
        let kind = backbone.block();
        let halve = Kernel::Plain { size: 3, stride: 2 };
        let mbf = |level: usize, i: usize| {
            [format!("student.mbf.level{level}.conv{i}"), format!("student.mbf.level{level}.bn{i}")]
        };
        let level1 =
            [maker.unit(mbf(1, 1), halve, [c1, c2], false)?, maker.unit(mbf(1, 2), halve, [c2, c3], true)?];
        let level2 = maker.unit(mbf(2, 1), halve, [c2, c3], false)?;
        let mut layer =
            |prefix: &str, input: usize, [inner, output]: [usize; 2], count: usize, first: Scale| {
                let blocks = (0..count).map(|i| {
                    let (input, scale) = if i == 0 { (input, first) } else { (output, Scale::Keep) };
                    maker.block(kind, &format!("{prefix}.{i}"), [input, inner, output], scale)
                });
                blocks.collect::<Result<Vec<_>>>()
            };
        let oce = layer("student.oce.blocks", 3 * c3, [inner[3], 2 * c3], counts[3], Scale::Halve)?;
        let decoder = [
            layer("student.decoder.layer1", 2 * c3, [inner[2], c3], counts[0], Scale::Double)?,
            layer("student.decoder.layer2", c3, [inner[1], c2], counts[1], Scale::Double)?,
            layer("student.decoder.layer3", c2, [inner[0], c1], counts[2], Scale::Double)?,
        ];
        let Maker { affine, running, quads, .. } = maker;
        let norms = Norms {
            affine: parameters.flat(gpu, affine, 0, true),
            running: parameters.flat(gpu, running, 0, false),
        };
        let channels = [whole_quads(c1)?, whole_quads(c2)?, whole_quads(c3)?];
        let sizes = backbone.sizes(size).map(Size::pixels);
        Ok(Self { level1, level2, oce, decoder, norms, affine: quads, channels, sizes })
    }

    fn layers(&self) -> impl Iterator<Item = &Layer> {
        let blocks = self.oce.iter().chain(self.decoder.iter().flatten());
        let units = blocks.flat_map(|block| block.body.iter().chain(&block.shortcut));
        self.level1.iter().chain([&self.level2]).chain(units).map(|unit| &unit.layer)
    }

    /// Recomputes all turned weights.
    pub fn turn(&self, tape: &mut Tape, parameters: &Parameters) {
        self.layers().for_each(|layer| layer.turn(tape, parameters));
    }

    /// The features of level `k`, stored in `id`.
    pub fn level(&self, k: usize, id: Id) -> Feature {
        let (channels, (width, height)) = (self.channels[k], self.sizes[k]);
        Feature { id, height, width, channels, pixel: channels, offset: 0 }
    }

    /// `F_A` to `F_S`.
    pub fn forward(&self, tape: &mut Tape, parameters: &Parameters, teacher: [Feature; 3]) -> RanStudent {
        let run = &mut Run { tape, parameters, norms: self.norms };
        let c3 = self.channels[2];
        let fused = run.tape.feature(3 * c3, self.sizes[2].1, self.sizes[2].0);
        let part = |k: u32| Feature { channels: c3, offset: k * c3, ..fused };
        let first = run.unit(&self.level1[0], teacher[0], None);
        let second = run.unit(&self.level1[1], first.y, Some(part(0)));
        let level2 = run.unit(&self.level2, teacher[1], Some(part(1)));
        run.tape.copy(teacher[2], part(2));
        let mut oce = Vec::new();
        let mut x = fused;
        for block in &self.oce {
            oce.push(run.block(block, x));
            x = oce[oce.len() - 1].last.y;
        }
        let mut features = [x; 3];
        let decoder = [2, 1, 0].map(|k| {
            let ran: Vec<RanBlock> = self.decoder[2 - k]
                .iter()
                .map(|block| {
                    let ran = run.block(block, x);
                    x = ran.last.y;
                    ran
                })
                .collect();
            features[k] = x;
            ran
        });
        RanStudent { level1: [first, second], level2, oce, decoder, features }
    }

    /// All gradients and the optimizer's steps, from the gradients of `F_S` at levels 1, 2 and 3.
    pub fn back(&self, tape: &mut Tape, parameters: &Parameters, ran: &RanStudent, loss: [Feature; 3]) {
        let gradient = tape.temporary(self.affine);
        let norms = self.norms;
        let mut back = Back { run: Run { tape, parameters, norms }, gradient };
        let mut dy = loss[0];
        for (k, layer) in [2, 1, 0].into_iter().enumerate() {
            for (i, (block, ran)) in self.decoder[layer].iter().zip(&ran.decoder[layer]).enumerate().rev() {
                // The input of a layer is the level above, which also has a loss of its own; the input of the first
                // layer has none.
                let also = (i == 0 && layer > 0).then(|| loss[k + 1]);
                dy = back.block(block, ran, dy, also);
            }
        }
        for (block, ran) in self.oce.iter().zip(&ran.oce).rev() {
            dy = back.block(block, ran, dy, None);
        }
        let c3 = self.channels[2];
        let part = |k: u32| Feature { channels: c3, offset: k * c3, ..dy };
        back.first(&self.level2, &ran.level2, part(1));
        let inner = back.unit(&self.level1[1], &ran.level1[1], part(0), BARE);
        back.first(&self.level1[0], &ran.level1[0], inner);
        let quads = self.affine;
        tape.learn_flat("norms", parameters, norms.affine, gradient, [quads, 1]);
    }
}

/// A forward pass.
struct Run<'a> {
    tape: &'a mut Tape,
    parameters: &'a Parameters,
    norms: Norms,
}

impl Run<'_> {
    /// Convolution and statistics.
    fn normalized(&mut self, unit: &Unit, x: Feature) -> Normalized {
        let [height, width] = unit.layer.size(x);
        let z = self.tape.feature(unit.layer.outputs, height, width);
        unit.layer.forward(self.tape, self.parameters, x, z, BARE);
        self.tape.statistics(&unit.layer.name, self.parameters, self.norms, unit.place, z)
    }

    /// Convolution, norm and ReLU; written to `target`, if given.
    fn unit(&mut self, unit: &Unit, x: Feature, target: Option<Feature>) -> Ran {
        let norm = self.normalized(unit, x);
        let z = norm.x;
        let y = target.unwrap_or_else(|| self.tape.feature(z.channels, z.height, z.width));
        self.tape.normalize(&unit.layer.name, norm, Shortcut::Nothing, y, true);
        Ran { x, norm, y }
    }

    fn block(&mut self, block: &Block, x: Feature) -> RanBlock {
        let shortcut = block.shortcut.as_ref().map(|unit| self.normalized(unit, x));
        let (last, first) = block.body.split_last().expect("a block has layers");
        let mut inner: Vec<Ran> = Vec::new();
        let mut y = x;
        for unit in first {
            inner.push(self.unit(unit, y, None));
            y = inner[inner.len() - 1].y;
        }
        let norm = self.normalized(last, y);
        let z = norm.x;
        let out = self.tape.feature(z.channels, z.height, z.width);
        let added = shortcut.map_or(Shortcut::Plain(x), Shortcut::Normalized);
        self.tape.normalize(&last.layer.name, norm, added, out, true);
        RanBlock { inner, last: Ran { x: y, norm, y: out }, shortcut }
    }
}

/// A backward pass.
struct Back<'a> {
    run: Run<'a>,
    /// The gradient of all norms' scales and shifts.
    gradient: Id,
}

impl Back<'_> {
    /// A unit whose input needs no gradient.
    fn first(&mut self, unit: &Unit, ran: &Ran, dy: Feature) {
        let dz = self.relu(unit, ran, dy);
        unit.layer.learn(self.run.tape, self.run.parameters, ran.x, dz);
    }

    /// A unit with ReLU; computes the gradient of its input.
    fn unit(&mut self, unit: &Unit, ran: &Ran, dy: Feature, finish: Finish) -> Feature {
        let dz = self.relu(unit, ran, dy);
        self.convolution(unit, ran.x, dz, finish)
    }

    /// Back through ReLU and norm.
    fn relu(&mut self, unit: &Unit, ran: &Ran, dy: Feature) -> Feature {
        self.run.tape.normalize_back(&unit.layer.name, ran.norm, dy, Some(ran.y), None, self.gradient)
    }

    /// Back through the convolution, which then learns.
    fn convolution(&mut self, unit: &Unit, x: Feature, dz: Feature, finish: Finish) -> Feature {
        let dx = self.run.tape.feature(x.channels, x.height, x.width);
        unit.layer.back(self.run.tape, dz, dx, finish);
        unit.layer.learn(self.run.tape, self.run.parameters, x, dz);
        dx
    }

    /// A block; `also` is added to the gradient of its input.
    fn block(&mut self, block: &Block, ran: &RanBlock, dy: Feature, also: Option<Feature>) -> Feature {
        let (last, first) = block.body.split_last().expect("a block has layers");
        let (y, name) = (ran.last.y, &last.layer.name);
        let behind = self.run.tape.feature(y.channels, y.height, y.width);
        let norm = ran.last.norm;
        let dz = self.run.tape.normalize_back(name, norm, dy, Some(y), Some(behind), self.gradient);
        // The gradient that reaches the input through the shortcut.
        let by_shortcut = match (&block.shortcut, ran.shortcut) {
            (Some(unit), Some(norm)) => {
                let name = &unit.layer.name;
                let dz = self.run.tape.normalize_back(name, norm, behind, None, None, self.gradient);
                let add = also.map_or(Add::Nothing, Add::Sum);
                self.convolution(unit, ran.inner[0].x, dz, Finish { add, ..BARE })
            }
            _ => behind,
        };
        let mut d = self.convolution(last, ran.last.x, dz, BARE);
        for (i, (unit, ran)) in first.iter().zip(&ran.inner).enumerate().rev() {
            let add = if i == 0 { Add::Sum(by_shortcut) } else { Add::Nothing };
            d = self.unit(unit, ran, d, Finish { add, ..BARE });
        }
        d
    }
}
