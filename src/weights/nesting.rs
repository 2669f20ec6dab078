//! The prefix that a training checkpoint puts before every name, such as `state_dict.module.` or `backbone.`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Result};

/// The tensors that show where a network's own names begin in a nested checkpoint: the first convolution, and
/// one of the first block.
const LANDMARK: &str = "conv1.weight";
const FIRST_BLOCK: &str = "layer1.0.conv1.weight";

/// The prefix of the one network among `names`; empty if they have none.
///
/// # Errors
/// [`Error::Weights`] naming two of the networks if there are several.
pub(super) fn nesting<'a>(names: impl Iterator<Item = &'a str> + Clone, file: &Path) -> Result<String> {
    let ending = |landmark: &'static str| -> BTreeSet<&str> {
        names
            .clone()
            .filter_map(|name| name.strip_suffix(landmark))
            .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
            .filter(|prefix| !prefix.split('.').any(|part| part.starts_with("layer")))
            .collect()
    };
    let (heads, blocks) = (ending(LANDMARK), ending(FIRST_BLOCK));
    let mut networks: Vec<&str> = heads.intersection(&blocks).copied().collect();
    if networks.is_empty() {
        networks = heads.into_iter().collect();
    }
    networks.sort_by_key(|prefix| (prefix.len(), *prefix));
    let Some(&first) = networks.first() else { return Ok(String::new()) };
    // A network nested within the first one is part of it.
    match networks.iter().find(|other| !other.starts_with(first)) {
        None => Ok(first.to_owned()),
        Some(other) => Err(Error::weights(
            file,
            format!(
                "holds several networks (under '{first}' and '{other}', for two); give a file with the one to use"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Result<String> {
        nesting(names.iter().copied(), Path::new("net.pth"))
    }

    #[test]
    fn the_one_network_of_a_checkpoint_is_found() {
        assert_eq!(of(&["a", "b.weight"]).unwrap(), "");
        assert_eq!(of(&["conv1.weight", "layer1.0.conv1.weight", "head.conv1.weight"]).unwrap(), "");
        let nested = ["state_dict.module.conv1.weight", "state_dict.module.layer1.0.conv1.weight"];
        assert_eq!(of(&nested).unwrap(), "state_dict.module.");
        // A head with a convolution of the same name has a shorter prefix, but is not a network.
        let head = ["head.conv1.weight", "backbone.conv1.weight", "backbone.layer1.0.conv1.weight"];
        assert_eq!(of(&head).unwrap(), "backbone.");
    }

    #[test]
    fn of_two_networks_none_is_taken() {
        let names = ["q", "k"].map(|n| [format!("{n}.conv1.weight"), format!("{n}.layer1.0.conv1.weight")]);
        let names: Vec<&str> = names.as_flattened().iter().map(String::as_str).collect();
        let message = of(&names).unwrap_err().to_string();
        assert!(message.contains("several networks (under 'k.' and 'q.'"), "{message}");
    }
}
