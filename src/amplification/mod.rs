//! Stage 1: residual anomaly amplification (RAA).
