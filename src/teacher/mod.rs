//! The frozen pre-trained teacher.
