//! Reads the named parameters of a Burn module, and writes them back.

use crate::teacher::TensorSource;
use crate::{Error, Result};
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData, read_sync};
use std::collections::HashMap;

/// A named tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Dotted path, for example `student.oce.blocks.0.conv1.weight`.
    pub name: String,
    /// Lengths of its axes.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f32>,
}

impl NamedTensor {
    /// Reads a tensor back from its device.
    ///
    /// # Errors
    /// The device failed.
    pub async fn read<const D: usize>(name: String, tensor: Tensor<D>) -> Result<Self> {
        let shape = tensor.dims().to_vec();
        let failed = |e: &dyn std::fmt::Debug| Error::Device(format!("cannot read {name} back: {e:?}"));
        let values = tensor.into_data_async().await.map_err(|e| failed(&e))?;
        let values = values.try_into_vec::<f32>().map_err(|e| failed(&e))?;
        Ok(Self { name, shape, values })
    }
}

/// Tensors on the host, by name.
pub struct NamedTensors(HashMap<String, NamedTensor>);

impl NamedTensors {
    /// All of `tensors`.
    pub fn new(tensors: Vec<NamedTensor>) -> Self {
        Self(tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect())
    }
}

impl TensorSource for NamedTensors {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.0.get(name) {
            Some(tensor) if tensor.shape == shape => Ok(tensor.values.clone()),
            Some(tensor) => {
                let found = &tensor.shape;
                Err(Error::Setting(format!("tensor {name} has shape {found:?}, expected {shape:?}")))
            }
            None => Err(Error::Setting(format!("the model has no tensor {name}"))),
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// All parameters and running statistics of `module`, each name starting with `prefix.`.
///
/// # Errors
/// The device failed.
pub fn collect<M: Module>(module: &M, prefix: &str) -> Result<Vec<NamedTensor>> {
    read_sync(collect_async(module, prefix))
}

/// As [`collect`], if reading from the device must be awaited.
///
/// # Errors
/// As [`collect`].
pub async fn collect_async<M: Module>(module: &M, prefix: &str) -> Result<Vec<NamedTensor>> {
    let mut collector = Collector { path: vec![prefix.into()], tensors: Vec::new() };
    module.visit(&mut collector);
    let mut read = Vec::with_capacity(collector.tensors.len());
    for (name, shape, flat) in collector.tensors {
        read.push(NamedTensor { shape, ..NamedTensor::read(name, flat).await? });
    }
    Ok(read)
}

/// Loads the tensors `prefix.*` of `source` into `module`.
///
/// # Errors
/// A tensor is missing or has another shape.
pub fn assign<M: Module>(module: M, prefix: &str, source: &dyn TensorSource) -> Result<M> {
    let mut assigner = Assigner { path: vec![prefix.into()], source, failure: None };
    let module = module.map(&mut assigner);
    match assigner.failure {
        Some(error) => Err(error),
        None => Ok(module),
    }
}

struct Collector {
    path: Vec<String>,
    /// Name, lengths of the axes, and the flattened values.
    tensors: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        self.tensors.push((self.path.join("."), shape, tensor.reshape([-1])));
    }
}

struct Assigner<'a> {
    path: Vec<String>,
    source: &'a dyn TensorSource,
    failure: Option<Error>,
}

impl ModuleMapper for Assigner<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.into());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        match self.source.get(&self.path.join("."), &shape) {
            Ok(values) => {
                let data = TensorData::new(values, shape);
                param.map(|old| {
                    let device = old.device();
                    let new = Tensor::from_data(data, &device);
                    if old.is_require_grad() { new.require_grad() } else { new }
                })
            }
            Err(error) => {
                self.failure = self.failure.take().or(Some(error));
                param
            }
        }
    }
}
