//! Compares every pass by itself with the plain reference implementation, on any adapter, even a software one.

use super::memory::Memory;
use super::network::Program;
use super::pass::Pass;
use super::shaders::Shader;
use super::tile::{Tile, TileRule, Tiles};
use super::*;
use crate::amplification::{RaaOptions, Residual};
use crate::inference::plan_tests::{Random, info, nearest};
use crate::inference::{Buffer, Plan, View, reference};
use crate::model::{Info, Precision, Score};
use crate::picture::Size;
use crate::teacher::Backbone;
use std::sync::Arc;

mod heat_map;

/// The first adapter.
fn gpu() -> Arc<Gpu> {
    let found = pollster::block_on(adapters());
    assert!(!found.is_empty(), "wgpu finds no adapter; install mesa-vulkan-drivers for a software one");
    Arc::new(pollster::block_on(Gpu::open()).unwrap())
}

/// Numbers in `-1..1` that look random.
fn noise(seed: usize, i: usize) -> f32 {
    let x = ((i + 1) as f64 * 12.9898 + seed as f64 * 78.233).sin() * 43_758.545_3;
    (2.0 * (x - x.floor()) - 1.0) as f32
}

/// Runs one pass at a time on memory of its own.
struct Bench {
    network: GpuNetwork,
    pictures: usize,
}

impl Bench {
    fn new(gpu: Arc<Gpu>, plan: Plan, precision: Precision, tile: TileRule, pictures: usize) -> Self {
        let winograd = !matches!(tile(u32::MAX, 64), Tile::Matrix64 | Tile::Matrix128);
        let tiles = Tiles { rule: tile, winograd };
        let mut network = GpuNetwork::with_tiles(gpu, plan, precision, tiles).unwrap();
        network.prepare(pictures).unwrap();
        network.count = pictures;
        Self { network, pictures }
    }

    fn buffer(&self, memory: Memory) -> &wgpu::Buffer {
        self.network.memories.as_ref().unwrap().at(&self.network.constants, memory)
    }

    /// The precision in which a view is stored.
    fn precision(&self, view: View) -> Precision {
        let single = self.network.plan.buffers[view.buffer].channels == 1;
        if single { Precision::F32 } else { self.network.precision }
    }

    /// How many numbers fit into the slot of a view.
    fn capacity(&self, view: View) -> usize {
        self.buffer(self.slot(view)).size() as usize / self.precision(view).bytes()
    }

    fn write_view(&self, view: View, values: &[f32]) {
        let bytes = self.precision(view).pack(values);
        self.network.gpu.write(self.buffer(self.slot(view)), 0, &bytes);
    }

    fn write(&self, memory: Memory, values: &[f32]) {
        self.network.gpu.write(self.buffer(memory), 0, bytemuck::cast_slice(values));
    }

    fn read_view(&self, view: View) -> Vec<f32> {
        self.precision(view).unpack(bytemuck::cast_slice(&self.read(self.slot(view))))
    }

    /// The memory as words.
    fn read(&self, memory: Memory) -> Vec<u32> {
        let from = self.buffer(memory);
        let device = &self.network.gpu.device;
        let to = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: from.size(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from, 0, &to, 0, from.size());
        self.network.gpu.submit(encoder);
        pollster::block_on(self.network.gpu.read(&to)).unwrap()
    }

    fn run(&self, passes: &[&Pass<Memory>]) {
        let program = self.network.bind(passes.iter().map(|&pass| pass.clone()).collect());
        let mut encoder = self.network.gpu.device.create_command_encoder(&Default::default());
        Program::encode(&program.passes, &mut encoder, &self.network.kernels);
        self.network.gpu.submit(encoder);
        self.network.gpu.check().unwrap();
    }

    fn passes(&self) -> Vec<Pass<Memory>> {
        self.network.program(self.pictures).passes.iter().map(|(pass, _)| pass.clone()).collect()
    }

    fn slot(&self, view: View) -> Memory {
        Memory::Slot(self.network.slots.of[view.buffer])
    }

    /// Where number `i` of a view `[C, H, W]` of a picture lies in its slot.
    fn index(&self, view: View, picture: usize, i: usize) -> usize {
        let plan = &self.network.plan;
        let [_, height, width] = plan.shape(view);
        let (c, p) = (i / (height * width), i % (height * width));
        let first = picture * layout::numbers(plan, view.buffer);
        if view == plan.input {
            let border = layout::BORDER;
            let pixel = (p / width + border) * (width + 2 * border) + p % width + border;
            return first + 4 * pixel + c;
        }
        let channels = plan.buffers[view.buffer].channels;
        let pixel = if channels == 1 { 1 } else { 4 * layout::quads(channels) };
        first + p * pixel + view.first + c
    }
}

/// Rounding errors, relative to the largest number of a pass.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-5,
        Precision::F16 => 4e-3,
    }
}

fn close(found: &[f64], right: &[f64], tolerance: f64, name: &str) {
    let scale = right.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    assert_eq!(found.len(), right.len(), "{name}");
    for (i, (found, right)) in found.iter().zip(right).enumerate() {
        let error = (found - right).abs();
        assert!(error <= tolerance * scale, "{name}: {i}: {found} is not {right}");
    }
}

fn every_step(info: &Info, pictures: usize, tile: TileRule) {
    every_step_in(Precision::F32, info, pictures, tile);
}

fn every_step_in(precision: Precision, info: &Info, pictures: usize, tile: TileRule) {
    let gpu = gpu();
    assert!(precision == Precision::F32 || gpu.has_half(), "{} has no 16-bit floats", gpu.info.name);
    let plan = Plan::new(info, &Random).unwrap();
    let bench = Bench::new(gpu, plan.clone(), precision, tile, pictures);
    let shape = |view: View| {
        let [channels, height, width] = plan.shape(view);
        Buffer { channels, height, width }
    };
    let all = bench.passes();
    for (n, step) in plan.steps.iter().enumerate() {
        // One pass, or the three of Winograd's convolution.
        let passes: Vec<&Pass<Memory>> = all.iter().filter(|pass| pass.name == step.name).collect();
        let (views, to) = (step.operation.reads(), step.operation.writes());
        let mut slots = std::collections::HashMap::new();
        let mut reads = vec![Vec::new(); pictures];
        for (v, &view) in views.iter().enumerate() {
            // Memory that a pass must not read is NaN, except the picture's border.
            let rest = if view == plan.input { 0.0 } else { f32::NAN };
            let entry = slots.entry(bench.network.slots.of[view.buffer]);
            let (_, slot) = entry.or_insert_with(|| (view, vec![rest; bench.capacity(view)]));
            for (picture, reads) in reads.iter_mut().enumerate() {
                let values: Vec<f32> =
                    (0..shape(view).numbers()).map(|i| noise(n + 31 * v + 7 * picture, i)).collect();
                for (i, &value) in values.iter().enumerate() {
                    slot[bench.index(view, picture, i)] = value;
                }
                reads.push(values.into_iter().map(f64::from).collect::<Vec<f64>>());
            }
        }
        slots.values().for_each(|(view, values)| bench.write_view(*view, values));
        bench.write_view(to, &vec![f32::NAN; bench.capacity(to)]);
        bench.run(&passes);
        let values = bench.read_view(to);
        for (picture, reads) in reads.iter().enumerate() {
            let right = reference::evaluate(&step.operation, reads, shape(views[0]), shape(to));
            let found = (0..right.len()).map(|i| f64::from(values[bench.index(to, picture, i)]));
            let name = format!("{} {:?}, picture {picture}, {:?}", step.name, shape(to), passes[0].kernel);
            close(&found.collect::<Vec<f64>>(), &right, tolerance(precision), &name);
        }
    }
}

#[test]
fn every_pass_of_a_basic_network_is_right() {
    every_step(&info(Backbone::Compact, 64), 3, |_, _| Tile::Direct);
    every_step(&info(Backbone::Compact, Size::new(96, 64)), 1, |_, _| Tile::Small);
    every_step(&info(Backbone::Resnet18, 32), 1, |_, _| Tile::Large);
}

#[test]
fn every_pass_of_a_bottleneck_network_is_right() {
    every_step(&info(Backbone::Resnet50, 32), 1, |_, _| Tile::Direct);
    every_step(&info(Backbone::Resnet50, Size::new(32, 64)), 3, |_, _| Tile::Large);
}

#[test]
fn every_pass_in_16_bit_is_right() {
    every_step_in(Precision::F16, &info(Backbone::Compact, 64), 3, |_, _| Tile::Direct);
    every_step_in(Precision::F16, &info(Backbone::Compact, 96), 1, |_, _| Tile::Small);
    every_step_in(Precision::F16, &info(Backbone::Resnet18, 32), 1, |_, _| Tile::Large);
    every_step_in(Precision::F16, &info(Backbone::Resnet50, 32), 1, |_, _| Tile::Large);
}

/// If matrix units pass their test on this adapter, they are right in every layer and f16 networks use them; if
/// there are none, f16 has the same tiles as f32.
#[test]
fn matrix_units_are_used_where_they_are_right() {
    let gpu = gpu();
    let units = match gpu.matrix_units() {
        MatrixUnits::Ready => true,
        MatrixUnits::Absent => false,
        MatrixUnits::Failed(how) => panic!("{how}"),
    };
    // The test has not harmed the device.
    gpu.check().unwrap();
    if units {
        every_step_in(Precision::F16, &info(Backbone::Compact, 96), 3, |_, _| Tile::Matrix64);
        every_step_in(Precision::F16, &info(Backbone::Resnet18, 64), 1, |_, _| Tile::Matrix128);
        every_step_in(Precision::F16, &info(Backbone::Resnet50, 32), 3, |_, _| Tile::Matrix64);
    }
    let (size, pictures) = if units { (256, 8) } else { (64, 1) };
    let plan = Plan::new(&info(Backbone::Resnet18, size), &Random).unwrap();
    for precision in [Precision::F16, Precision::F32] {
        let mut network = GpuNetwork::new(Arc::clone(&gpu), plan.clone(), precision).unwrap();
        network.prepare(pictures).unwrap();
        let passes = &network.program(pictures).passes;
        let uses = |tile| passes.iter().any(|(pass, _)| pass.kernel == Shader::Convolution(tile));
        for tile in [Tile::Matrix64, Tile::Matrix128] {
            assert_eq!(uses(tile), units && precision == Precision::F16, "{tile:?} in {precision:?}");
        }
    }
}

/// Pictures as bytes give exactly the maps of normalized pixels, also when the two alternate.
#[test]
fn bytes_are_normalized_on_the_gpu() {
    let gpu = gpu();
    let size = 64;
    let plan = Plan::new(&info(Backbone::Compact, size), &Random).unwrap();
    for precision in [Precision::F32, Precision::F16] {
        let mut network = GpuNetwork::new(Arc::clone(&gpu), plan.clone(), precision).unwrap();
        for count in [2, 1, 3] {
            let pictures: Vec<crate::picture::Picture> = (0..count)
                .map(|n| {
                    let value = |x, y, c| (noise(n, (3 * (y * 64 + x) + c) as usize) * 128.0 + 128.0) as u8;
                    crate::picture::Picture::from_fn(64, 64, |x, y| {
                        image::Rgb([0, 1, 2].map(|c| value(x, y, c)))
                    })
                })
                .collect();
            let pixels: Vec<f32> = pictures.iter().flat_map(crate::picture::normalize).collect();
            let bytes: Vec<&[u8]> = pictures.iter().map(|p| p.as_raw().as_slice()).collect();
            let right = pollster::block_on(network.maps(&pixels, count)).unwrap();
            let found = pollster::block_on(network.maps_of_bytes(&bytes)).unwrap();
            assert_eq!(found, right);
            assert!(found[0].1 > 0.0, "{}", found[0].1);
        }
        assert!(pollster::block_on(network.maps_of_bytes(&[&[0; 5]])).is_err());
    }
}

#[test]
fn every_switch_is_right() {
    let base = info(Backbone::Compact, 32);
    let raa = base.raa;
    let variants = [
        RaaOptions { residual: Residual::Sigmoid, ..raa },
        RaaOptions { residual: Residual::Learnable, ..raa },
        RaaOptions { gate: false, ..raa },
        RaaOptions { generator: false, ..raa },
        RaaOptions { memory_items: 1, ..raa },
        RaaOptions { memory_items: 7, ..raa },
    ];
    for raa in variants {
        every_step(&Info { raa, ..base.clone() }, 1, |_, _| Tile::Direct);
    }
    every_step(&nearest(base.clone(), [20, 16, 2]), 2, |_, _| Tile::Small);
    every_step(&Info { score: Score::Gate, ..base }, 3, |_, _| Tile::Small);
}

/// A NaN distance stays NaN: as 0 it would be the best of all.
#[test]
fn nearest_does_not_hide_what_is_not_a_number() {
    let plan = Plan::new(&nearest(info(Backbone::Compact, 32), [4, 4, 2]), &Random).unwrap();
    let bench = Bench::new(gpu(), plan.clone(), Precision::F32, |_, _| Tile::Direct, 1);
    let step = plan.steps.iter().find(|step| step.name == "nearest.levels.0").unwrap();
    // A query of infinite length with an infinite product: their ratio is NaN.
    for view in step.operation.reads() {
        bench.write_view(view, &vec![f32::INFINITY; bench.capacity(view)]);
    }
    let passes = bench.passes();
    bench.run(&passes.iter().filter(|pass| pass.name == step.name).collect::<Vec<_>>());
    let to = step.operation.writes();
    let found = bench.read_view(to);
    let positions = plan.shape(to).iter().product::<usize>();
    assert!(found[..positions].iter().all(|distance| !distance.is_finite()), "{found:?}");
}

/// The discrepancies of one picture from the plain reference implementation, step by step in double
/// precision.
fn whole(plan: &Plan, pixels: &[f32]) -> Vec<(Vec<f32>, [usize; 2])> {
    let mut buffers: Vec<Vec<f64>> = plan.buffers.iter().map(|buffer| vec![0.0; buffer.numbers()]).collect();
    buffers[plan.input.buffer] = pixels.iter().map(|&v| f64::from(v)).collect();
    let range = |view: View| {
        let positions = plan.buffers[view.buffer].positions();
        view.first * positions..(view.first + view.channels) * positions
    };
    let shape = |view: View| {
        let [channels, height, width] = plan.shape(view);
        Buffer { channels, height, width }
    };
    for step in &plan.steps {
        let (views, to) = (step.operation.reads(), step.operation.writes());
        let reads: Vec<Vec<f64>> =
            views.iter().map(|&view| buffers[view.buffer][range(view)].to_vec()).collect();
        let made = reference::evaluate(&step.operation, &reads, shape(views[0]), shape(to));
        buffers[to.buffer][range(to)].copy_from_slice(&made);
    }
    let map = |view: View| {
        let [_, height, width] = plan.shape(view);
        (buffers[view.buffer].iter().map(|&v| v as f32).collect(), [height, width])
    };
    plan.maps.map(map).into()
}

/// From pixels to maps and scores, batch after batch in the same memory.
#[test]
fn the_whole_is_right() {
    let gpu = gpu();
    let base = info(Backbone::Compact, 64);
    let infos = [
        base.clone(),
        Info { raa: RaaOptions { generator: false, ..base.raa }, ..base.clone() },
        Info { score: Score::Gate, ..base },
        info(Backbone::Resnet18, Size::new(96, 64)),
        info(Backbone::Resnet50, 32),
    ];
    for info in infos {
        let size = info.size;
        let plan = Plan::new(&info, &Random).unwrap();
        let mut network = GpuNetwork::new(Arc::clone(&gpu), plan.clone(), Precision::F32).unwrap();
        for count in [1, 3, 2] {
            let pixels: Vec<f32> = (0..count * 3 * size.area()).map(|i| noise(count, i)).collect();
            let found = pollster::block_on(network.maps(&pixels, count)).unwrap();
            for ((map, score), pixels) in found.iter().zip(pixels.chunks(3 * size.area())) {
                let levels = whole(&plan, pixels);
                let levels: Vec<_> = levels.iter().map(|(values, dims)| (values.as_slice(), *dims)).collect();
                let right = crate::detection::anomaly_map(&levels, size);
                let scale = right.data.iter().fold(0.0f32, |m, v| m.max(v.abs()));
                for (a, b) in map.data.iter().zip(&right.data) {
                    assert!((a - b).abs() <= 1e-4 * scale, "{a} is not {b}: {}", info.backbone);
                }
                assert_eq!(*score, map.data.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            }
        }
        assert!(pollster::block_on(network.maps(&[0.0; 5], 1)).is_err());
    }
}

/// The picture's border, the map's up-sampling, sum and smoothing, the maximum.
#[test]
fn the_ends_are_right() {
    let gpu = gpu();
    for (size, pictures) in
        [(Size::square(32), 3), (Size::new(64, 96), 2), (Size::square(96), 1), (Size::new(160, 32), 2)]
    {
        let plan = Plan::new(&info(Backbone::Compact, size), &Random).unwrap();
        let bench = Bench::new(Arc::clone(&gpu), plan.clone(), Precision::F32, |_, _| Tile::Direct, pictures);
        let passes = bench.passes();
        let pixels: Vec<f32> = (0..pictures * 3 * size.area()).map(|i| noise(9, i)).collect();
        bench.write(Memory::Pixels, &pixels);
        bench.run(&[&passes[0]]);
        let found = bench.read_view(plan.input);
        let length = layout::numbers(&plan, plan.input.buffer);
        let mut right = vec![0.0; pictures * length];
        for (i, &value) in pixels.iter().enumerate() {
            right[bench.index(plan.input, i / (3 * size.area()), i % (3 * size.area()))] = value;
        }
        for (picture, right) in right.chunks_exact(length).enumerate() {
            assert_eq!(&found[picture * length..][..length], right);
        }

        let levels = plan.maps.map(|map| {
            let values: Vec<f32> = (0..pictures * plan.shape(map)[1] * plan.shape(map)[2])
                .map(|i| noise(map.buffer, i))
                .collect();
            bench.write(bench.slot(map), &values);
            values
        });
        bench.run(&passes[passes.len() - 4..].iter().collect::<Vec<_>>());
        let maps = pollster::block_on(bench.network.read_maps()).unwrap();
        let scores = pollster::block_on(bench.network.scores()).unwrap();
        for (picture, (map, score)) in maps.iter().zip(scores).enumerate() {
            let level = |k: usize| {
                let [_, height, width] = plan.shape(plan.maps[k]);
                (&levels[k][picture * height * width..][..height * width], [height, width])
            };
            let right = crate::detection::anomaly_map(&[level(0), level(1), level(2)], size);
            let doubles = |map: &crate::picture::ScoreMap| -> Vec<f64> {
                map.data.iter().map(|&v| f64::from(v)).collect()
            };
            close(&doubles(map), &doubles(&right), tolerance(Precision::F32), "map");
            assert_eq!(score, map.data.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
}

/// A negative maximum is found, and a value that is not finite makes the score infinite.
#[test]
fn the_score_of_a_damaged_map_is_infinite() {
    let gpu = gpu();
    let plan = Plan::new(&info(Backbone::Compact, 32), &Random).unwrap();
    let bench = Bench::new(gpu, plan.clone(), Precision::F32, |_, _| Tile::Direct, 4);
    let passes = bench.passes();
    let numbers = |k: usize| plan.shape(plan.maps[k])[1] * plan.shape(plan.maps[k])[2];
    for k in 0..3 {
        let mut values = vec![-0.25; 4 * numbers(k)];
        if k == 1 {
            values[numbers(1) + 3] = f32::NAN;
            values[2 * numbers(1)..3 * numbers(1)].fill(f32::NEG_INFINITY);
            values[3 * numbers(1)..].fill(0.5);
        }
        bench.write(bench.slot(plan.maps[k]), &values);
    }
    bench.run(&passes[passes.len() - 4..].iter().collect::<Vec<_>>());
    let scores = pollster::block_on(bench.network.scores()).unwrap();
    assert!((scores[0] + 0.75).abs() < 1e-5 && scores[3].abs() < 1e-5, "{scores:?}");
    assert_eq!(scores[1..3], [f32::INFINITY; 2]);
}

/// Once something goes wrong on the device, every use is an error.
#[test]
fn a_failed_device_says_so() {
    let gpu = gpu();
    let plan = Plan::new(&info(Backbone::Compact, 32), &Random).unwrap();
    let mut network = GpuNetwork::new(Arc::clone(&gpu), plan, Precision::F32).unwrap();
    let pixels = vec![0.0; 3 * 32 * 32];
    assert!(matches!(network.submit(&pixels[1..], 1), Err(crate::Error::Setting(_))));
    assert!(matches!(network.submit(&[], 0), Err(crate::Error::Setting(_))));
    network.submit(&pixels, 1).unwrap();
    // A copy beyond the end of a buffer.
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    let memories = network.memories.as_ref().unwrap();
    encoder.copy_buffer_to_buffer(&memories.scores_out, 0, &memories.map_out, 0, 1 << 20);
    gpu.submit(encoder);
    assert!(matches!(network.submit(&pixels, 1), Err(crate::Error::Device(_))));
    assert!(matches!(pollster::block_on(network.scores()), Err(crate::Error::Device(_))));
}
