//! Brackets in brackets. The interpreter's parser reads what a bracket begins with twice, to find out whether it is a
//! comprehension: with each level, its time doubles.

/// How deep brackets may be nested.
const MOST: usize = 16;

/// The line and column of the first bracket that is too deep, or of a NUL, which the parser takes for the end; and what is
/// wrong with it.
pub fn unreadable(text: &str) -> Option<String> {
    let mut depth: usize = 0;
    let mut state = State::Code;
    for (number, line) in text.lines().enumerate() {
        // Only texts in backquotes go on.
        if state != State::Raw {
            state = State::Code;
        }
        for (column, c) in line.chars().enumerate() {
            if c == '\0' {
                let (line, column) = (number + 1, column + 1);
                return Some(format!("{line}:{column}: there is a NUL character"));
            }
            state = match (state, c) {
                (State::Code, '#') => State::Comment,
                (State::Code, '"') => State::Text,
                (State::Code, '`') => State::Raw,
                (State::Text, '\\') => State::Escape,
                (State::Escape, _) => State::Text,
                (State::Text, '"') | (State::Raw, '`') => State::Code,
                (State::Code, '[' | '{') => {
                    depth += 1;
                    if depth > MOST {
                        let (line, column) = (number + 1, column + 1);
                        let message = format!("brackets are nested more than {MOST} deep");
                        return Some(format!("{line}:{column}: {message}"));
                    }
                    State::Code
                }
                (State::Code, ']' | '}') => {
                    depth = depth.saturating_sub(1);
                    State::Code
                }
                (state, _) => state,
            };
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Code,
    Comment,
    Text,
    Escape,
    Raw,
}
