//! Texts come from guests and from strangers' reports. Here they lose what could deceive a reader, and what is too long.

/// Enough for what names something: an id, an image, a path.
pub(super) const NAME: usize = 300;
/// Enough for a sentence or two.
pub(super) const SENTENCE: usize = 2_000;

/// On one line.
pub(super) fn line(text: &str, limit: usize) -> String {
    filter(text, limit, |c| match c {
        '\n' | '\r' | '\t' => ' ',
        c => visible(c),
    })
}

/// With its line breaks and tabs.
pub(super) fn lines(text: &str, limit: usize) -> String {
    let text = text.replace("\r\n", "\n");
    filter(&text, limit, |c| match c {
        '\n' | '\t' => c,
        '\r' => '\n',
        c => visible(c),
    })
}

fn filter(text: &str, limit: usize, map: impl Fn(char) -> char) -> String {
    let mut chars = text.chars();
    let mut kept: String = chars.by_ref().take(limit).map(map).collect();
    let left = chars.count();
    if left > 0 {
        kept.push_str(&format!("… ({left} more characters)"));
    }
    kept
}

/// Control characters rewrite terminals and are no XML; bidirectional controls make a text read other than it is
/// (CVE-2021-42574), tags and byte order marks hide in it; U+FFFE and U+FFFF are no XML either (XML 1.0, §2.2).
fn visible(c: char) -> char {
    let deceives = c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(
            c,
            '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}'
        );
    if deceives { '\u{fffd}' } else { c }
}

/// A text that can stand as a link: an absolute `http` or `https` URL, of characters that RFC 3986 (§2) allows. Guests
/// may name other schemes, which run code or open other programs, and users in front of hosts, which deceive.
pub(super) fn web_link(text: &str) -> Option<&str> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let fits = text.len() <= SENTENCE && is_authority(authority) && is_encoded(path);
    fits.then_some(text)
}

/// A host name or address, and a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, port),
        _ => (text, "443"),
    };
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let named = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(is_in_label)),
    };
    named && port.parse::<u16>().is_ok()
}

fn is_in_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

fn is_encoded(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&byte);
    let escapes = text.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2);
        digits.len() == 2 && digits.all(|byte| byte.is_ascii_hexdigit())
    });
    // A second `#` is none of the fragment's characters.
    text.bytes().all(known) && escapes && text.matches('#').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_replaced() {
        for (text, on_one_line, on_lines) in [
            ("plain", "plain", "plain"),
            ("a\nb\r\nc\td", "a b  c d", "a\nb\nc\td"),
            (
                "\u{1b}[31mred\u{7}",
                "\u{fffd}[31mred\u{fffd}",
                "\u{fffd}[31mred\u{fffd}",
            ),
            (
                "user\u{202e}txt.exe",
                "user\u{fffd}txt.exe",
                "user\u{fffd}txt.exe",
            ),
            (
                "a\u{0}b\u{ffff}c\u{85}",
                "a\u{fffd}b\u{fffd}c\u{fffd}",
                "a\u{fffd}b\u{fffd}c\u{fffd}",
            ),
            ("héllo — 日本 🦀", "héllo — 日本 🦀", "héllo — 日本 🦀"),
        ] {
            assert_eq!(line(text, 100), on_one_line, "{text:?}");
            assert_eq!(lines(text, 100), on_lines, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let text = line(&"ä".repeat(1 << 20), 10);
        assert_eq!(text, "ääääääääää… (1048566 more characters)");
        assert_eq!(line("exactly 10", 10), "exactly 10");
    }

    #[test]
    fn only_web_pages_are_links() {
        for good in [
            "https://avd.aquasec.com/nvd/cve-2021-44228",
            "http://[::1]:8080/x?a=b&c=%20#d",
        ] {
            assert_eq!(web_link(good), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "data:text/html,x",
            "//example.com",
            "https://",
            "https:///x",
            "https://example.com/\" onclick=\"x",
            "https://example.com/<b>",
            "https://example.com/100%",
            "https://example.com/#a#b",
            "https://example.com:/",
            "https://example.com:javascript/",
            "https://github.com@evil.example/",
            "https://-/\n",
            "https://example.com/\u{202e}",
            " https://example.com",
        ] {
            assert_eq!(web_link(bad), None, "{bad:?}");
        }
    }
}
