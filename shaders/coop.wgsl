// Matrix units: this file is put before `f16.wgsl` in a convolution that multiplies with them (`conv_coop.wgsl`).

enable wgpu_cooperative_matrix;
