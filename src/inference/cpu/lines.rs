//! Memory in lines of sixteen numbers, and how a feature map lies in it.
//!
//! Feature maps are blocked: `[C / 16, H, W, 16]`, so that sixteen channels of one position are one line of the
//! cache and one vector. Maps of one channel, and the picture, are plain `[C, H, W]`.

use super::vector::BLOCK;

/// A line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct CacheLine([f32; BLOCK]);

/// Zero-initialized numbers, aligned to lines of the cache.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Vec<CacheLine>);

impl Lines {
    /// Room for at least `numbers`.
    pub fn zeros(numbers: usize) -> Self {
        Self(vec![CacheLine([0.0; BLOCK]); numbers.div_ceil(BLOCK)])
    }

    /// The numbers of `from`, and zeros up to a whole line.
    pub fn of(from: &[f32]) -> Self {
        let mut lines = Self::zeros(from.len());
        lines.numbers_mut()[..from.len()].copy_from_slice(from);
        lines
    }

    /// Grows to at least `numbers`; the contents are lost.
    pub fn reserve(&mut self, numbers: usize) {
        if self.0.len() * BLOCK < numbers {
            // The old memory goes first, so that the peak is the larger of both and not their sum.
            self.0 = Vec::new();
            *self = Self::zeros(numbers);
        }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.0.len() * BLOCK
    }

    /// All of them.
    pub fn numbers(&self) -> &[f32] {
        // SAFETY: a line is sixteen numbers without padding.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.len()) }
    }

    /// All of them.
    pub fn numbers_mut(&mut self) -> &mut [f32] {
        // SAFETY: a line is sixteen numbers without padding.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.len()) }
    }
}

/// Numbers that a feature map takes, its channels filled up to whole blocks unless it is plain.
pub(super) fn numbers(channels: usize, positions: usize, plain: bool) -> usize {
    let channels = if plain { channels } else { channels.next_multiple_of(BLOCK) };
    (channels * positions).next_multiple_of(BLOCK)
}

/// `[C, positions]` to `[C / 16, positions, 16]`.
pub(super) fn blocked(values: &[f32], channels: usize) -> Lines {
    let positions = values.len() / channels;
    let mut lines = Lines::zeros(numbers(channels, positions, false));
    let to = lines.numbers_mut();
    for (c, plane) in values.chunks_exact(positions).enumerate() {
        let start = c / BLOCK * positions * BLOCK + c % BLOCK;
        plane.iter().enumerate().for_each(|(p, &v)| to[start + p * BLOCK] = v);
    }
    lines
}

/// The feature maps of a batch that a layer reads or writes.
///
/// It is a bare address: several threads write different places of one map. The engine makes it from a slot
/// that outlives the layer, and lends what is written to one layer at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Map {
    start: *mut f32,
    /// Numbers from the start of the first picture's view to the end of the slot.
    available: usize,
    /// Numbers from one picture to the next.
    picture: usize,
    /// `C`.
    pub channels: usize,
    /// `H`.
    pub height: usize,
    /// `W`.
    pub width: usize,
}

// SAFETY: the code that uses the address gives each thread places of its own.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// A map in `numbers`, from number `first` of each picture on, a picture every `picture` numbers.
    pub fn new(
        numbers: &mut [f32],
        first: usize,
        picture: usize,
        [channels, height, width]: [usize; 3],
    ) -> Self {
        assert!(first <= numbers.len());
        // SAFETY: within the slice.
        let start = unsafe { numbers.as_mut_ptr().add(first) };
        Self { start, available: numbers.len() - first, picture, channels, height, width }
    }

    /// `H W`.
    pub fn positions(&self) -> usize {
        self.height * self.width
    }

    /// The address of the first picture's first number.
    pub fn start(&self) -> *mut f32 {
        self.start
    }

    /// Blocks of channels.
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(BLOCK)
    }

    /// The address of position 0 of block `block` of picture `picture`, a whole plane of which is there.
    pub fn block(&self, picture: usize, block: usize) -> *mut f32 {
        let plane = self.positions() * BLOCK;
        let offset = picture * self.picture + block * plane;
        assert!(offset + plane <= self.available, "a feature map reaches beyond its slot");
        // SAFETY: within the slot, as just asserted.
        unsafe { self.start.add(offset) }
    }

    /// The address of plane `channel` of picture `picture` of a plain map.
    pub fn plane(&self, picture: usize, channel: usize) -> *mut f32 {
        let offset = picture * self.picture + channel * self.positions();
        assert!(offset + self.positions() <= self.available, "a feature map reaches beyond its slot");
        // SAFETY: within the slot, as just asserted.
        unsafe { self.start.add(offset) }
    }
}
