//! Where a finding is, in SARIF's words. Code scanning wants a path relative to the repository; an image has none, so its
//! name stands for one, as with Trivy.

use serde_json::{Value, json};

use super::super::plain::{self, NAME};
use super::super::view::Row;
use crate::image::ImageName;

/// One location: the path in the image, or else the image, or else the document.
pub(super) fn locations(row: &Row<'_>) -> Value {
    let finding = row.finding;
    let uri = match (&finding.path, row.image()) {
        (Some(path), _) => uri(path),
        (None, Some(image)) => image_uri(image),
        (None, None) => uri(row.document),
    };
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri },
            "region": { "startLine": 1 },
        },
    });
    let logical = match (row.image(), finding.package.as_deref()) {
        (None, None) => None,
        (Some(image), Some(package)) => Some((
            package,
            "package",
            format!("{}: {}", name(image), name(package)),
        )),
        (None, Some(package)) => Some((package, "package", name(package))),
        (Some(image), None) => Some((image, "image", name(image))),
    };
    if let (Some((short, kind, full)), Some(location)) = (logical, location.as_object_mut()) {
        let logical = json!([{ "name": name(short), "fullyQualifiedName": full, "kind": kind }]);
        location.insert("logicalLocations".to_owned(), logical);
    }
    json!([location])
}

fn name(text: &str) -> String {
    plain::line(text, NAME)
}

/// Without registry, tag and digest, so that the next build is the same place.
fn image_uri(image: &str) -> String {
    match ImageName::parse(image) {
        Ok(name) => uri(&name.repository),
        Err(_) => uri(image),
    }
}

/// A relative reference (RFC 3986, §4.2) that leads nowhere above its base. A colon is encoded, since in a first segment
/// it would end a scheme.
pub(super) fn uri(path: &str) -> String {
    let path: String = path.chars().take(NAME).collect();
    let segments = path
        .split(['/', '\\'])
        .filter(|segment| !matches!(*segment, "" | "." | ".."))
        .map(|segment| segment.bytes().map(encoded).collect::<String>());
    let segments: Vec<String> = segments.collect();
    match segments.is_empty() {
        true => "unknown".to_owned(),
        false => segments.join("/"),
    }
}

fn encoded(byte: u8) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_relative_reference() {
        for (image, expected) in [
            ("nginx", "library/nginx"),
            ("nginx:1.27", "library/nginx"),
            (
                "registry.example.com:5000/shop/web:2@sha256:x",
                "registry.example.com%3A5000/shop/web%3A2@sha256%3Ax",
            ),
            ("registry.example.com:5000/shop/web:2.4.1", "shop/web"),
            ("not an image", "not%20an%20image"),
        ] {
            assert_eq!(image_uri(image), expected);
        }
    }

    #[test]
    fn a_path_leads_nowhere_above() {
        for (path, expected) in [
            ("/etc/passwd", "etc/passwd"),
            ("../../etc//./passwd", "etc/passwd"),
            ("C:\\x\\..\\y", "C%3A/x/y"),
            ("a b%20?#", "a%20b%2520%3F%23"),
            ("\u{202e}ä", "%E2%80%AE%C3%A4"),
            ("..", "unknown"),
            ("", "unknown"),
            ("-", "-"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
