//! The detector as an ONNX graph, so that any runtime gives the same scores (docs/export.md).
//!
//! The graph begins with pixels as they come from a file and ends with the verdict: scaling, network, map,
//! Gaussian, score and threshold are all inside. Only the resize happens outside, because no runtime's resize
//! equals Pillow's to the byte: resize the picture to the model's size with Pillow's `BICUBIC`.

mod ends;
mod graph;
mod layers;
mod proto;
mod verify;

use crate::inference::Plan;
use crate::model::Info;
use crate::{Error, Result};
use graph::Graph;
use prost::Message;
use proto::{DataType, ModelProto};

pub use verify::{Agreement, TOLERANCE, verify};

/// The operator set of the graph: all runtimes of recent years support it.
pub const OPSET: i64 = 17;

/// The version of the file format that belongs to [`OPSET`].
const IR_VERSION: i64 = 8;

/// The producer named in the file, by which it is recognized as this program's.
const PRODUCER: &str = "aand";

/// A protobuf file must be smaller than this.
const MOST_BYTES: usize = i32::MAX as usize;

/// The type of the pixels `[N, H, W, 3]` (red, green, blue, 0 to 255) that the graph takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Pixels {
    /// Bytes, as decoders give them.
    #[default]
    U8,
    /// 32-bit floats, from 0 to 255 too.
    F32,
}

/// The bytes of an ONNX file.
///
/// Input `pixels` is `[N, H, W, 3]` for any `N`. Outputs: `map` `[N, H, W]`, `score` `[N]`, `normalized` `[N]`
/// (0.5 is the threshold) and `anomalous` `[N]`, of type bool: whether the score exceeds the threshold.
///
/// # Errors
/// The file would be larger than protobuf allows.
pub fn onnx(info: &Info, plan: &Plan, pixels: Pixels) -> Result<Vec<u8>> {
    let mut graph = Graph::default();
    let picture = ends::pixels(&mut graph, plan, pixels);
    let levels = layers::levels(&mut graph, plan, picture);
    ends::results(&mut graph, plan, info, levels);
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![proto::OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: PRODUCER.into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: "AAND anomaly detector; resize pictures with Pillow's BICUBIC first".into(),
        metadata_props: metadata(info, plan),
        graph: Some(graph.finish(&info.name)),
    };
    let size = model.encoded_len();
    if size > MOST_BYTES {
        return Err(Error::Setting(format!(
            "the graph has {size} bytes; an ONNX file holds at most {MOST_BYTES}"
        )));
    }
    Ok(model.encode_to_vec())
}

/// Whether a file that begins with `head` is one that [`onnx`] made.
pub fn is_own_onnx(head: &[u8]) -> bool {
    // Fields 1 and 2: the version of the format, and the producer.
    let mut start =
        ModelProto { ir_version: IR_VERSION, producer_name: PRODUCER.into(), ..Default::default() };
    start.opset_import.clear();
    head.starts_with(&start.encode_to_vec())
}

/// Facts that a program running the graph may want to know and cannot see in it.
fn metadata(info: &Info, plan: &Plan) -> Vec<proto::StringStringEntryProto> {
    let [_, height, width] = plan.shape(plan.input);
    let range = info.range.map(|range| range.to_string()).unwrap_or_default();
    let entries = [
        ("aand_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("name", info.name.clone()),
        ("width", width.to_string()),
        ("height", height.to_string()),
        ("resize", "Pillow BICUBIC to width x height, RGB".to_owned()),
        ("range", range),
        ("threshold", info.threshold.value.to_string()),
        ("threshold_method", info.threshold.method.clone()),
        ("threshold_reliability", info.threshold.reliability.clone()),
        ("training_pictures", info.training_pictures.to_string()),
        ("data_fingerprint", info.data_fingerprint.clone()),
        ("teacher", info.teacher.clone()),
        ("seed", info.seed.to_string()),
    ];
    entries
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| proto::StringStringEntryProto { key: key.into(), value })
        .collect()
}

/// The data type of the graph's input.
fn data_type(pixels: Pixels) -> DataType {
    match pixels {
        Pixels::U8 => DataType::Uint8,
        Pixels::F32 => DataType::Float,
    }
}

#[cfg(test)]
mod tests;
