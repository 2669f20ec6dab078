//! The official torchvision files that can be fetched.

use crate::error::{Error, Result};

/// Where torchvision publishes its weights.
pub const BASE_URL: &str = "https://download.pytorch.org/models";

/// One official weight file. Its name carries the first eight digits of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Official {
    /// The backbone, as `--backbone` spells it.
    pub name: &'static str,
    /// The file below [`BASE_URL`].
    pub file: &'static str,
    /// Its length in bytes.
    pub size: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: &'static str,
}

impl Official {
    /// The address of the file below `base`.
    pub fn url(&self, base: &str) -> String {
        format!("{}/{}", base.trim_end_matches('/'), self.file)
    }
}

/// The IMAGENET1K_V1 weights that the method uses (method.md 1: neither V2 nor timm).
///
/// Lengths and hashes agree in several independent public records of downloads from
/// [`BASE_URL`], and with the eight digits in torchvision's own file names.
pub const OFFICIAL: [Official; 4] = [
    Official {
        name: "resnet18",
        file: "resnet18-f37072fd.pth",
        size: 46_830_571,
        sha256: "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
    },
    Official {
        name: "resnet34",
        file: "resnet34-b627a593.pth",
        size: 87_319_819,
        sha256: "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
    },
    Official {
        name: "resnet50",
        file: "resnet50-0676ba61.pth",
        size: 102_530_333,
        sha256: "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
    },
    Official {
        name: "wide_resnet50_2",
        file: "wide_resnet50_2-95faca4d.pth",
        size: 138_223_492,
        sha256: "95faca4d11227dddf8633dbb5ff6c8a9003c1aa5b8945c73834b8007b10950b8",
    },
];

/// The official file of a backbone.
///
/// # Errors
/// [`Error::Setting`] listing the known names.
pub fn official(name: &str) -> Result<&'static Official> {
    OFFICIAL.iter().find(|official| official.name == name).ok_or_else(|| {
        let known: Vec<&str> = OFFICIAL.iter().map(|official| official.name).collect();
        Error::Setting(format!("there are no official weights '{name}'; choose one of {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_name_carries_the_start_of_its_hash() {
        for official in &OFFICIAL {
            assert_eq!(official.sha256.len(), 64, "{}", official.name);
            assert!(official.sha256.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
            let name = format!("{}-{}.pth", official.name, &official.sha256[..8]);
            assert_eq!(official.file, name);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = official("resnet19").unwrap_err().to_string();
        assert!(message.contains("'resnet19'") && message.contains("wide_resnet50_2"), "{message}");
    }
}
