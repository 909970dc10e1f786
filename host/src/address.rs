//! Where requests go: URLs as grants see them, and which addresses belong to the public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longer than any URL that means well.
const MAX_LENGTH: usize = 8 << 10;
/// Parts of a path that servers disagree about: some decode them to a slash, a backslash, a dot or an end.
const AMBIGUOUS: [&str; 4] = ["%2f", "%5c", "%2e", "%00"];

/// Why a text is not a URL that anything is sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not by the WHATWG URL standard.
    #[error("it is no URL: {0}")]
    Parse(String),
    /// Too long.
    #[error("a URL has at most {MAX_LENGTH} bytes")]
    Length,
    /// The standard drops or rewrites these; whoever writes them hopes that somebody reads them differently.
    #[error("a URL has no spaces, control characters or backslashes")]
    Characters,
    /// `ftp:`
    #[error("only http and https URLs can be reached, not {0}:")]
    Scheme(String),
    /// `https://user@host/`
    #[error("a URL names no user and password: use credentials of touchstone.yaml")]
    User,
    /// `https:///`
    #[error("it names no host, or port 0")]
    Host,
    /// `#part`
    #[error("a fragment is never sent: leave out what follows the `#`")]
    Fragment,
    /// `%2f`, `//`
    #[error(
        "servers could read its path differently: it has an empty part, or encodes a slash, a dot, a control character, or twice"
    )]
    Path,
}

/// Parses and normalises a URL: lower case, IDN in ASCII, IP addresses in their usual form, no default port, no dot
/// segments (WHATWG URL). What could be understood in two ways is refused.
pub fn parse(text: &str) -> Result<Url, AddressError> {
    if text.len() > MAX_LENGTH {
        return Err(AddressError::Length);
    }
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(AddressError::Characters);
    }
    let url = Url::parse(text).map_err(|error| AddressError::Parse(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme(url.scheme().to_owned()));
    }
    // Also an empty user, which the parsed URL does not show.
    let authority = text
        .split_once("//")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    if authority.is_none_or(|authority| authority.contains('@')) {
        return Err(AddressError::User);
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || host.ends_with('.') || url.port() == Some(0) {
        return Err(AddressError::Host);
    }
    if url.fragment().is_some() {
        return Err(AddressError::Fragment);
    }
    if is_ambiguous(url.path()) {
        return Err(AddressError::Path);
    }
    Ok(url)
}

/// Whether servers could read a path differently: what some of them decode once more, cut off, or take for a step up.
fn is_ambiguous(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let step = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    let twice = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    lower.contains("//")
        || AMBIGUOUS.iter().any(|part| lower.contains(part))
        || lower.split('/').any(step)
        || lower.split("%25").skip(1).any(twice)
        || decoded.map_or(true, |text| text.contains(char::is_control))
}

/// The segments that patterns are matched against: scheme, nothing, host with port, and those of the path. The query
/// does not count.
pub fn segments(url: &Url) -> Vec<&str> {
    let before_query = url.as_str().split('?').next().unwrap_or_default();
    before_query.split('/').collect()
}

/// `scheme://host:port`
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The address that a URL names directly, if it does.
pub fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

/// Whether an address can belong to anybody on the internet: not to this machine, its network, or its cloud's inside.
/// Ranges by the IANA special-purpose registries (RFC 6890), and Azure's 168.63.129.16.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a >= 224
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19))
        || address == Ipv4Addr::new(168, 63, 129, 16);
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    let [first, second, ..] = parts;
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        // Mapped, compatible (with ::1 and ::), and translated addresses are as good as the IPv4 address in them.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => embedded(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Only 2000::/3 is given out; of it, Teredo, ORCHID and the like, and documentation are not.
        _ => {
            (first & 0xe000) == 0x2000
                && !(first == 0x2001 && second < 0x200)
                && !(first == 0x2001 && second == 0xdb8)
                && !(first == 0x3fff && second < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_looks_the_same() {
        for (text, expected) in [
            ("https://OK.Example.com", "https://ok.example.com/"),
            ("https://ok.example.com:443/a", "https://ok.example.com/a"),
            ("https://ok.example.com/a/../b", "https://ok.example.com/b"),
            ("http://2130706433/", "http://127.0.0.1/"),
            ("http://0177.0.0.1/", "http://127.0.0.1/"),
            ("http://0x7f.1/", "http://127.0.0.1/"),
            ("http://[::FFFF:7f00:1]/", "http://[::ffff:7f00:1]/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("https://ｏｋ.example.com/", "https://ok.example.com/"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        use AddressError::{Characters, Fragment, Host, Length, Path, Scheme, User};
        for (text, expected) in [
            ("https://ok.example.com@evil.com/", User),
            ("https://ok.example.com%2f@evil.com/", User),
            ("https://@evil.com/", User),
            ("https://user:password@ok.example.com/", User),
            ("https://ok.example.com\\@evil.com/", Characters),
            ("https://ok.example.com\n.evil.com/", Characters),
            (" https://ok.example.com/", Characters),
            ("https://ok.example.com/a b", Characters),
            ("https://ok.example.com/#x", Fragment),
            ("https://ok.example.com./", Host),
            ("https://ok.example.com:0/", Host),
            ("https://ok.example.com/hooks%2F..%2fadmin", Path),
            ("https://ok.example.com/hooks%5c..", Path),
            ("https://ok.example.com//admin", Path),
            ("https://ok.example.com/a%00", Path),
            ("https://ok.example.com/a/..;/b", Path),
            ("https://ok.example.com/a/%252e%252e/b", Path),
            ("https://ok.example.com/a/%c0%ae%c0%ae/b", Path),
            ("https://ok.example.com/a%0d%0ab", Path),
            ("ftp://ok.example.com/", Scheme("ftp".into())),
            ("file:///etc/passwd", Scheme("file".into())),
        ] {
            assert_eq!(parse(text).unwrap_err(), expected, "{text}");
        }
        assert_eq!(
            parse(&format!("https://a/{}", "x".repeat(MAX_LENGTH))),
            Err(Length)
        );
        for text in ["", "ok.example.com", "https://", "https://[::1", "//ok"] {
            assert!(matches!(parse(text), Err(AddressError::Parse(_))), "{text}");
        }
    }

    #[test]
    fn private_addresses_are_known_in_every_form() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "192.0.2.1",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::",
            "2001::1",
            "2001:db8::1",
            "::ffff:0:127.0.0.1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "2002:808:808::",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
