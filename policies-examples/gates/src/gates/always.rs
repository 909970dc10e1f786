//! Whatever the image.

use super::{Asked, Lack, Match, Trigger};

pub(super) const TRIGGERS: &[Trigger] = &[Trigger {
    gate: "always",
    name: "always",
    aliases: &[],
    params: &[],
    silent: false,
    run: always,
}];

fn always(_: &Asked<'_>, found: &mut Vec<Match>) -> Result<(), Lack> {
    found.push(Match::new("Unconditional trigger match").id("always"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::run;
    use touchstone_sdk::prelude::json;

    #[test]
    fn it_always_fires() {
        run(
            "always.always",
            [
                (
                    "fixed",
                    json!({}),
                    json!(null),
                    vec!["always: Unconditional trigger match"],
                ),
                (
                    "exact",
                    json!({}),
                    json!({}),
                    vec!["always: Unconditional trigger match"],
                ),
            ],
        );
    }
}
