//! Which of two versions is the newer, as the package's own tools say. To add one: a file in `version/`, and its kinds here.

mod apk;
mod dpkg;
mod rpm;
mod semver;

use std::cmp::Ordering;

type Compare = fn(&str, &str) -> Ordering;

/// By the types of package URLs.
const KINDS: [(&str, Compare); 6] = [
    ("deb", dpkg::compare),
    ("rpm", rpm::compare),
    ("apk", apk::compare),
    ("npm", semver::compare),
    ("cargo", semver::compare),
    ("golang", semver::compare),
];

/// Compares two versions of packages of a kind; nothing when it is not known how.
pub fn compare(kind: &str, left: &str, right: &str) -> Option<Ordering> {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    known.map(|(_, compare)| compare(left, right))
}

/// Compares versions that are numbers with dots between them, `12` and `12.5`; nothing when one is not.
pub fn numeric(left: &str, right: &str) -> Option<Ordering> {
    let parse = |text: &str| -> Option<Vec<u64>> {
        let mut parts: Vec<u64> = text
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        while parts.last() == Some(&0) {
            parts.pop();
        }
        Some(parts)
    };
    Some(parse(left)?.cmp(&parse(right)?))
}

/// Compares digits as a number of any length.
fn digits(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// The text up to the first character that is not as asked, and the rest.
fn split(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// `epoch:rest`; without an epoch it is 0.
fn epoch(text: &str) -> (&str, &str) {
    match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("0", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row is in order, the oldest first; `=` joins equals.
    fn in_order(kind: &str, rows: &[&str]) {
        for row in rows {
            let ranked: Vec<(usize, &str)> = row
                .split(" < ")
                .enumerate()
                .flat_map(|(rank, equals)| equals.split(" = ").map(move |version| (rank, version)))
                .collect();
            for (left_rank, left) in &ranked {
                for (right_rank, right) in &ranked {
                    let expected = left_rank.cmp(right_rank);
                    assert_eq!(
                        compare(kind, left, right),
                        Some(expected),
                        "{kind}: {left} and {right}"
                    );
                }
            }
        }
    }

    #[test]
    fn dpkg_orders_as_deb_version_says() {
        in_order(
            "deb",
            &[
                "1.0~~ < 1.0~~a < 1.0~ < 1.0 < 1.0a < 1.0+b < 1.0.1",
                "1.2.3-1 < 1.2.3-1ubuntu1 < 1.2.3-2 < 1.2.3-10",
                "2.0-1 < 1:1.0-1 < 2:0.1",
                "1.0 = 0:1.0 = 1.0-0",
                "3.0.11-1~deb12u1 < 3.0.11-1~deb12u2 < 3.0.11-1",
                "9 < 10",
                "1.05 = 1.5",
                "1a < 1z < 1+ < 1.",
                "99999999999999999999998 < 99999999999999999999999",
            ],
        );
    }

    #[test]
    fn rpm_orders_as_rpmvercmp_does() {
        in_order(
            "rpm",
            &[
                "1.0~rc1 < 1.0 < 1.0^git1 < 1.0.1",
                "1.0a < 1.0b < 1.0.1",
                "5.5p1 < 5.5p2 < 5.5p10",
                "xyz.4 < 8",
                "1.0010 < 1.1000",
                "1.05 = 1.5 = 1_5",
                "1.1.1g-15.el8 < 1.1.1k-4.el8 < 1.1.1k-12.el8_9",
                "2.0-1 < 1:1.0-1",
                "2.0 < 2.0.a",
            ],
        );
        assert_eq!(
            compare("rpm", "1.1.1k-12.el8", "1.1.1k"),
            Some(Ordering::Equal)
        );
    }

    #[test]
    fn apk_orders_as_apk_tools_do() {
        in_order(
            "apk",
            &[
                "1.0_alpha < 1.0_alpha2 < 1.0_beta < 1.0_pre < 1.0_rc1 < 1.0 < 1.0_p1 < 1.0.1",
                "1.0 < 1.0-r1 < 1.0-r2 < 1.0-r10 < 1.0a < 1.0b < 1.0.0",
                "1.2 < 1.10 < 2",
                "1.01 < 1.1",
                "3.1.4-r5 < 3.1.4-r6 < 3.1.4_git20240101-r0 < 3.1.5-r0",
            ],
        );
    }

    #[test]
    fn semver_orders_prereleases_first() {
        in_order(
            "npm",
            &[
                "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0",
                "1.9.0 < 1.10.0 < 2.0.0",
                "1.0.0 = 1.0.0+build = v1.0.0 = 1.0",
            ],
        );
        assert_eq!(compare("pypi", "1", "2"), None);
    }

    #[test]
    fn numbers_with_dots_are_versions() {
        for (left, right, expected) in [
            ("9", "12", Some(Ordering::Less)),
            ("12.5", "12", Some(Ordering::Greater)),
            ("12.0", "12", Some(Ordering::Equal)),
            ("3.9.4", "3.18.0", Some(Ordering::Less)),
            ("bookworm", "12", None),
        ] {
            assert_eq!(numeric(left, right), expected, "{left} {right}");
        }
    }
}
