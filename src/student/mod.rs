//! Stage 2: the student.
