//! Regular expressions: `matches`, `find`, `findAll`. By regex-lite, whose syntax is RE2's without Unicode classes, and
//! which takes time in proportion to the text.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use interpreter::common::types::{CelBool, CelInt, CelList, CelString};
use interpreter::common::value::Val;
use interpreter::{DeclarationError, Env, ExecutionError};
use regex_lite::{Regex, RegexBuilder};

/// Bytes that a compiled pattern may take: `a{1000}{1000}` would take hundreds of megabytes.
const MAX_SIZE: usize = 1 << 20;
/// Groups in each other.
const MAX_NESTING: u32 = 24;
/// Patterns that are kept compiled; documents can make ever new ones.
const MAX_KEPT: usize = 256;

/// Those that stand in the settings are compiled when the policy is loaded, and part of its snapshot.
static COMPILED: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());

pub fn extension(env: &mut Env) -> Result<(), DeclarationError> {
    interpreter::add_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>)?;
    interpreter::add_member_overload!(env, fn matches: (CelString, CelString) -> Result<CelBool>, id = "string_matches")?;
    interpreter::add_member_overload!(env, fn find: (CelString, CelString) -> Result<CelString>)?;
    interpreter::add_member_overload!(env, fn find_all: (CelString, CelString) -> Result<CelList>)?;
    interpreter::add_member_overload!(env, fn find_some: (CelString, CelString, CelInt) -> Result<CelList>, name = "findAll")
}

/// Why a pattern is none. One that is right is kept.
pub fn problem(pattern: &str) -> Option<String> {
    compile(pattern).err()
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = compiled.get(pattern) {
        return Ok(regex.clone());
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(MAX_SIZE)
        .nest_limit(MAX_NESTING)
        .build();
    let regex = regex.map_err(|error| format!("it is no regular expression: {error}"))?;
    if compiled.len() < MAX_KEPT {
        compiled.insert(pattern.to_owned(), regex.clone());
    }
    Ok(regex)
}

fn regex(function: &str, pattern: &CelString<'_>) -> Result<Regex, ExecutionError> {
    compile(pattern.inner()).map_err(|error| ExecutionError::function_error(function, error))
}

fn matches(text: &CelString<'_>, pattern: &CelString<'_>) -> Result<CelBool, ExecutionError> {
    let regex = regex("matches", pattern)?;
    Ok(CelBool::from(regex.is_match(text.inner())))
}

/// The first match; an empty text where there is none.
fn find(
    text: &CelString<'_>,
    pattern: &CelString<'_>,
) -> Result<CelString<'static>, ExecutionError> {
    let regex = regex("find", pattern)?;
    let found = regex
        .find(text.inner())
        .map(|found| found.as_str().to_owned());
    Ok(CelString::from(found.unwrap_or_default()))
}

fn find_all(
    text: &CelString<'_>,
    pattern: &CelString<'_>,
) -> Result<CelList<'static>, ExecutionError> {
    find_some(text, pattern, &CelInt::from(-1))
}

/// At most so many matches; all, when negative.
fn find_some(
    text: &CelString<'_>,
    pattern: &CelString<'_>,
    most: &CelInt,
) -> Result<CelList<'static>, ExecutionError> {
    let most = usize::try_from(*most.inner()).unwrap_or(usize::MAX);
    let regex = regex("findAll", pattern)?;
    let found = regex.find_iter(text.inner()).take(most);
    let found = found.map(|found| Box::new(CelString::from(found.as_str().to_owned())) as _);
    Ok(CelList::from(found.collect::<Vec<Box<dyn Val>>>()))
}
