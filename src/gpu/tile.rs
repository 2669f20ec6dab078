//! The tile of a convolution: which of the `conv_*.wgsl` computes it.

use super::winograd;
use crate::inference::Plan;
use wgpu::DeviceType;

/// The variants of the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Tile {
    /// `conv_direct.wgsl`, without workgroup memory.
    Direct,
    /// `conv_tile32.wgsl`.
    Small,
    /// `conv_tile64.wgsl`.
    Large,
    /// `conv_coop64.wgsl`, for matrix units.
    Matrix64,
    /// `conv_coop128.wgsl`, for matrix units.
    Matrix128,
}

/// With this many workgroups or more, a GPU is considered busy.
const BUSY: u32 = 128;

/// Slices of `conv_tile32.wgsl` and `conv_coop.wgsl`: quads of input channels in a slice, and the fewest slices that a
/// workgroup goes through.
pub(super) const SLICE: u32 = 8;
const FEWEST_SLICES: u32 = 8;

/// The most f32 numbers that all partial sums of a shared convolution take.
pub(super) const PARTS: usize = 2 * BUSY as usize * 64 * 64;

impl Tile {
    /// Positions and quads of outputs that one workgroup computes.
    pub fn size(self) -> [u32; 2] {
        match self {
            Self::Direct => [64, 4],
            Self::Small => [32, 8],
            Self::Large | Self::Matrix64 => [64, 16],
            Self::Matrix128 => [128, 32],
        }
    }

    /// Quads of inputs and of outputs for which one workgroup computes a weight's gradient
    /// (`shaders/weight_*.wgsl`).
    pub fn weight_size(self) -> [u32; 2] {
        match self {
            Self::Direct => [16, 4],
            Self::Small => [8, 8],
            // Gradients are f32, for which there are no matrix units.
            Self::Large | Self::Matrix64 | Self::Matrix128 => [16, 16],
        }
    }

    /// Workgroups for `rows` positions and `columns` quads of outputs.
    pub fn groups(self, rows: u32, columns: u32) -> [u32; 2] {
        let [tile_rows, tile_columns] = self.size();
        [rows.div_ceil(tile_rows), columns.div_ceil(tile_columns)]
    }

    /// Quads of input channels for one workgroup, of a layer that has `channels` of them under each of `taps`
    /// taps. If there are few tiles, several workgroups share the input channels of one tile.
    pub fn part(self, rows: u32, columns: u32, channels: u32, taps: u32) -> u32 {
        let [down, across] = self.groups(rows, columns);
        let tiles = down.saturating_mul(across).max(1);
        let slices = channels.div_ceil(SLICE);
        let most = (2 * BUSY / tiles).min(slices * taps / FEWEST_SLICES).clamp(1, slices.max(1));
        if !matches!(self, Self::Small | Self::Matrix64) || tiles >= BUSY || most == 1 {
            return channels;
        }
        slices.div_ceil(most) * SLICE
    }

    /// The rule for an adapter: the direct kernel on software adapters, otherwise the largest tile that keeps
    /// the GPU busy.
    pub fn rule(adapter: DeviceType) -> TileRule {
        match adapter {
            DeviceType::Cpu => |_, _| Self::Direct,
            _ => |rows, columns| {
                let [down, across] = Self::Large.groups(rows, columns);
                // A large tile would be half empty if a layer has only 32 outputs.
                let fits = columns >= Self::Large.size()[1];
                if fits && down.saturating_mul(across) >= BUSY { Self::Large } else { Self::Small }
            },
        }
    }
}

/// How the convolutions of a plan are computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiles {
    pub rule: TileRule,
    /// Whether Winograd's convolution is used in layers that it suits.
    pub winograd: bool,
}

impl Tiles {
    /// For matrix units, which are so fast that Winograd's transforms cost more than they save.
    pub const MATRIX: Self = Self { rule: matrix_rule, winograd: false };

    /// Without matrix units.
    pub fn plain(adapter: DeviceType) -> Self {
        Self { rule: Tile::rule(adapter), winograd: true }
    }

    /// f32 numbers that the largest transformed input and the largest products of a batch take.
    pub fn numbers(self, plan: &Plan, pictures: usize) -> [usize; 2] {
        if self.winograd { winograd::numbers(plan, pictures) } else { [0; 2] }
    }
}

/// The largest tile that keeps a GPU busy and that the layer's outputs fill.
fn matrix_rule(rows: u32, columns: u32) -> Tile {
    let [down, across] = Tile::Matrix128.groups(rows, columns);
    let fits = columns >= Tile::Matrix128.size()[1];
    if fits && down.saturating_mul(across) >= BUSY { Tile::Matrix128 } else { Tile::Matrix64 }
}

/// Chooses a layer's tile from its positions and quads of outputs.
pub(crate) type TileRule = fn(u32, u32) -> Tile;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_layers_have_large_tiles() {
        let rule = Tile::rule(DeviceType::DiscreteGpu);
        assert_eq!(rule(128 * 128, 16), Tile::Large);
        assert_eq!(rule(128 * 128, 8), Tile::Small);
        assert_eq!(rule(16 * 16, 64), Tile::Small);
        assert_eq!(Tile::rule(DeviceType::Cpu)(128 * 128, 16), Tile::Direct);
        assert_eq!(Tile::Small.groups(33, 8), [2, 1]);
    }

    #[test]
    fn small_layers_are_shared_by_more_workgroups() {
        // The bottleneck of ResNet-18 for one picture: 64 positions, 512 channels, 32 tiles.
        assert_eq!(Tile::Small.part(64, 128, 128, 9), 16);
        // Not shared: enough tiles already, too short a sum, or another kernel.
        assert_eq!(Tile::Small.part(16 * 16 * 4, 64, 64, 9), 64);
        assert_eq!(Tile::Small.part(64, 16, 16, 1), 16);
        assert_eq!(Tile::Large.part(64, 128, 128, 9), 128);
        // The partial sums fit into their memory.
        for tile in [Tile::Small, Tile::Matrix64] {
            for (rows, columns, channels, taps) in
                [(64_u32, 128, 192_u32, 9), (1, 512, 512, 9), (640, 40, 160, 1)]
            {
                let parts = channels.div_ceil(tile.part(rows, columns, channels, taps));
                assert!(parts > 1 && (parts * rows * columns * 4) as usize <= PARTS, "{parts} parts");
            }
        }
    }

    #[test]
    fn matrix_units_have_tiles_that_fill_the_gpu() {
        let rule = Tiles::MATRIX.rule;
        assert_eq!(rule(32 * 32 * 32, 32), Tile::Matrix128);
        assert_eq!(rule(32 * 64 * 64, 16), Tile::Matrix64);
        assert_eq!(rule(32 * 32, 128), Tile::Matrix64);
        assert_eq!(Tile::Matrix128.groups(129, 32), [2, 1]);
    }
}
