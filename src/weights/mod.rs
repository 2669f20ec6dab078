//! Teacher weights from files and from outside.
