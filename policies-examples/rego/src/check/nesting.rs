//! What the interpreter's parser would not come to an end with, or only without stack: it reads what a bracket begins with
//! twice, to find out whether it is a comprehension, so that its time doubles with each level; the others it follows down.

/// How deep brackets may be nested.
const BRACKETS: usize = 16;
/// How deep parentheses may be nested.
const PARENTHESES: usize = 100;
/// How many signs of operators an expression may have, dots of references among them.
const SIGNS: usize = 1000;

/// The line and column of what is nested too deep, or of a NUL, which the parser takes for the end; and what is wrong with
/// it.
pub fn unreadable(text: &str) -> Option<String> {
    let mut reader = Reader {
        state: State::Code,
        open: Vec::new(),
        signs: 0,
        ends_with_sign: false,
        is_at_start: true,
    };
    for (number, line) in text.lines().enumerate() {
        reader.begin_line();
        for (column, c) in line.chars().enumerate() {
            if let Err(message) = reader.read(c) {
                let (line, column) = (number + 1, column + 1);
                return Some(format!("{line}:{column}: {message}"));
            }
        }
    }
    None
}

struct Reader {
    state: State,
    /// What is open, and how many signs stood before it in its expression.
    open: Vec<(Open, usize)>,
    /// How many signs of operators the expression has so far.
    signs: usize,
    /// Whether what stood last is one.
    ends_with_sign: bool,
    /// Whether nothing stood in the line before.
    is_at_start: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Bracket,
    Parenthesis,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Comment,
    Text,
    Escape,
    Raw,
}

impl Reader {
    fn begin_line(&mut self) {
        // Only texts in backquotes go on.
        if self.state != State::Raw {
            self.state = State::Code;
        }
        self.is_at_start = true;
    }

    fn read(&mut self, c: char) -> Result<(), String> {
        if c == '\0' {
            return Err("there is a NUL character".to_owned());
        }
        self.state = match (self.state, c) {
            (State::Code, '#') => State::Comment,
            (State::Code, '"') => State::Text,
            (State::Code, '`') => State::Raw,
            (State::Text, '\\') => State::Escape,
            (State::Escape, _) => State::Text,
            (State::Text, '"') | (State::Raw, '`') => State::Code,
            (State::Code, c) => {
                self.read_code(c)?;
                State::Code
            }
            (state, _) => state,
        };
        Ok(())
    }

    fn read_code(&mut self, c: char) -> Result<(), String> {
        if c.is_whitespace() {
            return Ok(());
        }
        let is_sign = "+-*/%&|.=<>!".contains(c);
        // An expression goes on in the next line where a sign asks for it.
        if std::mem::take(&mut self.is_at_start) && !self.ends_with_sign && !is_sign {
            self.signs = 0;
        }
        self.ends_with_sign = is_sign;
        match c {
            '[' | '{' => self.open(Open::Bracket, BRACKETS, "brackets")?,
            '(' => self.open(Open::Parenthesis, PARENTHESES, "parentheses")?,
            ']' | '}' | ')' => {
                let outer = self.open.pop();
                self.signs = outer.map_or(0, |(_, signs)| signs);
            }
            ',' | ';' => self.signs = 0,
            _ if is_sign => self.signs += 1,
            _ => {}
        }
        if self.signs > SIGNS {
            return Err(format!(
                "an expression has more than {SIGNS} signs of operators"
            ));
        }
        Ok(())
    }

    fn open(&mut self, kind: Open, most: usize, what: &str) -> Result<(), String> {
        self.open.push((kind, self.signs));
        self.signs = 0;
        let depth = self.open.iter().filter(|(open, _)| *open == kind).count();
        if depth > most {
            return Err(format!("{what} are nested more than {most} deep"));
        }
        Ok(())
    }
}
