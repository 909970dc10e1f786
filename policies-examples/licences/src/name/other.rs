//! What Debian, RPM, Maven and PyPI write in place of SPDX's ids: `GPL-2+`, `GPLv3`, `ASL 2.0`,
//! `The Apache Software License, Version 2.0`, `https://opensource.org/licenses/MIT`.

/// Long names by the short ones that ids begin with.
const PHRASES: [(&str, &str); 17] = [
    ("gnu lesser general public", "lgpl"),
    ("gnu library or lesser general public", "lgpl"),
    ("gnu library general public", "lgpl"),
    ("lesser general public", "lgpl"),
    ("gnu affero general public", "agpl"),
    ("affero general public", "agpl"),
    ("gnu general public", "gpl"),
    ("gnu free documentation", "gfdl"),
    ("mozilla public", "mpl"),
    ("eclipse public", "epl"),
    ("eclipse distribution", "edl"),
    ("common development and distribution", "cddl"),
    ("python software foundation", "psf"),
    ("boost software", "bsl"),
    ("universal permissive", "upl"),
    ("apache software", "apache"),
    ("public domain", "public-domain"),
];

/// Whole names that no rule leads to an id. What names no version of the GPL leaves the choice (GPL 2, section 9).
const ALIASES: [(&str, &str); 30] = [
    ("2-clause-bsd", "BSD-2-Clause"),
    ("3-clause-bsd", "BSD-3-Clause"),
    ("agpl", "AGPL-3.0-or-later"),
    ("apache", "Apache-2.0"),
    ("artistic", "Artistic-1.0-Perl"),
    ("asl-1.1", "Apache-1.1"),
    ("asl-2.0", "Apache-2.0"),
    ("bsd", "BSD-3-Clause"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-2-clause-simplified", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("bsd-new", "BSD-3-Clause"),
    ("bsl", "BSL-1.0"),
    ("cc0", "CC0-1.0"),
    ("edl-1.0", "BSD-3-Clause"),
    ("expat", "MIT"),
    ("freebsd", "BSD-2-Clause"),
    ("gfdl", "GFDL-1.1-or-later"),
    ("gpl", "GPL-1.0-or-later"),
    ("lgpl", "LGPL-2.0-or-later"),
    ("license-2.0", "Apache-2.0"),
    ("mit-license", "MIT"),
    ("modified-bsd", "BSD-3-Clause"),
    ("new-bsd", "BSD-3-Clause"),
    ("psf", "PSF-2.0"),
    ("revised-bsd", "BSD-3-Clause"),
    ("simplified-bsd", "BSD-2-Clause"),
    ("sspl", "SSPL-1.0"),
    ("zlib-libpng", "Zlib"),
    ("zlib/libpng", "Zlib"),
];

/// Longer texts are no names.
const LONGEST: usize = 200;

/// The ids that another name may stand for, the likeliest first; SPDX need not have them.
pub fn ids(text: &str) -> Vec<String> {
    if text.len() > LONGEST {
        return Vec::new();
    }
    let name = simplify(text);
    let (name, later) = match name.strip_suffix('+') {
        Some(name) => (name, "+"),
        None => (name.as_str(), ""),
    };
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    if let Some((_, id)) = alias {
        return vec![(*id).to_owned()];
    }
    let spelt = spell(name);
    vec![
        format!("{name}{later}"),
        format!("{spelt}{later}"),
        format!("{spelt}.0{later}"),
    ]
}

/// Lower case, short names for long ones, `-` between words, and without the words that say nothing.
fn simplify(text: &str) -> String {
    let mut text = last_of_url(&text.to_ascii_lowercase()).replace("licence", "license");
    for (phrase, short) in PHRASES {
        text = text.replace(phrase, short);
    }
    let words = text.split(|c: char| c.is_whitespace() || ",;\"'".contains(c));
    let words = words.filter(|word| {
        ![
            "", "-", "the", "license", "licenses", "version", "v", "v.", "software",
        ]
        .contains(word)
    });
    let words: Vec<&str> = words
        .map(|word| match word.strip_prefix('v') {
            Some(number) if number.starts_with(|c: char| c.is_ascii_digit()) => number,
            _ => word,
        })
        .collect();
    words.join("-").replace("-+", "+")
}

/// The last part of a URL's path, without extension; any other text as it is.
fn last_of_url(text: &str) -> String {
    if !text.starts_with("http://") && !text.starts_with("https://") {
        return text.to_owned();
    }
    let last = text
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    let extensions = [".html", ".txt", ".php", ".md"];
    let bare = extensions
        .iter()
        .find_map(|extension| last.strip_suffix(extension));
    bare.unwrap_or(last).to_owned()
}

/// `gplv2.1` and `gpl2.1` as `gpl-2.1`.
fn spell(name: &str) -> String {
    let digits = name.find(|c: char| c.is_ascii_digit());
    let (letters, number) = name.split_at(digits.unwrap_or(name.len()));
    let letters = letters.strip_suffix('v').unwrap_or(letters);
    match letters.ends_with('-') || number.is_empty() {
        true => name.to_owned(),
        false => format!("{letters}-{number}"),
    }
}
