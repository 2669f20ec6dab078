//! The teacher's residual network, and what follows from it for the student.

use crate::picture::Size;
use serde::{Deserialize, Serialize};

/// The two residual blocks of He et al. (2016).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// 3x3, 3x3.
    Basic,
    /// 1x1, 3x3, 1x1.
    Bottleneck,
}

/// The teacher networks, each down to its layer 3 (method.md 1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
#[cfg_attr(not(target_arch = "wasm32"), value(rename_all = "snake_case"))]
pub enum Backbone {
    /// The embedded teacher: ResNet-18 whose residual streams, and so its features, are half as wide (32, 64 and
    /// 128 channels); inside, its blocks are as wide as ResNet-18's.
    Compact,
    /// ResNet-18: 64, 128 and 256 channels.
    Resnet18,
    /// ResNet-34: 64, 128 and 256 channels.
    Resnet34,
    /// ResNet-50: 256, 512 and 1024 channels.
    Resnet50,
    /// Wide ResNet-50-2, the paper's teacher: 256, 512 and 1024 channels.
    #[serde(rename = "wide_resnet50_2")]
    #[cfg_attr(not(target_arch = "wasm32"), value(name = "wide_resnet50_2"))]
    WideResnet50_2,
}

impl Backbone {
    /// All of them, smallest first.
    pub const ALL: [Self; 5] =
        [Self::Compact, Self::Resnet18, Self::Resnet34, Self::Resnet50, Self::WideResnet50_2];

    /// The name used by flags, model files and torchvision.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Resnet18 => "resnet18",
            Self::Resnet34 => "resnet34",
            Self::Resnet50 => "resnet50",
            Self::WideResnet50_2 => "wide_resnet50_2",
        }
    }

    /// The kind of block that the network consists of.
    pub fn block(self) -> BlockKind {
        match self {
            Self::Compact | Self::Resnet18 | Self::Resnet34 => BlockKind::Basic,
            Self::Resnet50 | Self::WideResnet50_2 => BlockKind::Bottleneck,
        }
    }

    /// Channels `C_k` of the three feature levels.
    pub fn channels(self) -> [usize; 3] {
        match self {
            Self::Compact => [32, 64, 128],
            Self::Resnet18 | Self::Resnet34 => [64, 128, 256],
            Self::Resnet50 | Self::WideResnet50_2 => [256, 512, 1024],
        }
    }

    /// Channels after the stem.
    pub fn stem(self) -> usize {
        if self == Self::Compact { 32 } else { 64 }
    }

    /// Channels inside the blocks of layers 1 to 4. The student uses them only in bottleneck blocks.
    pub fn inner(self) -> [usize; 4] {
        match self {
            Self::WideResnet50_2 => [128, 256, 512, 1024],
            _ => [64, 128, 256, 512],
        }
    }

    /// Residual blocks of layers 1 to 4; the student mirrors them.
    pub fn blocks(self) -> [usize; 4] {
        match self {
            Self::Compact | Self::Resnet18 => [2, 2, 2, 2],
            _ => [3, 4, 6, 3],
        }
    }

    /// The convolutions of the trunk, stem to layer 3, under torchvision's names.
    pub fn convolutions(self) -> Vec<String> {
        let each = match self.block() {
            BlockKind::Basic => 2,
            BlockKind::Bottleneck => 3,
        };
        let mut all = vec!["conv1".to_owned()];
        let mut input = self.stem();
        for (level, output) in self.channels().into_iter().enumerate() {
            for block in 0..self.blocks()[level] {
                let prefix = format!("layer{}.{block}", level + 1);
                all.extend((1..=each).map(|number| format!("{prefix}.conv{number}")));
                // A shortcut convolution where the shape changes.
                if block == 0 && (level > 0 || input != output) {
                    all.push(format!("{prefix}.downsample.0"));
                }
            }
            input = output;
        }
        all
    }

    /// Positions of the three levels for an input of that size (multiples of 32).
    pub fn sizes(self, input: Size) -> [Size; 3] {
        [4, 8, 16].map(|step| input.over(step))
    }
}

impl std::fmt::Display for Backbone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Backbone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|b| b.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("unknown backbone {name}; known are {known}")
        })
    }
}
