//! Which name was perhaps meant: the one nearest by Jaro and Winkler's measure.

/// The best of the names that could be symbols; the first of equals.
pub(crate) fn suggest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut best: Option<(f64, &str)> = None;
    for name in names.filter(|name| is_symbol(name)) {
        let distance = 1.0 - similarity(word, name);
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name.to_owned())
}

fn is_symbol(name: &str) -> bool {
    // The original's pattern ends in `$`, which lets one newline follow.
    let name = name.strip_suffix('\n').unwrap_or(name);
    let name = name.strip_prefix('$').unwrap_or(name);
    let mut bytes = name.bytes();
    let starts = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Jaro's similarity, raised for a common prefix of up to five characters where it is above 0.7.
fn similarity(left: &str, right: &str) -> f64 {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let jaro = jaro(&left, &right);
    if jaro <= 0.7 {
        return jaro;
    }
    let pairs = std::iter::zip(&left, &right).take(5);
    let prefix = pairs.take_while(|(left, right)| left == right).count();
    jaro + 0.1 * prefix as f64 * (1.0 - jaro)
}

fn jaro(left: &[char], right: &[char]) -> f64 {
    if left == right {
        return 1.0;
    }
    let reach = (left.len().max(right.len()) / 2) as isize - 1;
    let mut taken = vec![false; right.len()];
    let mut matched = Vec::new();
    for (at, c) in left.iter().enumerate() {
        let at = at as isize;
        let start = usize::try_from(at - reach).unwrap_or(0);
        let end = usize::try_from(at + reach + 1).unwrap_or(0);
        let mut candidates = right.iter().zip(taken.iter_mut()).take(end).skip(start);
        if let Some((_, taken)) = candidates.find(|(other, taken)| !**taken && *other == c) {
            *taken = true;
            matched.push(*c);
        }
    }
    if matched.is_empty() {
        return 0.0;
    }
    let others = right.iter().zip(&taken).filter(|(_, taken)| **taken);
    let transposed = others
        .zip(&matched)
        .filter(|((right, _), left)| right != left);
    let (matches, transposed) = (matched.len() as f64, transposed.count() as f64);
    let parts = matches / left.len() as f64
        + matches / right.len() as f64
        + (matches - transposed / 2.0) / matches;
    parts / 3.0
}

#[cfg(test)]
mod tests {
    use super::suggest;

    #[test]
    fn the_nearest_name_is_suggested_and_the_first_of_equals() {
        let rows: [(&str, &[&str], Option<&str>); 4] = [
            ("imge", &["level", "image"], Some("image")),
            ("xyz", &["abc", "def"], Some("abc")),
            ("size", &["size-mb", "1size"], None),
            ("x", &[], None),
        ];
        for (word, names, expected) in rows {
            assert_eq!(suggest(word, names.iter().copied()).as_deref(), expected);
        }
    }
}
