//! The tile of a convolution: which of the `conv_*.wgsl` computes it.

use wgpu::DeviceType;

/// The variants of the convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Tile {
    /// `conv_direct.wgsl`, without workgroup memory.
    Direct,
    /// `conv_tile32.wgsl`.
    Small,
    /// `conv_tile64.wgsl`.
    Large,
}

/// Workgroups from which on a GPU is taken to be busy.
const BUSY: u32 = 128;

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
pub(super) type TileRule = fn(u32, u32) -> Tile;

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
}
