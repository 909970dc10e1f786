//! `[…]`

use super::escape::category;
use super::input::{Parsed, Refusal};
use super::translate::{Translator, literal};
use crate::context::RegexFlags;

enum Member {
    Category(String),
    Character(char),
}

impl Translator {
    /// A class; a closing bracket at its start is a member.
    pub fn class(&mut self, flags: RegexFlags) -> Parsed<String> {
        let mut text = String::from("[");
        if self.input.take_if('^') {
            text.push('^');
        }
        let mut empty = true;
        loop {
            let c = self.input.need()?;
            if c == ']' && !empty {
                break;
            }
            empty = false;
            match self.member(c, flags)? {
                Member::Category(class) => {
                    let dash = self.input.at();
                    if self.input.take_if('-') && self.input.peek() != Some(']') {
                        return Err(Refusal::Invalid);
                    }
                    self.input.seek(dash);
                    text.push_str(&class);
                }
                Member::Character(low) => text.push_str(&self.range(low, flags)?),
            }
        }
        text.push(']');
        Ok(text)
    }

    fn member(&mut self, c: char, flags: RegexFlags) -> Parsed<Member> {
        if c != '\\' {
            return Ok(Member::Character(c));
        }
        let escaped = self.input.need()?;
        match category(escaped, flags) {
            Some(class) => Ok(Member::Category(class)),
            None => self.class_escape(escaped).map(Member::Character),
        }
    }

    /// A character, or a range that it begins. A dash at the end is a member.
    fn range(&mut self, low: char, flags: RegexFlags) -> Parsed<String> {
        let dash = self.input.at();
        if !self.input.take_if('-') {
            return Ok(literal(low));
        }
        let next = self.input.need()?;
        if next == ']' {
            self.input.seek(dash);
            return Ok(literal(low));
        }
        match self.member(next, flags)? {
            Member::Character(high) if low <= high => {
                Ok(format!("{}-{}", literal(low), literal(high)))
            }
            _ => Err(Refusal::Invalid),
        }
    }
}
