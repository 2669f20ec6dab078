//! A convolution of a weight file with the batch normalization after it folded in.

use super::TensorFile;
use crate::batch_norm::BatchNorm;
use crate::error::{Error, Result};

/// The batch normalization that follows a convolution in torchvision's residual networks:
/// `bn2` for `conv2`, `downsample.1` for `downsample.0`; `None` for other names.
pub fn norm_of(convolution: &str) -> Option<String> {
    let (block, own) = match convolution.rfind('.') {
        Some(dot) => convolution.split_at(dot + 1),
        None => ("", convolution),
    };
    if let Some(number) = own.strip_prefix("conv")
        && !number.is_empty()
        && number.bytes().all(|digit| digit.is_ascii_digit())
    {
        return Some(format!("{block}bn{number}"));
    }
    (own == "0" && block.ends_with("downsample.")).then(|| format!("{block}1"))
}

/// A convolution's weight, of `shape` `[out, in, height, width]`, and bias, `[out]`, with the
/// batch normalization after it folded in; computed in double precision.
///
/// A file without the normalization must hold the convolution's bias (so the output of
/// [`convert`](super::convert()) and plain torchvision files both work).
///
/// # Errors
/// [`Error::Weights`] naming the tensor that is missing, of another shape, truncated, or not finite, before or
/// after folding.
pub fn folded_convolution(
    file: &TensorFile,
    convolution: &str,
    shape: &[usize],
) -> Result<(Vec<f32>, Vec<f32>)> {
    let out = shape.first().copied().unwrap_or_default();
    let weight_name = format!("{convolution}.weight");
    let bias_name = format!("{convolution}.bias");
    let norm = norm_of(convolution)
        .filter(|norm| file.contains(&format!("{norm}.running_mean")) || !file.contains(&bias_name));
    let Some(norm) = norm else {
        return Ok((file.get(&weight_name, shape)?, file.get(&bias_name, &[out])?));
    };

    let weight = file.get_f64(&weight_name, shape)?;
    let bias = file.contains(&bias_name).then(|| file.get_f64(&bias_name, &[out])).transpose()?;
    let norm = BatchNorm::read(|part| file.get_f64(&format!("{norm}.{part}"), &[out]))?;
    let per_output = shape.iter().skip(1).product();
    norm.fold(&weight, per_output, bias.as_deref()).ok_or_else(|| {
        let reason = format!(
            "the convolution '{convolution}' is not finite once its batch normalization is folded in; give \
             another weight file"
        );
        Error::weights(file.path(), reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_convolution_finds_its_normalization() {
        assert_eq!(norm_of("conv1").as_deref(), Some("bn1"));
        assert_eq!(norm_of("layer3.5.conv3").as_deref(), Some("layer3.5.bn3"));
        assert_eq!(norm_of("layer2.0.downsample.0").as_deref(), Some("layer2.0.downsample.1"));
        for other in ["bn1", "fc", "layer2.0.downsample.1", "layer1.0", "conv", "convolution1"] {
            assert_eq!(norm_of(other), None, "{other}");
        }
    }
}
