//! `sprintf`, as Go's `fmt.Sprintf` does it for OPA: it never fails. What does not fit is written into the text.
//!
//! Directives are `%[flags][width][.precision]verb` (<https://pkg.go.dev/fmt>). OPA gives Go whole numbers, other numbers,
//! and texts; everything else as the text of its document.

use regorus::Value;

use super::{Builtin, Fault, text, unexpected};

pub const TABLE: &[Builtin] = &[Builtin {
    name: "sprintf",
    arguments: 2,
    call: sprintf,
}];

/// Wider than this, Go takes a width for a mistake.
const WIDEST: i64 = 1_000_000;
/// What all texts may take together; there is less memory than a text of such widths could ask for.
const LONGEST: usize = 4 << 20;

fn sprintf(arguments: &[Value]) -> Result<Value, Fault> {
    let layout = text(arguments, 0)?;
    let Some(Value::Array(values)) = arguments.get(1) else {
        return Err(unexpected("an array", arguments.get(1)));
    };
    let mut values = Arguments {
        all: values.iter().map(Argument::of).collect(),
        next: 0,
        is_reordered: false,
    };
    let mut out = String::new();
    let mut rest = layout;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        rest = directive(after, &mut values, &mut out);
        if out.len() > LONGEST {
            return Err(Fault::Arguments("the text is too long".to_owned()));
        }
    }
    out.push_str(rest);
    let extra = values.all.iter().skip(values.next);
    let extra: Vec<String> = extra
        .map(|value| value.described(&Form::default()))
        .collect();
    if !extra.is_empty() && !values.is_reordered {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    Ok(Value::from(out))
}

/// The values that are written, and how far they are.
struct Arguments {
    all: Vec<Argument>,
    next: usize,
    /// Whether some number was given; then, what is left over is not complained about.
    is_reordered: bool,
}

impl Arguments {
    fn take(&mut self) -> Option<&Argument> {
        let taken = self.all.get(self.next);
        self.next += usize::from(taken.is_some());
        taken
    }

    /// `[2]`: the second is next. The error is for one that there is not.
    fn choose<'a>(&mut self, text: &'a str) -> (Option<Result<(), ()>>, &'a str) {
        let Some(inner) = text.strip_prefix('[') else {
            return (None, text);
        };
        self.is_reordered = true;
        let Some((number, after)) = inner.split_once(']') else {
            return (Some(Err(())), inner);
        };
        match number.parse::<usize>() {
            Ok(number) if (1..=self.all.len()).contains(&number) => {
                self.next = number - 1;
                (Some(Ok(())), after)
            }
            _ => (Some(Err(())), after),
        }
    }

    /// A width or precision, in digits or, where a `*` is, as the next value.
    fn size<'a>(&mut self, text: &'a str) -> (Option<Result<i64, ()>>, &'a str) {
        let checked = |size: Option<i64>| size.filter(|size| size.abs() <= WIDEST).ok_or(());
        if let Some(after) = text.strip_prefix('*') {
            let size = match self.take() {
                Some(Argument::Whole(digits)) => digits.parse().ok(),
                _ => None,
            };
            return (Some(checked(size)), after);
        }
        let end = text.bytes().take_while(u8::is_ascii_digit).count();
        match text.split_at_checked(end) {
            Some((digits, after)) if end > 0 => (Some(checked(digits.parse().ok())), after),
            _ => (None, text),
        }
    }
}

/// Writes what stands after a `%`, and answers what follows it.
fn directive<'a>(mut text: &'a str, values: &mut Arguments, out: &mut String) -> &'a str {
    let mut form = Form::default();
    loop {
        let flag = match text.chars().next() {
            Some('-') => &mut form.minus,
            Some('+') => &mut form.plus,
            Some('#') => &mut form.sharp,
            Some(' ') => &mut form.space,
            Some('0') => &mut form.zero,
            _ => break,
        };
        *flag = true;
        text = text.get(1..).unwrap_or_default();
    }
    let mut is_bad_index = false;
    let mut choose = |values: &mut Arguments, text: &mut &'a str| {
        let (chosen, after) = values.choose(text);
        is_bad_index |= chosen == Some(Err(()));
        *text = after;
    };
    choose(values, &mut text);
    let (width, after) = values.size(text);
    text = after;
    match width {
        Some(Ok(width)) => {
            form.minus |= width < 0;
            form.width = usize::try_from(width.unsigned_abs()).ok();
        }
        Some(Err(())) => out.push_str("%!(BADWIDTH)"),
        None => {}
    }
    if let Some(after) = text.strip_prefix('.') {
        text = after;
        choose(values, &mut text);
        let (precision, after) = values.size(text);
        text = after;
        match precision {
            Some(Ok(precision)) if precision >= 0 => {
                form.precision = usize::try_from(precision).ok();
            }
            Some(_) => out.push_str("%!(BADPREC)"),
            None => form.precision = Some(0),
        }
    }
    choose(values, &mut text);
    form.zero &= !form.minus;
    let Some(verb) = text.chars().next() else {
        out.push_str("%!(NOVERB)");
        return text;
    };
    if verb == '%' {
        out.push('%');
    } else if is_bad_index {
        out.push_str(&format!("%!{verb}(BADINDEX)"));
    } else if let Some(value) = values.take() {
        out.push_str(&form.written(verb, value));
    } else {
        out.push_str(&format!("%!{verb}(MISSING)"));
    }
    text.get(verb.len_utf8()..).unwrap_or_default()
}

/// What Go gets.
enum Argument {
    /// Its digits, with a sign if it is negative.
    Whole(String),
    Float(f64),
    Text(String),
}

impl Argument {
    fn of(value: &Value) -> Argument {
        match value {
            Value::String(text) => Argument::Text(text.to_string()),
            Value::Number(number) => {
                let written = value.to_string();
                let digits = written.strip_prefix('-').unwrap_or(&written);
                match number.as_f64() {
                    Some(float) if !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                        Argument::Float(float)
                    }
                    _ => Argument::Whole(written),
                }
            }
            other => Argument::Text(document(other)),
        }
    }

    /// With its type, as in complaints: `int=5`.
    fn described(&self, form: &Form) -> String {
        format!("{}={}", self.kind(), form.written('v', self))
    }

    fn kind(&self) -> &'static str {
        match self {
            Argument::Whole(digits) if digits.parse::<i64>().is_ok() => "int",
            Argument::Whole(_) => "*big.Int",
            Argument::Float(_) => "float64",
            Argument::Text(_) => "string",
        }
    }
}

/// A value as OPA writes it.
fn document(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(items.iter().map(document).collect())),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", list(items.iter().map(document).collect())),
        Value::Object(fields) => {
            let field = |(key, value)| format!("{}: {}", document(key), document(value));
            format!("{{{}}}", list(fields.iter().map(field).collect()))
        }
        other => other.to_string(),
    }
}

/// How something is to be written.
#[derive(Clone, Copy, Default)]
struct Form {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

impl Form {
    fn written(&self, verb: char, value: &Argument) -> String {
        // There, it asks for the names of fields.
        let plus = self.plus && verb != 'v';
        let form = Form { plus, ..*self };
        let written = match (verb, value) {
            ('T', value) => form.text('s', value.kind()),
            (_, Argument::Whole(digits)) => form.whole(verb, digits),
            (_, Argument::Float(float)) => form.float(verb, *float),
            (_, Argument::Text(text)) => form.text(verb, text),
        };
        written.unwrap_or_else(|| format!("%!{verb}({})", value.described(self)))
    }

    fn whole(&self, verb: char, digits: &str) -> Option<String> {
        let number: Option<i128> = digits.parse().ok();
        let magnitude = number.map(i128::unsigned_abs);
        let (prefix, body) = match verb {
            'd' | 'v' => ("", digits.trim_start_matches('-').to_owned()),
            'b' => (
                if self.sharp { "0b" } else { "" },
                format!("{:b}", magnitude?),
            ),
            'o' => (
                if self.sharp { "0" } else { "" },
                format!("{:o}", magnitude?),
            ),
            'O' => ("0o", format!("{:o}", magnitude?)),
            'x' => (
                if self.sharp { "0x" } else { "" },
                format!("{:x}", magnitude?),
            ),
            'X' => (
                if self.sharp { "0X" } else { "" },
                format!("{:X}", magnitude?),
            ),
            'c' | 'q' => {
                let c = u32::try_from(number?).ok().and_then(char::from_u32);
                let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
                return Some(self.padded(&match verb {
                    'c' => c.to_string(),
                    _ => format!("'{}'", quoted(&c.to_string()).trim_matches('"')),
                }));
            }
            'U' => {
                let digits = self.precision.unwrap_or(4).max(4);
                let form = Form {
                    zero: false,
                    ..*self
                };
                return Some(form.padded(&format!("U+{:0digits$X}", magnitude?)));
            }
            _ => return None,
        };
        let form = Form {
            zero: self.zero && self.precision.is_none(),
            ..*self
        };
        let body = match self.precision {
            // Then, zero has no digits, and nothing else.
            Some(0) if body == "0" => return Some(form.padded("")),
            Some(digits) => format!("{body:0>digits$}"),
            None => body,
        };
        Some(form.number(digits.starts_with('-'), prefix, &body))
    }

    fn float(&self, verb: char, float: f64) -> Option<String> {
        let magnitude = float.abs();
        let body = match (verb, self.precision) {
            ('e' | 'E', precision) => exponent(magnitude, precision.unwrap_or(6)),
            ('f' | 'F', precision) => {
                let digits = precision.unwrap_or(6);
                format!("{magnitude:.digits$}")
            }
            ('g' | 'G' | 'v', None) => shortest(magnitude),
            ('g' | 'G' | 'v', Some(digits)) => significant(magnitude, digits),
            _ => return None,
        };
        let body = if verb.is_ascii_uppercase() {
            body.to_uppercase()
        } else {
            body
        };
        Some(self.number(float.is_sign_negative(), "", &body))
    }

    /// Puts sign, prefix and width around the digits.
    fn number(&self, is_negative: bool, prefix: &str, body: &str) -> String {
        let sign = match (is_negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let width = self.width.unwrap_or(0);
        if self.zero {
            let digits = width.saturating_sub(sign.len() + prefix.len());
            return format!("{sign}{prefix}{body:0>digits$}");
        }
        self.padded(&format!("{sign}{prefix}{body}"))
    }

    fn text(&self, verb: char, text: &str) -> Option<String> {
        let cut: String = match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        let written = match verb {
            's' | 'v' if !(verb == 'v' && self.sharp) => cut,
            'q' | 'v' => quoted(&cut),
            'x' => self.bytes(&cut),
            'X' => self.bytes(&cut).to_uppercase(),
            _ => return None,
        };
        Some(self.padded(&written))
    }

    fn bytes(&self, text: &str) -> String {
        let prefix = if self.sharp { "0x" } else { "" };
        let bytes: Vec<String> = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        match (bytes.is_empty(), self.space) {
            (true, _) => String::new(),
            (false, true) => format!("{prefix}{}", bytes.join(&format!(" {prefix}"))),
            (false, false) => format!("{prefix}{}", bytes.concat()),
        }
    }

    fn padded(&self, text: &str) -> String {
        let width = self.width.unwrap_or(0);
        match (self.minus, self.zero) {
            (true, _) => format!("{text:<width$}"),
            (false, true) => format!("{text:0>width$}"),
            (false, false) => format!("{text:>width$}"),
        }
    }
}

/// So many digits after the point, and an exponent of at least two: `1.5e+06`.
fn exponent(float: f64, digits: usize) -> String {
    go_exponent(&format!("{float:.digits$e}"))
}

fn go_exponent(written: &str) -> String {
    let Some((mantissa, exponent)) = written.split_once('e') else {
        return written.to_owned();
    };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// As few digits as tell it from its neighbours; with an exponent below 0.0001 and from 1e+06 on.
fn shortest(float: f64) -> String {
    let written = format!("{float:e}");
    let power = written
        .split_once('e')
        .and_then(|(_, power)| power.parse().ok());
    match power {
        Some(power) if !(-4..6_i32).contains(&power) => go_exponent(&written),
        _ => format!("{float}"),
    }
}

/// So many digits in all (`%.3g`).
fn significant(float: f64, digits: usize) -> String {
    let digits = digits.max(1);
    let after = digits - 1;
    let written = format!("{float:.after$e}");
    let Some((mantissa, power)) = written.split_once('e') else {
        return written;
    };
    let power: i64 = power.parse().unwrap_or_default();
    let plain = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let most = i64::try_from(digits).unwrap_or(i64::MAX);
    if power < -4 || power >= most {
        return go_exponent(&format!("{}e{power}", plain(mantissa)));
    }
    let after = usize::try_from(most - 1 - power).unwrap_or_default();
    plain(&format!("{float:.after$}"))
}

/// In quotes, as Go writes it in source code.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c.is_control() && (c as u32) < 0x80 => {
                out.push_str(&format!("\\x{:02x}", c as u32))
            }
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
