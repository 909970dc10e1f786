//! How often grants were used in the last minute, by all decisions together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// For each policy's grant, how much of it is left. Budgets outlive a reload: whoever saves a file gets no new minute.
#[derive(Default)]
pub struct Budgets(Mutex<HashMap<(String, &'static str, String), Left>>);

struct Left {
    tokens: f64,
    at: Instant,
}

impl Budgets {
    /// Uses a grant once, if it may be used `per_minute` times. What was not used comes back evenly over the minute.
    pub fn take(
        &self,
        policy: &str,
        capability: &'static str,
        pattern: &str,
        per_minute: u32,
    ) -> bool {
        self.take_at(policy, capability, pattern, per_minute, Instant::now())
    }

    fn take_at(
        &self,
        policy: &str,
        capability: &'static str,
        pattern: &str,
        per_minute: u32,
        now: Instant,
    ) -> bool {
        let most = f64::from(per_minute);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = all
            .entry((policy.to_owned(), capability, pattern.to_owned()))
            .or_insert(Left {
                tokens: most,
                at: now,
            });
        let back =
            now.saturating_duration_since(left.at).as_secs_f64() / MINUTE.as_secs_f64() * most;
        left.tokens = (left.tokens + back).min(most);
        left.at = now;
        // What came back in many small parts may add up to a little less.
        let enough = left.tokens >= 1.0 - 1e-6;
        if enough {
            left.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_comes_back_in_a_minute() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        let take = |policy: &str, second: u64| {
            budgets.take_at(
                policy,
                "webhook",
                "*",
                6,
                start + Duration::from_secs(second),
            )
        };
        assert!((0..6).all(|_| take("a", 0)) && !take("a", 0));
        assert!(take("b", 0));
        assert!(!take("a", 9) && take("a", 10) && !take("a", 10));
        assert!((0..6).all(|_| take("a", 1000)) && !take("a", 1000));
        let none = Budgets::default();
        assert!(!none.take("a", "webhook", "*", 0));
    }
}
