//! Kubernetes' quantities: `500m`, `1.5Gi`, `12e6`. See `k8s.io/apimachinery/pkg/api/resource`.

use std::any::Any;
use std::cmp::Ordering;

use interpreter::common::types::{CelBool, CelDouble, CelInt, CelString, Type};
use interpreter::common::value::{StaticVal, Val};
use interpreter::{DeclarationError, Env, ExecutionError};

static TYPE: Type = Type::new_unspecified_type("kubernetes.Quantity");

/// The smallest part that quantities know: what is smaller is rounded up.
const NANO: i128 = 1_000_000_000;

/// A quantity, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity(i128);

/// Suffixes with what they multiply by: a power of ten, and a power of two.
const SUFFIXES: &[(&str, i32, u32)] = &[
    ("n", -9, 0),
    ("u", -6, 0),
    ("m", -3, 0),
    ("", 0, 0),
    ("k", 3, 0),
    ("M", 6, 0),
    ("G", 9, 0),
    ("T", 12, 0),
    ("P", 15, 0),
    ("E", 18, 0),
    ("Ki", 0, 10),
    ("Mi", 0, 20),
    ("Gi", 0, 30),
    ("Ti", 0, 40),
    ("Pi", 0, 50),
    ("Ei", 0, 60),
];

impl Quantity {
    /// Reads a sign, digits with a point, and a suffix or an exponent. Nothing for what is no quantity, or larger than
    /// 64 bits can count.
    pub fn parse(text: &str) -> Option<Quantity> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let is_digit = |byte: char| byte.is_ascii_digit() || byte == '.';
        let end = unsigned
            .find(|byte| !is_digit(byte))
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at_checked(end)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (ten, two) = scale(suffix)?;
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        // More digits than any quantity has; and so many that the exponent below stays small.
        if digits.len() > 27 || fraction.len() > 27 {
            return None;
        }
        let mantissa: i128 = if digits.is_empty() {
            0
        } else {
            digits.parse().ok()?
        };
        let value = mantissa.checked_mul(1 << two)?;
        let power = 9 + ten - i32::try_from(fraction.len()).ok()?;
        let factor = 10_i128.checked_pow(power.unsigned_abs())?;
        let value = match power >= 0 {
            true => value.checked_mul(factor)?,
            // Away from zero, as Kubernetes does.
            false => value.checked_add(factor - 1)? / factor,
        };
        let quantity = Quantity(if negative { -value } else { value });
        (value <= i128::from(i64::MAX) * NANO).then_some(quantity)
    }

    fn is_integer(self) -> bool {
        self.0 % NANO == 0
    }
}

/// The powers of ten and of two that a suffix means.
fn scale(suffix: &str) -> Option<(i32, u32)> {
    if let Some((_, ten, two)) = SUFFIXES.iter().find(|(known, _, _)| *known == suffix) {
        return Some((*ten, *two));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    let exponent: i32 = exponent.parse().ok()?;
    (-18..=18).contains(&exponent).then_some((exponent, 0))
}

/// Why a text is no quantity.
pub fn problem(text: &str) -> Option<String> {
    match Quantity::parse(text) {
        Some(_) => None,
        None => Some(format!("{text:?} is no quantity, such as 500m or 1.5Gi")),
    }
}

impl Val for Quantity {
    fn get_type(&self) -> &Type {
        &TYPE
    }

    fn cel_type() -> &'static Type {
        &TYPE
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Quantity>() == Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(*self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Quantity {}

pub fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    interpreter::add_overload!(env, fn quantity: (CelString) -> Result<Quantity>)?;
    interpreter::add_overload!(env, fn is_quantity: (CelString) -> CelBool)?;
    interpreter::add_member_overload!(env, fn is_integer: (Quantity) -> CelBool)?;
    interpreter::add_member_overload!(env, fn as_integer: (Quantity) -> Result<CelInt>)?;
    interpreter::add_member_overload!(env, fn as_approximate_float: (Quantity) -> CelDouble)?;
    interpreter::add_member_overload!(env, fn sign: (Quantity) -> CelInt)?;
    interpreter::add_member_overload!(env, fn compare_to: (Quantity, Quantity) -> CelInt)?;
    interpreter::add_member_overload!(env, fn is_less_than: (Quantity, Quantity) -> CelBool)?;
    interpreter::add_member_overload!(env, fn is_greater_than: (Quantity, Quantity) -> CelBool)?;
    interpreter::add_member_overload!(env, fn add: (Quantity, Quantity) -> Result<Quantity>)?;
    interpreter::add_member_overload!(env, fn add_int: (Quantity, CelInt) -> Result<Quantity>, name = "add")?;
    interpreter::add_member_overload!(env, fn sub: (Quantity, Quantity) -> Result<Quantity>)?;
    interpreter::add_member_overload!(env, fn sub_int: (Quantity, CelInt) -> Result<Quantity>, name = "sub")
}

fn quantity(text: &CelString<'_>) -> Result<Quantity, ExecutionError> {
    let text = text.inner();
    Quantity::parse(text)
        .ok_or_else(|| ExecutionError::function_error("quantity", format!("{text:?} is none")))
}

fn is_quantity(text: &CelString<'_>) -> CelBool {
    CelBool::from(Quantity::parse(text.inner()).is_some())
}

fn is_integer(this: &Quantity) -> CelBool {
    CelBool::from(this.is_integer())
}

fn as_integer(this: &Quantity) -> Result<CelInt, ExecutionError> {
    let whole = i64::try_from(this.0 / NANO).ok();
    let whole = whole.filter(|_| this.is_integer());
    whole
        .map(CelInt::from)
        .ok_or_else(|| ExecutionError::function_error("asInteger", "it is no whole number"))
}

fn as_approximate_float(this: &Quantity) -> CelDouble {
    CelDouble::from(this.0 as f64 / NANO as f64)
}

fn sign(this: &Quantity) -> CelInt {
    CelInt::from(this.0.signum() as i64)
}

fn compare_to(this: &Quantity, other: &Quantity) -> CelInt {
    CelInt::from(this.0.cmp(&other.0) as i64)
}

fn is_less_than(this: &Quantity, other: &Quantity) -> CelBool {
    CelBool::from(this.0.cmp(&other.0) == Ordering::Less)
}

fn is_greater_than(this: &Quantity, other: &Quantity) -> CelBool {
    CelBool::from(this.0.cmp(&other.0) == Ordering::Greater)
}

fn sum(function: &str, left: i128, right: Option<i128>) -> Result<Quantity, ExecutionError> {
    let total = right.and_then(|right| left.checked_add(right));
    total
        .map(Quantity)
        .ok_or_else(|| ExecutionError::function_error(function, "it is too large"))
}

fn add(this: &Quantity, other: &Quantity) -> Result<Quantity, ExecutionError> {
    sum("add", this.0, Some(other.0))
}

fn add_int(this: &Quantity, other: &CelInt) -> Result<Quantity, ExecutionError> {
    sum("add", this.0, i128::from(*other.inner()).checked_mul(NANO))
}

fn sub(this: &Quantity, other: &Quantity) -> Result<Quantity, ExecutionError> {
    sum("sub", this.0, other.0.checked_neg())
}

fn sub_int(this: &Quantity, other: &CelInt) -> Result<Quantity, ExecutionError> {
    sum("sub", this.0, i128::from(*other.inner()).checked_mul(-NANO))
}
