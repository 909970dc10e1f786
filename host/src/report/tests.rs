//! What holds for every format.

use std::path::PathBuf;

use super::sample::{corpus, decision, finding, hostile, judged, policy, written};
use super::*;
use crate::evidence::Severity;
use crate::model::Level;

fn golden(format: &Format) -> PathBuf {
    let extension = match format.name {
        "text" | "github" | "cipolice" => "txt",
        "json" | "anchore" => "json",
        "junit" => "xml",
        "sarif" => "sarif",
        "html" => "html",
        "markdown" => "md",
        other => panic!("no extension for {other}"),
    };
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reports-out");
    PathBuf::from(folder).join(format!("{}.{extension}", format.name))
}

/// `BLESS=1` writes them anew; the difference is read.
#[test]
fn each_format_writes_what_it_wrote_before() {
    for format in FORMATS {
        let path = golden(format);
        let text = written(format.write, &corpus());
        // The next version of the program is no change of the format.
        let text = text.replace(env!("CARGO_PKG_VERSION"), "(version)");
        let text = anstream::adapter::strip_str(&text).to_string();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let differs = text
            .lines()
            .zip(before.lines())
            .find(|(now, then)| now != then);
        assert!(
            text == before,
            "{}: {differs:#?}; BLESS=1 accepts it",
            path.display()
        );
    }
}

#[test]
fn nothing_and_everything_hostile_can_be_written() {
    for format in FORMATS {
        for judged in [Vec::new(), hostile()] {
            let text = written(format.write, &judged);
            let again = written(format.write, &judged);
            assert_eq!(text, again, "{} is not deterministic", format.name);
            // JSON spells what is treacherous in texts of its own kind.
            if !matches!(format.name, "json" | "anchore" | "sarif") {
                let treacherous = |c: char| {
                    c == '\u{202e}' || c == '\u{feff}' || (c.is_control() && c != '\n' && c != '\t')
                };
                let colours = matches!(format.name, "text" | "cipolice");
                let text = if colours {
                    text.replace("\u{1b}[", "")
                } else {
                    text
                };
                assert!(!text.contains(treacherous), "{}", format.name);
            }
        }
    }
}

#[test]
fn long_texts_are_cut_where_people_read() {
    let message = "x".repeat(1 << 20);
    let mut long = finding("long", Level::Deny, Severity::High, &message);
    long.remedy = Some(message.clone());
    long.target = Some(message.clone());
    let judged = [judged(
        "long.json",
        decision("nginx", vec![policy("p", vec![long])]),
    )];
    for format in FORMATS {
        let text = written(format.write, &judged);
        match format.name {
            "json" => assert!(text.len() > 3 << 20),
            name => assert!(text.len() < 60_000, "{name}: {} bytes", text.len()),
        }
    }
}

#[test]
fn names_are_unlike_and_found() {
    for format in FORMATS {
        assert_eq!(
            find(format.name).map(|found| found.media),
            Some(format.media)
        );
        assert_eq!(
            FORMATS
                .iter()
                .filter(|other| other.name == format.name)
                .count(),
            1
        );
    }
    assert!(find("yaml").is_none());
}
