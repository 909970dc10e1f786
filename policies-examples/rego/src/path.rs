//! Paths of rules and documents: their parts, below `data`.

/// The parts below `data`.
pub type Path = Vec<String>;

/// As Rego writes it: `data.main.deny`, `data["a-b"].deny`.
pub fn reference(path: &[String]) -> String {
    ["data".to_owned()]
        .into_iter()
        .chain(path.iter().map(|part| step(part)))
        .collect()
}

fn step(part: &str) -> String {
    match is_identifier(part) {
        true => format!(".{part}"),
        false => format!("[{}]", serde_json::Value::from(part)),
    }
}

/// As people write it: `main.deny`.
pub fn short(path: &[String]) -> String {
    let text = reference(path);
    match text.strip_prefix("data.") {
        Some(text) => text.to_owned(),
        None => text,
    }
}

/// From what people write: `main.deny`, `data.main.deny`, `main/deny`.
pub fn of_setting(text: &str) -> Path {
    let separator = if text.contains('/') { '/' } else { '.' };
    let mut parts = text.split(separator).map(str::to_owned).peekable();
    if parts.peek().is_some_and(|first| first == "data") {
        parts.next();
    }
    parts.collect()
}

/// Like [`reference`], but parts that are whole numbers are places of arrays: `data.servers[0]`.
pub fn with_numbers(path: &[String]) -> String {
    let place = |part: &String| match part.parse::<u32>() {
        Ok(number) if number.to_string() == *part => format!("[{number}]"),
        _ => step(part),
    };
    ["data".to_owned()]
        .into_iter()
        .chain(path.iter().map(place))
        .collect()
}

/// From OPA's data API, where the path of a URL is one; empty for all of `data`. Escaped as by RFC 6901.
pub fn of_query(text: &str) -> Path {
    let parts = text.split('/').filter(|part| !part.is_empty());
    parts.map(unescape).collect()
}

/// From the `data` capability's notation, RFC 6901 without the first slash.
pub fn of_data(text: &str) -> Path {
    text.split('/').map(unescape).collect()
}

fn unescape(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

fn is_identifier(part: &str) -> bool {
    let mut bytes = part.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
