//! Remarks about how many pictures are stored in an unexpected way.

use super::Details;
use super::range::{Depth, Range, Values, usual};

/// 16-bit values that all lie below this seem to come from a camera with 14 bits or fewer.
const QUARTER: f64 = 16384.0;

/// What was noticed in the pictures of a folder or a run: values that do not fit the range with which they are
/// read.
#[derive(Clone, Debug)]
pub struct Remarks {
    range: Option<Range>,
    sixteen: Ends,
    float: Ends,
    /// Pictures with values outside the range.
    outside: Ends,
}

/// How many pictures, and their lowest and highest value.
#[derive(Clone, Copy, Debug)]
struct Ends {
    pictures: usize,
    lowest: f64,
    highest: f64,
}

impl Ends {
    const NONE: Self = Self { pictures: 0, lowest: f64::INFINITY, highest: f64::NEG_INFINITY };

    fn add(&mut self, values: &Values) {
        self.pictures += 1;
        self.lowest = self.lowest.min(values.lowest);
        self.highest = self.highest.max(values.highest);
    }
}

impl Remarks {
    /// Remarks on no pictures yet; `range` is the one with which pictures are read.
    pub fn new(range: Option<Range>) -> Self {
        Self { range, sixteen: Ends::NONE, float: Ends::NONE, outside: Ends::NONE }
    }

    /// Remarks on these pictures.
    pub fn on<'a>(range: Option<Range>, pictures: impl IntoIterator<Item = &'a Details>) -> Self {
        let mut remarks = Self::new(range);
        pictures.into_iter().for_each(|details| remarks.add(details));
        remarks
    }

    /// Counts one more picture.
    pub fn add(&mut self, details: &Details) {
        let Some(values) = &details.values else { return };
        match values.depth {
            Depth::Sixteen => self.sixteen.add(values),
            Depth::Float => self.float.add(values),
        }
        if self.range.is_some_and(|range| !range.holds(values)) {
            self.outside.add(values);
        }
    }

    /// One line per remark; none if there is nothing to say.
    pub fn lines(&self) -> Vec<String> {
        match self.range {
            Some(range) => self.cut(range).into_iter().collect(),
            None => self.dark().into_iter().chain(self.floats()).collect(),
        }
    }

    fn cut(&self, range: Range) -> Option<String> {
        let Ends { pictures, lowest, highest } = self.outside;
        (pictures > 0).then(|| {
            format!(
                "{pictures} picture(s) hold values from {lowest} to {highest}, outside --range {range}: what lies \
                 beyond it is cut; train with a wider one if it matters"
            )
        })
    }

    fn dark(&self) -> Option<String> {
        let Ends { pictures, highest, .. } = self.sixteen;
        (pictures > 0 && highest < QUARTER).then(|| {
            format!(
                "{pictures} picture(s) of 16 bits hold values only up to {highest} of 65535 and are read nearly \
                 black; if the camera has fewer bits, train with --range 0..{} or --range auto",
                usual(highest)
            )
        })
    }

    fn floats(&self) -> Option<String> {
        let Ends { pictures, lowest, highest } = self.float;
        (pictures > 0 && (lowest < 0.0 || highest > 1.0)).then(|| {
            format!(
                "{pictures} picture(s) of floats hold values from {lowest} to {highest}, of which only 0 to 1 is \
                 read; train with --range LOW..HIGH or --range auto"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(range: Option<&str>, depth: Depth, highest: f64) -> String {
        let range = range.map(|range| range.parse().unwrap());
        let values = Some(Values { depth, lowest: 0.0, highest });
        let details = Details { format: "TIFF", mode: "grey 16 bit".into(), turned: false, values };
        Remarks::on(range, [&details]).lines().join("; ")
    }

    #[test]
    fn values_that_do_not_fit_their_range_are_said() {
        let twelve = said(None, Depth::Sixteen, 4080.0);
        assert!(
            twelve.contains("only up to 4080 of 65535") && twelve.contains("--range 0..4095"),
            "{twelve}"
        );
        assert_eq!(said(Some("0..4095"), Depth::Sixteen, 4080.0), "");
        let cut = said(Some("0..1023"), Depth::Sixteen, 4080.0);
        assert!(cut.contains("values from 0 to 4080, outside --range 0..1023"), "{cut}");
        assert_eq!(said(None, Depth::Sixteen, 65535.0), "");
        assert_eq!(said(None, Depth::Float, 1.0), "");
        assert!(said(None, Depth::Float, 255.0).contains("only 0 to 1 is read"));
    }
}
