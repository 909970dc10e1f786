//! A result's message: a text, or a template of the rule's with arguments (§3.11).

use std::borrow::Cow;

use super::super::{Repeats, Wrong};
use super::document::{Message, Rule, Words};

/// The message's text.
pub(super) fn read<'a>(
    message: Option<&'a Message<'_>>,
    rule: Option<&'a Rule<'_>>,
    place: &str,
    repeats: &mut Repeats,
) -> Result<Cow<'a, str>, Wrong> {
    let Some(message) = message else {
        return Ok(Cow::Borrowed(""));
    };
    let template = || {
        let id = message.id.as_deref()?;
        let templates = rule?.message_strings.as_ref()?;
        Words::text(templates.get(id))
    };
    let text = message.text.as_deref().filter(|text| !text.is_empty());
    let text = text.or_else(template).unwrap_or_default();
    repeats.add(place, text.len())?;
    match message.arguments.as_deref() {
        Some(arguments) if !arguments.is_empty() => {
            fill_in(text, arguments, place, repeats).map(Cow::Owned)
        }
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// Puts the arguments in: `{0}`; `{{` and `}}` are braces.
fn fill_in(
    text: &str,
    arguments: &[Cow<'_, str>],
    place: &str,
    repeats: &mut Repeats,
) -> Result<String, Wrong> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at(at);
        filled.push_str(before);
        let hole = after
            .strip_prefix('{')
            .and_then(|after| after.split_once('}'));
        let argument = hole.and_then(|(number, after)| {
            Some((arguments.get(number.parse::<usize>().ok()?)?, after))
        });
        if let Some((argument, after)) = argument {
            repeats.add(place, argument.len())?;
            filled.push_str(argument);
            rest = after;
        } else {
            let brace = if after.starts_with('{') { '{' } else { '}' };
            let after = after.strip_prefix(brace).unwrap_or_default();
            filled.push(brace);
            rest = after.strip_prefix(brace).unwrap_or(after);
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_put_in() {
        let arguments = [Cow::Borrowed("a"), Cow::Borrowed("{0}")];
        for (text, expected) in [
            ("", ""),
            ("{0}", "a"),
            ("{1} {0}!", "{0} a!"),
            ("{{0}} }}", "{0} }"),
            ("{2} {x} {", "{2} {x} {"),
            ("ä{0}ö", "äaö"),
        ] {
            let filled = fill_in(text, &arguments, "", &mut Repeats::default());
            assert_eq!(filled.unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_short_template_cannot_make_a_long_message() {
        let argument = [Cow::Owned("x".repeat(1 << 20))];
        let text = "{0}".repeat(1 << 10);
        assert!(fill_in(&text, &argument, "", &mut Repeats::default()).is_err());
    }
}
