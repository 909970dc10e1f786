//! Changes of the object under judgement. Granted by places: `patch: ["/spec/containers/*/image"]`.

use serde::Serialize;
use serde_json::Value;

use crate::{Image, Outcome};

/// A JSON Patch (RFC 6902) of the object of an AdmissionReview, or of the whole document of other events. Every policy makes
/// its own for the object as it came; the host joins them, and one that contradicts an earlier policy's counts as no answer.
///
/// Places are RFC 6901 pointers into the object: `/spec/containers/0/image`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Patch(Vec<Operation>);

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Operation {
    Add { path: String, value: Value },
    Replace { path: String, value: Value },
    Remove { path: String },
}

impl Patch {
    /// Puts a value where none was, or in another's place; into an array before the item of that number, or with `-` at its
    /// end. An object that is added is joined with those that other policies add there.
    pub fn add(&mut self, place: &str, value: impl Into<Value>) {
        let (path, value) = (place.to_owned(), value.into());
        self.0.push(Operation::Add { path, value });
    }

    /// Puts a value in another's place.
    pub fn replace(&mut self, place: &str, value: impl Into<Value>) {
        let (path, value) = (place.to_owned(), value.into());
        self.0.push(Operation::Replace { path, value });
    }

    /// Takes away what is there.
    pub fn remove(&mut self, place: &str) {
        let path = place.to_owned();
        self.0.push(Operation::Remove { path });
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A key as part of a place: `a/b` is `a~1b`.
    pub fn key(key: &str) -> String {
        key.replace('~', "~0").replace('/', "~1")
    }
}

impl Outcome {
    /// With these changes; without any, when the patch is empty.
    pub fn with_patch(mut self, patch: &Patch) -> Outcome {
        if !patch.is_empty() {
            self.patch = serde_json::to_string(patch).ok();
        }
        self
    }
}

impl Image {
    /// Where it is in the object that a [`Patch`] changes: `/spec/containers/0/image`. Nothing, when it is not in there, as
    /// in an object that is to be deleted.
    pub fn place(&self) -> Option<&str> {
        match self.pointer.strip_prefix("/request/") {
            Some(rest) => rest.strip_prefix("object"),
            None => Some(&self.pointer)
                .filter(|pointer| !pointer.is_empty())
                .map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_is_written_as_rfc_6902_has_it() {
        let mut patch = Patch::default();
        assert_eq!(Outcome::default().with_patch(&patch).patch, None);
        patch.add(&format!("/metadata/annotations/{}", Patch::key("a/b")), "c");
        patch.replace("/spec/replicas", 2);
        patch.remove("/spec/x");
        assert_eq!(
            serde_json::to_value(&patch).unwrap(),
            json!([
                {"op": "add", "path": "/metadata/annotations/a~1b", "value": "c"},
                {"op": "replace", "path": "/spec/replicas", "value": 2},
                {"op": "remove", "path": "/spec/x"},
            ])
        );
        let text = Outcome::default().with_patch(&patch).patch;
        assert_eq!(text, Some(serde_json::to_string(&patch).unwrap()));
    }
}
