//! The tile of a convolution: which of the `conv_*.wgsl` computes it.

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
}

/// Workgroups from which on a GPU is taken to be busy.
const BUSY: u32 = 128;

/// Slices of `conv_tile32.wgsl`: quads of input channels, and how many a workgroup goes through at least.
const SLICE: u32 = 8;
const FEWEST_SLICES: u32 = 8;

/// f32 numbers that the parts of a shared convolution take together, at most.
pub(super) const PARTS: usize = 2 * BUSY as usize * 32 * 32;

impl Tile {
    /// Positions and quads of outputs that one workgroup computes.
    pub fn size(self) -> [u32; 2] {
        match self {
            Self::Direct => [64, 4],
            Self::Small => [32, 8],
            Self::Large => [64, 16],
        }
    }

    /// Workgroups for so many positions and quads of outputs.
    pub fn groups(self, rows: u32, columns: u32) -> [u32; 2] {
        let [tile_rows, tile_columns] = self.size();
        [rows.div_ceil(tile_rows), columns.div_ceil(tile_columns)]
    }

    /// Quads of input channels for one workgroup, where a layer has `channels` of them under each of `taps` taps:
    /// where there are few tiles, several workgroups share the input channels of one.
    pub fn part(self, rows: u32, columns: u32, channels: u32, taps: u32) -> u32 {
        let [down, across] = self.groups(rows, columns);
        let tiles = down.saturating_mul(across).max(1);
        let slices = channels.div_ceil(SLICE);
        let most = (2 * BUSY / tiles).min(slices * taps / FEWEST_SLICES).clamp(1, slices.max(1));
        if self != Self::Small || tiles >= BUSY || most == 1 {
            return channels;
        }
        slices.div_ceil(most) * SLICE
    }

    /// The rule for an adapter: on software the direct kernel; else the largest tile that keeps a GPU busy.
    pub fn rule(adapter: DeviceType) -> TileRule {
        match adapter {
            DeviceType::Cpu => |_, _| Self::Direct,
            _ => |rows, columns| {
                let [down, across] = Self::Large.groups(rows, columns);
                // A large tile is half empty where a layer has only 32 outputs.
                let fits = columns >= Self::Large.size()[1];
                if fits && down.saturating_mul(across) >= BUSY { Self::Large } else { Self::Small }
            },
        }
    }
}

/// Positions and quads of outputs of a layer to the tile it is computed with.
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
        // Enough tiles as it is, too short a sum, or another kernel.
        assert_eq!(Tile::Small.part(16 * 16 * 4, 64, 64, 9), 64);
        assert_eq!(Tile::Small.part(64, 16, 16, 1), 16);
        assert_eq!(Tile::Large.part(64, 128, 128, 9), 128);
        // What they store fits in the memory for it.
        for (rows, columns, channels, taps) in
            [(64_u32, 128, 192_u32, 9), (1, 512, 512, 9), (640, 40, 160, 1)]
        {
            let parts = channels.div_ceil(Tile::Small.part(rows, columns, channels, taps));
            assert!(parts > 1 && (parts * rows * columns * 4) as usize <= PARTS, "{parts} parts");
        }
    }
}
