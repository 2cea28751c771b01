//! Chance that can be repeated: the same seed, model, post and count of asking always draw the same number.
//! It is no cryptography; the hashes only have to spread well and stay the same from version to version.

/// A well-mixed number from a plain one (the finaliser of splitmix64).
pub const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Hash of a model's name (FNV-1a).
pub fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Hash of a post's letters and digits, so that trimming, sanitising or refolding the text in a prompt changes nothing.
///
/// A text without any letter or digit is hashed as it is.
pub fn text_hash(text: &str) -> u64 {
    const PRIME: u64 = 0x100_0000_01b3;
    let fold = |hash: u64, c: char| (hash ^ u64::from(u32::from(c))).wrapping_mul(PRIME);
    // U+0345 counts as a letter although it is one of the marks that sanitising thins out.
    let letters = text.chars().filter(|&c| c.is_alphanumeric() && !matches!(c, '\u{300}'..='\u{36f}'));
    let hash = letters.fold(0, fold);
    mix(if hash == 0 { text.trim().chars().fold(PRIME, fold) } else { hash })
}

/// A number for one asking; `what` keeps several draws about the same asking apart.
pub const fn number(seed: u64, model: u64, text: u64, nth: u32, what: u64) -> u64 {
    mix(mix(mix(seed ^ what.rotate_left(48)) ^ model) ^ text.wrapping_add(mix(nth as u64)))
}

/// The same number as a share, from 0 up to 1.
pub fn share(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number below `below`; 0 when that is 0.
pub fn below(number: u64, below: usize) -> usize {
    ((u128::from(number) * below as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sanitised_or_trimmed_text_is_still_the_same_post() {
        assert_eq!(text_hash("  Орбита\u{1b}[31m и\tоколо\n"), text_hash("Орбита␛[31m и около"));
        assert_ne!(text_hash("Орбита"), text_hash("орбита"));
        assert_ne!(text_hash("😂😂😂"), text_hash("🔥"));
        assert_eq!(text_hash(""), text_hash(" \n"));
    }

    #[test]
    fn draws_spread_evenly_and_depend_on_every_part_of_the_key() {
        let mean = (0..10_000).map(|n| share(number(7, 1, n, 0, 0))).sum::<f64>() / 10_000.0;
        assert!((0.49..0.51).contains(&mean), "{mean}");
        let base = number(7, 1, 2, 3, 4);
        for other in
            [number(8, 1, 2, 3, 4), number(7, 2, 2, 3, 4), number(7, 1, 3, 3, 4), number(7, 1, 2, 4, 4), number(7, 1, 2, 3, 5)]
        {
            assert_ne!(base, other);
        }
        assert!((0..1000).all(|n| below(mix(n), 7) < 7));
        assert_eq!(below(u64::MAX, 0), 0);
    }
}
