//! In memory: for one-off checks and for tests. Gone with the process.

mod reports;
mod waivers;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::reports::Report;
use super::waivers::Uses;
use super::{
    ActionQuery, ActionStory, Commit, DecisionQuery, Entries, Order, Ordered, PAGE_BYTES, Pending,
    Record, Seen, Store, StoreError, Written, expiry,
};
use crate::config::Retention;
use crate::model::{ActionState, Attempt, Entry, Write};

/// Decisions at most: memory is not for archives.
const MAX_DECISIONS: usize = 1000;

/// What the other stores keep in tables.
#[derive(Default)]
pub(super) struct Memory(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    next: i64,
    decisions: BTreeMap<i64, Record>,
    seen: HashMap<String, (String, Timestamp)>,
    actions: BTreeMap<i64, Kept>,
    keys: BTreeMap<(String, String), Key>,
    reports: BTreeMap<i64, Report>,
    waivers: BTreeMap<String, String>,
    waiver_uses: BTreeMap<String, Uses>,
}

struct Kept {
    story: ActionStory,
    due: Timestamp,
    changed: Timestamp,
}

struct Key {
    entry: Entry,
    expires: Option<Timestamp>,
}

impl Key {
    fn alive(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

impl Memory {
    /// Gives a policy keys that nobody wrote.
    pub(super) fn preset(&self, policy: &str, keys: &BTreeMap<String, String>) {
        let mut tables = self.tables();
        for (key, value) in keys {
            let entry = Entry {
                version: 1,
                value: value.clone(),
            };
            let place = (policy.to_owned(), key.clone());
            tables.keys.insert(
                place,
                Key {
                    entry,
                    expires: None,
                },
            );
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn place(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    fn entry(&self, policy: &str, key: &str, now: Timestamp) -> Option<&Entry> {
        let kept = self.keys.get(&(policy.to_owned(), key.to_owned()))?;
        kept.alive(now).then_some(&kept.entry)
    }

    fn commit(&mut self, commit: &Commit, now: Timestamp) -> Written {
        let Commit {
            record,
            actions,
            writes,
            seen,
            waivers,
        } = commit;
        let changed = writes.iter().any(|(policy, write)| {
            let version = self
                .entry(policy, &write.key, now)
                .map(|entry| entry.version);
            write.expected.is_some_and(|expected| expected != version)
        });
        let until = |seen: &Seen| self.seen.get(&seen.event).map(|(_, until)| *until);
        if seen
            .as_ref()
            .and_then(until)
            .is_some_and(|until| until > now)
        {
            return Written::Seen;
        }
        if changed {
            return Written::Conflict;
        }
        for (policy, write) in writes {
            self.change(policy, write, now);
        }
        if let Some(Seen { event, until }) = seen {
            self.seen.insert(event.clone(), (record.id.clone(), *until));
        }
        for id in waivers {
            let uses = self.waiver_uses.entry(id.clone()).or_default();
            uses.count += 1;
            uses.last = Some(now);
        }
        let place = self.place();
        self.decisions.insert(place, record.clone());
        if self.decisions.len() > MAX_DECISIONS {
            self.decisions.pop_first();
        }
        let mut kept = Vec::new();
        for action in actions {
            if self
                .actions
                .values()
                .any(|known| known.story.action.id == action.id)
            {
                continue;
            }
            let place = self.place();
            kept.push((action.id.clone(), place));
            let story = ActionStory {
                action: action.clone(),
                state: ActionState::Due,
                due: Some(now),
                attempts: 0,
                detail: None,
                request: None,
                history: Vec::new(),
            };
            self.actions.insert(
                place,
                Kept {
                    story,
                    due: now,
                    changed: now,
                },
            );
        }
        Written::Kept(kept)
    }

    fn change(&mut self, policy: &str, write: &Write, now: Timestamp) {
        let place = (policy.to_owned(), write.key.clone());
        let version = self
            .entry(policy, &write.key, now)
            .map_or(0, |entry| entry.version)
            + 1;
        match &write.value {
            None => drop(self.keys.remove(&place)),
            Some(value) => {
                let entry = Entry {
                    version,
                    value: value.clone(),
                };
                let expires = expiry(write.ttl, now);
                self.keys.insert(place, Key { entry, expires });
            }
        }
    }

    fn attempted(&mut self, attempt: &Attempt, now: Timestamp) {
        let Some(kept) = self
            .actions
            .values_mut()
            .find(|kept| kept.story.action.id == attempt.action)
        else {
            return;
        };
        kept.story.history.push(attempt.clone());
        if kept.story.state == ActionState::Due {
            kept.due = attempt.next.unwrap_or(now);
            kept.changed = now;
            kept.story.state = attempt.state;
            kept.story.detail = Some(attempt.detail.clone());
            kept.story.attempts += 1;
        }
    }
}

impl Kept {
    fn pending(&self, seq: i64) -> Pending {
        Pending {
            seq,
            attempts: self.story.attempts,
            due: self.due,
            action: self.story.action.clone(),
        }
    }

    fn story(&self) -> ActionStory {
        ActionStory {
            due: (self.story.state == ActionState::Due).then_some(self.due),
            ..self.story.clone()
        }
    }
}

#[async_trait]
impl Store for Memory {
    async fn write(&self, batch: &[Entries], now: Timestamp) -> Result<Vec<Written>, StoreError> {
        let mut tables = self.tables();
        let written = batch.iter().map(|entry| match entry {
            Entries::Decision(commit) => tables.commit(commit, now),
            Entries::Attempt(attempt) => {
                tables.attempted(attempt, now);
                Written::Kept(Vec::new())
            }
        });
        Ok(written.collect())
    }

    async fn seen(&self, event: &str, now: Timestamp) -> Result<Option<String>, StoreError> {
        let tables = self.tables();
        let found = tables.seen.get(event).filter(|(_, until)| *until > now);
        Ok(found.map(|(decision, _)| decision.clone()))
    }

    async fn entry(
        &self,
        policy: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Entry>, StoreError> {
        Ok(self.tables().entry(policy, key, now).cloned())
    }

    async fn entries(
        &self,
        policy: &str,
        prefix: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<(String, Entry)>, StoreError> {
        let tables = self.tables();
        let start = (policy.to_owned(), prefix.to_owned());
        let found = tables
            .keys
            .range(start..)
            .take_while(|((owner, key), _)| owner == policy && key.starts_with(prefix))
            .filter(|(_, kept)| kept.alive(now))
            .take(limit as usize);
        Ok(found
            .map(|((_, key), kept)| (key.clone(), kept.entry.clone()))
            .collect())
    }

    async fn destinations(&self) -> Result<Vec<String>, StoreError> {
        let tables = self.tables();
        let due = tables
            .actions
            .values()
            .filter(|kept| kept.story.state == ActionState::Due);
        let mut found: Vec<String> = due
            .map(|kept| kept.story.action.destination.clone())
            .collect();
        found.sort();
        found.dedup();
        Ok(found)
    }

    async fn due(
        &self,
        destination: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Pending>, StoreError> {
        let tables = self.tables();
        let found = tables
            .actions
            .range(after.saturating_add(1)..)
            .filter(|(_, kept)| {
                kept.story.state == ActionState::Due && kept.story.action.destination == destination
            })
            .take(limit as usize);
        Ok(found.map(|(seq, kept)| kept.pending(*seq)).collect())
    }

    async fn earlier(&self, lane: &str, seq: i64) -> Result<bool, StoreError> {
        let tables = self.tables();
        let mut before = tables.actions.range(..seq);
        Ok(before.any(|(_, kept)| {
            kept.story.state == ActionState::Due && kept.story.action.lane.as_deref() == Some(lane)
        }))
    }

    async fn decisions(&self, query: &DecisionQuery) -> Result<Vec<(i64, Record)>, StoreError> {
        let tables = self.tables();
        let mut found: Vec<(i64, Record)> = tables
            .decisions
            .iter()
            .filter(|(seq, record)| asked_for(query, **seq, record))
            .map(|(seq, record)| (*seq, record.clone()))
            .collect();
        if query.after.is_none() {
            found.sort_by(|(_, one), (_, other)| other.id.cmp(&one.id));
        }
        found.truncate(query.limit as usize);
        let mut size = 0;
        let fits = found.iter().take_while(|(_, record)| {
            let before = size;
            size += record.body.len();
            before < PAGE_BYTES
        });
        let fits = fits.count();
        found.truncate(fits);
        Ok(found)
    }

    async fn decision(&self, id: &str) -> Result<Option<Record>, StoreError> {
        let tables = self.tables();
        Ok(tables
            .decisions
            .values()
            .find(|record| record.id == id)
            .cloned())
    }

    async fn actions(&self, query: &ActionQuery) -> Result<Vec<(i64, ActionStory)>, StoreError> {
        let ActionQuery {
            state,
            kind,
            policy,
            decision,
            before,
            limit,
        } = query;
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        let tables = self.tables();
        let found = tables.actions.iter().rev().filter(|(seq, kept)| {
            let action = &kept.story.action;
            state.is_none_or(|state| state == kept.story.state)
                && is(kind, &action.kind)
                && is(policy, &action.policy)
                && is(decision, &action.decision)
                && before.is_none_or(|before| **seq < before)
        });
        let brief = |kept: &Kept| ActionStory {
            history: Vec::new(),
            ..kept.story()
        };
        Ok(found
            .take(*limit as usize)
            .map(|(seq, kept)| (*seq, brief(kept)))
            .collect())
    }

    async fn action(&self, id: &str) -> Result<Option<ActionStory>, StoreError> {
        let tables = self.tables();
        let found = tables
            .actions
            .values()
            .find(|kept| kept.story.action.id == id);
        Ok(found.map(|kept| {
            let request =
                serde_json::value::RawValue::from_string(kept.story.action.request.clone()).ok();
            ActionStory {
                request,
                ..kept.story()
            }
        }))
    }

    async fn order(&self, id: &str, order: Order, now: Timestamp) -> Result<Ordered, StoreError> {
        let mut tables = self.tables();
        let found = tables
            .actions
            .iter_mut()
            .find(|(_, kept)| kept.story.action.id == id);
        let Some((seq, kept)) = found else {
            return Ok(Ordered::Unknown);
        };
        let state = kept.story.state;
        let Some(next) = order.leads_to(state) else {
            return Ok(Ordered::Refused(state));
        };
        kept.story.state = next;
        kept.story.attempts = 0;
        (kept.due, kept.changed) = (now, now);
        if order == Order::Retry {
            kept.story.action.since = now;
        }
        Ok(Ordered::Done(Box::new(kept.pending(*seq))))
    }

    async fn depths(&self) -> Result<[(ActionState, u64); 2], StoreError> {
        let tables = self.tables();
        let count = |state| {
            let number = tables
                .actions
                .values()
                .filter(|kept| kept.story.state == state)
                .count();
            (state, number as u64)
        };
        Ok([count(ActionState::Due), count(ActionState::Dead)])
    }

    /// The size of the log is not bounded here: what is in memory does not stay long.
    async fn prune(&self, retention: &Retention, now: Timestamp) -> Result<(), StoreError> {
        let oldest = now.saturating_sub(retention.age).unwrap_or(Timestamp::MIN);
        let mut tables = self.tables();
        tables.decisions.retain(|_, record| record.time >= oldest);
        tables.actions.retain(|_, kept| {
            matches!(kept.story.state, ActionState::Due | ActionState::Dead)
                || kept.changed >= oldest
        });
        tables.seen.retain(|_, (_, until)| *until > now);
        tables.keys.retain(|_, kept| kept.alive(now));
        let oldest = now
            .saturating_sub(retention.evidence)
            .unwrap_or(Timestamp::MIN);
        tables.forget_reports(oldest, retention.size.as_u64());
        Ok(())
    }
}

fn asked_for(query: &DecisionQuery, seq: i64, record: &Record) -> bool {
    let DecisionQuery {
        since,
        until,
        subject,
        policy,
        verdict,
        before,
        after,
        limit: _,
    } = query;
    since.is_none_or(|since| record.time >= since)
        && until.is_none_or(|until| record.time < until)
        && subject
            .as_ref()
            .is_none_or(|subject| record.subject.as_ref() == Some(subject))
        && policy
            .as_ref()
            .is_none_or(|policy| record.policies.contains(policy))
        && verdict.is_none_or(|verdict| record.verdict == verdict)
        && before.as_ref().is_none_or(|before| record.id < *before)
        && after.is_none_or(|after| seq > after)
}
