//! What policies change about the object under judgement. Each makes its patch (RFC 6902) for the object as it came; they are
//! joined, in the policies' order, into one that does what all of them meant, or one of them is refused.

use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, Patch, PatchOperation, RemoveOperation,
    ReplaceOperation, TestOperation,
};
use serde_json::{Map, Value};

use crate::generation::Member;
use crate::grants::{Grants, Resource};
use crate::guest::Effects;
use crate::model::{Event, Fault, Mode};
use crate::policy::Run;

/// Bytes that the copies of one patch may make, and those of all together: each may double the object.
const MAX_COPIED: usize = 1 << 20;
/// Values that the operations of one patch may move, and those of all together: the items behind one that comes or goes, and
/// what is in something that is moved.
const MAX_MOVED: usize = 1 << 20;
/// Bytes of all paths of one patch, its objects spelt out.
const MAX_PATHS: usize = 1 << 20;

/// Operations of one patch at most, its objects spelt out: each is compared with all that came before.
const MAX_STEPS: usize = 1000;
/// Containers in each other at most, as in documents.
const MAX_DEPTH: usize = 128;

/// The patches of the enforcing policies, from the first one on.
pub struct Patches<'a> {
    event: &'a Event,
    joined: Option<Joined>,
}

impl<'a> Patches<'a> {
    /// None yet.
    pub fn of(event: &'a Event) -> Patches<'a> {
        Patches {
            event,
            joined: None,
        }
    }

    /// Adds what a policy asks for. One that cannot be added is no answer, so that nothing else of it counts.
    pub fn join(&mut self, member: &Member, run: &mut Run) {
        let Ok(outcome) = &run.outcome else { return };
        let Some((patch, policy)) = outcome.patch.as_ref().zip(member.policy()) else {
            return;
        };
        // What only monitors is told whether its patch is one; nobody gets it.
        let mut alone = None;
        let joined = match member.mode() {
            Mode::Enforce => &mut self.joined,
            Mode::Monitor => &mut alone,
        };
        if joined.is_none() {
            *joined = Joined::of(self.event);
        }
        let added = match joined {
            Some(joined) => joined.add(&member.name, patch, policy.grants()),
            None => Err("there is no object to patch".to_owned()),
        };
        if let Err(reason) = added {
            let policy = member.name.clone();
            run.outcome = Err(Fault::Invalid { policy, reason });
            run.effects = Effects::default();
        }
    }

    /// All of them as one; nothing, when nothing is changed.
    pub fn joined(self) -> Option<Value> {
        self.joined?.patch()
    }
}

/// The patches so far.
struct Joined {
    original: Value,
    current: Value,
    operations: Vec<PatchOperation>,
    touched: Vec<Touched>,
    effort: Effort,
}

/// What operations cost beyond what their text is.
#[derive(Clone, Copy, Default)]
struct Effort {
    /// Bytes that copies made.
    copied: usize,
    /// Values that were moved.
    moved: usize,
}

/// A place that a policy changed.
struct Touched {
    policy: String,
    place: Place,
}

/// A place, and what is done to it.
#[derive(Clone)]
struct Place {
    path: PointerBuf,
    change: Change,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    /// It, and all that is below, is another.
    Whole,
    /// There was none, and now there is an empty object, which others may fill, too.
    Created,
    /// The array has more items at its end.
    Appended,
}

/// An operation, and the places that it changes.
struct Step {
    /// Nothing, where it only depends on something.
    operation: Option<PatchOperation>,
    places: Vec<Place>,
    /// The places that it depends on.
    reads: Vec<PointerBuf>,
    /// Whether it does the same when it is done twice.
    is_idempotent: bool,
}

impl Joined {
    /// Nothing yet, of an event's object. Nothing when it has none.
    fn of(event: &Event) -> Option<Joined> {
        let text = event.document.get(event.object)?;
        let original: Value = serde_json::from_str(&text).ok()?;
        Some(Joined {
            current: original.clone(),
            original,
            operations: Vec::new(),
            touched: Vec::new(),
            effort: Effort::default(),
        })
    }

    /// Adds the patch of a policy: all of it, or says why none.
    fn add(&mut self, policy: &str, text: &str, grants: &Grants) -> Result<(), String> {
        let patch: Patch = serde_json::from_str(text)
            .map_err(|error| format!("its patch is none (RFC 6902): {error}"))?;
        if patch.len() > MAX_STEPS {
            return Err(too_many());
        }
        let mut alone = self.original.clone();
        apply(&mut alone, patch.iter(), &mut Effort::default())
            .map_err(|error| format!("its patch does not fit: {error}"))?;
        let steps = self.steps(&patch)?;
        check(&steps, grants)?;
        let mut current = self.current.clone();
        let mut effort = self.effort;
        let mut taken = Vec::new();
        for step in steps {
            let operation = step.operation.as_ref();
            let again = operation.is_some_and(|operation| {
                self.operations.contains(operation) && is_done(operation, &self.current)
            });
            if step.is_idempotent && again {
                continue;
            }
            let barred = step.places.iter().find_map(|place| {
                let other = self.touched.iter().find(|other| other.place.bars(place));
                other.map(|other| (&place.path, other))
            });
            let misled = step.reads.iter().find_map(|path| {
                let other = self.touched.iter().find(|other| other.place.meets(path));
                other.map(|other| (path, other))
            });
            if let Some((path, other)) = barred.or(misled) {
                let other = &other.policy;
                return Err(format!("its patch of {path} contradicts that of {other}"));
            }
            let Some(operation) = operation else {
                continue;
            };
            apply(&mut current, [operation], &mut effort).map_err(|error| {
                format!("its patch does not fit what earlier policies made: {error}")
            })?;
            taken.push(step);
        }
        (self.current, self.effort) = (current, effort);
        for step in taken {
            self.operations.extend(step.operation);
            self.touched
                .extend(step.places.into_iter().map(|place| Touched {
                    policy: policy.to_owned(),
                    place,
                }));
        }
        Ok(())
    }

    /// All of them as one; nothing, when nothing is changed.
    fn patch(self) -> Option<Value> {
        if self.operations.is_empty() {
            return None;
        }
        serde_json::to_value(Patch(self.operations)).ok()
    }

    /// The operations, objects that are added spelt out. Tests have held already; nobody may have changed what they ask.
    fn steps(&self, patch: &Patch) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let mut room = MAX_PATHS;
        for operation in patch.iter() {
            let place = self.place(operation.path());
            let is_idempotent = place.path == *operation.path();
            let step = |places: Vec<Place>, reads: Vec<PointerBuf>, is_idempotent: bool| Step {
                operation: Some(operation.clone()),
                places,
                reads,
                is_idempotent,
            };
            steps.push(match operation {
                PatchOperation::Add(AddOperation { path, value }) => {
                    self.add_steps(path.clone(), value, &mut steps, &mut room)?;
                    continue;
                }
                PatchOperation::Test(TestOperation { path, .. }) => Step {
                    operation: None,
                    ..step(Vec::new(), vec![path.clone()], false)
                },
                PatchOperation::Move(MoveOperation { from, .. }) => {
                    step(vec![self.place(from), place], Vec::new(), false)
                }
                PatchOperation::Copy(CopyOperation { from, .. }) => {
                    step(vec![place], vec![from.clone()], false)
                }
                PatchOperation::Remove(_) | PatchOperation::Replace(_) => {
                    step(vec![place], Vec::new(), is_idempotent)
                }
            });
        }
        match steps.len() > MAX_STEPS {
            true => Err(too_many()),
            false => Ok(steps),
        }
    }

    /// `room` is what paths may still have.
    fn add_steps(
        &self,
        path: PointerBuf,
        value: &Value,
        steps: &mut Vec<Step>,
        room: &mut usize,
    ) -> Result<(), String> {
        if steps.len() >= MAX_STEPS {
            return Err(too_many());
        }
        let left = room.checked_sub(path.len());
        *room =
            left.ok_or_else(|| format!("its patch has more than {MAX_PATHS} bytes of paths"))?;
        let place = self.place(&path);
        // What the same patch made before is not new: it is made anew.
        let made = |step: &Step| {
            let mut places = step.places.iter();
            places.any(|made| made.path == path || is_below(&made.path, &path))
        };
        let is_new =
            place.path == path && path.resolve(&self.original).is_err() && !steps.iter().any(made);
        let (value, members, place) = match value {
            Value::Object(members) if is_new => {
                let change = Change::Created;
                let place = Place { change, ..place };
                (Value::Object(Map::new()), Some(members), place)
            }
            value => (value.clone(), None, place),
        };
        steps.push(Step {
            is_idempotent: place.path == path,
            places: vec![place],
            reads: Vec::new(),
            operation: Some(PatchOperation::Add(AddOperation {
                path: path.clone(),
                value,
            })),
        });
        for (key, value) in members.into_iter().flatten() {
            self.add_steps(path.with_trailing_token(key.as_str()), value, steps, room)?;
        }
        Ok(())
    }

    /// The place that an operation on a path changes: all of an array, where its items move, or where an item is meant that
    /// the object has not as it came.
    fn place(&self, path: &Pointer) -> Place {
        let array = path.split_back().filter(|(parent, _)| {
            let parent = parent.resolve(&self.original);
            parent.is_ok_and(Value::is_array)
        });
        let (path, change) = match array {
            Some((parent, last)) if last.encoded() == "-" => (parent, Change::Appended),
            Some((parent, _)) => (parent, Change::Whole),
            None => (self.new_item_of(path).unwrap_or(path), Change::Whole),
        };
        Place {
            path: path.to_owned(),
            change,
        }
    }

    /// The array that a path leads through at an item that is not there.
    fn new_item_of<'a>(&self, path: &'a Pointer) -> Option<&'a Pointer> {
        let mut rest = path;
        while let Some((parent, _)) = rest.split_back() {
            let is_array = parent.resolve(&self.original).is_ok_and(Value::is_array);
            if is_array && rest.resolve(&self.original).is_err() {
                return Some(parent);
            }
            rest = parent;
        }
        None
    }
}

impl Place {
    /// Whether what is there, at the place or around it, is another after this.
    fn meets(&self, path: &Pointer) -> bool {
        *self.path == *path || is_below(path, &self.path) || is_below(&self.path, path)
    }

    /// Whether, after this, the other could not be what its policy meant.
    fn bars(&self, other: &Place) -> bool {
        if self.path == other.path {
            return self.change != other.change || self.change == Change::Whole;
        }
        if is_below(&other.path, &self.path) {
            return self.change == Change::Whole;
        }
        is_below(&self.path, &other.path) && other.change == Change::Whole
    }
}

/// Whether the one path is below the other.
fn is_below(path: &Pointer, other: &Pointer) -> bool {
    let rest = path.as_str().strip_prefix(other.as_str());
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Whether the object is already as an operation makes it.
fn is_done(operation: &PatchOperation, object: &Value) -> bool {
    match operation {
        PatchOperation::Add(AddOperation { path, value }) => {
            let is = path.resolve(object);
            is.is_ok_and(|is| {
                is == value || (is.is_object() && *value == Value::Object(Map::new()))
            })
        }
        PatchOperation::Replace(ReplaceOperation { path, value }) => {
            path.resolve(object).is_ok_and(|is| is == value)
        }
        PatchOperation::Remove(RemoveOperation { path }) => path.resolve(object).is_err(),
        _ => false,
    }
}

/// Whether all places are granted. An object that is made for what is granted below it is, too.
fn check(steps: &[Step], grants: &Grants) -> Result<(), String> {
    let is_granted = |path: &Pointer| grants.permits("patch", &Resource::Path(path.as_str()));
    let made_for = |place: &Place| {
        let below = |step: &Step| {
            let operation = step.operation.as_ref();
            operation.is_some_and(|operation| is_below(operation.path(), &place.path))
        };
        place.change == Change::Created && steps.iter().any(below)
    };
    for step in steps {
        let Some(operation) = &step.operation else {
            continue;
        };
        let from = match operation {
            PatchOperation::Move(MoveOperation { from, .. })
            | PatchOperation::Copy(CopyOperation { from, .. }) => Some(&**from),
            _ => None,
        };
        let is_made = step.places.iter().all(made_for);
        let to = (!is_made).then_some(operation.path());
        if let Some(path) = from.into_iter().chain(to).find(|path| !is_granted(path)) {
            return Err(format!(
                "it patches {path}, which is not granted (grants: {{ patch: [{path}] }})"
            ));
        }
    }
    Ok(())
}

/// Carries operations out, of which copies may not make too much, and none may nest too deep.
fn apply<'a>(
    object: &mut Value,
    operations: impl IntoIterator<Item = &'a PatchOperation>,
    effort: &mut Effort,
) -> Result<(), String> {
    for operation in operations {
        let inner = match operation {
            PatchOperation::Add(AddOperation { value, .. })
            | PatchOperation::Replace(ReplaceOperation { value, .. }) => Some(value),
            PatchOperation::Move(MoveOperation { from, .. })
            | PatchOperation::Copy(CopyOperation { from, .. }) => from.resolve(object).ok(),
            PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
        };
        if operation.path().count() + inner.map_or(0, depth) > MAX_DEPTH {
            return Err(format!("it nests more than {MAX_DEPTH} deep"));
        }
        if let (PatchOperation::Copy(_), Some(value)) = (operation, inner) {
            effort.copied += value.to_string().len();
            if effort.copied > MAX_COPIED {
                return Err(format!("its copies make more than {MAX_COPIED} bytes"));
            }
        }
        effort.moved += moved(object, operation, inner);
        if effort.moved > MAX_MOVED {
            return Err(format!("it moves more than {MAX_MOVED} values"));
        }
        // What undoes the others after a failure is not needed: the object is thrown away.
        json_patch::patch_unsafe(object, std::slice::from_ref(operation))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn too_many() -> String {
    format!("its patch has more than {MAX_STEPS} operations")
}

/// How many values an operation moves: the items of the array that it changes, at most; and what is in the value that it
/// moves, which is looked through.
fn moved(object: &Value, operation: &PatchOperation, inner: Option<&Value>) -> usize {
    let items = |path: &Pointer| {
        let parent = path.split_back().map(|(parent, _)| parent);
        let array = parent.and_then(|parent| parent.resolve(object).ok()?.as_array());
        array.map_or(0, Vec::len)
    };
    match operation {
        PatchOperation::Add(AddOperation { path, .. }) if path.as_str().ends_with("/-") => 0,
        PatchOperation::Add(AddOperation { path, .. })
        | PatchOperation::Remove(RemoveOperation { path }) => items(path),
        PatchOperation::Copy(CopyOperation { path, .. }) => items(path),
        PatchOperation::Move(MoveOperation { from, path }) => {
            items(from) + items(path) + inner.map_or(0, values)
        }
        PatchOperation::Replace(_) | PatchOperation::Test(_) => 0,
    }
}

/// How many values there are, this one among them.
fn values(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

/// How many containers are in each other. What is parsed and what is patched is bounded, and so is this.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::grants::{Grant, Pattern};

    fn granted(patterns: &[&str]) -> Grants {
        let grants = patterns
            .iter()
            .map(|text| Pattern::of("patch", text).unwrap());
        let grants = grants.map(Grant::new).collect();
        Grants::new(BTreeMap::from([("patch".to_owned(), grants)]))
    }

    fn joined(patches: &[Value]) -> Result<Value, String> {
        let original = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"image": "a"}, {"image": "b"}]}});
        let mut joined = Joined {
            current: original.clone(),
            original: original.clone(),
            operations: Vec::new(),
            touched: Vec::new(),
            effort: Effort::default(),
        };
        for (index, patch) in patches.iter().enumerate() {
            joined.add(&format!("p{index}"), &patch.to_string(), &granted(&["*"]))?;
        }
        let current = joined.current.clone();
        let mut object = original;
        if let Some(patch) = joined.patch() {
            let patch: Patch = serde_json::from_value(patch).unwrap();
            json_patch::patch(&mut object, &patch).unwrap();
        }
        assert_eq!(object, current);
        Ok(current)
    }

    #[test]
    fn patches_that_agree_are_joined() {
        let set = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
        let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
        let image = "/spec/containers/0/image";
        for (patches, place, expected) in [
            (
                vec![
                    json!([set(image, json!("x"))]),
                    json!([set("/spec/containers/1/image", json!("y"))]),
                ],
                "/spec/containers",
                json!([{"image": "x"}, {"image": "y"}]),
            ),
            // The same is not done twice.
            (
                vec![
                    json!([set(image, json!("x"))]),
                    json!([set(image, json!("x"))]),
                ],
                image,
                json!("x"),
            ),
            // Neither knows of the other's annotations.
            (
                vec![
                    json!([add("/metadata/annotations", json!({"a": "1"}))]),
                    json!([add("/metadata/annotations", json!({"b": "2"}))]),
                    json!([
                        add("/metadata/annotations", json!({})),
                        add("/metadata/annotations/c", json!("3"))
                    ]),
                ],
                "/metadata/annotations",
                json!({"a": "1", "b": "2", "c": "3"}),
            ),
            (
                vec![
                    json!([add("/spec/containers/-", json!({"image": "x"}))]),
                    json!([add("/spec/containers/-", json!({"image": "y"}))]),
                    json!([set(image, json!("z"))]),
                ],
                "/spec/containers",
                json!([{"image": "z"}, {"image": "b"}, {"image": "x"}, {"image": "y"}]),
            ),
            (
                vec![json!([{"op": "test", "path": image, "value": "a"}, set(image, json!("x"))])],
                image,
                json!("x"),
            ),
        ] {
            let object = joined(&patches).unwrap();
            assert_eq!(object.pointer(place), Some(&expected), "{patches:?}");
        }
    }

    #[test]
    fn patches_that_contradict_each_other_are_refused() {
        let set =
            |path: &str, value: Value| json!([{"op": "replace", "path": path, "value": value}]);
        let add = |path: &str, value: Value| json!([{"op": "add", "path": path, "value": value}]);
        let image = "/spec/containers/0/image";
        for (first, second) in [
            (set(image, json!("x")), set(image, json!("y"))),
            (set(image, json!("x")), set("/spec/containers", json!([]))),
            (set("/spec", json!({})), set(image, json!("x"))),
            (
                json!([{"op": "remove", "path": "/spec/containers/0"}]),
                set("/spec/containers/1/image", json!("x")),
            ),
            (
                add("/spec/containers/0", json!({})),
                json!([{"op": "remove", "path": "/spec/containers/1"}]),
            ),
            (
                add("/spec/containers/-", json!({})),
                set("/spec/containers", json!([])),
            ),
            (
                add("/metadata/annotations", json!({"a": "1"})),
                add("/metadata/annotations", json!({"a": "2"})),
            ),
            (
                add("/metadata/annotations", json!({"a": "1"})),
                add("/metadata/annotations", json!("none")),
            ),
            (
                json!([{"op": "move", "from": "/metadata/labels", "path": "/metadata/annotations"}]),
                add("/metadata/labels/x", json!("1")),
            ),
            (
                json!([{"op": "add", "path": "/spec/containers/-", "value": {}}, {"op": "add", "path": "/spec/containers/2/image", "value": "x"}]),
                add("/spec/containers/-", json!({"image": "y"})),
            ),
        ] {
            for patches in [[first.clone(), second.clone()], [second, first]] {
                let error = joined(&patches).unwrap_err();
                assert!(
                    error.contains("contradicts that of p0"),
                    "{patches:?}: {error}"
                );
            }
        }
    }

    /// What a policy takes from the object as it came is not what an earlier one made of it.
    #[test]
    fn what_is_read_may_not_have_been_changed() {
        let image = "/spec/containers/0/image";
        let set = json!({"op": "replace", "path": image, "value": "x"});
        let copy = json!({"op": "copy", "from": image, "path": "/metadata/labels/original"});
        let test = json!({"op": "test", "path": image, "value": "a"});
        for second in [
            json!([copy]),
            json!([test, {"op": "add", "path": "/metadata/labels/b", "value": "1"}]),
        ] {
            let error = joined(&[json!([set]), second.clone()]).unwrap_err();
            assert!(error.contains("contradicts that of p0"), "{error}");
            assert!(joined(&[second, json!([set])]).is_ok());
        }
        // What was done and undone is not done.
        let other = json!({"op": "replace", "path": image, "value": "y"});
        let error = joined(&[json!([set, other]), json!([set])]).unwrap_err();
        assert!(error.contains("contradicts that of p0"), "{error}");
    }

    #[test]
    fn copies_are_counted_over_all_patches() {
        let large =
            json!([{"op": "add", "path": "/metadata/labels/large", "value": "x".repeat(500_000)}]);
        let copy = |n: usize| {
            json!([{"op": "add", "path": format!("/spec/{n}"), "value": "x".repeat(300_000)},
            {"op": "copy", "from": format!("/spec/{n}"), "path": format!("/metadata/labels/{n}")}])
        };
        assert!(joined(&[large.clone(), copy(0), copy(1)]).is_ok());
        let error = joined(&[large, copy(0), copy(1), copy(2), copy(3)]).unwrap_err();
        assert!(error.contains("copies make more than"), "{error}");
    }

    #[test]
    fn a_patch_that_does_not_fit_is_refused() {
        let copy =
            |n: usize| json!({"op": "copy", "from": "", "path": format!("/metadata/labels/x{n}")});
        let many: Map<String, Value> = (0..1000).map(|n| (n.to_string(), json!(n))).collect();
        let few: Map<String, Value> = (0..300).map(|n| (n.to_string(), json!(n))).collect();
        let nest = json!({"op": "copy", "from": "", "path": "/metadata/labels/x"});
        for (patch, expected) in [
            (
                json!([{"op": "remove", "path": "/nothing"}]),
                "does not fit",
            ),
            (
                json!([{"op": "test", "path": "/spec", "value": 1}]),
                "does not fit",
            ),
            (
                json!([{"op": "copy", "from": "/none", "path": "/x"}]),
                "does not fit",
            ),
            (json!([{"op": "change", "path": "/spec"}]), "RFC 6902"),
            (json!([{"op": "remove", "path": "spec"}]), "RFC 6902"),
            (json!({"op": "remove", "path": "/spec"}), "RFC 6902"),
            ((0..60).map(copy).collect(), "copies make more than"),
            (Value::Array(vec![nest; 60]), "nests more than"),
            ((0..1001).map(copy).collect(), "more than 1000 operations"),
            (
                json!([{"op": "add", "path": "/metadata/annotations", "value": many}]),
                "more than 1000 operations",
            ),
            // Few operations, little text, and a thousand times the text in paths, or work.
            (
                json!([{"op": "add", "path": format!("/metadata/{}", "x".repeat(5000)), "value": few}]),
                "bytes of paths",
            ),
            (
                [json!({"op": "add", "path": "/metadata/x", "value": vec![0; 3000]})]
                    .into_iter()
                    .chain(
                        (0..900).map(|_| json!({"op": "add", "path": "/metadata/x/0", "value": 0})),
                    )
                    .collect(),
                "moves more than",
            ),
        ] {
            let error = joined(&[patch]).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_a_patch_makes_anew_is_not_shared() {
        let add = |value: Value| json!({"op": "add", "path": "/metadata/x", "value": value});
        let (z, a, b) = (json!({"z": 1}), json!({"a": 1}), json!({"b": 1}));
        let twice = json!([add(a.clone()), add(b.clone())]);
        let alone = joined(std::slice::from_ref(&twice)).unwrap();
        assert_eq!(alone["metadata"]["x"], b);
        let error = joined(&[json!([add(z.clone())]), twice]).unwrap_err();
        assert!(error.contains("contradicts that of p0"), "{error}");
        let both = joined(&[json!([add(z)]), json!([add(a)])]).unwrap();
        assert_eq!(both["metadata"]["x"], json!({"z": 1, "a": 1}));
    }

    #[test]
    fn only_what_is_granted_is_patched() {
        let original = json!({"metadata": {}, "spec": {"containers": [{"image": "a"}]}});
        let add = |patch: Value, grants: &[&str]| {
            let mut joined = Joined {
                current: original.clone(),
                original: original.clone(),
                operations: Vec::new(),
                touched: Vec::new(),
                effort: Effort::default(),
            };
            joined.add("p", &patch.to_string(), &granted(grants))
        };
        let image = json!([{"op": "replace", "path": "/spec/containers/0/image", "value": "x"}]);
        assert_eq!(add(image.clone(), &["/spec/containers/*/image"]), Ok(()));
        assert!(add(image.clone(), &["/spec/initContainers/*/image"]).is_err());
        assert_eq!(
            add(image, &[]),
            Err("it patches /spec/containers/0/image, which is not granted (grants: { patch: [/spec/containers/0/image] })".to_owned())
        );
        let note = json!([{"op": "add", "path": "/metadata/annotations", "value": {"a": "1"}}]);
        assert_eq!(add(note.clone(), &["/metadata/annotations/*"]), Ok(()));
        assert_eq!(add(note.clone(), &["/metadata/annotations/a"]), Ok(()));
        assert!(add(note, &["/metadata/annotations/b"]).is_err());
        let moved = json!([{"op": "move", "from": "/spec", "path": "/metadata/annotations"}]);
        assert!(add(moved, &["/metadata/annotations"]).is_err());
    }
}
