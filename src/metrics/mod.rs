//! How good a detector is: AUROC, AP, F1-max, AUPRO and PRO-RD (method.md 6).
//!
//! Every metric is exact: all distinct scores are thresholds, and a prediction is `score >= threshold`. All of
//! them come from one descending sweep over sorted scores (see `sweep`), so that a whole test set costs a
//! single sort. A metric that is not defined, for example an AUROC without good pictures, is `None`.
//!
//! ```
//! let scores = [0.1, 0.4, 0.35, 0.8];
//! let anomalous = [false, false, true, true];
//! assert_eq!(aand::metrics::roc_auc(&scores, &anomalous), Some(0.75));
//! ```

mod binomial;
mod curve;
mod defects;
mod evaluation;
mod judged;
mod median;
mod meters;
mod precision;
mod pro;
mod pro_rd;
mod ranking;
mod regions;
mod roc;
mod sorting;
mod sweep;
mod table;
mod tolerance;

pub use binomial::{INTERVAL_CONFIDENCE, at_most, interval};
pub use curve::Curve;
pub use defects::DefectEvaluation;
pub use evaluation::{Counts, Curves, Evaluation, Scored};
pub use judged::{Judged, Selection, Threshold};
pub use median::median;
pub use precision::{F1Max, average_precision, f1_max};
pub use pro::{FPR_LIMIT, aupro, pro_curve};
pub use pro_rd::pro_rd;
pub use roc::{roc_auc, roc_curve};
pub use sorting::{pb2, pg2};
pub use table::summary;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub(crate) use table::{promise, write_table};
pub use tolerance::{CONFIDENCE, needed, percent, rank, supported};
