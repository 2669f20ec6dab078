//! The convolution of the CPU: forward, and both gradients.
