//! A remark on a picture whose stored values do not fit the range with which it is read, as `aand detect` and
//! `aand train` make it on all pictures together.

use crate::picture::{Details, Range, Remarks};

/// As JSON: `lowest` and `highest` of the stored values, the `range` with which they are read (none: the full
/// scale), and the range that `fits` them; `None` if there is nothing to say.
pub(super) fn remark(details: &Details, range: Option<Range>) -> Option<String> {
    if Remarks::on(range, [details]).lines().is_empty() {
        return None;
    }
    let values = details.values?;
    let said = serde_json::json!({
        "lowest": values.lowest,
        "highest": values.highest,
        "range": range,
        "fits": Range::of(&[values]),
    });
    Some(said.to_string())
}
