//! Pictures, worst first. A verdict is the more wrong the farther the score lies on the wrong side of the
//! threshold.

use maud::{Markup, html};

use super::inline::{mask, photograph};
use super::input::GalleryItem;
use super::numbers::count;
use crate::detection::{Verdict, color};
use crate::error::Result;

/// The most pictures that are shown.
pub(super) const MOST: usize = 60;

/// How far a score lies on the wrong side of the threshold; negative on the correct side.
pub(super) fn wrongness(item: &GalleryItem, threshold: f64) -> f64 {
    if item.defect.is_some() { threshold - item.score } else { item.score - threshold }
}

/// The items to show, worst first, and by name if equally wrong.
pub(super) fn worst_first(items: &[GalleryItem], threshold: f64) -> Vec<&GalleryItem> {
    let mut sorted: Vec<&GalleryItem> = items.iter().collect();
    sorted.sort_by(|a, b| {
        wrongness(b, threshold).total_cmp(&wrongness(a, threshold)).then_with(|| a.name.cmp(&b.name))
    });
    sorted.truncate(MOST);
    sorted
}

/// The gallery of `items`, chosen from `judged` pictures.
pub(super) fn section(items: &[GalleryItem], judged: usize, threshold: f64) -> Result<Markup> {
    let shown = worst_first(items, threshold);
    let cards = shown.iter().map(|item| card(item, threshold)).collect::<Result<Vec<_>>>()?;
    let left_out = judged.max(items.len()) - shown.len();
    Ok(html! {
        p {
            "Sorted by how wrong the verdict is, worst first; after the wrong verdicts come those that were closest to \
             being wrong. All heat maps share one color scale. "
            @if left_out > 0 { (count(left_out, "less surprising picture")) " left out." }
            @else { "All pictures are shown." }
        }
        (scale(threshold))
        div.gallery { @for card in &cards { (card) } }
    })
}

/// Steps of the drawn color scale.
const STEPS: u32 = 16;

/// The legend of the heat maps' colors.
fn scale(threshold: f64) -> Markup {
    let stops = (0..=STEPS).map(|step| {
        let [r, g, b] = color(f64::from(step) / f64::from(STEPS)).0;
        format!("#{r:02x}{g:02x}{b:02x}")
    });
    let gradient = stops.collect::<Vec<_>>().join(",");
    html! {
        div.scale {
            div.bar style=(format!("background:linear-gradient(90deg,{gradient})")) {}
            div.ends {
                span { "0" }
                span { (format!("{threshold:.4}")) " = threshold" }
                span { "≥ " (format!("{:.4}", 2.0 * threshold)) }
            }
        }
    }
}

fn card(item: &GalleryItem, threshold: f64) -> Result<Markup> {
    let called = Verdict::of(item.score, threshold);
    let wrong = (called == Verdict::Anomalous) != item.defect.is_some();
    let truth = item.defect.as_deref().unwrap_or("good");
    let name = &item.name;
    Ok(html! {
        article.card.wrong[wrong] {
            p.name {
                b { (name) } " "
                span.verdict.bad[wrong] { @if wrong { "✗ " } @else { "✓ " } "called " (called.word()) }
            }
            p.faint {
                "truth: " (truth) " · score " (format!("{:.4}", item.score))
                " (threshold " (format!("{threshold:.4}")) ")"
            }
            div.four {
                figure { (photograph(&item.picture, &format!("{name}, {truth}"))?) figcaption { "picture" } }
                figure {
                    @match (&item.mask, &item.defect) {
                        (Some(truth), Some(_)) => (mask(truth, &format!("Where the defect of {name} is, in white"))?),
                        (None, Some(_)) => div.blank { "no mask" },
                        (_, None) => div.blank { "no defect" },
                    }
                    figcaption { "ground truth" }
                }
                figure { (photograph(&item.heat, &format!("Heat map of {name}"))?) figcaption { "heat map" } }
                figure { (photograph(&item.overlay, &format!("Heat map over {name}"))?) figcaption { "overlay" } }
                @if let Some([odd, good]) = &item.why {
                    figure { (photograph(odd, &format!("The worst patch of {name}"))?) figcaption { "worst patch" } }
                    figure {
                        (photograph(good, &format!("The good patch that is most like the worst one of {name}"))?)
                        figcaption { "nearest good patch" }
                    }
                }
            }
        }
    })
}
