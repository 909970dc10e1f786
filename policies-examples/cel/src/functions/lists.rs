//! Kubernetes' functions of lists: `isSorted`, `sum`, `min`, `max`, `indexOf`, `lastIndexOf`.

use std::cmp::Ordering;

use interpreter::common::types::{CelBool, CelInt, CelList, DYN_TYPE, LIST_TYPE};
use interpreter::common::value::{CowVal, Val};
use interpreter::{DeclarationError, Env, ExecutionError};

use super::argument;

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

pub fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_member_overload("isSorted", "list_is_sorted", LIST_TYPE, vec![], is_sorted)?;
    env.add_member_overload("sum", "list_sum", LIST_TYPE, vec![], sum)?;
    env.add_member_overload("min", "list_min", LIST_TYPE, vec![], min)?;
    env.add_member_overload("max", "list_max", LIST_TYPE, vec![], max)?;
    env.add_member_overload(
        "indexOf",
        "list_index_of",
        LIST_TYPE,
        vec![DYN_TYPE],
        index_of,
    )?;
    env.add_member_overload(
        "lastIndexOf",
        "list_last_index_of",
        LIST_TYPE,
        vec![DYN_TYPE],
        last_index_of,
    )
}

fn items<'a, 'v>(
    function: &str,
    args: &'a [CowVal<'_, 'v>],
) -> Result<&'a [Box<dyn Val + 'v>], ExecutionError> {
    argument::<CelList<'v>>(function, args.first().map(AsRef::as_ref)).map(CelList::inner)
}

fn compare(left: &dyn Val, right: &dyn Val) -> Result<Ordering, ExecutionError> {
    let comparer = left.as_comparer();
    let comparer =
        comparer.ok_or_else(|| ExecutionError::function_error("list", "cannot be compared"))?;
    comparer.compare(right)
}

fn is_sorted<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    for pair in items("isSorted", &args)?.windows(2) {
        if let [left, right] = pair
            && compare(left.as_ref(), right.as_ref())? == Ordering::Greater
        {
            return Ok(CowVal::owned(CelBool::from(false)));
        }
    }
    Ok(CowVal::owned(CelBool::from(true)))
}

/// Of nothing, 0.
fn sum<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let mut items = items("sum", &args)?.iter();
    let Some(first) = items.next() else {
        return Ok(CowVal::owned(CelInt::from(0)));
    };
    let mut total: Box<dyn Val + 'v> = first.clone();
    for item in items {
        let adder = total.as_adder();
        let adder =
            adder.ok_or_else(|| ExecutionError::function_error("sum", "cannot be added"))?;
        total = adder.add(item.as_ref())?.into_owned();
    }
    Ok(CowVal::Owned(total))
}

fn min<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    extreme("min", Ordering::Less, &args)
}

fn max<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    extreme("max", Ordering::Greater, &args)
}

fn extreme<'b, 'v>(function: &str, wanted: Ordering, args: &[CowVal<'b, 'v>]) -> Answer<'b, 'v> {
    let mut items = items(function, args)?.iter();
    let first = items.next();
    let mut best =
        first.ok_or_else(|| ExecutionError::function_error(function, "the list is empty"))?;
    for item in items {
        if compare(item.as_ref(), best.as_ref())? == wanted {
            best = item;
        }
    }
    Ok(CowVal::Owned(best.clone()))
}

fn index_of<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let place = match (items("indexOf", &args)?, args.get(1)) {
        (items, Some(wanted)) => items.iter().position(|item| item.equals(wanted.as_ref())),
        _ => None,
    };
    Ok(place_or_minus_one(place))
}

fn last_index_of<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let place = match (items("lastIndexOf", &args)?, args.get(1)) {
        (items, Some(wanted)) => items.iter().rposition(|item| item.equals(wanted.as_ref())),
        _ => None,
    };
    Ok(place_or_minus_one(place))
}

fn place_or_minus_one<'b, 'v>(place: Option<usize>) -> CowVal<'b, 'v> {
    let place = place.and_then(|place| i64::try_from(place).ok());
    CowVal::owned(CelInt::from(place.unwrap_or(-1)))
}
