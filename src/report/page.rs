//! The page itself.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::input::ReportInput;
use super::numbers::count;
use super::verdict::{sentence, sentence_of_several};
use super::{embedding, gallery, levels, scores, training};
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::metrics::{DefectEvaluation, Evaluation, Selection, promise};

/// Writes the report on one data set as one self-contained HTML file.
///
/// # Errors
/// When a picture cannot be encoded or the file cannot be written; then nothing is left behind.
pub fn write(path: &Path, input: &ReportInput) -> Result<()> {
    let body = html! {
        header {
            h1 { (input.title) }
            (rendered(input.rendered_note.as_deref()))
            p.lead { (sentence(input.evaluation)) }
        }
        main { (part(input, 2)?) }
    };
    write_atomically(path, document(&input.title, &body).as_bytes())
}

/// Writes one report on several data sets: a summary with the mean, then each as in [`write()`].
///
/// # Errors
/// As [`write()`], and when there is no data set at all.
pub fn write_several(path: &Path, title: &str, inputs: &[ReportInput]) -> Result<()> {
    if inputs.is_empty() {
        return Err(Error::Setting(format!("{}: no data set to report on", path.display())));
    }
    let parts = inputs.iter().map(|input| part(input, 3)).collect::<Result<Vec<_>>>()?;
    let evaluations: Vec<&Evaluation> = inputs.iter().map(|input| input.evaluation).collect();
    let mut notes: Vec<&str> = inputs.iter().filter_map(|input| input.rendered_note.as_deref()).collect();
    notes.dedup();
    let body = html! {
        header {
            h1 { (title) }
            @for note in &notes { (rendered(Some(note))) }
            p.lead { (sentence_of_several(&evaluations)) }
        }
        main {
            h2 { "Summary" }
            (summary(inputs))
            @for (n, (input, part)) in inputs.iter().zip(&parts).enumerate() {
                h2 id=(format!("part{n}")) { (input.title) }
                p.lead { (sentence(input.evaluation)) }
                (part)
            }
        }
    };
    write_atomically(path, document(title, &body).as_bytes())
}

/// Whether a file that begins with `head` is a page that this module wrote.
pub fn is_own_page(head: &[u8]) -> bool {
    let mark = b"<meta name=\"generator\" content=\"aand ";
    head.windows(mark.len()).any(|part| part == mark)
}

pub(super) fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("aand ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                (body)
                footer { "Made by aand " (env!("CARGO_PKG_VERSION")) ". This file needs no network." }
            }
        }
    };
    page.into_string()
}

fn rendered(note: Option<&str>) -> Markup {
    html! { @if let Some(note) = note { p.rendered { (note) } } }
}

fn heading(level: usize, words: &str) -> Markup {
    html! { @if level == 2 { h2 { (words) } } @else { h3 { (words) } } }
}

fn number(value: Option<f64>) -> Markup {
    html! { @match value { Some(value) => (format!("{value:.3}")), None => "–" } }
}

fn part(input: &ReportInput, level: usize) -> Result<Markup> {
    let of = input.evaluation;
    let embedded = input.embedding.as_deref().map(embedding::figures).transpose()?.flatten();
    let stages = [
        (
            training::stage1(&input.history.amplify)?,
            "Stage 1: residual anomaly amplification",
            "Losses per epoch.",
        ),
        (training::stage2(&input.history.distill)?, "Stage 2: normality distillation", "Losses per epoch."),
        (
            training::residuals(&input.history.amplify)?,
            "Residual intensity",
            "What stage 1 adds to the teacher's features: little on normal patches, much on anomalous ones.",
        ),
    ];
    let separation = [
        (
            Some(scores::histogram(of)?),
            "Image scores",
            "Right of the threshold a picture is called anomalous.",
        ),
        (scores::roc(of)?, "ROC", "With the area under each curve; the dotted diagonal is chance."),
        (scores::pro(of)?, "PRO", "Overlap with the defects, each counting the same however large it is."),
    ];
    Ok(html! {
        (heading(level, "Metrics"))
        (metrics(input))
        (heading(level, "How well scores separate"))
        (plots(&separation))
        @if !of.defects.is_empty() {
            (heading(level, "Kinds of defect"))
            (defects(&of.defects))
        }
        @if !input.gallery.is_empty() {
            (heading(level, "Pictures"))
            (gallery::section(&input.gallery, of.pictures.len(), of.threshold)?)
        }
        @if stages.iter().any(|(figure, ..)| figure.is_some()) {
            (heading(level, "Training"))
            (plots(&stages))
        }
        @if let Some((vanilla, advanced, rows)) = embedded {
            (heading(level, "Features before and after amplification"))
            p {
                "A t-SNE of " (count(rows, "patch feature")) ", each panel on its own. Blue circles: normal patches. \
                 Orange triangles: anomalous patches."
            }
            (plots(&[
                (Some(vanilla), "Plain teacher", "As trained on ImageNet or distilled from it."),
                (Some(advanced), "Advanced teacher", "After residual anomaly amplification."),
            ]))
        }
        @if let Some(of) = &input.levels {
            (heading(level, "Inside, level by level"))
            (levels::section(of)?)
        }
        @if !input.model.is_empty() {
            (heading(level, "The model"))
            dl { @for (what, value) in &input.model { dt { (what) } dd { (value) } } }
        }
    })
}

fn plots(figures: &[(Option<String>, &str, &str)]) -> Markup {
    html! {
        div.plots {
            @for (svg, title, words) in figures {
                @if let Some(svg) = svg {
                    figure { (PreEscaped(svg)) figcaption { b { (title) } ". " (words) } }
                }
            }
        }
    }
}

fn metrics(input: &ReportInput) -> Markup {
    let of = input.evaluation;
    let counts = &of.counts;
    let selection = match of.selection {
        Selection::LastEpoch => "Weights of the last epoch; the test pictures had no say in training.",
        Selection::Test => {
            "Weights of the epoch that was best on these very test pictures, as in the paper: the \
            numbers are optimistic."
        }
    };
    let rows = [
        ("AUROC", of.image_auroc, of.pixel_auroc),
        ("Average precision", of.image_ap, of.pixel_ap),
        ("F1-max", of.image_f1_max, of.pixel_f1_max),
        ("AUPRO (official definition)", None, of.aupro),
        ("PRO-RD (as RD4AD computes it)", None, of.pro_rd),
    ];
    let percent =
        |share: Option<f64>| share.map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    html! {
        p {
            b { "Split: " } (input.split) " (" (counts.good) " good and "
            (count(counts.anomalous, "anomalous picture")) ", " (counts.with_masks) " of these with masks). "
            b { "Selection: " } (selection)
        }
        @if counts.with_masks < counts.anomalous {
            p.note {
                @if counts.with_masks == 0 { "Without masks there are no pixel metrics." }
                @else { "Pixel metrics are of the pictures with masks and the good ones." }
            }
        }
        div.scroll.narrow {
            table {
                thead { tr { th scope="col" { "Metric" } th scope="col" { "Pictures" } th scope="col" { "Pixels" } } }
                tbody {
                    @for (name, image, pixel) in rows {
                        tr {
                            th scope="row" { (name) }
                            td { @if !name.contains("PRO") { (number(image)) } }
                            td { (number(pixel)) }
                        }
                    }
                    tr { th scope="row" { "Right verdicts at the threshold" } td { (percent(of.accuracy)) } td {} }
                    tr { th scope="row" { "Anomalous pictures found" } td { (percent(of.true_positive_rate)) } td {} }
                    tr { th scope="row" { "Good pictures rejected" } td { (percent(of.false_positive_rate)) } td {} }
                    tr { th scope="row" { "PG2: good rejected at 2 % missed" } td { (percent(of.pg2)) } td {} }
                    tr { th scope="row" { "PB2: missed at 2 % of good rejected" } td { (percent(of.pb2)) } td {} }
                }
            }
        }
        p.note {
            "Threshold " (format!("{:.4}", of.threshold)) ": " (of.threshold_method) "; " (promise(of))
            ". F1-max uses the best threshold for these labels, not this one. AUPRO integrates up to a false positive \
             rate of " (of.aupro_fpr_limit) "."
        }
    }
}

fn defects(defects: &[DefectEvaluation]) -> Markup {
    html! {
        div.scroll {
            table {
                caption { "Each kind against all good pictures." }
                thead {
                    tr {
                        @for head in ["Defect", "Found", "Image AUROC", "Pixel AUROC", "AUPRO", "PRO-RD"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for of in defects {
                        tr {
                            th scope="row" { (of.kind) }
                            td { (of.detected) "/" (of.count) }
                            @for value in [of.image_auroc, of.pixel_auroc, of.aupro, of.pro_rd] {
                                td { (number(value)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn summary(inputs: &[ReportInput]) -> Markup {
    let metrics = |of: &Evaluation| [of.image_auroc, of.pixel_auroc, of.aupro, of.pro_rd];
    let mean = |column: usize| {
        let values: Vec<f64> = inputs.iter().filter_map(|input| metrics(input.evaluation)[column]).collect();
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64);
        let some = !values.is_empty() && values.len() < inputs.len();
        html! { (number(mean)) @if some { " (of " (values.len()) ")" } }
    };
    html! {
        div.scroll {
            table {
                thead {
                    tr {
                        @for head in ["Data set", "Image AUROC", "Pixel AUROC", "AUPRO", "PRO-RD"] {
                            th scope="col" { (head) }
                        }
                    }
                }
                tbody {
                    @for (n, input) in inputs.iter().enumerate() {
                        tr {
                            th scope="row" { a href=(format!("#part{n}")) { (input.title) } }
                            @for value in metrics(input.evaluation) { td { (number(value)) } }
                        }
                    }
                    tr.total {
                        th scope="row" { "Mean of " (inputs.len()) }
                        @for column in 0..4 { td { (mean(column)) } }
                    }
                }
            }
        }
    }
}
