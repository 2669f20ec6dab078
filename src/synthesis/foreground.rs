//! Where synthetic anomalies may lie: on the part, not on what surrounds it (method.md 3.3).

use super::background;
use super::blur::{blur, grey};
use crate::error::Error;
use crate::picture::{Mask, Picture};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// How the part is separated from its surroundings. Written as `auto`, `none`, `threshold`, `threshold:150`,
/// `threshold:150:invert`, `disc` or `rect`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Foreground {
    /// Looks for a plain background that touches the border; if there is none, the whole picture. Still,
    /// every other defect may lie beside the part, see [`Foreground::place`].
    #[default]
    Auto,
    /// The whole picture.
    None,
    /// Blurred grey values above a level (at or below it if inverted).
    Threshold {
        /// The level; Otsu's for each picture if absent.
        level: Option<u8>,
        /// Whether the part is the darker side.
        invert: bool,
    },
    /// A centered disc with a radius of 0.45 of the height.
    Disc,
    /// A centered rectangle of 0.7 of the width and height.
    Rect,
}

impl Foreground {
    /// The rule that the reference uses for a category of MVTec AD, VisA or MVTec3D-RGB (table of
    /// method.md 3.3), or `None` for any other name.
    pub fn paper(category: &str) -> Option<Self> {
        let above = |level| Self::Threshold { level: Some(level), invert: false };
        let up_to = |level| Self::Threshold { level: Some(level), invert: true };
        Some(match category {
            "carpet" | "grid" | "leather" | "tile" | "wood" | "transistor" => above(0),
            "capsule" | "screw" | "zipper" => up_to(150),
            "hazelnut" | "metal_nut" | "pill" | "toothbrush" => above(50),
            // The reference arrives at a disc for cable by an accident that the table explains.
            "bottle" | "cable" => Self::Disc,
            "candle" | "cashew" | "chewinggum" | "fryum" | "macaroni1" | "macaroni2" | "pcb1" => above(150),
            "pcb2" | "pcb3" | "pipe_fryum" => above(100),
            "pcb4" => above(50),
            "capsules" => up_to(100),
            "bagel" | "cable_gland" | "carrot" | "cookie" | "dowel" | "peach" | "potato" | "rope" => {
                above(50)
            }
            "foam" | "tire" => Self::Rect,
            _ => return None,
        })
    }

    /// Where the defect may lie when a picture is shown for the `turn`-th time, given its part.
    ///
    /// Our own addition: with [`Foreground::Auto`] every other defect may lie anywhere. The surroundings of a
    /// part are judged too, so the model must learn that a spot there counts; painting only on the part cost
    /// 2 points of image AUROC on MVTec3D's cookie.
    pub fn place<'a>(&self, part: &'a Mask, turn: usize) -> Cow<'a, Mask> {
        if *self == Self::Auto && turn.is_multiple_of(2) {
            Cow::Owned(whole(part))
        } else {
            Cow::Borrowed(part)
        }
    }

    /// Where the normal patches of the amplification loss come from: the part (method.md 2.4). With
    /// [`Foreground::Auto`] from everywhere, so that the surroundings also count as normal and are not
    /// amplified.
    pub fn normal(&self, part: &Mask) -> Mask {
        if *self == Self::Auto { whole(part) } else { part.clone() }
    }

    /// The part's pixels, at the picture's own size.
    ///
    /// For training, shrink it with `Mask::resize_torch_nearest` to the size of the network's input.
    pub fn mask(&self, native: &Picture) -> Mask {
        let (width, height) = (native.width() as usize, native.height() as usize);
        let by_place = |inside: &dyn Fn(i64, i64) -> bool| Mask {
            width,
            height,
            data: (0..height as i64)
                .flat_map(|y| (0..width as i64).map(move |x| (x, y)))
                .map(|(x, y)| inside(x - width as i64 / 2, y - height as i64 / 2))
                .collect(),
        };
        match *self {
            Self::Auto => background::part(native).unwrap_or_else(|| Mask::filled(width, height, true)),
            Self::None => Mask::filled(width, height, true),
            Self::Threshold { level, invert } => {
                let blurred = blur(&grey(native));
                let level = level.unwrap_or_else(|| imageproc::contrast::otsu_level(&blurred));
                Mask { width, height, data: blurred.iter().map(|&v| (v > level) != invert).collect() }
            }
            Self::Disc => {
                let radius = share(height, 0.45);
                by_place(&|x, y| x * x + y * y <= radius * radius)
            }
            Self::Rect => {
                let (half_width, half_height) = (share(width, 0.35), share(height, 0.35));
                by_place(&|x, y| x.abs() <= half_width && y.abs() <= half_height)
            }
        }
    }
}

fn whole(part: &Mask) -> Mask {
    Mask::filled(part.width, part.height, true)
}

fn share(length: usize, fraction: f64) -> i64 {
    (length as f64 * fraction) as i64
}

impl fmt::Display for Foreground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Disc => f.write_str("disc"),
            Self::Rect => f.write_str("rect"),
            Self::Threshold { level, invert } => {
                f.write_str("threshold")?;
                if let Some(level) = level {
                    write!(f, ":{level}")?;
                }
                f.write_str(if *invert { ":invert" } else { "" })
            }
        }
    }
}

impl FromStr for Foreground {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || {
            Error::Setting(format!(
                "foreground \"{text}\" is unknown; use auto, none, threshold[:0..255][:invert], disc or rect"
            ))
        };
        let mut parts = text.split(':');
        let rule = match parts.next() {
            Some("auto") => Self::Auto,
            Some("none") => Self::None,
            Some("disc") => Self::Disc,
            Some("rect") => Self::Rect,
            Some("threshold") => {
                let mut next = parts.next();
                let mut level = None;
                if let Some(digits) = next.filter(|&word| word != "invert") {
                    level = Some(digits.parse().map_err(|_| refused())?);
                    next = parts.next();
                }
                let invert = match next {
                    None => false,
                    Some("invert") => true,
                    Some(_) => return Err(refused()),
                };
                Self::Threshold { level, invert }
            }
            _ => return Err(refused()),
        };
        if parts.next().is_some() { Err(refused()) } else { Ok(rule) }
    }
}

impl TryFrom<String> for Foreground {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Foreground> for String {
    fn from(rule: Foreground) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn at(mask: &Mask, x: usize, y: usize) -> bool {
        mask.data[y * mask.width + x]
    }

    #[test]
    fn by_auto_every_other_defect_may_lie_anywhere() {
        let part =
            Mask { width: 4, height: 2, data: vec![true, false, false, true, false, false, true, true] };
        let whole = Mask::filled(4, 2, true);
        assert_eq!(*Foreground::Auto.place(&part, 6), whole);
        assert_eq!(*Foreground::Auto.place(&part, 7), part);
        assert_eq!(Foreground::Auto.normal(&part), whole);
        for rule in [Foreground::Disc, Foreground::Threshold { level: None, invert: true }] {
            assert_eq!(*rule.place(&part, 6), part);
            assert_eq!(rule.normal(&part), part);
        }
    }

    #[test]
    fn text_there_and_back() {
        for text in [
            "auto",
            "none",
            "disc",
            "rect",
            "threshold",
            "threshold:150",
            "threshold:0:invert",
            "threshold:invert",
        ] {
            let rule: Foreground = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
            let json = serde_json::to_string(&rule).unwrap();
            assert_eq!(serde_json::from_str::<Foreground>(&json).unwrap(), rule);
        }
        for text in ["", "Auto", "threshold:256", "threshold:5:inverted", "disc:4", "threshold:5:invert:1"] {
            let message = text.parse::<Foreground>().unwrap_err().to_string();
            assert!(message.contains("threshold[:0..255]"), "{message}");
        }
        assert!(serde_json::from_str::<Foreground>("\"square\"").is_err());
    }

    #[test]
    fn the_papers_table() {
        let named = |category| Foreground::paper(category).map(|rule| rule.to_string());
        assert_eq!(named("wood").as_deref(), Some("threshold:0"));
        assert_eq!(named("screw").as_deref(), Some("threshold:150:invert"));
        assert_eq!(named("pill").as_deref(), Some("threshold:50"));
        assert_eq!(named("cable").as_deref(), Some("disc"));
        assert_eq!(named("capsules").as_deref(), Some("threshold:100:invert"));
        assert_eq!(named("pcb3").as_deref(), Some("threshold:100"));
        assert_eq!(named("tire").as_deref(), Some("rect"));
        assert_eq!(named("gearbox"), None);
    }

    #[test]
    fn disc_and_rectangle_ignore_the_content() {
        let picture = Picture::new(41, 21);
        let disc = Foreground::Disc.mask(&picture);
        // Center (20, 10), radius int(9.45) = 9.
        assert!(at(&disc, 29, 10) && !at(&disc, 30, 10) && at(&disc, 20, 1) && !at(&disc, 20, 0));
        let rectangle = Foreground::Rect.mask(&picture);
        // int(14.35) = 14 and int(7.35) = 7.
        assert!(at(&rectangle, 34, 17) && !at(&rectangle, 35, 17) && !at(&rectangle, 34, 18));
        assert!(at(&rectangle, 6, 3) && !at(&rectangle, 5, 3));
    }

    #[test]
    fn threshold_is_strict_and_invertible() {
        let picture = Picture::from_fn(200, 60, |x, _| Rgb([if x < 100 { 20 } else { 220 }; 3]));
        let rule = |text: &str| text.parse::<Foreground>().unwrap().mask(&picture);
        let bright = rule("threshold:150");
        assert!(!at(&bright, 40, 30) && at(&bright, 160, 30));
        let dark = rule("threshold:150:invert");
        assert!(dark.data.iter().zip(&bright.data).all(|(a, b)| a != b));
        let otsu = rule("threshold");
        assert!(!at(&otsu, 40, 30) && at(&otsu, 160, 30));
        let black = Picture::new(20, 20);
        assert!("threshold:0".parse::<Foreground>().unwrap().mask(&black).data.iter().all(|&inside| !inside));
    }
}
