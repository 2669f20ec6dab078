//! The report: one self-contained HTML file that needs neither network nor script, and the loss picture.

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
mod training;
mod verdict;

pub use csv::write_csv;
pub use input::{EmbeddingRow, GalleryItem, LevelPanels, Levels, ReportInput, Stage1Epoch, Stage2Epoch};
pub use page::{write, write_several};
pub use training::training_picture;

#[cfg(test)]
mod tests;
