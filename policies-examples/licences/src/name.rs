//! Names of licences: SPDX's, and what Debian, RPM, Maven and PyPI write in their place.

mod other;

use std::fmt;
use std::sync::LazyLock;

/// Every id of the SPDX licence list (spdx.org/licenses), the deprecated ones too, one a line, sorted
/// without regard to case.
const IDS: &str = include_str!("name/spdx-ids.txt");

/// Families whose ids say with a suffix whether later versions will do.
const GNU: [&str; 4] = ["gpl-", "lgpl-", "agpl-", "gfdl-"];

/// Deprecated ids that hold an exception.
const OLD_EXCEPTIONS: [(&str, &str, &str); 7] = [
    (
        "gpl-2.0-with-autoconf-exception",
        "GPL-2.0-only",
        "Autoconf-exception-2.0",
    ),
    (
        "gpl-2.0-with-bison-exception",
        "GPL-2.0-only",
        "Bison-exception-2.2",
    ),
    (
        "gpl-2.0-with-classpath-exception",
        "GPL-2.0-only",
        "Classpath-exception-2.0",
    ),
    (
        "gpl-2.0-with-font-exception",
        "GPL-2.0-only",
        "Font-exception-2.0",
    ),
    (
        "gpl-2.0-with-gcc-exception",
        "GPL-2.0-only",
        "GCC-exception-2.0",
    ),
    (
        "gpl-3.0-with-autoconf-exception",
        "GPL-3.0-only",
        "Autoconf-exception-3.0",
    ),
    (
        "gpl-3.0-with-gcc-exception",
        "GPL-3.0-only",
        "GCC-exception-3.1",
    ),
];

/// A licence, as lists compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Without suffix; as SPDX writes it, where SPDX has it.
    base: String,
    versions: Versions,
    exception: Option<String>,
    /// Whether SPDX has it.
    pub known: bool,
}

/// Which versions a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Versions {
    /// The name does not tell: `GPL-2.0`. For SPDX, where it is deprecated, that is the version alone.
    Plain,
    /// `-only`
    Only,
    /// `-or-later`, `+`
    Later,
}

impl Licence {
    /// Reads a name without operators. What nobody knows stays as it is.
    pub fn new(text: &str) -> Licence {
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == ',');
        Licence::by_id(text)
            .or_else(|| other::ids(text).iter().find_map(|id| Licence::by_id(id)))
            .unwrap_or_else(|| Licence {
                base: text.split_whitespace().collect::<Vec<_>>().join(" "),
                versions: Versions::Plain,
                exception: None,
                known: false,
            })
    }

    /// With an exception, which gives more rights.
    pub fn with(self, exception: &str) -> Licence {
        Licence {
            exception: Some(exception.split_whitespace().collect::<Vec<_>>().join("-")),
            ..self
        }
    }

    /// Whether an entry of this name, in a list, means another licence, too.
    pub fn covers(&self, other: &Licence) -> bool {
        let versions = match self.versions {
            Versions::Plain => true,
            Versions::Only => other.versions != Versions::Later,
            Versions::Later => other.versions == Versions::Later,
        };
        let same = |one: &String| {
            other
                .exception
                .as_ref()
                .is_some_and(|other| one.eq_ignore_ascii_case(other))
        };
        versions
            && self.base.eq_ignore_ascii_case(&other.base)
            && self.exception.as_ref().is_none_or(same)
    }

    /// Whether it names an exception.
    pub fn has_exception(&self) -> bool {
        self.exception.is_some()
    }

    /// Every way to write it, which patterns are compared with.
    pub fn forms(&self) -> Vec<String> {
        let base = &self.base;
        let mut forms = vec![base.clone()];
        match self.versions {
            Versions::Later => forms.extend([format!("{base}-or-later"), format!("{base}+")]),
            _ if is_gnu(base) => forms.push(format!("{base}-only")),
            _ => {}
        }
        if let Some(exception) = &self.exception {
            let with: Vec<String> = forms
                .iter()
                .map(|form| format!("{form} WITH {exception}"))
                .collect();
            forms.extend(with);
        }
        forms
    }

    fn by_id(text: &str) -> Option<Licence> {
        let lower = text.to_ascii_lowercase();
        let old = OLD_EXCEPTIONS.iter().find(|(old, ..)| *old == lower);
        if let Some((_, id, exception)) = old {
            return Some(Licence::by_id(id)?.with(exception));
        }
        let gnu = is_gnu(&lower);
        let (base, versions) = match (
            lower.strip_suffix('+'),
            lower.strip_suffix("-or-later"),
            lower.strip_suffix("-only"),
        ) {
            (Some(base), ..) => (base, Versions::Later),
            (_, Some(base), _) if gnu => (base, Versions::Later),
            (_, _, Some(base)) if gnu => (base, Versions::Only),
            _ => (lower.as_str(), Versions::Plain),
        };
        // That of a rare GNU id is deprecated and not in the list, its long form is.
        let id =
            spdx(base).or_else(|| spdx(&lower).map(|_| text.get(..base.len()).unwrap_or(text)));
        let known = |base: &str| Licence {
            base: base.to_owned(),
            versions,
            exception: None,
            known: true,
        };
        id.map(known)
            .or_else(|| (base == "public-domain").then(|| known(base)))
    }
}

impl fmt::Display for Licence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.versions {
            Versions::Later if is_gnu(&self.base) => "-or-later",
            Versions::Later => "+",
            Versions::Only | Versions::Plain if self.known && is_gnu(&self.base) => "-only",
            Versions::Only | Versions::Plain => "",
        };
        write!(f, "{}{suffix}", self.base)?;
        match &self.exception {
            Some(exception) => write!(f, " WITH {exception}"),
            None => Ok(()),
        }
    }
}

fn is_gnu(id: &str) -> bool {
    let begins = |family: &&str| {
        id.get(..family.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(family))
    };
    GNU.iter().any(begins)
}

/// The id as SPDX writes it.
fn spdx(id: &str) -> Option<&'static str> {
    static SORTED: LazyLock<Vec<&str>> = LazyLock::new(|| IDS.lines().collect());
    let found = SORTED.binary_search_by(|known| lower(known).cmp(lower(id)));
    SORTED.get(found.ok()?).copied()
}

fn lower(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_has_many_names() {
        for (text, expected) in [
            ("mit", "MIT"),
            ("Expat", "MIT"),
            ("MIT License", "MIT"),
            ("The MIT License", "MIT"),
            ("https://opensource.org/licenses/MIT", "MIT"),
            (
                "http://www.apache.org/licenses/LICENSE-2.0.txt",
                "Apache-2.0",
            ),
            ("The Apache Software License, Version 2.0", "Apache-2.0"),
            ("Apache License 2.0", "Apache-2.0"),
            ("Apache Software License", "Apache-2.0"),
            ("Apache-2", "Apache-2.0"),
            ("ASL 2.0", "Apache-2.0"),
            ("GPL-2", "GPL-2.0-only"),
            ("GPL-2.0", "GPL-2.0-only"),
            ("gpl-2.0-only", "GPL-2.0-only"),
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-2.0+", "GPL-2.0-or-later"),
            ("GPLv2+", "GPL-2.0-or-later"),
            ("GPL3", "GPL-3.0-only"),
            ("GPL", "GPL-1.0-or-later"),
            ("GPL+", "GPL-1.0-or-later"),
            ("LGPLv2.1", "LGPL-2.1-only"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"),
            ("GNU Lesser General Public License v2.1", "LGPL-2.1-only"),
            ("GNU General Public License, version 2", "GPL-2.0-only"),
            (
                "GFDL-1.3-invariants-or-later",
                "GFDL-1.3-invariants-or-later",
            ),
            (
                "GPL-2.0-with-classpath-exception",
                "GPL-2.0-only WITH Classpath-exception-2.0",
            ),
            ("MPLv2.0", "MPL-2.0"),
            ("Mozilla Public License 2.0", "MPL-2.0"),
            ("Eclipse Public License - v 2.0", "EPL-2.0"),
            ("New BSD License", "BSD-3-Clause"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("Python Software Foundation License", "PSF-2.0"),
            ("Artistic-2", "Artistic-2.0"),
            ("Public Domain", "public-domain"),
            ("CDDL-1.1+", "CDDL-1.1+"),
        ] {
            let licence = Licence::new(text);
            assert_eq!(
                (licence.to_string().as_str(), licence.known),
                (expected, true),
                "{text}"
            );
        }
        for text in [
            "",
            "custom",
            "LicenseRef-acme",
            "GPL-9",
            "BSD-variant",
            "see copyright",
        ] {
            let licence = Licence::new(text);
            assert_eq!((licence.to_string().as_str(), licence.known), (text, false));
        }
    }

    #[test]
    fn every_id_is_found() {
        assert!(
            IDS.lines()
                .is_sorted_by(|one, next| lower(one).lt(lower(next)))
        );
        for id in IDS.lines() {
            assert_eq!(spdx(&id.to_ascii_uppercase()), Some(id));
            assert!(Licence::new(id).known, "{id}");
        }
        assert_eq!((spdx(""), spdx("ZZZ")), (None, None));
    }

    #[test]
    fn a_name_covers_what_it_means() {
        let read = |text: &str| match text.split_once(" WITH ") {
            Some((name, exception)) => Licence::new(name).with(exception),
            None => Licence::new(text),
        };
        for (entry, found, expected) in [
            ("GPL-2.0", "GPL-2.0-only", true),
            ("GPL-2.0", "GPL-2.0-or-later", true),
            ("GPL-2.0-only", "GPL-2.0", true),
            ("GPL-2.0-only", "GPL-2.0+", false),
            ("GPL-2.0+", "GPL-2.0-or-later", true),
            ("GPL-2.0-or-later", "GPL-2.0", false),
            ("GPL-2.0", "GPL-3.0", false),
            ("GPL-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", true),
            (
                "GPL-2.0 WITH classpath-exception-2.0",
                "GPL-2.0-with-classpath-exception",
                true,
            ),
            ("GPL-2.0 WITH Classpath-exception-2.0", "GPL-2.0", false),
            ("apache-2.0", "Apache-2.0+", true),
            ("Acme  licence", "acme licence", true),
        ] {
            assert_eq!(
                read(entry).covers(&read(found)),
                expected,
                "{entry} {found}"
            );
        }
        assert_eq!(read("GPL-2").forms(), ["GPL-2.0", "GPL-2.0-only"]);
        assert_eq!(
            read("MPL-2.0 WITH x").forms(),
            ["MPL-2.0", "MPL-2.0 WITH x"]
        );
    }
}
