//! How tightly operators bind: one table for each version. To add an operator: its row in `OPERATORS`, its place in both.

use super::tree::{BinaryOp, Logic};

/// What an operator makes of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Makes {
    Binary(BinaryOp),
    Logic(Logic),
    Ternary,
}

/// How an operator stands to others of its own level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
    /// Two of them in a row are a mistake.
    None,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Operator {
    pub makes: Makes,
    /// The higher, the tighter.
    pub level: u8,
    pub side: Side,
}

const OPERATORS: [(&str, Makes); 27] = [
    ("**", Makes::Binary(BinaryOp::Power)),
    ("*", Makes::Binary(BinaryOp::Multiply)),
    ("/", Makes::Binary(BinaryOp::Divide)),
    ("//", Makes::Binary(BinaryOp::DivideWhole)),
    ("%", Makes::Binary(BinaryOp::Modulo)),
    ("+", Makes::Binary(BinaryOp::Add)),
    ("-", Makes::Binary(BinaryOp::Subtract)),
    ("<<", Makes::Binary(BinaryOp::ShiftLeft)),
    (">>", Makes::Binary(BinaryOp::ShiftRight)),
    ("&", Makes::Binary(BinaryOp::BitAnd)),
    ("^", Makes::Binary(BinaryOp::BitXor)),
    ("|", Makes::Binary(BinaryOp::BitOr)),
    ("=~", Makes::Binary(BinaryOp::Match)),
    ("=~~", Makes::Binary(BinaryOp::Search)),
    ("!~", Makes::Binary(BinaryOp::NotMatch)),
    ("!~~", Makes::Binary(BinaryOp::NotSearch)),
    ("<", Makes::Binary(BinaryOp::Less)),
    ("<=", Makes::Binary(BinaryOp::LessEqual)),
    (">", Makes::Binary(BinaryOp::Greater)),
    (">=", Makes::Binary(BinaryOp::GreaterEqual)),
    ("in", Makes::Binary(BinaryOp::In)),
    ("==", Makes::Binary(BinaryOp::Equal)),
    ("!=", Makes::Binary(BinaryOp::Unequal)),
    ("??", Makes::Binary(BinaryOp::Coalesce)),
    ("and", Makes::Logic(Logic::And)),
    ("or", Makes::Logic(Logic::Or)),
    ("?", Makes::Ternary),
];

/// The unary minus in the tables below.
const MINUS: &str = "unary -";

type Levels = &'static [(Side, &'static [&'static str])];

/// From loose to tight.
const V5: Levels = &[
    (Side::Right, &["?"]),
    (Side::Left, &["or"]),
    (Side::Left, &["and"]),
    (Side::Right, &["not"]),
    (Side::Right, &["??"]),
    (Side::None, &["==", "!="]),
    (
        Side::None,
        &["=~", "=~~", "!~", "!~~", "<", "<=", ">", ">=", "in"],
    ),
    (Side::Left, &["|"]),
    (Side::Left, &["^"]),
    (Side::Left, &["&"]),
    (Side::Left, &["<<", ">>"]),
    (Side::Left, &["+", "-"]),
    (Side::Left, &["*", "/", "//", "%"]),
    (Side::Right, &[MINUS]),
    (Side::Left, &["**"]),
];

const V4: Levels = &[
    (Side::Left, &["or"]),
    (Side::Left, &["and"]),
    (Side::Right, &["not"]),
    (Side::Left, &["|"]),
    (Side::Left, &["^"]),
    (Side::Left, &["&"]),
    (Side::Right, &["?"]),
    (
        Side::None,
        &[
            "==", "!=", "=~", "=~~", "!~", "!~~", "<", "<=", ">", ">=", "in",
        ],
    ),
    (Side::Left, &["+", "-"]),
    (Side::Left, &["<<", ">>"]),
    (Side::Left, &["*", "/", "//", "%"]),
    (Side::Left, &["**"]),
    (Side::Right, &[MINUS]),
];

/// One version's table.
#[derive(Clone, Copy)]
pub(super) struct Precedence(Levels);

impl Precedence {
    pub fn new(v4: bool) -> Precedence {
        Precedence(if v4 { V4 } else { V5 })
    }

    pub fn operator(self, sign: &str) -> Option<Operator> {
        let (_, makes) = OPERATORS.iter().find(|(known, _)| *known == sign)?;
        let (level, side) = self.level(sign)?;
        Some(Operator {
            makes: *makes,
            level,
            side,
        })
    }

    pub fn not(self) -> u8 {
        self.level("not").map_or(0, |(level, _)| level)
    }

    pub fn minus(self) -> u8 {
        self.level(MINUS).map_or(0, |(level, _)| level)
    }

    fn level(self, sign: &str) -> Option<(u8, Side)> {
        let at = self.0.iter().position(|(_, signs)| signs.contains(&sign))?;
        let (side, _) = self.0.get(at)?;
        Some((u8::try_from(at).ok()? + 1, *side))
    }
}

/// How an operator is written.
pub(super) fn sign_of(makes: Makes) -> &'static str {
    match OPERATORS.iter().find(|(_, known)| *known == makes) {
        Some((sign, _)) => sign,
        None => "not in",
    }
}
