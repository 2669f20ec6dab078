//! A file of named tensors in any supported format.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::element::Element;
use super::nesting::nesting;
use crate::error::{Error, Result};

/// Reads the bytes of one tensor on request.
pub(super) type Read = Box<dyn Fn() -> std::io::Result<Vec<u8>> + Send + Sync>;

/// Where the numbers of a tensor are.
pub(super) enum Data {
    /// In the bytes of the file, which are in memory.
    Held(Range<usize>),
    /// In the file on disk.
    #[cfg_attr(target_arch = "wasm32", allow(dead_code, reason = "a browser has no disk"))]
    OnDisk(Read),
}

/// One tensor as the file describes it.
pub(super) struct Stored {
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
    pub(super) data: Data,
}

/// A file of named tensors: `.safetensors` or, natively, a PyTorch `.pth`.
///
/// Opening it checks that every tensor lies inside the file; the numbers are converted on request. A prefix
/// that a training checkpoint puts before every name, such as `state_dict.module.`, is removed, and tensors
/// without the prefix are left out.
///
/// ```no_run
/// let file = aand::weights::TensorFile::open("resnet18.safetensors".as_ref())?;
/// let stem = file.get("conv1.weight", &[64, 3, 7, 7])?;
/// assert_eq!(stem.len(), 64 * 3 * 7 * 7);
/// # Ok::<(), aand::Error>(())
/// ```
pub struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Stored>,
}

impl TensorFile {
    /// Opens `path`, whose format is recognized by its content.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Weights`] if it is empty, truncated, of unknown
    /// format, or a pickle that calls anything but functions that rebuild tensors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(path: &Path) -> Result<Self> {
        use std::io::Read as _;
        let mut file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
        let mut head = Vec::new();
        file.by_ref().take(9).read_to_end(&mut head).map_err(|e| Error::io(path, e))?;
        if head.is_empty() {
            return Err(Error::weights(path, "the file is empty; fetch it again"));
        }
        if super::safetensors_source::looks_like(&head) {
            let mut bytes = head;
            file.read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
            return Self::from_safetensors_vec(bytes, path);
        }
        drop(file);
        let tensors = super::pytorch_source::read(path)?;
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
        refuse_empty_promises(&tensors, length, path)?;
        Self::of(path, Vec::new(), tensors)
    }

    /// Reads a `.safetensors` file that is already in memory; `name` is for messages.
    ///
    /// # Errors
    /// [`Error::Weights`] if the bytes are not such a file, or end before its last tensor does.
    pub fn from_safetensors_bytes(bytes: &[u8], name: &Path) -> Result<Self> {
        Self::from_safetensors_vec(bytes.to_vec(), name)
    }

    fn from_safetensors_vec(bytes: Vec<u8>, name: &Path) -> Result<Self> {
        let tensors = super::safetensors_source::read(&bytes, name)?;
        Self::of(name, bytes, tensors)
    }

    fn of(path: &Path, bytes: Vec<u8>, mut tensors: BTreeMap<String, Stored>) -> Result<Self> {
        let prefix = nesting(tensors.keys().map(String::as_str), path)?;
        if !prefix.is_empty() {
            let own = tensors.into_iter();
            tensors = own
                .filter_map(|(name, stored)| Some((name.strip_prefix(&prefix)?.to_owned(), stored)))
                .collect();
        }
        Ok(Self { path: path.to_path_buf(), bytes, tensors })
    }

    /// The file's name in messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The shape of a tensor, outermost axis first.
    ///
    /// # Errors
    /// [`Error::Weights`] naming the tensor if the file has none of that name.
    pub fn shape(&self, name: &str) -> Result<&[usize]> {
        Ok(&self.stored(name)?.shape)
    }

    /// The numbers of a tensor in row-major order, rounded to single precision.
    ///
    /// # Errors
    /// [`Error::Weights`] naming the tensor if it is missing, of another shape, not of floats, not finite, a
    /// variance below 0, or truncated.
    pub fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let numbers = self.numbers(name, shape, Element::to_f32)?;
        self.check(name, numbers.iter().map(|&number| f64::from(number)))?;
        Ok(numbers)
    }

    /// As [`get`](Self::get), in double precision.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_f64(&self, name: &str, shape: &[usize]) -> Result<Vec<f64>> {
        let numbers = self.numbers(name, shape, Element::to_f64)?;
        self.check(name, numbers.iter().copied())?;
        Ok(numbers)
    }

    fn numbers<T>(
        &self,
        name: &str,
        shape: &[usize],
        decode: impl Fn(&Element, &[u8]) -> Option<Vec<T>>,
    ) -> Result<Vec<T>> {
        let stored = self.stored(name)?;
        if stored.shape != shape {
            return Err(Error::weights(
                &self.path,
                format!(
                    "tensor '{name}' has shape {:?} where {shape:?} is expected; these seem to be the weights \
                     of another backbone: choose it with `backbone`",
                    stored.shape
                ),
            ));
        }
        if let Element::Other(kind) = &stored.element {
            return Err(Error::weights(
                &self.path,
                format!("tensor '{name}' holds {kind} where floats are expected; give another weight file"),
            ));
        }
        let on_disk;
        let bytes = match &stored.data {
            Data::Held(range) => self.bytes.get(range.clone()).unwrap_or_default(),
            Data::OnDisk(read) => {
                on_disk = read().map_err(|e| self.cut_off(name, &e.to_string()))?;
                on_disk.as_slice()
            }
        };
        let numbers = decode(&stored.element, bytes).unwrap_or_default();
        if numbers.len() != shape.iter().product::<usize>() {
            return Err(self.cut_off(name, &format!("only {} bytes of it are there", bytes.len())));
        }
        Ok(numbers)
    }

    fn stored(&self, name: &str) -> Result<&Stored> {
        self.tensors.get(name).ok_or_else(|| {
            Error::weights(
                &self.path,
                format!(
                    "tensor '{name}' is missing among the {} in this file; these seem to be the weights of \
                     another backbone: choose it with `backbone`, or give another file",
                    self.tensors.len()
                ),
            )
        })
    }

    fn cut_off(&self, name: &str, reason: &str) -> Error {
        let reason = format!("tensor '{name}' is truncated or damaged: {reason}; fetch the file again");
        Error::weights(&self.path, reason)
    }

    fn check(&self, name: &str, numbers: impl Iterator<Item = f64>) -> Result<()> {
        let variance = name.ends_with("running_var");
        let what = |number: f64| match number {
            _ if !number.is_finite() => Some("not finite"),
            _ if variance && number < 0.0 => Some("negative"),
            _ => None,
        };
        let mut wrong = numbers.enumerate().filter_map(|(at, number)| Some((at, what(number)?)));
        let Some((at, what)) = wrong.next() else { return Ok(()) };
        let reason = format!("tensor '{name}' is {what} at element {at}; give another weight file");
        Err(Error::weights(&self.path, reason))
    }
}

/// Refuses a file whose tensors claim more numbers than `length` bytes can hold: a view with steps of 0
/// repeats one number any number of times, and could take all memory when it is read.
#[cfg(not(target_arch = "wasm32"))]
fn refuse_empty_promises(tensors: &BTreeMap<String, Stored>, length: u64, path: &Path) -> Result<()> {
    // Two networks in one checkpoint may share tensors.
    let mut left = 2 * u128::from(length);
    for (name, stored) in tensors {
        let Some(width) = stored.element.width() else { continue };
        let bytes = stored.shape.iter().fold(width, |all, &side| all.saturating_mul(side as u128));
        if bytes > u128::from(length) || bytes > left {
            let shape = &stored.shape;
            let reason = format!(
                "tensor '{name}' claims the shape {shape:?}, more than a file of {length} bytes holds; fetch it again"
            );
            return Err(Error::weights(path, reason));
        }
        left -= bytes;
    }
    Ok(())
}

impl std::fmt::Debug for TensorFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TensorFile").field("path", &self.path).field("tensors", &self.tensors.len()).finish()
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "tensor_file_tests.rs"]
mod tests;
