//! The order that a person expects: folder by folder, numbers by value.

use std::cmp::Ordering;
use std::path::Path;

/// Folder by folder, numbers by value: `part2` before `part10`, `a/z` before `b/a`.
pub fn natural(a: &Path, b: &Path) -> Ordering {
    let mut parts = (a.components(), b.components());
    loop {
        let order = match (parts.0.next(), parts.1.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => {
                natural_text(&a.as_os_str().to_string_lossy(), &b.as_os_str().to_string_lossy())
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn natural_text(mut a: &str, mut b: &str) -> Ordering {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, rest_a) = a.split_at(digits(a));
            let (y, rest_b) = b.split_at(digits(b));
            let (short_x, short_y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let order = short_x.len().cmp(&short_y.len()).then_with(|| short_x.cmp(short_y));
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else {
            if x != y {
                return x.cmp(&y);
            }
            (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
        }
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value_and_folders_stay_together() {
        let mut paths: Vec<&Path> = ["b/1.png", "a/part10.png", "a/part2.png", "a/part02.png", "a.b/x.png"]
            .iter()
            .map(Path::new)
            .collect();
        paths.sort_by(|a, b| natural(a, b));
        let sorted = ["a/part02.png", "a/part2.png", "a/part10.png", "a.b/x.png", "b/1.png"];
        assert!(paths.iter().zip(sorted).all(|(path, expected)| *path == Path::new(expected)), "{paths:?}");
    }
}
