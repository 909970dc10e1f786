//! From a bundle as it is written to one that was understood; everything that is wrong is reported at once.

mod named;

use std::collections::BTreeMap;

use touchstone_sdk::Problem;

use crate::bundle::{
    Bundle, Kept, Mapping, RawAllowlist, RawBundle, RawImage, RawMapping, RawPolicy, RawSelector,
};
use crate::mapping::{Selector, Which};
use crate::pattern::Pattern;

const VERSION: &str = "1_0";

/// A list that may be spelled either way, each item with its place.
type Placed<'a, T> = Vec<(String, &'a T)>;

/// Reads a bundle. It is to be used only if there is no problem.
pub fn read(raw: RawBundle) -> (Bundle, Vec<Problem>) {
    let mut reader = Reader {
        policies: placed([(&raw.policies, "policies")]),
        allowlists: placed([
            (&raw.whitelists, "whitelists"),
            (&raw.allowlists, "allowlists"),
        ]),
        read_policies: BTreeMap::new(),
        read_allowlists: BTreeMap::new(),
        bundle: Bundle {
            options: raw.touchstone.unwrap_or_default(),
            ..Bundle::default()
        },
        problems: Vec::new(),
    };
    reader.bundle.id = reader.required(&raw.id, "", "id");
    reader.version(&raw.version, "");
    reader.mappings(&raw);
    let trusted = [
        (&raw.whitelisted_images, "whitelisted_images"),
        (&raw.trusted_images, "trusted_images"),
    ];
    reader.bundle.trusted = reader.images(placed(trusted));
    let denied = [
        (&raw.blacklisted_images, "blacklisted_images"),
        (&raw.denied_images, "denied_images"),
    ];
    reader.bundle.denied = reader.images(placed(denied));
    (reader.bundle, reader.problems)
}

fn placed<'a, T, const N: usize>(lists: [(&'a Option<Vec<T>>, &str); N]) -> Placed<'a, T> {
    let mut all = Vec::new();
    for (list, name) in lists {
        let items = list.iter().flatten().enumerate();
        all.extend(items.map(|(index, item)| (format!("/{name}/{index}"), item)));
    }
    all
}

struct Reader<'a> {
    policies: Placed<'a, RawPolicy>,
    allowlists: Placed<'a, RawAllowlist>,
    /// Places in the bundle's own lists, by id.
    read_policies: BTreeMap<String, usize>,
    read_allowlists: BTreeMap<String, usize>,
    bundle: Bundle,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, path: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn required(&mut self, value: &Option<String>, path: &str, key: &str) -> String {
        if value.is_none() {
            self.problem(path, format!("key {key:?} is missing"));
        }
        value.clone().unwrap_or_default()
    }

    fn version(&mut self, version: &Option<String>, path: &str) {
        match version.as_deref() {
            Some(VERSION) => {}
            Some(other) => self.problem(
                &format!("{path}/version"),
                format!("version {other:?} is not supported; known is {VERSION:?}"),
            ),
            None => self.problem(path, "key \"version\" is missing"),
        }
    }

    fn mappings(&mut self, raw: &RawBundle) {
        let Some(mappings) = &raw.mappings else {
            return self.problem("", "key \"mappings\" is missing");
        };
        for (index, kept) in mappings.iter().enumerate() {
            let mapping = self.mapping(&format!("/mappings/{index}"), kept);
            self.bundle.mappings.extend(mapping);
        }
    }

    fn mapping(&mut self, path: &str, kept: &Kept<RawMapping>) -> Option<Mapping> {
        let RawMapping {
            name,
            registry,
            repository,
            image,
            policy_id,
            policy_ids,
            whitelist_ids,
            allowlist_ids,
        } = &kept.read;
        let one = policy_id.as_ref().filter(|id| !id.is_empty());
        let several = policy_ids.as_ref().filter(|ids| !ids.is_empty());
        let ids: Vec<(String, &String)> = match (one, several) {
            (Some(_), Some(_)) => {
                self.problem(
                    path,
                    "policy_id and policy_ids are both given: use one of them",
                );
                Vec::new()
            }
            (None, None) => {
                self.problem(path, "neither policy_id nor policy_ids is given");
                Vec::new()
            }
            (Some(id), None) => vec![(format!("{path}/policy_id"), id)],
            (None, Some(ids)) => within(path, "policy_ids", ids),
        };
        let policies = ids
            .into_iter()
            .filter_map(|(place, id)| self.policy(&place, id))
            .collect();
        let mut lists = Vec::new();
        for (key, ids) in [
            ("whitelist_ids", whitelist_ids),
            ("allowlist_ids", allowlist_ids),
        ] {
            lists.extend(within(path, key, ids.as_deref().unwrap_or_default()));
        }
        let allowlists = lists
            .into_iter()
            .filter_map(|(place, id)| self.allowlist(&place, id))
            .collect();
        let selector = self.selector(path, (name, registry, repository, image))?;
        Some(Mapping {
            selector: Kept {
                raw: kept.raw.clone(),
                read: selector,
            },
            policies,
            allowlists,
        })
    }

    fn images(&mut self, list: Placed<'_, Kept<RawSelector>>) -> Vec<Kept<Selector>> {
        let mut images = Vec::new();
        for (path, kept) in list {
            let RawSelector {
                name,
                registry,
                repository,
                image,
            } = &kept.read;
            let selector = self.selector(&path, (name, registry, repository, image));
            images.extend(selector.map(|read| Kept {
                raw: kept.raw.clone(),
                read,
            }));
        }
        images
    }

    fn selector(
        &mut self,
        path: &str,
        (name, registry, repository, image): (
            &Option<String>,
            &Option<String>,
            &Option<String>,
            &Option<RawImage>,
        ),
    ) -> Option<Selector> {
        let registry = self.pattern(path, "registry", registry);
        let repository = self.pattern(path, "repository", repository);
        let image = match image {
            Some(image) => self.image(&format!("{path}/image"), image),
            None => {
                self.problem(path, "key \"image\" is missing");
                None
            }
        };
        Some(Selector {
            name: name.clone().unwrap_or_default(),
            registry: registry?,
            repository: repository?,
            image: image?,
        })
    }

    fn image(&mut self, path: &str, raw: &RawImage) -> Option<Which> {
        let value = self.required(&raw.value, path, "value");
        match raw.kind.as_deref() {
            Some("tag") => Some(Which::Tag(
                self.pattern(path, "value", &Some(value.clone()))?,
                value,
            )),
            Some("digest") => Some(Which::Digest(value)),
            Some("id") => Some(Which::Id(value)),
            Some(other) => {
                let message = format!("{other:?} is none of tag, digest, id");
                self.problem(&format!("{path}/type"), message);
                None
            }
            None => {
                self.problem(path, "key \"type\" is missing");
                None
            }
        }
    }

    fn pattern(&mut self, path: &str, key: &str, text: &Option<String>) -> Option<Pattern> {
        let text = self.required(text, path, key);
        let pattern = Pattern::new(&text);
        pattern
            .map_err(|why| self.problem(&format!("{path}/{key}"), why))
            .ok()
    }

    /// What an id names, if it is exactly one thing.
    fn only<T>(
        &mut self,
        what: &str,
        place: &str,
        id: &str,
        mut named: Vec<(String, &'a T)>,
    ) -> Option<(String, &'a T)> {
        match named.len() {
            0 => self.problem(place, format!("there is no {what} {id:?}")),
            1 => return named.pop(),
            _ => {
                let places: Vec<String> = named.into_iter().map(|(path, _)| path).collect();
                self.problem(
                    place,
                    format!("{id:?} is the id of {}", places.join(" and ")),
                );
            }
        }
        None
    }
}

fn within<'b>(path: &str, key: &str, ids: &'b [String]) -> Vec<(String, &'b String)> {
    let ids = ids.iter().enumerate();
    ids.map(|(index, id)| (format!("{path}/{key}/{index}"), id))
        .collect()
}

fn named<'b, T>(
    list: &Placed<'b, T>,
    id_of: impl Fn(&T) -> &Option<String>,
    id: &str,
) -> Vec<(String, &'b T)> {
    let is_named = |item: &T| id_of(item).as_deref() == Some(id);
    list.iter()
        .filter(|(_, item)| is_named(item))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests;
