//! How a model looks at a picture: at which scale, in how many pieces, and which region counts.

use super::{
    Fit, Frame, Mask, Picture, Pooling, Region, ScoreMap, Size, Tiles, place_around, tile_of, tile_of_mask,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How a model looks at a picture. The default is the method's: the whole picture, squashed to the network's
/// size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// How a picture of another aspect ratio is fitted to the network's; not used with tiles.
    #[serde(skip_serializing_if = "is_default")]
    pub fit: Fit,
    /// If set, the picture is looked at in tiles of the network's size, at its own resolution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiles: Option<Tiles>,
    /// The region of the picture that counts, if not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// How the map gives the score.
    #[serde(skip_serializing_if = "is_default")]
    pub pooling: Pooling,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A picture as a model sees it.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// At the network's size, or the picture itself if it is looked at in tiles.
    pub picture: Cow<'a, Picture>,
    /// The picture's own size.
    pub native: Size,
}

impl Seen<'_> {
    /// The same with a borrowed picture.
    pub fn borrowed(&self) -> Seen<'_> {
        Seen { picture: Cow::Borrowed(&self.picture), native: self.native }
    }

    /// The same with an owned picture.
    pub fn owned(self) -> Seen<'static> {
        Seen { picture: Cow::Owned(self.picture.into_owned()), native: self.native }
    }
}

impl View {
    /// Whether the network's map is the map of exactly the whole picture.
    pub fn shows_whole_maps(&self) -> bool {
        self.fit == Fit::Squash && self.tiles.is_none() && self.region.is_none()
    }

    /// Whether it is the default.
    pub fn is_plain(&self) -> bool {
        is_default(self)
    }

    /// The picture as a network of the size `input` receives it.
    pub fn see<'a>(&self, picture: &'a Picture, input: Size) -> Seen<'a> {
        let native = Size::of(picture);
        let picture = match self.tiles {
            Some(_) => Cow::Borrowed(picture),
            None => Cow::Owned(self.fit.frame(native, input).picture(picture)),
        };
        Seen { picture, native }
    }

    /// A mask, which has the picture's size, as the network receives it (unchanged for tiles).
    pub fn mask(&self, mask: Mask, input: Size) -> Mask {
        match self.tiles {
            Some(_) => mask,
            None => self.frame(Size::new(mask.width, mask.height), input).mask(&mask),
        }
    }

    fn frame(&self, native: Size, input: Size) -> Frame {
        self.fit.frame(native, input)
    }

    /// How an input of the network lies in a picture of `native` size; `place` is that of a tile.
    pub fn lies(&self, native: Size, input: Size, place: [usize; 2]) -> Frame {
        match self.tiles {
            Some(_) => Frame::of_tile(native, input, place),
            None => self.frame(native, input),
        }
    }

    /// Where the network's input may be painted on and learned from: neither in the padding nor outside the region of
    /// interest; `None` if everywhere. `place` is that of a tile.
    pub fn allowed(&self, native: Size, input: Size, place: [usize; 2]) -> Option<Mask> {
        if self.tiles.is_some() {
            let region = self.region.as_ref().map(|region| region.within(native, place, input));
            let beyond = place[0] + input.width > native.width || place[1] + input.height > native.height;
            let inside = || tile_of_mask(&Mask::filled(native.width, native.height, true), place, input);
            return region.or_else(|| beyond.then(inside));
        }
        let frame = self.frame(native, input);
        let region = self.region.as_ref().map(|region| region.mask(native));
        match region {
            None if frame.is_whole() => None,
            None => Some(frame.mask(&Mask::filled(native.width, native.height, true))),
            Some(region) => Some(frame.mask(&region)),
        }
    }

    /// The network's map of the picture as a map of the whole picture, with zeros outside the region of interest.
    pub fn whole(&self, map: ScoreMap, native: Size) -> ScoreMap {
        let map = match self.tiles {
            Some(_) => map,
            None => self.frame(native, Size::new(map.width, map.height)).whole(map),
        };
        self.only_region(map)
    }

    /// The map with zeros outside the region of interest.
    pub fn only_region(&self, mut map: ScoreMap) -> ScoreMap {
        if let Some(counted) = self.counted(Size::new(map.width, map.height)) {
            map.data
                .iter_mut()
                .zip(counted.data)
                .filter(|(_, inside)| !inside)
                .for_each(|(value, _)| *value = 0.0);
        }
        map
    }

    /// The region of interest on a map of the whole picture; `None` if everything counts.
    pub fn counted(&self, map: Size) -> Option<Mask> {
        self.region.as_ref().map(|region| region.mask(map))
    }

    /// Why a picture of that size cannot be looked at, if it cannot.
    pub fn misfit(&self, picture: Size) -> Option<String> {
        self.region.as_ref().and_then(|region| region.misfit(picture))
    }

    /// What is impossible about it, for networks of the size `input`; it may come from a damaged or hostile
    /// file.
    pub fn impossible(&self, input: Size) -> Option<String> {
        let region = self.region.as_ref().is_some_and(|region| region.possible().is_none());
        match self.tiles {
            Some(Tiles { overlap }) if overlap >= input.shorter() => {
                Some(format!("impossible overlap {overlap}"))
            }
            _ if region => Some("impossible region of interest".into()),
            _ => None,
        }
    }

    /// One input of the network: the whole picture, or the tile in its middle.
    pub fn input_of(&self, picture: &Picture, input: Size) -> Picture {
        let native = Size::of(picture);
        match self.tiles {
            Some(_) => {
                let middle = |length: usize, tile: usize| length.saturating_sub(tile) / 2;
                let place = [middle(native.width, input.width), middle(native.height, input.height)];
                tile_of(picture, place, input)
            }
            None => self.frame(native, input).picture(picture),
        }
    }

    /// A picture and its ground truth as the network receives them, the truth resized by Pillow's nearest rule. If the
    /// picture is looked at in tiles, the tile around the center of the marked area.
    pub fn around<'a>(&self, seen: &'a Seen<'_>, truth: &Mask, input: Size) -> (Cow<'a, Picture>, Mask) {
        if self.tiles.is_none() {
            let truth = self.frame(seen.native, input).truth(truth);
            return (Cow::Borrowed(seen.picture.as_ref()), truth);
        }
        let marked: Vec<usize> = (0..truth.data.len()).filter(|&i| truth.data[i]).collect();
        let middle = marked.get(marked.len() / 2).copied().unwrap_or(0);
        let width = truth.width.max(1);
        let place = place_around([middle % width, middle / width], Size::new(width, truth.height), input);
        (Cow::Owned(tile_of(&seen.picture, place, input)), tile_of_mask(truth, place, input))
    }

    /// A ground truth at the size of a map of the whole picture, by Pillow's nearest rule; unmarked outside the region
    /// of interest.
    pub fn truth(&self, mask: &Mask, map: &ScoreMap) -> Mask {
        let size = Size::new(map.width, map.height);
        let coarse = mask.width > size.width || mask.height > size.height;
        let truth = match self.tiles {
            // The map is coarse only to save memory: no defect may be lost in it.
            Some(_) if coarse => mask.any(size),
            _ => mask.resize_pil_nearest(size.width, size.height),
        };
        match self.counted(size) {
            Some(counted) => truth.and(&counted),
            None => truth,
        }
    }

    /// The tile of a picture at `place`.
    pub fn tile(&self, picture: &Picture, place: [usize; 2], input: Size) -> Picture {
        tile_of(picture, place, input)
    }

    /// In words, for networks of the size `input`.
    pub fn words(&self, input: Size) -> String {
        let how = match (self.tiles, self.fit) {
            (Some(Tiles { overlap }), _) => {
                return format!(
                    "tiles of {input} at the picture's own resolution, {overlap} pixels of overlap"
                );
            }
            (None, Fit::Squash) if input.is_square() => "to size x size".to_owned(),
            (None, Fit::Squash) => format!("to {input}"),
            (None, Fit::Pad) => format!("into {input}, the rest mirrored"),
            (None, Fit::Crop) => format!("to cover {input}"),
        };
        format!("Pillow-exact bicubic {how}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_says_nothing_in_a_file() {
        assert_eq!(serde_json::to_string(&View::default()).unwrap(), "{}");
        let view = View {
            fit: Fit::Pad,
            tiles: Some(Tiles { overlap: 8 }),
            pooling: Pooling::Top(2.0),
            region: None,
        };
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(text, r#"{"fit":"pad","tiles":{"overlap":8},"pooling":"top:2%"}"#);
        assert_eq!(serde_json::from_str::<View>(&text).unwrap(), view);
    }

    #[test]
    fn nothing_is_allowed_outside_picture_and_region() {
        let (native, input) = (Size::new(40, 20), Size::square(32));
        let plain = View::default();
        assert_eq!(plain.allowed(native, input, [0; 2]), None);
        let padded = View { fit: Fit::Pad, ..plain.clone() };
        assert_eq!(padded.allowed(native, input, [0; 2]).unwrap().count(), 32 * 16);
        let region = Region::rectangle(native, [0.0, 0.0, 20.0, 20.0]).ok();
        let both = View { region, ..padded };
        assert_eq!(both.allowed(native, input, [0; 2]).unwrap().count(), 16 * 16);
        // The map: 32 x 16, its right half outside.
        let map = both.whole(ScoreMap { width: 32, height: 32, data: vec![1.0; 1024] }, native);
        assert_eq!((map.width, map.height, map.data.iter().sum::<f32>()), (32, 16, 256.0));
        let tiled = View { tiles: Some(Tiles { overlap: 8 }), ..both };
        assert_eq!(tiled.allowed(native, input, [8, 0]).unwrap().count(), 12 * 20);
        let tiled = View { region: None, ..tiled };
        assert_eq!(tiled.allowed(native, input, [8, 0]).unwrap().count(), 32 * 20);
        assert_eq!(tiled.allowed(Size::square(64), input, [8, 0]), None);
    }
}
