//! Lots that are the same for whoever draws them and whenever: made of what they are about, by a hash.
//!
//! Must never depend on a clock, a random number or anything that may change.

/// The lot of what these parts name, evenly drawn from all numbers. Whoever draws for different things begins with
/// different parts, or they draw the same.
pub(crate) fn lot<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let first = hash.as_bytes().first_chunk::<8>().copied();
    u64::from_le_bytes(first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::lot;

    #[test]
    fn the_same_parts_draw_the_same_and_others_another() {
        let of = |words: &[&'static str]| lot(words.iter().map(|word| word.as_bytes()));
        assert_eq!(of(&["duck", "pond"]), of(&["duck", "pond"]));
        assert_ne!(of(&["duck", "pond"]), of(&["duck", "lake"]));
    }
}
