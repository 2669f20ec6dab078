//! Converts a weight file into the small one that the program needs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::fold::{folded_convolution, norm_of};
use super::tensor_file::TensorFile;
use super::trunk::refuse_left_over;
use crate::error::{Error, Result};
use crate::files::{check_replace, clear_leftovers, folder_of, same_place, write_atomically};

/// The parts of a torchvision network that the teacher is made of.
const TRUNK: [&str; 4] = ["conv1", "layer1.", "layer2.", "layer3."];

/// How the description in a converted file begins.
const DESCRIPTION: &str = "stem to layer3 of";

/// The result of a conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// Number of convolutions, each with a weight and a bias.
    pub convolutions: usize,
    /// Number of all parameters.
    pub parameters: usize,
    /// Length of the file in bytes.
    pub bytes: u64,
}

/// The default output of `aand weights convert`: beside the input.
pub fn converted_path(input: &Path, half: bool) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default();
    // The name may not be UTF-8.
    let mut name = match stem.to_str().and_then(|stem| stem.strip_suffix("_to_layer3")) {
        Some(stem) => stem.into(),
        None => stem.to_os_string(),
    };
    let kind = if half { "_f16" } else { "" };
    name.push(format!("_to_layer3{kind}.safetensors"));
    input.with_file_name(name)
}

/// Writes the trunk (stem to layer3) of the network in `input` as safetensors, every batch
/// normalization folded into its convolution (`….weight` and `….bias` remain), in single or,
/// if `half`, in half precision. The file takes its name only when it is complete, and the same
/// input gives the same bytes.
///
/// # Errors
/// [`Error::Weights`] if the input is unreadable, is not a residual network with torchvision's names, has more in
/// its trunk than such a network, or has a number beyond half precision; [`Error::Setting`] if input and output are
/// the same file, or the output exists and is not an earlier conversion; [`Error::Io`] if it cannot be written.
pub fn convert(input: &Path, output: &Path, half: bool) -> Result<Converted> {
    if same_place(input, output) {
        return Err(Error::Setting(format!(
            "{}: input and output are the same file; choose another with --out",
            output.display()
        )));
    }
    let own = |head: &[u8]| head.windows(DESCRIPTION.len()).any(|part| part == DESCRIPTION.as_bytes());
    check_replace(output, "converted file", "--out", own)?;
    clear_leftovers(folder_of(output));
    let file = TensorFile::open(input)?;
    let mut tensors: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
    let convolutions = trunk(&file)?;
    refuse_left_over(&file, convolutions.iter().copied(), "a plain residual network")?;
    for convolution in convolutions {
        let name = format!("{convolution}.weight");
        let shape = file.shape(&name)?.to_vec();
        let (weight, bias) = folded_convolution(&file, convolution, &shape)?;
        let outputs = bias.len();
        tensors.push((name, shape, weight));
        tensors.push((format!("{convolution}.bias"), vec![outputs], bias));
    }
    let bytes = serialize(&file, &tensors, half)?;
    write_atomically(output, &bytes)?;
    Ok(Converted {
        convolutions: tensors.len() / 2,
        parameters: tensors.iter().map(|(_, _, numbers)| numbers.len()).sum(),
        bytes: bytes.len() as u64,
    })
}

/// The names of the convolutions of the trunk.
fn trunk(file: &TensorFile) -> Result<Vec<&str>> {
    let convolutions: Vec<&str> = file
        .names()
        .filter_map(|name| name.strip_suffix(".weight"))
        .filter(|name| norm_of(name).is_some())
        .filter(|name| TRUNK.iter().any(|part| name == part || part.ends_with('.') && name.starts_with(part)))
        .collect();
    match TRUNK.iter().find(|part| !convolutions.iter().any(|name| name.starts_with(*part))) {
        None => Ok(convolutions),
        Some(part) => Err(Error::weights(
            file.path(),
            format!(
                "no residual network with torchvision's names: there is no convolution '{part}{}'; give a \
                 ResNet's weights (`aand weights list`)",
                if part.ends_with('.') { "…" } else { "" }
            ),
        )),
    }
}

fn serialize(file: &TensorFile, tensors: &[(String, Vec<usize>, Vec<f32>)], half: bool) -> Result<Vec<u8>> {
    let failed = |e| Error::weights(file.path(), format!("cannot be written as safetensors: {e}"));
    let encoded = tensors
        .iter()
        .map(|(name, _, numbers)| match half {
            false => Ok(numbers.iter().flat_map(|n| n.to_le_bytes()).collect()),
            true => in_half(numbers).ok_or_else(|| {
                let reason = format!("tensor '{name}' has numbers beyond half precision; leave --f16 away");
                Error::weights(file.path(), reason)
            }),
        })
        .collect::<Result<Vec<Vec<u8>>>>()?;
    let dtype = if half { Dtype::F16 } else { Dtype::F32 };
    let views = tensors
        .iter()
        .zip(&encoded)
        .map(|((name, shape, _), bytes)| Ok((name, TensorView::new(dtype, shape.clone(), bytes)?)))
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(failed)?;
    let source = file.path().file_name().unwrap_or_default().to_string_lossy();
    let description =
        format!("{DESCRIPTION} {source}, batch normalization folded into the convolutions (weight, bias)");
    // Only one entry, since the order of several would change from run to run.
    let notes = HashMap::from([("description".to_owned(), description)]);
    safetensors::serialize(views, Some(notes)).map_err(failed)
}

/// Half-precision bytes; `None` if a number is too large.
fn in_half(numbers: &[f32]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(2 * numbers.len());
    for &number in numbers {
        let number = f16::from_f32(number);
        if !number.is_finite() {
            return None;
        }
        bytes.extend(number.to_le_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
