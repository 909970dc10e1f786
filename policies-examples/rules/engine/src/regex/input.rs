//! The characters of a pattern, and why it is refused.

/// Why a pattern is not translated.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Python would not take it either.
    Invalid,
    /// `(?x)` was found: the pattern has to be read again with white space ignored.
    Verbose,
    /// Flags that do not go together; Python's complaint about them is of another class.
    Flags,
    TooDeep,
}

pub(super) type Parsed<T> = Result<T, Refusal>;

pub(super) struct Input {
    chars: Vec<char>,
    at: usize,
}

impl Input {
    pub fn new(pattern: &str) -> Input {
        Input {
            chars: pattern.chars().collect(),
            at: 0,
        }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn seek(&mut self, at: usize) {
        self.at = at;
    }

    pub fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    /// The next character, which must be there.
    pub fn need(&mut self) -> Parsed<char> {
        self.take().ok_or(Refusal::Invalid)
    }

    pub fn take_if(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.at += 1;
        }
        is_next
    }

    pub fn expect(&mut self, wanted: char) -> Parsed<()> {
        match self.take_if(wanted) {
            true => Ok(()),
            false => Err(Refusal::Invalid),
        }
    }

    /// As long as the characters are so, but not more than so many.
    pub fn take_while(&mut self, most: usize, is_part: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while taken.chars().count() < most
            && let Some(c) = self.peek().filter(|c| is_part(*c))
        {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    /// Up to a character, which is taken too; what is between must not be empty.
    pub fn until(&mut self, end: char) -> Parsed<String> {
        let taken = self.take_while(usize::MAX, |c| c != end);
        self.expect(end)?;
        match taken.is_empty() {
            true => Err(Refusal::Invalid),
            false => Ok(taken),
        }
    }
}
