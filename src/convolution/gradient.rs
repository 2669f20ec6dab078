//! Registers the operations in the graph of Burn's automatic differentiation.

use super::extension::ConvolutionOps;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::backend::tensor::FloatTensor;

#[derive(Debug)]
struct Convolution;

#[derive(Debug)]
struct BiasedConvolution;

#[derive(Debug)]
struct Transposed2x2;

#[derive(Debug)]
struct BatchNorm;

/// The nodes that hold the input and the kernel, the stride and the padding.
type Inputs = (NodeId, NodeId, usize, usize);

impl<B: ConvolutionOps> Backward<B, 2> for Convolution {
    type State = Inputs;

    fn backward(self, ops: Ops<Inputs, 2>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let (x, weight, stride, padding) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = saved.retrieve_node_output::<FloatTensor<B>>(weight);
        if let Some(node) = x_node {
            let dx = B::convolution_x_backward(x.clone(), weight.clone(), dy.clone(), stride, padding);
            grads.register::<B>(node.id, dx);
        }
        if let Some(node) = weight_node {
            let dw = B::convolution_weight_backward(x, weight, dy, stride, padding);
            grads.register::<B>(node.id, dw);
        }
    }
}

impl<B: ConvolutionOps> Backward<B, 3> for BiasedConvolution {
    type State = (Inputs, NodeId);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let ((x, weight, stride, padding), bias) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = saved.retrieve_node_output::<FloatTensor<B>>(weight);
        let bias = saved.retrieve_node_output::<FloatTensor<B>>(bias);
        if let Some(node) = x_node {
            let dx = B::convolution_x_backward(x.clone(), weight.clone(), dy.clone(), stride, padding);
            grads.register::<B>(node.id, dx);
        }
        if let Some(node) = weight_node {
            let dw = B::convolution_weight_backward(x.clone(), weight, dy.clone(), stride, padding);
            grads.register::<B>(node.id, dw);
        }
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, B::convolution_bias_backward(x, bias, dy));
        }
    }
}

impl<B: ConvolutionOps> Backward<B, 2> for Transposed2x2 {
    type State = (NodeId, NodeId);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let [x_node, weight_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let (x, weight) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let weight = saved.retrieve_node_output::<FloatTensor<B>>(weight);
        if let Some(node) = x_node {
            let dx = B::transposed_2x2_x_backward(x.clone(), weight.clone(), dy.clone());
            grads.register::<B>(node.id, dx);
        }
        if let Some(node) = weight_node {
            let dw = B::transposed_2x2_weight_backward(x, weight, dy);
            grads.register::<B>(node.id, dw);
        }
    }
}

impl<B: ConvolutionOps> Backward<B, 3> for BatchNorm {
    type State = (NodeId, NodeId, [FloatTensor<B>; 2], f64);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let [x_node, gamma_node, beta_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let (x, gamma, [mean, variance], epsilon) = ops.state;
        let x = saved.retrieve_node_output::<FloatTensor<B>>(x);
        let gamma = saved.retrieve_node_output::<FloatTensor<B>>(gamma);
        let (dx, dgamma, dbeta) = B::batch_statistics_norm_backward(x, gamma, mean, variance, epsilon, dy);
        for (node, gradient) in [(x_node, dx), (gamma_node, dgamma), (beta_node, dbeta)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct MaxPool;

impl<B: ConvolutionOps> Backward<B, 1> for MaxPool {
    type State = NodeId;

    fn backward(self, ops: Ops<NodeId, 1>, grads: &mut Gradients, saved: &mut Checkpointer) {
        let [x_node] = ops.parents;
        let dy = grads.consume::<B>(&ops.node);
        let x = saved.retrieve_node_output::<FloatTensor<B>>(ops.state);
        if let Some(node) = x_node {
            grads.register::<B>(node.id, B::max_pool_3x3_backward(x, dy));
        }
    }
}

impl<B: ConvolutionOps, C: CheckpointStrategy> ConvolutionOps for Autodiff<B, C> {
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        let prepared = Convolution.prepare::<C>([x.node(), weight.node()]).compute_bound().stateful();
        let run = |x: FloatTensor<Self>, weight: FloatTensor<Self>| {
            B::convolution(x.into_primitive(), weight.into_primitive(), stride, padding)
        };
        match prepared {
            OpsKind::Tracked(mut prep) => {
                let nodes = (prep.checkpoint(&x), prep.checkpoint(&weight));
                prep.finish((nodes.0, nodes.1, stride, padding), run(x, weight))
            }
            OpsKind::UnTracked(prep) => prep.finish(run(x, weight)),
        }
    }

    fn biased_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        let prepared =
            BiasedConvolution.prepare::<C>([x.node(), weight.node(), bias.node()]).compute_bound().stateful();
        let run = |x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>| {
            let (x, weight) = (x.into_primitive(), weight.into_primitive());
            B::biased_convolution(x, weight, bias.into_primitive(), stride, padding)
        };
        match prepared {
            OpsKind::Tracked(mut prep) => {
                let nodes = (prep.checkpoint(&x), prep.checkpoint(&weight));
                let inputs = (nodes.0, nodes.1, stride, padding);
                let state = (inputs, prep.checkpoint(&bias));
                prep.finish(state, run(x, weight, bias))
            }
            OpsKind::UnTracked(prep) => prep.finish(run(x, weight, bias)),
        }
    }

    fn transposed_2x2(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        let prepared = Transposed2x2.prepare::<C>([x.node(), weight.node()]).compute_bound().stateful();
        let run = |x: FloatTensor<Self>, weight: FloatTensor<Self>| {
            B::transposed_2x2(x.into_primitive(), weight.into_primitive())
        };
        match prepared {
            OpsKind::Tracked(mut prep) => {
                let state = (prep.checkpoint(&x), prep.checkpoint(&weight));
                prep.finish(state, run(x, weight))
            }
            OpsKind::UnTracked(prep) => prep.finish(run(x, weight)),
        }
    }

    fn max_pool_3x3(x: FloatTensor<Self>) -> FloatTensor<Self> {
        match MaxPool.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut prep) => {
                let state = prep.checkpoint(&x);
                prep.finish(state, B::max_pool_3x3(x.into_primitive()))
            }
            OpsKind::UnTracked(prep) => prep.finish(B::max_pool_3x3(x.into_primitive())),
        }
    }

    fn batch_statistics_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let prepared =
            BatchNorm.prepare::<C>([x.node(), gamma.node(), beta.node()]).compute_bound().stateful();
        let run = |x: FloatTensor<Self>, gamma: FloatTensor<Self>, beta: FloatTensor<Self>| {
            let (x, gamma) = (x.into_primitive(), gamma.into_primitive());
            B::batch_statistics_norm(x, gamma, beta.into_primitive(), epsilon)
        };
        let (y, mean, variance) = match prepared {
            OpsKind::Tracked(mut prep) => {
                let (x_state, gamma_state) = (prep.checkpoint(&x), prep.checkpoint(&gamma));
                let (y, mean, variance) = run(x, gamma, beta);
                let statistics = [mean.clone(), variance.clone()];
                let state = (x_state, gamma_state, statistics, epsilon);
                (prep.finish(state, y), mean, variance)
            }
            OpsKind::UnTracked(prep) => {
                let (y, mean, variance) = run(x, gamma, beta);
                (prep.finish(y), mean, variance)
            }
        };
        // The statistics only feed the running averages, through which no gradient passes.
        (y, <FloatTensor<Self>>::new(mean), <FloatTensor<Self>>::new(variance))
    }
}
