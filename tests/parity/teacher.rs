//! `teacher_resnet18.safetensors`: the three feature levels of a real picture.

use super::reference::{Reference, shared};
use aand::detection::batch;
use aand::picture::{normalise, open, resize};
use aand::teacher::{Backbone, Teacher};
use aand::weights::TensorFile;
use burn::tensor::Device;

#[test]
fn features_of_a_picture() {
    let Some(shared) = shared() else { return };
    let reference = Reference::open("teacher_resnet18").unwrap();
    let device = Device::flex();
    let weights = shared.join("weights/resnet18_imagenet1k_v1_to_layer3.safetensors");
    let weights = TensorFile::open(&weights).unwrap();
    let teacher = Teacher::load(Backbone::Resnet18, &weights, &device).unwrap();

    let picture = open(shared.join("reference/images/bottle.png")).unwrap();
    let pixels = normalise(&resize(&picture, 256, 256));
    let levels = teacher.forward(batch(pixels, 1, 256, &device));
    for (k, level) in levels.into_iter().enumerate() {
        assert_eq!(level.dims()[1..], reference.shaped(&format!("bottle.level{}", k + 1)).0);
        reference.check(&format!("bottle.level{}", k + 1), level, 1e-4);
    }
}
