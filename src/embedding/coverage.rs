//! Chooses which of many pictures to keep, so that each of the others resembles one of them.

use super::distance;

/// Numbers of `count` embeddings (all, if there are fewer) that cover the others: first the most central one, then
/// repeatedly the one farthest from those chosen so far (greedy k-center, within twice the best radius; Gonzalez 1985).
/// Of equals the first is taken.
pub fn coverage(embeddings: &[Vec<f32>], count: usize) -> Vec<usize> {
    let Some(first) = embeddings.first() else { return Vec::new() };
    let middle: Vec<f32> = (0..first.len())
        .map(|i| embeddings.iter().map(|e| f64::from(e[i])).sum::<f64>() / embeddings.len() as f64)
        .map(|mean| mean as f32)
        .collect();
    let mut left: Vec<f64> = embeddings.iter().map(|e| -distance(e, &middle)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < count.min(embeddings.len()) {
        // `max_by` takes the last of equals.
        let farthest = (0..left.len()).rev().max_by(|&a, &b| left[a].total_cmp(&left[b]));
        let Some(next) = farthest else { break };
        if chosen.is_empty() {
            left.fill(f64::INFINITY);
        }
        chosen.push(next);
        for (left, embedding) in left.iter_mut().zip(embeddings) {
            *left = left.min(distance(embedding, &embeddings[next]));
        }
        left[next] = f64::NEG_INFINITY;
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_one_before_any_has_two() {
        // Three groups of ten, of which one lies far off.
        let at = |i: usize| vec![[0.0, 1.0, 9.0][i % 3] + i as f32 * 1e-3];
        let embeddings: Vec<Vec<f32>> = (0..30).map(at).collect();
        let groups: Vec<usize> = coverage(&embeddings, 3).into_iter().map(|i| i % 3).collect();
        assert_eq!(groups, [1, 2, 0]);
        let mut all = coverage(&embeddings, 99);
        all.sort_unstable();
        assert_eq!(all, (0..30).collect::<Vec<_>>());
        // Pictures that are the same are each taken once.
        assert_eq!(coverage(&vec![vec![1.0]; 3], 2), [0, 1]);
        assert!(coverage(&[], 3).is_empty() && coverage(&embeddings, 0).is_empty());
    }
}
