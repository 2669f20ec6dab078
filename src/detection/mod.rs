//! From features to an anomaly map, a score and a verdict.
