//! The library's errors as Python's: one class for each kind, all below `aand.Error`.

use aand::Error as E;
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use std::fmt::Display;

create_exception!(
    aand,
    Error,
    PyException,
    "What went wrong, in one line that names the file and the remedy."
);
create_exception!(aand, FileError, Error, "A file or folder could not be read or written.");
create_exception!(aand, PictureError, Error, "A picture could not be used.");
create_exception!(aand, DatasetError, Error, "A folder does not hold what a data set needs.");
create_exception!(
    aand,
    WeightsError,
    Error,
    "Teacher weights are missing, incomplete or of another network."
);
create_exception!(aand, ModelError, Error, "A model file is damaged, of another version, or not one at all.");
create_exception!(aand, SettingError, Error, "A setting is out of range or contradicts another.");
create_exception!(aand, TrainingError, Error, "Training cannot go on; the last good checkpoint is kept.");
create_exception!(aand, DeviceError, Error, "The compute device is missing or failed.");
create_exception!(
    aand,
    TemporaryError,
    Error,
    "What passes by itself or once there is room: another training has the file, or the disk is full."
);
create_exception!(aand, NetworkError, Error, "Something on the network went wrong.");
create_exception!(aand, Interrupted, Error, "The progress function asked to stop; the checkpoint is kept.");

/// The Python error for one of the library's.
pub fn raised(error: E) -> PyErr {
    let words = error.to_string();
    match error {
        E::Io { .. } => FileError::new_err(words),
        E::Picture { .. } => PictureError::new_err(words),
        E::Dataset { .. } => DatasetError::new_err(words),
        E::Weights { .. } => WeightsError::new_err(words),
        E::Model { .. } => ModelError::new_err(words),
        E::Setting(_) | E::Usage(_) => SettingError::new_err(words),
        E::Training(_) => TrainingError::new_err(words),
        E::Device(_) => DeviceError::new_err(words),
        E::Temporary(_) => TemporaryError::new_err(words),
        E::Network(_) => NetworkError::new_err(words),
        E::Interrupted(_) => Interrupted::new_err(words),
        _ => Error::new_err(words),
    }
}

/// What is wrong with an argument.
pub fn wrong(name: &str, value: &str, reason: impl Display) -> PyErr {
    SettingError::new_err(format!("`{name}` {value}: {reason}"))
}

/// Puts the classes into the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for class in [
        py.get_type::<Error>(),
        py.get_type::<FileError>(),
        py.get_type::<PictureError>(),
        py.get_type::<DatasetError>(),
        py.get_type::<WeightsError>(),
        py.get_type::<ModelError>(),
        py.get_type::<SettingError>(),
        py.get_type::<TrainingError>(),
        py.get_type::<DeviceError>(),
        py.get_type::<TemporaryError>(),
        py.get_type::<NetworkError>(),
        py.get_type::<Interrupted>(),
    ] {
        module.add(class.name()?, class)?;
    }
    Ok(())
}
