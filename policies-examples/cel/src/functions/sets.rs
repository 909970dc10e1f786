//! Lists as sets: `sets.contains`, `sets.equivalent`, `sets.intersects`.

use interpreter::common::types::{CelBool, CelList};
use interpreter::{DeclarationError, Env};

pub fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    interpreter::add_overload!(env, fn contains: (CelList, CelList) -> CelBool, name = "sets.contains")?;
    interpreter::add_overload!(env, fn equivalent: (CelList, CelList) -> CelBool, name = "sets.equivalent")?;
    interpreter::add_overload!(env, fn intersects: (CelList, CelList) -> CelBool, name = "sets.intersects")
}

fn holds_all(whole: &CelList<'_>, part: &CelList<'_>) -> bool {
    let mut part = part.iter();
    part.all(|item| whole.iter().any(|other| item.equals(other.as_ref())))
}

fn contains(whole: &CelList<'_>, part: &CelList<'_>) -> CelBool {
    CelBool::from(holds_all(whole, part))
}

fn equivalent(left: &CelList<'_>, right: &CelList<'_>) -> CelBool {
    CelBool::from(holds_all(left, right) && holds_all(right, left))
}

fn intersects(left: &CelList<'_>, right: &CelList<'_>) -> CelBool {
    let mut left = left.iter();
    CelBool::from(left.any(|item| right.iter().any(|other| item.equals(other.as_ref()))))
}
