//! The gradients of a module, by the names of its parameters.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use std::collections::BTreeMap;

/// Gradient of `loss` for each parameter of `module` that it reaches, under its dotted path.
pub fn by_name<M: Module>(loss: Tensor<1>, module: &M) -> BTreeMap<String, Vec<f32>> {
    let gradients = GradientsParams::from_grads(loss.backward(), module);
    let mut collector = Collector { path: Vec::new(), gradients, found: BTreeMap::new() };
    module.visit(&mut collector);
    collector.found
}

struct Collector {
    path: Vec<String>,
    gradients: GradientsParams,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            let values = gradient.into_data().try_into_vec::<f32>().unwrap();
            self.found.insert(self.path.join("."), values);
        }
    }
}
