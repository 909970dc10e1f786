//! A JSON document: parsed once, read by RFC 6901 pointer as often as policies like.

use std::sync::{Arc, OnceLock};

use sonic_rs::{JsonContainerTrait, JsonType, JsonValueTrait, Value};

/// How deep objects and arrays may nest: as deep as serde_json reads, so that every reader reads what is accepted.
pub const MAX_DEPTH: usize = 127;

/// An immutable JSON document. Cloning is cheap.
///
/// Documents with duplicate keys are refused: readers disagree on which of the two counts, so a policy might judge
/// one value while the system behind it uses the other.
#[derive(Clone, Debug)]
pub struct Document(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Parsed already, or when somebody first asks.
    value: OnceLock<Result<Value, DocumentError>>,
    /// The text as it came, or as written from the value when somebody first asks.
    text: OnceLock<String>,
    /// Whether there is none, which is not the same as `null`.
    is_none: bool,
}

/// Why a text is not an acceptable JSON document.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DocumentError {
    /// The text is not JSON.
    #[error("malformed JSON at line {line}, column {column}: {reason}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// In bytes, counted from 1.
        column: usize,
        /// The parser's words.
        reason: String,
    },
    /// The text is not UTF-8.
    #[error("malformed JSON: byte {0} is not valid UTF-8")]
    NotUtf8(usize),
    /// An object names a key twice.
    #[error("duplicate key {key:?} in {}: send each key once", place(pointer))]
    DuplicateKey {
        /// The key.
        key: String,
        /// RFC 6901 pointer to the object.
        pointer: String,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() {
        "the document".to_owned()
    } else {
        format!("the object at {pointer}")
    }
}

impl Document {
    /// Parses a JSON text.
    pub fn parse(text: String) -> Result<Document, DocumentError> {
        let document = Document::unread(text);
        document.check()?;
        Ok(document)
    }

    /// A text that is parsed when somebody first asks for something in it. Where it is no acceptable document, there is
    /// nothing in it: see [`Document::check`].
    pub fn unread(text: String) -> Document {
        Document(Arc::new(Inner {
            value: OnceLock::new(),
            text: OnceLock::from(text),
            is_none: false,
        }))
    }

    fn of(value: Value, is_none: bool) -> Document {
        Document(Arc::new(Inner {
            value: OnceLock::from(Ok(value)),
            text: OnceLock::new(),
            is_none,
        }))
    }

    /// No document: `null` as a text, but there is nothing at any pointer, not even at the empty one.
    pub fn none() -> Document {
        Document::of(Value::default(), true)
    }

    /// Whether it is an acceptable document; only [`Document::unread`] makes others.
    pub fn check(&self) -> Result<(), DocumentError> {
        self.value().map(|_| ())
    }

    fn value(&self) -> Result<&Value, DocumentError> {
        let read = || parse(self.0.text.get().map_or("", String::as_str));
        self.0
            .value
            .get_or_init(read)
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Parses a JSON text that may not be UTF-8.
    pub fn parse_bytes(bytes: Vec<u8>) -> Result<Document, DocumentError> {
        let text = String::from_utf8(bytes)
            .map_err(|error| DocumentError::NotUtf8(error.utf8_error().valid_up_to()))?;
        Document::parse(text)
    }

    /// The whole document as JSON text: as it came, where it came as a text of its own.
    pub fn text(&self) -> &str {
        self.0
            .text
            .get_or_init(|| self.value().map_or_else(|_| String::new(), write))
    }

    /// The value at an RFC 6901 pointer as JSON text. The empty pointer is the whole document.
    pub fn get(&self, pointer: &str) -> Option<String> {
        if pointer.is_empty() {
            return (!self.0.is_none).then(|| self.text().to_owned());
        }
        self.find(pointer).map(write)
    }

    /// The string at a pointer; nothing when there is something else.
    pub fn str_at(&self, pointer: &str) -> Option<&str> {
        self.find(pointer)?.as_str()
    }

    /// The number of items of the array at a pointer; 0 when there is none.
    pub fn array_len(&self, pointer: &str) -> usize {
        self.find(pointer)
            .and_then(|value| value.as_array())
            .map_or(0, |array| array.len())
    }

    /// Whether the value at a pointer is an object.
    pub fn is_object(&self, pointer: &str) -> bool {
        self.find(pointer).is_some_and(|value| value.is_object())
    }

    /// The keys of the object at a pointer that hold strings, with those.
    pub fn strings(&self, pointer: &str) -> Vec<(&str, &str)> {
        let object = self.find(pointer).and_then(|value| value.as_object());
        object
            .into_iter()
            .flat_map(|object| object.iter())
            .filter_map(|(key, value)| value.as_str().map(|text| (key, text)))
            .collect()
    }

    /// The value at a pointer as a document of its own.
    pub fn part(&self, pointer: &str) -> Option<Document> {
        Some(Document::of(self.find(pointer)?.clone(), false))
    }

    /// The value at a pointer, to go on from.
    pub fn node(&self, pointer: &str) -> Option<Node<'_>> {
        self.find(pointer).map(Node)
    }

    fn find(&self, pointer: &str) -> Option<&Value> {
        let root = self.value().ok()?;
        if pointer.is_empty() {
            return Some(root);
        }
        let tokens = pointer.strip_prefix('/')?.split('/');
        tokens.map(unescape).try_fold(root, |value, token| {
            if value.is_array() {
                value.get(array_index(&token)?)
            } else {
                value.get(token.as_ref())
            }
        })
    }
}

fn parse(text: &str) -> Result<Value, DocumentError> {
    // The parser recurses, and the nesting is the sender's choice. What opens few brackets cannot nest deep.
    let opened = text
        .bytes()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count();
    if opened > MAX_DEPTH && depth(text.as_bytes()) > MAX_DEPTH {
        return Err(DocumentError::TooDeep);
    }
    let value: Value = sonic_rs::from_str(text).map_err(|error| DocumentError::Malformed {
        line: error.line(),
        column: error.column(),
        reason: reason(&error),
    })?;
    check(&value)?;
    Ok(value)
}

/// A value in a document.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a>(&'a Value);

impl<'a> Node<'a> {
    /// What an object has under a key.
    pub fn get(self, key: &str) -> Option<Node<'a>> {
        self.0.get(key).map(Node)
    }

    /// What an array has; nothing, when it is none.
    pub fn items(self) -> impl Iterator<Item = Node<'a>> {
        let items = self.0.as_array().into_iter();
        items.flat_map(|items| items.iter().map(Node))
    }

    /// The text, if it is one.
    pub fn as_str(self) -> Option<&'a str> {
        self.0.as_str()
    }

    /// The truth value, if it is one.
    pub fn as_bool(self) -> Option<bool> {
        self.0.as_bool()
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.is_object()
    }
}

/// Undoes RFC 6901's `~1` for `/` and `~0` for `~` in one segment.
pub fn unescape(token: &str) -> std::borrow::Cow<'_, str> {
    if token.contains('~') {
        token.replace("~1", "/").replace("~0", "~").into()
    } else {
        token.into()
    }
}

/// Writes a key as a pointer segment.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// RFC 6901 §4: digits without a leading zero.
fn array_index(token: &str) -> Option<usize> {
    let plain = token == "0" || !token.starts_with('0');
    (plain && token.bytes().all(|byte| byte.is_ascii_digit())).then(|| token.parse().ok())?
}

/// A parsed value always has a text; the fallback only satisfies the type.
fn write(value: &Value) -> String {
    sonic_rs::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// The first line of the parser's message, which goes on with a drawing of the place.
fn reason(error: &sonic_rs::Error) -> String {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    first
        .split(" at line")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// How deep the brackets nest, up to the first place where the text is no JSON.
pub fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => rest = after_string(after),
            _ => {}
        }
    }
    deepest
}

/// What follows a string of which the opening quote was just read.
fn after_string(text: &[u8]) -> &[u8] {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| memchr::memchr(b'"', rest)) {
        let (inside, outside) = text.split_at(from + found);
        let backslashes = inside
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count();
        if backslashes % 2 == 0 {
            return outside.get(1..).unwrap_or_default();
        }
        from += found + 1;
    }
    &[]
}

/// Looks for keys that stand twice in one object.
fn check(root: &Value) -> Result<(), DocumentError> {
    match doubled(root) {
        None => Ok(()),
        Some((object, key)) => Err(DocumentError::DuplicateKey {
            key: key.to_owned(),
            pointer: pointer_to(root, object).unwrap_or_default(),
        }),
    }
}

/// An object with a key twice, and the key. Goes no deeper than [`MAX_DEPTH`].
fn doubled(value: &Value) -> Option<(&Value, &str)> {
    let Some(object) = value.as_object() else {
        let items = value.as_array()?.iter();
        return items.filter(|child| is_container(child)).find_map(doubled);
    };
    let mut seen = Seen::default();
    let mut all_new = object.len() <= 64;
    for (key, child) in object {
        all_new = all_new && seen.is_new(key);
        if is_container(child)
            && let Some(found) = doubled(child)
        {
            return Some(found);
        }
    }
    if all_new {
        return None;
    }
    let mut keys: Vec<&str> = object.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.windows(2).find_map(|pair| match pair {
        [first, second] if first == second => Some((value, *first)),
        _ => None,
    })
}

fn is_container(value: &Value) -> bool {
    matches!(value.get_type(), JsonType::Object | JsonType::Array)
}

/// A filter of 1024 bits, which clears nearly every object of ordinary size without comparing a key.
#[derive(Default)]
struct Seen([u64; 16]);

impl Seen {
    /// Whether a key surely was not there before.
    fn is_new(&mut self, key: &str) -> bool {
        let hash = spread(key.as_bytes());
        let (word, bit) = ((hash >> 60) as usize, 1_u64 << ((hash >> 54) & 63));
        let Some(word) = self.0.get_mut(word) else {
            return false;
        };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}

/// Well-mixed high bits from a key's length and ends; a clash only costs the exact check.
fn spread(bytes: &[u8]) -> u64 {
    let (first, last) = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => (
            bytes
                .iter()
                .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
            0,
        ),
    };
    let mixed = (first ^ last.rotate_left(29)).wrapping_add(bytes.len() as u64);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The pointer of a value that was found below `root`; only used to word an error.
fn pointer_to(root: &Value, wanted: &Value) -> Option<String> {
    let mut open = vec![(root, String::new())];
    while let Some((value, pointer)) = open.pop() {
        if std::ptr::eq(value, wanted) {
            return Some(pointer);
        }
        if let Some(object) = value.as_object() {
            open.extend(
                object
                    .iter()
                    .map(|(key, child)| (child, format!("{pointer}/{}", escape(key)))),
            );
        } else if let Some(array) = value.as_array() {
            open.extend(
                array
                    .iter()
                    .enumerate()
                    .map(|(index, child)| (child, format!("{pointer}/{index}"))),
            );
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Document, DocumentError> {
        Document::parse(text.to_owned())
    }

    #[test]
    fn a_pointer_finds_what_rfc_6901_says() {
        let document =
            parse(r#"{"foo":["bar","baz"],"":0,"a/b":1,"m~n":8," ":7,"o":{"x":"y"}}"#).unwrap();
        for (pointer, expected) in [
            ("/foo", Some(r#"["bar","baz"]"#)),
            ("/foo/0", Some(r#""bar""#)),
            ("/foo/00", None),
            ("/foo/-", None),
            ("/foo/2", None),
            ("/", Some("0")),
            ("/a~1b", Some("1")),
            ("/m~0n", Some("8")),
            ("/ ", Some("7")),
            ("/o/x", Some(r#""y""#)),
            ("/o/x/z", None),
            ("foo", None),
        ] {
            assert_eq!(document.get(pointer).as_deref(), expected, "{pointer}");
        }
        assert_eq!(document.get("").as_deref(), Some(document.text()));
        assert_eq!(document.part("/o").unwrap().text(), r#"{"x":"y"}"#);
        assert_eq!(document.str_at("/foo/1"), Some("baz"));
    }

    #[test]
    fn malformed_text_is_refused_with_its_place() {
        let error = parse("{\n  \"a\": 1,\n  oops\n}").unwrap_err();
        assert!(
            matches!(error, DocumentError::Malformed { line: 3, .. }),
            "{error}"
        );
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1} x",
            "\"\u{1}\"",
            "nul",
            "1e999999",
            "{'a':1}",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            Document::parse_bytes(b"{\"a\":\"\xff\"}".to_vec()).unwrap_err(),
            DocumentError::NotUtf8(6)
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let error = parse(r#"{"x":[{"image":"good","image":"bad"}]}"#).unwrap_err();
        assert_eq!(
            error,
            DocumentError::DuplicateKey {
                key: "image".into(),
                pointer: "/x/0".into()
            }
        );
        let many: Vec<String> = (0..1000).map(|n| format!("\"k{n}\":0")).collect();
        assert!(parse(&format!("{{{}}}", many.join(","))).is_ok());
        assert!(parse(&format!("{{{},\"k500\":1}}", many.join(","))).is_err());
        // the same key, once escaped
        assert!(parse(r#"{"image":1,"\u0069mage":2}"#).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_without_exhausting_the_stack() {
        for depth in [MAX_DEPTH + 1, 100_000, 2_000_000] {
            assert!(
                parse(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).is_err(),
                "{depth}"
            );
            assert!(parse(&"[".repeat(depth)).is_err(), "{depth}");
        }
        let deepest = format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        let document = parse(&deepest).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(document.text()).is_ok());
        // Brackets within strings do not nest, and quotes within strings do not end them.
        assert!(
            parse(&format!(
                r#"["{}","\\\"{}","\\\\"]"#,
                "[".repeat(500),
                "]".repeat(500)
            ))
            .is_ok()
        );
        let hidden = format!(r#"{}"\\\"{}""#, r#"["]]]]","#.repeat(100), "]".repeat(100));
        assert_eq!(
            parse(&format!("{}{hidden}", r#"["]]","#.repeat(100))).unwrap_err(),
            DocumentError::TooDeep
        );
    }

    #[test]
    fn numbers_and_text_survive_unchanged() {
        let text =
            r#"{"big":18446744073709551615,"neg":-9223372036854775808,"f":1.5,"u":"\u00e9\n"}"#;
        let document = parse(text).unwrap();
        assert_eq!(document.text(), text);
        assert_eq!(
            document.get("/big").as_deref(),
            Some("18446744073709551615")
        );
        assert_eq!(
            document.get("/neg").as_deref(),
            Some("-9223372036854775808")
        );
        assert_eq!(document.str_at("/u"), Some("é\n"));
    }
}
