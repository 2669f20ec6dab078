//! Batch normalization on the tape, with ReLU and the sum of a residual block.

use super::parameters::{Key, Parameters};
use super::tape::{Feature, Id, Tape};
use crate::gpu::pass::{CHANNELS, each, spread};
use crate::gpu::shaders::Shader;
use crate::gpu::uniforms::{NormApply, NormBack, NormBackMerge, NormBackSums, NormMerge, NormSums, bound};

/// Where a norm's numbers begin among those of all norms, in quads.
#[derive(Clone, Copy, Debug)]
pub(super) struct NormOffset {
    /// Scales, then shifts.
    pub affine: u32,
    /// Running means, then variances.
    pub running: u32,
}

/// All norms' numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Norms {
    pub affine: Key,
    pub running: Key,
}

/// A feature to normalize: the convolution's result, and a scale and shift for each channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalized {
    pub x: Feature,
    factors: Id,
    place: NormOffset,
}

/// What is added before the ReLU.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shortcut {
    Nothing,
    /// A block's input.
    Plain(Feature),
    /// A normalized convolution of a block's input.
    Normalized(Normalized),
}

/// The constants of `shaders/norm_apply.wgsl`.
pub(super) const NOTHING: u32 = 0;
const PLAIN: u32 = 1;
pub(super) const NORMALIZED: u32 = 2;

/// The most chunks that the positions are divided into for the statistics.
const MOST_CHUNKS: u32 = 256;

/// Positions per chunk, and the number of chunks.
fn chunks(rows: u32) -> [u32; 2] {
    let chunk = rows.div_ceil(MOST_CHUNKS).max(32);
    [chunk, rows.div_ceil(chunk)]
}

impl Tape {
    fn rows(&self, x: Feature) -> u32 {
        self.pictures * x.positions()
    }

    fn each_quad(&self, x: Feature) -> [u32; 3] {
        each(self.rows(x) * x.channels)
    }

    /// The statistics of a whole feature.
    pub fn statistics(
        &mut self,
        name: &str,
        parameters: &Parameters,
        norms: Norms,
        place: NormOffset,
        x: Feature,
    ) -> Normalized {
        let (rows, channels) = (self.rows(x), x.channels);
        let [chunk, count] = chunks(rows);
        let partial = self.temporary(2 * count * channels);
        let factors = self.temporary(4 * channels);
        let groups = spread(count, channels.div_ceil(CHANNELS));
        let uniform = NormSums { rows, channels, chunk };
        self.push(name, bound(Shader::NormSums, uniform, vec![x.id, partial], groups));
        let affine = self.keep(&parameters.get(norms.affine).values);
        let running = self.keep(&parameters.get(norms.running).values);
        let uniform =
            NormMerge { rows, channels, chunks: count, first: place.affine, running: place.running };
        let bindings = vec![x.id, partial, affine, factors, running, self.broken];
        self.push(name, bound(Shader::NormMerge, uniform, bindings, [channels, 1, 1]));
        Normalized { x, factors, place }
    }

    /// `y = relu?(norm(x) + shortcut)`.
    pub fn normalize(&mut self, name: &str, norm: Normalized, shortcut: Shortcut, y: Feature, relu: bool) {
        let x = norm.x;
        let (add, addend, add_factors) = match shortcut {
            Shortcut::Nothing => (NOTHING, x, norm.factors),
            Shortcut::Plain(feature) => (PLAIN, feature, norm.factors),
            Shortcut::Normalized(other) => (NORMALIZED, other.x, other.factors),
        };
        let uniform = NormApply {
            rows: self.rows(x),
            channels: x.channels,
            out_pixel: y.pixel,
            out_offset: y.offset,
            add,
            add_pixel: addend.pixel,
            add_offset: addend.offset,
            relu: u32::from(relu),
        };
        let bindings = vec![x.id, norm.factors, addend.id, add_factors, y.id];
        self.push(name, bound(Shader::NormApply, uniform, bindings, self.each_quad(x)));
    }

    /// The gradients of scale and shift (to `gradient`) and of the norm's input, given the result's. `relu` is
    /// the result of the ReLU that followed, if any; `kept` receives the gradient after passing back through
    /// that ReLU.
    pub fn normalize_back(
        &mut self,
        name: &str,
        norm: Normalized,
        dy: Feature,
        relu: Option<Feature>,
        kept: Option<Feature>,
        gradient: Id,
    ) -> Feature {
        let x = norm.x;
        let (rows, channels) = (self.rows(x), x.channels);
        let [chunk, count] = chunks(rows);
        let partial = self.temporary(2 * count * channels);
        let result = relu.unwrap_or(x);
        let has = |feature: Option<Feature>| u32::from(feature.is_some());
        let uniform = NormBackSums {
            rows,
            channels,
            chunk,
            dy_pixel: dy.pixel,
            dy_offset: dy.offset,
            out_pixel: result.pixel,
            out_offset: result.offset,
            relu: has(relu),
            keep: has(kept),
        };
        let keep = kept.map_or(self.nothing, |kept| kept.id);
        let bindings = vec![x.id, norm.factors, dy.id, result.id, partial, keep];
        let groups = spread(count, channels.div_ceil(CHANNELS));
        self.push(name, bound(Shader::NormBackSums, uniform, bindings, groups));
        let first = norm.place.affine;
        let uniform = NormBackMerge { channels, chunks: count, first };
        self.push(name, bound(Shader::NormBackMerge, uniform, vec![partial, gradient], [channels, 1, 1]));
        let dx = self.feature(channels, x.height, x.width);
        // That gradient has already passed the ReLU.
        let (dy, relu) = kept.map_or((dy, has(relu)), |kept| (kept, 0));
        let uniform = NormBack {
            rows,
            channels,
            first,
            dy_pixel: dy.pixel,
            dy_offset: dy.offset,
            out_pixel: result.pixel,
            out_offset: result.offset,
            relu,
        };
        let bindings = vec![x.id, norm.factors, dy.id, result.id, gradient, dx.id];
        self.push(name, bound(Shader::NormBack, uniform, bindings, self.each_quad(x)));
        dx
    }
}
