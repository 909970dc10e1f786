//! The text of an expression: how large it may be, and where in it something stands.

use interpreter::parser::pratt_parser::{Lexer, Token, TokenKind};
// The other parser, which ANTLR generates, needs ten times the stack.
use interpreter::parser::{Expression, PrattParser};

/// Bytes of an expression; far more than anybody writes by hand.
const MAX_LENGTH: usize = 16 << 10;
/// Words and signs of an expression.
const MAX_WORDS: usize = 4000;
/// Words and signs between commas, and between `&&`, `||`, `?` and `:`. The parser makes chains of them (`1 + 1 + 1`, `a.b.c`)
/// without calling itself, but forgets them by calling itself.
const MAX_CHAIN: usize = 1000;
/// Parentheses, brackets, braces and conditionals in each other. The language's specification asks for 12 brackets or 24
/// conditionals.
const MAX_NESTING: usize = 80;

/// What a problem is about: the first such word of the source.
pub enum Anchor {
    /// All of it.
    Whole,
    /// A name.
    Name(String),
    /// A name that is called.
    Function(String),
    /// A part of a literal.
    Text(String),
}

/// Parses what is not too large; or says what is wrong, with line and column.
pub fn parse(source: &str) -> Result<Expression, Vec<String>> {
    if source.trim().is_empty() {
        return Err(vec!["it is empty".to_owned()]);
    }
    let length = source.len();
    if length > MAX_LENGTH {
        return Err(vec![format!(
            "it is {length} bytes long; {MAX_LENGTH} are allowed"
        )]);
    }
    measure(source).map_err(|message| vec![message])?;
    let parser = PrattParser::new()
        // It would count less than what was measured.
        .max_recursion_depth(u16::MAX)
        .enable_optional_syntax(true)
        .enable_ident_escape_syntax(true);
    parser.parse(source).map_err(|errors| {
        let told = errors.errors.into_iter().map(|error| {
            let (line, column) = error.pos;
            let message = error.msg.trim_start_matches("Syntax error: ").to_owned();
            match line {
                ..1 => message,
                _ => format!("line {line}, column {column}: {message}"),
            }
        });
        told.collect()
    })
}

/// What stands in one bracket.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Conditionals that have begun in it: what follows is nested in them.
    conditionals: usize,
    /// Words and signs since the last comma, or the like.
    chain: usize,
}

/// Whether the parser can be let loose on it: it calls itself for everything that nests.
fn measure(source: &str) -> Result<(), String> {
    let (mut outer, mut level) = (Vec::new(), Level::default());
    let mut before = TokenKind::TokEnd;
    for (count, token) in words(source).enumerate() {
        level.chain += 1;
        match token.kind {
            TokenKind::TokLeftParen | TokenKind::TokLeftBracket | TokenKind::TokLeftBrace => {
                outer.push(level);
                level = Level::default();
            }
            TokenKind::TokRightParen | TokenKind::TokRightBracket | TokenKind::TokRightBrace => {
                level = outer.pop().unwrap_or_default();
            }
            TokenKind::TokComma => level = Level::default(),
            TokenKind::TokQuestion if !is_before_optional(before) => {
                level.conditionals += 1;
                level.chain = 0;
            }
            TokenKind::TokLogicalAnd | TokenKind::TokLogicalOr | TokenKind::TokColon => {
                level.chain = 0;
            }
            _ => {}
        }
        before = token.kind;
        let conditionals = outer.iter().chain([&level]).map(|level| level.conditionals);
        let problem = if outer.len() + conditionals.sum::<usize>() > MAX_NESTING {
            format!("it nests more than {MAX_NESTING} deep")
        } else if level.chain > MAX_CHAIN {
            format!("more than {MAX_CHAIN} words and signs hang together")
        } else if count >= MAX_WORDS {
            format!("it has more than {MAX_WORDS} words and signs")
        } else {
            continue;
        };
        let place = line_and_column(source, token.start);
        return Err(format!("{place}: {problem}"));
    }
    Ok(())
}

/// Whether a question mark after such a token asks for an optional value: `a.?b`, `a[?b]`, `[?a, ?b]`, `{?a: b}`.
fn is_before_optional(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::TokDot
            | TokenKind::TokLeftBracket
            | TokenKind::TokLeftBrace
            | TokenKind::TokComma
    )
}

/// All but white space and comments, up to what is no word.
fn words(source: &str) -> impl Iterator<Item = Token> + '_ {
    let mut lexer = Lexer::new(source);
    std::iter::from_fn(move || {
        loop {
            let token = lexer.lex();
            match token.kind {
                TokenKind::TokWhitespace | TokenKind::TokComment => {}
                TokenKind::TokEnd | TokenKind::TokError => return None,
                _ => return Some(token),
            }
        }
    })
}

/// Where the first word is that an anchor means: the parser does not tell where what it has read stood.
pub fn position(source: &str, anchor: &Anchor) -> Option<String> {
    let mut words = words(source).peekable();
    while let Some(token) = words.next() {
        let text = source.get(token.start..token.end).unwrap_or_default();
        let is_called = words
            .peek()
            .is_some_and(|next| next.kind == TokenKind::TokLeftParen);
        let is_meant = match anchor {
            Anchor::Whole => false,
            Anchor::Name(name) => text == name && !is_called,
            Anchor::Function(name) => text == name && is_called,
            Anchor::Text(part) => token.kind == TokenKind::TokString && text.contains(part),
        };
        if is_meant {
            return Some(line_and_column(source, token.start));
        }
    }
    None
}

fn line_and_column(source: &str, offset: usize) -> String {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    format!("line {line}, column {column}")
}
