//! What is to be said of a picture whose stored values do not fit the range it is read with, as `aand detect` and
//! `aand train` say it of all pictures together.

use crate::picture::{Details, Range, Remarks};

/// As JSON: `lowest` and `highest` of the stored values, the `range` they are read with (none: the full scale), and
/// the range that `fits` them; nothing where there is nothing to say.
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
