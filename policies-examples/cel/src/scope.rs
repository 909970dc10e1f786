//! What an expression sees of an event. Each part is fetched when an expression first names it, and kept for the others.

use std::sync::{Mutex, OnceLock, PoisonError};

use interpreter::common::types::{CelBool, CelNull, CelString};
use interpreter::common::value::CowVal;
use interpreter::context::VariableResolver;
use interpreter::parser::Expression;
use interpreter::{Context, ExecutionError, Value as Evaluator};
use touchstone_sdk::prelude::*;

use crate::compile::Program;
use crate::document::{Node, Owned, Request, map, own, text};
use crate::evidence;

/// Characters of an error that are shown: some quote what they are about.
const MAX_ERROR: usize = 300;

/// A name that expressions may use, and where its value comes from.
struct Root {
    name: &'static str,
    read: fn(&Scope<'_>) -> Result<Owned, String>,
}

/// To add one: its row here, and a line in README.md.
const ROOTS: &[Root] = &[
    Root {
        name: "object",
        read: |scope| scope.document("/request/object", ""),
    },
    Root {
        name: "oldObject",
        read: |scope| scope.document("/request/oldObject", NOWHERE),
    },
    Root {
        name: "request",
        read: |scope| scope.request(),
    },
    // The host does not know it; Kubernetes has null here for what belongs to no namespace.
    Root {
        name: "namespaceObject",
        read: |_| Ok(Box::new(CelNull)),
    },
    Root {
        name: "event",
        read: |scope| Ok(scope.event()),
    },
    Root {
        name: "evidence",
        read: |scope| Ok(evidence::list(scope.event)),
    },
];

/// The settings' own document: it lies in the program, and is only lent.
const PARAMS: &str = "params";

/// In place of a pointer, for what only an AdmissionReview has.
const NOWHERE: &str = "/";

/// Whether expressions may use a name.
pub fn is_name(name: &str) -> bool {
    name == PARAMS || ROOTS.iter().any(|root| root.name == name)
}

/// All names that expressions may use.
pub fn names() -> Vec<&'static str> {
    let names = ROOTS.iter().map(|root| root.name);
    names.chain([PARAMS]).collect()
}

/// A value that is there, once it was asked for; or why it is not.
type Slot = OnceLock<Result<Owned, String>>;

/// What the expressions of a policy see of one event.
pub struct Scope<'s> {
    program: &'s Program,
    event: &'s Event,
    is_admission: bool,
    roots: Vec<Slot>,
    variables: Vec<Slot>,
    /// Why the last name that has no value has none.
    failed: Mutex<String>,
}

impl<'s> Scope<'s> {
    /// Of an event, of which nothing is fetched yet but what it is.
    pub fn new(program: &'s Program, event: &'s Event) -> Result<Scope<'s>, Undecided> {
        let says = |pointer: &str, expected: fn(&str) -> bool| -> Result<bool, Undecided> {
            let value: Option<Value> = event.get(pointer)?;
            Ok(value.is_some_and(|value| value.as_str().is_some_and(expected)))
        };
        let is_admission = says("/kind", |kind| kind == "AdmissionReview")?
            && says("/apiVersion", |version| {
                version.starts_with("admission.k8s.io/")
            })?;
        let empty = |count: usize| (0..count).map(|_| Slot::new()).collect();
        Ok(Scope {
            program,
            event,
            is_admission,
            roots: empty(ROOTS.len()),
            variables: empty(program.variables.len()),
            failed: Mutex::default(),
        })
    }

    /// What the event is about, for people.
    pub fn target(&self) -> Option<String> {
        if !self.is_admission {
            return self.event.subject.clone();
        }
        let say = |pointer: &str| self.event.get::<String>(pointer).ok().flatten();
        let kind = say("/request/kind/kind")?;
        let name = say("/request/name").filter(|name| !name.is_empty());
        let name = name.or_else(|| say("/request/object/metadata/generateName"));
        let place: Vec<String> = [say("/request/namespace"), name]
            .into_iter()
            .flatten()
            .collect();
        Some(format!("{kind} {}", place.join("/")).trim_end().to_owned())
    }

    /// Whether an expression is true; or why that cannot be told.
    pub fn is_true(&self, expression: &Expression) -> Result<bool, String> {
        self.read(expression, |value| {
            let value_type = value.get_type().name();
            let found = value.downcast_ref::<CelBool>().map(|value| *value.inner());
            found.ok_or_else(|| format!("it is of type {value_type}, not bool"))
        })
    }

    /// What an expression says; or why it says nothing.
    pub fn text(&self, expression: &Expression) -> Result<String, String> {
        self.read(expression, |value| {
            let value_type = value.get_type().name();
            let found = value
                .downcast_ref::<CelString>()
                .map(|value| value.inner().to_owned());
            found.ok_or_else(|| format!("it is of type {value_type}, not string"))
        })
    }

    fn read<T>(
        &self,
        expression: &Expression,
        read: impl FnOnce(&CowVal<'_, '_>) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut context = Context::with_env(self.program.environment.0.clone());
        context.set_variable_resolver(self);
        match Evaluator::resolve_val(expression, &context) {
            Ok(value) => read(&value),
            Err(error) => Err(self.explain(&error)),
        }
    }

    fn explain(&self, error: &ExecutionError) -> String {
        let message = match error {
            // Every name was checked when the policy was loaded: its value could not be made.
            ExecutionError::UndeclaredReference(name)
                if is_name(name) || name.as_str() == "variables" =>
            {
                self.failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone()
            }
            ExecutionError::NoSuchKey(key) => format!("there is no key {key:?}"),
            // Without the values, which may be large, or secret.
            ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
                let (left, right) = (left.type_of(), right.type_of());
                format!("{operator} does not take {left} and {right}")
            }
            ExecutionError::ValuesNotComparable(left, right) => {
                let (left, right) = (left.type_of(), right.type_of());
                format!("{left} and {right} cannot be compared")
            }
            error => error.to_string(),
        };
        match message.char_indices().nth(MAX_ERROR) {
            Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
            None => message,
        }
    }

    /// A part of an AdmissionReview, or of any other document; null when there is none.
    fn document(&self, admission: &str, other: &str) -> Result<Owned, String> {
        let pointer = if self.is_admission { admission } else { other };
        if pointer == NOWHERE {
            return Ok(Box::new(CelNull));
        }
        let found: Option<Node> = self.event.get(pointer).map_err(String::from)?;
        Ok(found.map_or_else(|| Box::new(CelNull) as Owned, |node| node.0))
    }

    fn request(&self) -> Result<Owned, String> {
        if !self.is_admission {
            return Ok(Box::new(CelNull));
        }
        let found: Option<Request> = self.event.get("/request").map_err(String::from)?;
        Ok(found.map_or_else(|| Box::new(CelNull) as Owned, |request| request.0))
    }

    fn event(&self) -> Owned {
        let event = self.event;
        map([
            ("id", Some(text(&event.id))),
            ("kind", Some(text(&event.kind))),
            ("source", Some(text(&event.source))),
            ("time", Some(text(&event.time))),
            ("subject", event.subject.as_deref().map(text)),
            ("namespace", event.namespace.as_deref().map(text)),
        ])
    }

    /// The value of a variable, which may need those before it.
    fn variable(&self, name: &str) -> Option<&Result<Owned, String>> {
        let all = &self.program.variables;
        let place = all.iter().position(|(variable, _)| variable == name)?;
        let ((_, expression), slot) = (all.get(place)?, self.variables.get(place)?);
        Some(slot.get_or_init(|| {
            let value = self.read(expression, |value| {
                own(value.as_ref()).ok_or_else(|| "it cannot be kept".to_owned())
            });
            value.map_err(|why| format!("variables.{name}: {why}"))
        }))
    }
}

impl VariableResolver for Scope<'_> {
    /// The evaluator asks for the longest name first: `variables.a.b`, then `variables.a`.
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let name = name.trim_start_matches('.');
        let value = match name.strip_prefix("variables.") {
            Some(variable) => self.variable(variable)?,
            None if name == PARAMS => return Some(CowVal::Borrowed(self.program.params.as_ref())),
            None => {
                let place = ROOTS.iter().position(|root| root.name == name)?;
                let (root, slot) = (ROOTS.get(place)?, self.roots.get(place)?);
                slot.get_or_init(|| (root.read)(self))
            }
        };
        match value {
            Ok(value) => Some(CowVal::Borrowed(value.as_ref())),
            Err(why) => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                failed.clone_from(why);
                None
            }
        }
    }
}
