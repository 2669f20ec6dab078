//! A graph while it is being written: nodes, constants and unique names.

use super::proto::{
    AttributeProto, AttributeType, DataType, Dimension, Extent, GraphProto, NodeProto, TensorProto,
    TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
};

/// The name of a tensor in the graph.
pub type Name = String;

/// A setting of an operator.
pub enum Setting<'a> {
    /// One integer.
    One(&'a str, i64),
    /// A list of them.
    Many(&'a str, &'a [i64]),
}

/// What has been written so far.
#[derive(Default)]
pub struct Graph {
    graph: GraphProto,
}

impl Graph {
    /// Adds a node and returns its result, which has the node's name.
    pub fn node(&mut self, operator: &str, name: &str, inputs: &[&Name], settings: &[Setting<'_>]) -> Name {
        let output = self.unused(name);
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.clone()).collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: operator.into(),
            attribute: settings.iter().map(attribute).collect(),
        });
        output
    }

    /// The name itself, or with a number if it is taken.
    fn unused(&self, name: &str) -> Name {
        let taken = |name: &str| {
            self.graph.node.iter().any(|node| node.name == name)
                || self.graph.initializer.iter().any(|tensor| tensor.name == name)
        };
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
    }

    /// A constant of floats, row-major.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Name {
        self.constant(name, shape, DataType::Float, bytemuck::cast_slice(values).to_vec())
    }

    /// A constant list of integers, for shapes and axes.
    pub fn integers(&mut self, name: &str, values: &[i64]) -> Name {
        self.constant(name, &[values.len()], DataType::Int64, bytemuck::cast_slice(values).to_vec())
    }

    /// `raw_data` is in this machine's byte order, which is ONNX's on everything that wgpu runs on.
    fn constant(&mut self, name: &str, shape: &[usize], kind: DataType, raw_data: Vec<u8>) -> Name {
        const { assert!(cfg!(target_endian = "little")) };
        let name = self.unused(name);
        let dims = shape.iter().map(|&side| side as i64).collect();
        self.graph.initializer.push(TensorProto {
            dims,
            data_type: kind.into(),
            name: name.clone(),
            raw_data,
        });
        name
    }

    /// An input `[N, sides...]`.
    pub fn input(&mut self, name: &str, kind: DataType, sides: &[usize]) -> Name {
        self.graph.input.push(value(name, kind, sides));
        name.into()
    }

    /// An output `[N, sides...]`: the tensor called `name`.
    pub fn output(&mut self, name: &Name, kind: DataType, sides: &[usize]) {
        self.graph.output.push(value(name, kind, sides));
    }

    /// The whole graph.
    pub fn finish(mut self, name: &str) -> GraphProto {
        self.graph.name = if name.is_empty() { "aand".into() } else { name.into() };
        self.graph
    }
}

fn attribute(setting: &Setting<'_>) -> AttributeProto {
    match *setting {
        Setting::One(name, value) => AttributeProto {
            name: name.into(),
            i: Some(value),
            ints: Vec::new(),
            r#type: AttributeType::Int.into(),
        },
        Setting::Many(name, values) => AttributeProto {
            name: name.into(),
            i: None,
            ints: values.to_vec(),
            r#type: AttributeType::Ints.into(),
        },
    }
}

fn value(name: &str, kind: DataType, sides: &[usize]) -> ValueInfoProto {
    let batch = Dimension { value: Some(Extent::Named("N".into())) };
    let fixed = sides.iter().map(|&side| Dimension { value: Some(Extent::Fixed(side as i64)) });
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(fixed).collect() };
    let tensor_type = TensorType { elem_type: kind.into(), shape: Some(shape) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
