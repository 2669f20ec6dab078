//! The C interface of aand; `include/aand.h` says what each function is for.
//!
//! Nothing unwinds into C: every function that computes runs within [`guarded`].

mod argument;
mod failure;

use aand::detection::{Detection, Detector, Verdict};
use aand::gpu::Choice;
use aand::picture::{from_pixels, open_ranged};
use argument::{Kind, out, path, pixels, reference, text};
use failure::{Failure, Status, guarded};
use std::ffi::{CStr, c_char, c_int, c_void};

const ABI: u32 = 1;

/// A region as `aand.h` lays it out.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AandRegion {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    column: f64,
    row: f64,
    area: u64,
    maximum: f64,
    mean: f64,
}

/// `AAND_ABI` of the library.
#[unsafe(no_mangle)]
pub extern "C" fn aand_abi() -> u32 {
    ABI
}

/// The library's version.
#[unsafe(no_mangle)]
pub extern "C" fn aand_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// The message of this thread's last failure.
#[unsafe(no_mangle)]
pub extern "C" fn aand_last_error() -> *const c_char {
    failure::last()
}

/// Opens a model file.
///
/// # Safety
/// The pointers are null or as `aand.h` has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_open(
    file: *const c_char,
    device: *const c_char,
    detector: *mut *mut Detector,
) -> Status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (place, file) = unsafe { (out(detector, "detector")?, path(file)?) };
        let choice = match device.is_null() {
            true => Choice::Auto,
            false => {
                // SAFETY: as the caller promises.
                let device = unsafe { text(device, "device") }?;
                device.parse().map_err(|e| Failure::argument(format!("device {device}: {e}")))?
            }
        };
        let (processor, _) = choice.open()?;
        *place = Box::into_raw(Box::new(Detector::open(&file, &processor)?));
        Ok(())
    })
}

/// Ends a detector.
///
/// # Safety
/// The pointer is null or came from [`aand_open`], and nobody uses it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_detector_free(detector: *mut Detector) {
    if !detector.is_null() {
        // SAFETY: as the caller promises.
        let detector = unsafe { Box::from_raw(detector) };
        guarded(|| {
            drop(detector);
            Ok(())
        });
    }
}

/// The threshold.
///
/// # Safety
/// The pointer is null or came from [`aand_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_threshold(detector: *const Detector) -> f64 {
    // SAFETY: as the caller promises.
    unsafe { detector.as_ref() }.map_or(0.0, |detector| detector.info.threshold.value)
}

/// Width of the network's input.
///
/// # Safety
/// The pointer is null or came from [`aand_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_input_width(detector: *const Detector) -> usize {
    // SAFETY: as the caller promises.
    unsafe { detector.as_ref() }.map_or(0, |detector| detector.info.size.width)
}

/// Height of the network's input.
///
/// # Safety
/// The pointer is null or came from [`aand_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_input_height(detector: *const Detector) -> usize {
    // SAFETY: as the caller promises.
    unsafe { detector.as_ref() }.map_or(0, |detector| detector.info.size.height)
}

/// Judges a picture in a file.
///
/// # Safety
/// The pointers are null or as `aand.h` has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_detect_file(
    detector: *const Detector,
    file: *const c_char,
    found: *mut *mut Detection,
) -> Status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (place, detector, file) =
            unsafe { (out(found, "found")?, reference(detector, "detector")?, path(file)?) };
        let (picture, _) = open_ranged(&file, detector.info.range)?;
        give(place, detector.detect(&[picture]))
    })
}

/// Judges a picture in memory.
///
/// # Safety
/// The pointers are null or as `aand.h` has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_detect_pixels(
    detector: *const Detector,
    memory: *const c_void,
    bytes: usize,
    width: usize,
    height: usize,
    channels: usize,
    stride: usize,
    kind: c_int,
    found: *mut *mut Detection,
) -> Status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (place, detector) = unsafe { (out(found, "found")?, reference(detector, "detector")?) };
        let kind = Kind::of(kind)?;
        // SAFETY: as the caller promises, `bytes` of them.
        let rows = unsafe { pixels(memory.cast(), bytes, [width, height, channels], stride, kind) }?;
        let size = aand::picture::Size::new(width, height);
        let picture = from_pixels(rows.as_pixels(), size, channels, detector.info.range)?;
        give(place, detector.detect(&[picture]))
    })
}

fn give(place: &mut *mut Detection, found: aand::Result<Vec<Detection>>) -> Result<(), Failure> {
    let found = found?.pop().ok_or_else(|| Failure::argument("nothing was found".into()))?;
    *place = Box::into_raw(Box::new(found));
    Ok(())
}

/// Frees a detection.
///
/// # Safety
/// The pointer is null or came from a call that made the detection.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_detection_free(found: *mut Detection) {
    if !found.is_null() {
        // SAFETY: as the caller promises.
        drop(unsafe { Box::from_raw(found) });
    }
}

/// The score.
///
/// # Safety
/// The pointer is null or came from a call that found it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_score(found: *const Detection) -> f64 {
    // SAFETY: as the caller promises.
    unsafe { found.as_ref() }.map_or(0.0, |found| found.score)
}

/// The normalized score.
///
/// # Safety
/// The pointer is null or came from a call that found it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_normalized(found: *const Detection) -> f64 {
    // SAFETY: as the caller promises.
    unsafe { found.as_ref() }.map_or(0.0, |found| found.normalized)
}

/// Whether the score exceeds the threshold.
///
/// # Safety
/// The pointer is null or came from a call that found it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_anomalous(found: *const Detection) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { found.as_ref() }.map_or(0, |found| c_int::from(found.verdict == Verdict::Anomalous))
}

/// The anomaly map.
///
/// # Safety
/// The pointers are null or as `aand.h` has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_map(
    found: *const Detection,
    width: *mut usize,
    height: *mut usize,
) -> *const f32 {
    // SAFETY: as the caller promises.
    let found = unsafe { found.as_ref() };
    let (columns, rows) = found.map_or((0, 0), |found| (found.map.width, found.map.height));
    for (place, value) in [(width, columns), (height, rows)] {
        if !place.is_null() {
            // SAFETY: as the caller promises.
            unsafe { place.write(value) };
        }
    }
    found.map_or(std::ptr::null(), |found| found.map.data.as_ptr())
}

/// How many regions there are.
///
/// # Safety
/// The pointer is null or came from a call that found it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_region_count(found: *const Detection) -> usize {
    // SAFETY: as the caller promises.
    unsafe { found.as_ref() }.map_or(0, |found| found.regions.len())
}

/// One region.
///
/// # Safety
/// The pointers are null or as `aand.h` has them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aand_region_at(
    found: *const Detection,
    index: usize,
    region: *mut AandRegion,
) -> Status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let found = unsafe { reference(found, "found") }?;
        if region.is_null() {
            return Err(Failure::argument("region is NULL".into()));
        }
        let count = found.regions.len();
        let one = found
            .regions
            .get(index)
            .ok_or_else(|| Failure::argument(format!("region {index}: there are {count}")))?;
        let ([left, top, width, height], [column, row]) = (one.bounds, one.center);
        let (area, maximum, mean) = (one.area, one.maximum, one.mean);
        // SAFETY: as the caller promises.
        unsafe { region.write(AandRegion { left, top, width, height, column, row, area, maximum, mean }) };
        Ok(())
    })
}
