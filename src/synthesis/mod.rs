//! Anomaly synthesis (method.md 3).
