//! The report: one self-contained HTML file that needs neither network nor scripts; and the loss picture.

mod csv;
mod embedding;
mod gallery;
mod inline;
mod input;
mod levels;
mod numbers;
mod page;
mod plot;
mod scores;
mod stress;
mod training;
mod verdict;

pub use csv::{cell, is_own_csv, write_csv};
pub use input::{EmbeddingRow, GalleryItem, LevelPanels, Levels, ReportInput};
pub use page::{is_own_page, write, write_several};
pub use stress::write_stress;
pub use training::{is_own_picture, training_picture};

#[cfg(test)]
mod tests;
