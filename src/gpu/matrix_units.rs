//! Matrix units, natively: wgpu's cooperative matrices, for f16 with sums in f32. They are used only after a product
//! of known numbers has come out right on that very device.

use super::adapter::Gpu;
use super::convolution::{self, Buffers, Conv};
use super::network::OVERFLOW;
use super::tile::Tile;
use crate::model::Precision;
use std::fmt::{Display, Formatter};
use wgpu::util::DeviceExt;
use wgpu::{CooperativeScalarType, Features};

/// The state of a device's matrix units (f16 with sums in f32, 16 x 16 x 16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatrixUnits {
    /// The device has none that can be used here.
    Absent,
    /// They give the right results and are used for f16.
    Ready,
    /// They give wrong results, described in words, and are not used.
    Failed(String),
}

impl Display for MatrixUnits {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => write!(f, "without matrix units"),
            Self::Ready => write!(f, "with matrix units"),
            Self::Failed(how) => {
                write!(f, "without matrix units, which fail their test ({how}); a newer driver may help")
            }
        }
    }
}

/// The features that `conv_coop.wgsl` needs.
const FEATURES: Features =
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX.union(Features::SUBGROUP).union(Features::SHADER_F16);

/// Threads of a subgroup, and bytes of workgroup memory, that the shaders rely on. (AMD's GPUs may choose between
/// subgroups of 32 and 64 threads, and are not supported.)
pub(super) const SUBGROUP: u32 = 32;
pub(super) const MEMORY: u32 = 32 * 1024;

/// `plain` with the features and limits that matrix units need, if the adapter lists them.
pub(super) fn requested<'a>(
    adapter: &wgpu::Adapter,
    plain: &wgpu::DeviceDescriptor<'a>,
) -> Option<wgpu::DeviceDescriptor<'a>> {
    let info = adapter.get_info();
    let limits = &plain.required_limits;
    let fits = info.subgroup_min_size == SUBGROUP
        && info.subgroup_max_size == SUBGROUP
        && limits.max_compute_invocations_per_workgroup >= 256
        && limits.max_compute_workgroup_size_x >= 256
        && limits.max_compute_workgroup_storage_size >= MEMORY;
    let listed = adapter.cooperative_matrix_properties().iter().any(|p| {
        [p.m_size, p.n_size, p.k_size] == [16; 3]
            && p.ab_type == CooperativeScalarType::F16
            && p.cr_type == CooperativeScalarType::F32
    });
    (adapter.features().contains(FEATURES) && fits && listed).then(|| wgpu::DeviceDescriptor {
        required_features: plain.required_features | FEATURES,
        // SAFETY: the one experimental feature asked for is used by shaders that are part of this crate, and only
        // after `test`.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..plain.clone()
    })
}

/// Multiplies small whole numbers, for which no kernel rounds, and compares the result bit for bit with the plain
/// shader's. Uses a device of its own, since a failing driver may lose the device.
pub(super) fn test(adapter: &wgpu::Adapter) -> MatrixUnits {
    let tested = || -> Result<(), String> {
        let gpu = waited(Gpu::on(adapter)).map_err(|error| error.to_string())?;
        let right = product(&gpu, Tile::Small)?;
        for tile in [Tile::Matrix64, Tile::Matrix128] {
            compare(&product(&gpu, tile)?, &right).map_err(|how| format!("{tile:?}: {how}"))?;
        }
        gpu.check().map_err(|error| error.to_string())
    };
    tested().map_or_else(MatrixUnits::Failed, |()| MatrixUnits::Ready)
}

/// Whether a device was opened as [`requested`].
pub(super) fn listed(device: &wgpu::Device) -> bool {
    device.features().contains(FEATURES)
}

/// Where two results differ.
fn compare(found: &[u32], right: &[u32]) -> Result<(), String> {
    let wrong = found.iter().zip(right).filter(|(found, right)| found != right).count();
    match right.iter().any(|&pair| pair != 0) {
        false => Err("the plain product is zero".into()),
        true if wrong > 0 => Err(format!("{wrong} of {} pairs of results are wrong", right.len())),
        true => Ok(()),
    }
}

/// The layer of the test: 3x3 with padding, bias, addend and ReLU, on two pictures. Neither its positions nor its
/// input or output channels fill whole tiles.
const SIDE: u32 = 9;
const INPUTS: u32 = 10;
const OUTPUTS: u32 = 34;

/// The layer's result from one kernel: f16, two to a word.
fn product(gpu: &Gpu, tile: Tile) -> Result<Vec<u32>, String> {
    let (device, pictures) = (&gpu.device, 2);
    let rows = pictures * SIDE * SIDE;
    // -2 to 2: sums stay below 2048, up to which f16 has every whole number.
    let mut state = 1_u32;
    let mut numbers = |quads: u32| -> wgpu::Buffer {
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 % 5.0 - 2.0
        };
        let values: Vec<f32> = (0..4 * quads).map(|_| draw().trunc()).collect();
        device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("test of the matrix units"),
            contents: &Precision::F16.pack(&values),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
        })
    };
    let input = numbers(rows * INPUTS);
    let bias = numbers(OUTPUTS);
    let addend = numbers(rows * OUTPUTS);
    let weight = numbers(9 * 4 * INPUTS * OUTPUTS);
    let output = numbers(rows * OUTPUTS);
    let products = numbers(super::tile::PARTS as u32 / 4);
    let overflow = numbers(1);
    let conv = Conv {
        rows,
        columns: OUTPUTS,
        height: SIDE,
        width: SIDE,
        in_height: SIDE,
        in_width: SIDE,
        in_line: SIDE * INPUTS,
        in_pixel: INPUTS,
        in_picture: SIDE * SIDE * INPUTS,
        channels: INPUTS,
        kernel_height: 3,
        kernel_width: 3,
        stride: 1,
        padding: 1,
        corners: 1,
        out_pixel: OUTPUTS,
        add: 1,
        add_pixel: OUTPUTS,
        relu: 1,
        biased: 1,
        matrix_rows: u32::MAX,
        ..Conv::default()
    };
    let buffers = Buffers {
        input: &input,
        bias: &bias,
        addend: &addend,
        output: &output,
        weight: &weight,
        products: Some(&products),
    };
    let out = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("result of the test"),
        size: output.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let invalid = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let mut encoder = device.create_command_encoder(&Default::default());
    for (kernel, uniform, bindings, [x, y, z]) in convolution::passes(conv, buffers, tile) {
        let pipeline = kernel.compile(gpu, Precision::F16);
        let uniform = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("uniform of the test"),
            contents: bytemuck::cast_slice(&uniform),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let storage = (1..).zip(bindings);
        let all = [(0, &uniform), (OVERFLOW, &overflow)].into_iter().chain(storage);
        let entries: Vec<_> = all
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("test of the matrix units"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        compute.set_pipeline(&pipeline);
        compute.set_bind_group(0, &group, &[]);
        compute.dispatch_workgroups(x, y, z);
    }
    encoder.copy_buffer_to_buffer(&output, 0, &out, 0, output.size());
    gpu.submit(encoder);
    for scope in [invalid.pop(), internal.pop()] {
        if let Some(error) = waited(scope) {
            return Err(error.to_string().replace('\n', " "));
        }
    }
    waited(gpu.read(&out)).map_err(|error| error.to_string())
}

/// Natively these futures are ready at once; in a browser no device has [`FEATURES`].
fn waited<T>(future: impl Future<Output = T>) -> T {
    use std::task::{Context, Poll, Waker};
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_number_is_a_failure() {
        assert_eq!(compare(&[0, 7], &[0, 7]), Ok(()));
        assert!(compare(&[1, 7], &[0, 7]).unwrap_err().contains("1 of 2"));
        // An adapter whose kernels all give zeros does not pass.
        assert!(compare(&[0, 0], &[0, 0]).is_err());
    }
}
