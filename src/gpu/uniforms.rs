//! The uniforms of all kernels: one struct for each shader's uniform, with the same fields in the same order,
//! which the shaders explain. A test compares the two (`contract.rs`).

use super::pass::Bound;
use super::shaders::Shader;

/// A kernel's uniform.
pub(crate) trait Uniform: bytemuck::Pod {
    /// Whether this is the uniform of `kernel`.
    fn is_of(kernel: Shader) -> bool;
}

/// The description of a struct, for the test that compares it with a shader's.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Description {
    pub name: &'static str,
    pub is_of: fn(Shader) -> bool,
    /// Name, type (empty for a u32) and offset in bytes.
    pub fields: &'static [(&'static str, &'static str, usize)],
    /// Size in bytes.
    pub size: usize,
}

/// The type of a field: u32 unless it names another.
macro_rules! word {
    () => {
        u32
    };
    ($kind:ty) => {
        $kind
    };
}

/// A struct of words, and the kernels whose uniform it is.
macro_rules! uniform {
    ($($(#[$about:meta])* $name:ident [$kernels:pat] { $($field:ident $(: $kind:ty)?),+ $(,)? })+) => {
        $(
            $(#[$about])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, bytemuck::Pod, bytemuck::Zeroable)]
            pub(crate) struct $name {
                $(pub $field: word!($($kind)?),)+
            }

            impl Uniform for $name {
                fn is_of(kernel: Shader) -> bool {
                    matches!(kernel, $kernels)
                }
            }
        )+

        /// All of them.
        #[cfg(test)]
        pub(crate) const ALL: &[Description] = &[$(Description {
            name: stringify!($name),
            is_of: <$name as Uniform>::is_of,
            fields: &[$((stringify!($field), stringify!($($kind)?), std::mem::offset_of!($name, $field)),)+],
            size: size_of::<$name>(),
        },)+];
    };
}

// Detection.
uniform! {
    Picture [Shader::Picture | Shader::Picture8] { width, height }

    Conv [Shader::Convolution(_) | Shader::ConvolutionSum] {
        rows, columns, height, width, in_height, in_width, in_line, in_pixel, in_picture, in_offset, channels,
        kernel_height, kernel_width, stride, padding: i32, corners, out_pixel, out_offset, add, add_pixel,
        add_offset, relu, biased, matrix_rows, part,
    }

    WinogradInput [Shader::WinogradInput] { height, width, across, channels, patches, in_pixel, in_offset }

    WinogradOutput [Shader::WinogradOutput] {
        height, width, across, channels, patches, out_pixel, out_offset, add, add_pixel, add_offset, relu,
    }

    MaxPool [Shader::MaxPool] { width, channels, in_height, in_width, in_pixel, in_offset, out_pixel, out_offset }

    Position [Shader::Position] { positions, channels, in_pixel, in_offset, out_pixel, out_offset }

    Matching [Shader::Gate | Shader::Nearest] {
        rows, channels, vector_pixel, vector_offset, items, products_pixel, products_offset,
    }

    Amplify [Shader::Amplify] {
        positions, channels, feature_pixel, feature_offset, generated_pixel, generated_offset, out_pixel, out_offset,
        gated, residual,
    }

    Cosine [Shader::Cosine] { rows, channels, teacher_pixel, teacher_offset, student_pixel, student_offset }

    Upsample [Shader::Upsample] { width, height, height1, width1, height2, width2, height3, width3 }

    Blur [Shader::Blur] { width, height, radius, along_x }

    Maximum [Shader::Maximum] { pixels }

    Color [Shader::Color] { width, height, picture, colors, threshold: f32, see_through }

    // Training.
    NormSums [Shader::NormSums] { rows, channels, chunk }

    NormMerge [Shader::NormMerge] { rows, channels, chunks, first, running }

    NormApply [Shader::NormApply] { rows, channels, out_pixel, out_offset, add, add_pixel, add_offset, relu }

    NormBackSums [Shader::NormBackSums] {
        rows, channels, chunk, dy_pixel, dy_offset, out_pixel, out_offset, relu, keep,
    }

    NormBackMerge [Shader::NormBackMerge] { channels, chunks, first }

    NormBack [Shader::NormBack] { rows, channels, first, dy_pixel, dy_offset, out_pixel, out_offset, relu }

    WeightGradient [Shader::WeightGradient(_)] {
        rows, height, width, in_height, in_width, inputs, outputs, taps_across, stride, padding: i32, corners, part,
        tap_step, row_step, part_step,
    }

    /// Rate and epsilon are set anew for every step.
    AdamFlat [Shader::AdamFlat] { rate: f32, epsilon: f32, beta1: f32, beta2: f32, quads, parts }

    /// Rate and epsilon are set anew for every step.
    AdamWeight [Shader::AdamWeight] {
        rate: f32, epsilon: f32, beta1: f32, beta2: f32, inputs, outputs, taps, taps_across, tap_step, row_step,
        parts, form, learns,
    }

    /// Rate and epsilon are set anew for every step.
    AdamMemory [Shader::AdamMemory] {
        rate: f32, epsilon: f32, beta1: f32, beta2: f32, items, channels, item_quads, parts, learns,
    }

    DistillSums [Shader::DistillSums] { rows, channels }

    DistillHardest [Shader::DistillHardest] { positions, count }

    DistillBack [Shader::DistillBack] { rows, channels, positions, pictures, count }

    Rows [Shader::Rows] { rows, channels, in_pixel, in_offset, out_pixel, out_offset, listed, unit }

    GateBack [Shader::GateBack] { rows, channels, items, item_quads }

    ColumnSums [Shader::ColumnSums] { rows, channels, part }

    Advance [Shader::Advance] { rows, channels, row_quads, residual }

    AdvanceBack [Shader::AdvanceBack] { rows, channels, parts, part_step, residual }

    Pairs [Shader::Pairs] { quads, row_quads, anomalous, alpha: f32, share: f32 }

    Sum [Shader::Sum] { count, place, factor: f32 }
}

/// A pass without its name.
pub(crate) fn bound<U: Uniform, M>(
    kernel: Shader,
    uniform: U,
    bindings: Vec<M>,
    groups: [u32; 3],
) -> Bound<M> {
    debug_assert!(U::is_of(kernel), "another uniform than that of {kernel:?}");
    (kernel, words(uniform), bindings, groups)
}

/// A uniform word by word.
pub(crate) fn words(uniform: impl Uniform) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(bytemuck::bytes_of(&uniform))
}
