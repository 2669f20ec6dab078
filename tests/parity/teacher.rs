//! `teacher.safetensors`: the three feature levels of a picture, by a ResNet-18 whose parameters are formulas
//! (normalizations and all) and by the embedded teacher.

use super::formula::{parameter, stream};
use super::reference::{Reference, fixture};
use aand::Result;
use aand::detection::batch;
use aand::picture::{normalize, open, resize};
use aand::teacher::{Backbone, Teacher, TensorSource};
use burn::tensor::Device;

/// The parameters of a ResNet that has normalizations instead of biases.
struct Formula;

impl TensorSource for Formula {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        parameter(name, shape, stream(name))
    }

    fn contains(&self, name: &str) -> bool {
        let parent = name.rsplit_once('.').map_or("", |(parent, _)| parent);
        parent.contains("bn") || parent.ends_with("downsample.1") || name.ends_with(".weight")
    }
}

/// Compares what `teacher` makes of the picture with the levels of `name`.
fn compare(name: &str, teacher: &Teacher) {
    let reference = Reference::open("teacher");
    let picture = open(fixture("images/washers.png")).unwrap();
    let pixels = normalize(&resize(&picture, 128, 128));
    let levels = teacher.forward(batch(pixels, 1, 128, &Device::flex()));
    for (k, level) in levels.into_iter().enumerate() {
        let key = format!("{name}.level{}", k + 1);
        assert_eq!(level.dims()[..], reference.shaped(&key).0);
        reference.check(&key, level, 1e-4);
    }
}

#[test]
fn features_of_a_picture() {
    compare("resnet18", &Teacher::load(Backbone::Resnet18, &Formula, &Device::flex()).unwrap());
}

#[test]
fn features_of_the_embedded_teacher() {
    compare("compact", &Teacher::embedded(&Device::flex()).unwrap());
}
