//! Checks the graph's structure as an ONNX reader would. That it computes the program's scores is checked in
//! the runtimes themselves, with `aand export --verify`.

use super::*;
use crate::inference::plan_tests::{Random, info};
use crate::teacher::Backbone;
use std::collections::HashSet;

fn exported(pixels: Pixels) -> ModelProto {
    let info = info(Backbone::Resnet18, 64);
    let plan = Plan::new(&info, &Random).unwrap();
    ModelProto::decode(onnx(&info, &plan, pixels).unwrap().as_slice()).unwrap()
}

#[test]
fn every_tensor_is_made_once_and_before_it_is_read() {
    let graph = exported(Pixels::U8).graph.unwrap();
    let mut known: HashSet<_> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    assert_eq!(known.len(), graph.initializer.len());
    known.extend(graph.input.iter().map(|input| input.name.clone()));
    for node in &graph.node {
        assert!(node.input.iter().all(|input| known.contains(input)), "{node:?}");
        assert!(node.output.iter().all(|output| known.insert(output.clone())), "{node:?}");
    }
    let outputs: Vec<_> = graph.output.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(outputs, ["map", "score", "normalized", "anomalous"]);
    assert!(outputs.iter().all(|&output| known.contains(output)));
}

#[test]
fn constants_have_as_many_numbers_as_their_shapes_say() {
    for tensor in exported(Pixels::F32).graph.unwrap().initializer {
        let width = if tensor.data_type == i32::from(DataType::Int64) { 8 } else { 4 };
        let numbers: i64 = tensor.dims.iter().product();
        assert_eq!(tensor.raw_data.len() as i64, numbers * width, "{}", tensor.name);
    }
}

#[test]
fn a_file_is_known_again_and_says_its_threshold() {
    let info = info(Backbone::Resnet18, 64);
    let plan = Plan::new(&info, &Random).unwrap();
    let bytes = onnx(&info, &plan, Pixels::U8).unwrap();
    assert_eq!(&bytes[2..8], b"\x12\x04aand", "by which a folder's listing knows it");
    assert!(is_own_onnx(&bytes) && !is_own_onnx(b"\x08\x08\x12\x07pytorch") && !is_own_onnx(&[]));
    let said = ModelProto::decode(bytes.as_slice()).unwrap().metadata_props;
    let threshold = said.iter().find(|entry| entry.key == "threshold").unwrap();
    assert_eq!(threshold.value, "1");
}
