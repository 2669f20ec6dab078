//! How a seed is changed.

use bolero::TypeGenerator;

/// A seed and what is changed in it.
#[derive(Clone, Debug, TypeGenerator)]
pub struct Changed {
    seed: u8,
    count: u8,
    changes: [Change; 5],
}

/// How many changes a seed gets. Mostly one or two: with more, little comes past the first check of a reader.
const COUNTS: [usize; 8] = [1, 1, 1, 1, 2, 2, 3, 5];

/// One change. Places are taken modulo the length, and most lie near the start, where headers are.
#[derive(Clone, Debug, TypeGenerator)]
pub enum Change {
    /// Other bits.
    Flip { at: Place, bits: u8 },
    /// A number of 1, 2, 4 or 8 bytes, in either order.
    Number { at: Place, which: u8, width: u8, big_endian: bool },
    /// A number in digits, or another word of a text, is replaced by one that is seldom expected.
    Word { at: Place, which: u8 },
    /// Removes bytes.
    Remove { at: Place, count: u8 },
    /// Repeats bytes.
    Repeat { at: Place, count: u8 },
    /// Cuts off the rest.
    Cut { at: Place },
}

/// Where.
#[derive(Clone, Debug, TypeGenerator)]
pub struct Place {
    at: u32,
    anywhere: u8,
}

impl Place {
    fn in_length(&self, length: usize) -> usize {
        let all = length.max(1);
        let near = if self.anywhere < 64 { all } else { all.min(1500) };
        self.at as usize % near
    }
}

/// Numbers that often cause errors.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 40, i64::MAX as u64, 1 << 63, u64::MAX];

/// Words that often cause errors.
const WORDS: [&str; 20] = [
    "0",
    "-1",
    "1e308",
    "-1e308",
    "1e-320",
    "18446744073709551615",
    "4611686018427387904",
    "10000000000",
    "NaN",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"\u{1F600}\"",
    "../../x",
    "/",
    ",",
    "\"",
    "\r\n\r\n",
];

impl Changed {
    /// The changed copy of one of `seeds`.
    pub fn apply(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[usize::from(self.seed) % seeds.len()].clone();
        let count = COUNTS[usize::from(self.count) % COUNTS.len()];
        self.changes.iter().take(count).for_each(|change| change.apply(&mut bytes));
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        match self {
            Self::Flip { at, bits } => {
                let at = at.in_length(length);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bits.max(&1));
            }
            Self::Number { at, which, width, big_endian } => {
                let number = NUMBERS[usize::from(*which) % NUMBERS.len()];
                let width = 1 << (width % 4);
                let mut digits = number.to_le_bytes()[..width].to_vec();
                if *big_endian {
                    digits.reverse();
                }
                let at = at.in_length(length);
                bytes.iter_mut().skip(at).zip(digits).for_each(|(byte, digit)| *byte = digit);
            }
            Self::Word { at, which } => {
                let word = WORDS[usize::from(*which) % WORDS.len()];
                let at = at.in_length(length);
                let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                let start = at + bytes[at..].iter().position(part).unwrap_or(0);
                let run = bytes[start..].iter().take_while(|byte| part(byte)).take(40).count();
                bytes.splice(start..start + run, word.bytes());
            }
            Self::Remove { at, count } => {
                let at = at.in_length(length);
                bytes.drain(at..(at + usize::from(*count)).min(length));
            }
            Self::Repeat { at, count } => {
                let at = at.in_length(length);
                let again = bytes[at..(at + usize::from(*count)).min(length)].to_vec();
                bytes.splice(at..at, again);
            }
            Self::Cut { at } => bytes.truncate(at.in_length(length)),
        }
    }
}
