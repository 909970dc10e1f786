//! What attributes of XCCDF say: texts, numbers, severities, times.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::super::super::model::Severity;
use super::xml::Element;

/// What a severity may say (§6.6.4.1).
const SEVERITIES: [&str; 5] = ["unknown", "info", "low", "medium", "high"];

/// What an attribute says; nothing when it is empty.
pub(super) fn optional(element: &Element<'_>, name: &str) -> Result<Option<String>, String> {
    let value = element.attribute(name)?;
    Ok(value.filter(|value| !value.trim_ascii().is_empty()))
}

/// What an attribute says that must be there.
pub(super) fn required(element: &Element<'_>, name: &str) -> Result<String, String> {
    optional(element, name)?.ok_or_else(|| format!("attribute {name:?} is missing or empty"))
}

/// How bad a rule says that it is.
pub(super) fn severity(element: &Element<'_>) -> Result<Option<Severity>, String> {
    let Some(word) = element.attribute("severity")? else {
        return Ok(None);
    };
    if SEVERITIES.contains(&word.as_str()) {
        return Ok(Some(Severity::of(&word)));
    }
    let known = SEVERITIES.join(", ");
    Err(format!("severity {word:?} is none of {known}"))
}

/// An attribute that is a number.
pub(super) fn number(element: &Element<'_>, name: &str) -> Result<Option<f64>, String> {
    let value = element.attribute(name)?;
    value.map(|value| positive(name, &value)).transpose()
}

/// A number from 0 up; the name is for the error.
pub(super) fn positive(name: &str, text: &str) -> Result<f64, String> {
    let number = text.trim_ascii().parse().ok();
    let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| format!("{name} {text:?} is no number from 0 up"))
}

/// A time of XML Schema; without an offset it is taken as UTC.
pub(super) fn moment(element: &Element<'_>, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = optional(element, name)? else {
        return Ok(None);
    };
    let text = text.trim_ascii();
    let time = text.parse::<Timestamp>().or_else(|_| {
        let time: DateTime = text.parse()?;
        Offset::UTC.to_timestamp(time)
    });
    let time = time.map_err(|_| format!("{name} {text:?} is no time like 2024-01-31T12:00:00Z"))?;
    Ok(Some(time))
}
