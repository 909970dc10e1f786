//! What the instructions of a Dockerfile mean together: which stage builds on which, and what variables hold.
//!
//! ```
//! use touchstone_sdk::evidence::dockerfile::{Base, Dockerfile};
//! # use touchstone_sdk::evidence::Instruction;
//! # let line = |line, stage, name: &str, arguments: &str| Instruction {
//! #     name: name.to_owned(), arguments: arguments.to_owned(), line, stage,
//! # };
//! // ARG TAG=12 / FROM debian:$TAG AS base / FROM base / USER web
//! # let instructions = vec![line(1, 0, "ARG", "TAG=12"), line(2, 0, "FROM", "debian:$TAG AS base"),
//! #     line(3, 1, "FROM", "base"), line(4, 1, "USER", "web")];
//! let dockerfile = Dockerfile::new(instructions);
//! let base = dockerfile.last().map(|stage| dockerfile.origin(stage));
//! assert_eq!(base, Some(&Base::Image("debian:12".to_owned())));
//! let names: Vec<&str> = dockerfile.effective().map(|instruction| instruction.name.as_str()).collect();
//! assert_eq!(names, ["FROM", "FROM", "USER"]);
//! ```
//!
//! A build can be told otherwise (`--build-arg`, `--target`), so this is what the file says, not what was done.

use std::collections::BTreeMap;

use super::Instruction;

/// Stages and instructions of a Dockerfile.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    instructions: Vec<Instruction>,
    stages: Vec<Stage>,
    globals: Variables,
}

/// What a `FROM` begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Counted from 0, as [`Instruction::stage`] is.
    pub number: u32,
    /// After `AS`.
    pub name: Option<String>,
    /// Where it begins, counted from 1.
    pub line: u32,
    /// What it is built from.
    pub base: Base,
}

/// What a stage is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// An earlier stage, by its number.
    Stage(u32),
    /// Nothing.
    Scratch,
    /// An image, as written, with the defaults of variables.
    Image(String),
    /// Only a build knows: a variable in it has no default.
    Unknown {
        /// As written.
        text: String,
        /// The variable's name.
        variable: String,
    },
}

impl Dockerfile {
    /// Reads the instructions of [`super::Evidence::dockerfile`].
    pub fn new(instructions: Vec<Instruction>) -> Dockerfile {
        let mut globals = Variables::default();
        let before = instructions.iter();
        for argument in before.take_while(|instruction| instruction.name != "FROM") {
            globals.apply(argument);
        }
        let mut stages: Vec<Stage> = Vec::new();
        for from in instructions.iter().filter(|one| one.name == "FROM") {
            let stage = Stage::new(from, &stages, &globals);
            stages.push(stage);
        }
        Dockerfile {
            instructions,
            stages,
            globals,
        }
    }

    /// Every instruction, in order.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// In order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The stage that makes the image.
    pub fn last(&self) -> Option<&Stage> {
        self.stages.last()
    }

    /// The stage of a name or a number, as in `COPY --from=`.
    pub fn stage(&self, name: &str) -> Option<&Stage> {
        let number = name.parse().ok();
        let mut stages = self.stages.iter();
        stages.rfind(|stage| stage.is_called(name) || number == Some(stage.number))
    }

    /// What a stage is built from in the end, through all the stages between; never [`Base::Stage`].
    pub fn origin<'a>(&'a self, stage: &'a Stage) -> &'a Base {
        self.line(stage)
            .last()
            .map_or(&stage.base, |first| &first.base)
    }

    /// The instructions that make the image, in the order in which they act: those of the last stage, after those of the
    /// stages that it builds on.
    pub fn effective(&self) -> impl Iterator<Item = &Instruction> {
        let line = self.last().map(|last| self.line(last)).unwrap_or_default();
        line.into_iter()
            .rev()
            .flat_map(|stage| self.of_stage(stage))
    }

    /// Variables before the first instruction of a stage: those of the stages that it builds on.
    pub fn variables(&self, stage: &Stage) -> Variables {
        let mut variables = Variables {
            outer: self.globals.values.clone(),
            ..Variables::default()
        };
        for below in self.line(stage).into_iter().skip(1).rev() {
            for instruction in self.of_stage(below) {
                variables.apply(instruction);
            }
        }
        variables
    }

    /// The instructions of a stage, its `FROM` first.
    pub fn of_stage<'a>(
        &'a self,
        stage: &Stage,
    ) -> impl Iterator<Item = &'a Instruction> + use<'a> {
        let (number, line) = (stage.number, stage.line);
        self.instructions
            .iter()
            .filter(move |one| one.stage == number && one.line >= line)
    }

    /// A stage, the one that it builds on, and so forth. Each is earlier than the one before, so it ends.
    fn line<'a>(&'a self, stage: &'a Stage) -> Vec<&'a Stage> {
        let mut line = vec![stage];
        let mut last = stage;
        while let Base::Stage(number) = last.base {
            let below = self.stages.iter().find(|stage| stage.number == number);
            let Some(below) = below.filter(|below| below.number < last.number) else {
                break;
            };
            line.push(below);
            last = below;
        }
        line
    }
}

impl Stage {
    fn new(from: &Instruction, earlier: &[Stage], globals: &Variables) -> Stage {
        let words = from.arguments.split_whitespace();
        let mut words = words.skip_while(|word| word.starts_with("--"));
        let text = words.next().unwrap_or_default();
        let keyword = words.next().unwrap_or_default();
        let name = words.next().filter(|_| keyword.eq_ignore_ascii_case("AS"));
        let base = match globals.expand(text) {
            Err(variable) => Base::Unknown {
                text: text.to_owned(),
                variable,
            },
            Ok(image) => match earlier.iter().rfind(|stage| stage.is_called(&image)) {
                Some(stage) => Base::Stage(stage.number),
                None if image == "scratch" => Base::Scratch,
                None => Base::Image(image),
            },
        };
        Stage {
            number: from.stage,
            name: name.map(str::to_owned),
            line: from.line,
            base,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        let own = self.name.as_deref();
        own.is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

/// What `ARG` and `ENV` set, as far as the file tells.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: BTreeMap<String, Option<String>>,
    /// Set by `ENV`, which wins over `ARG`.
    environment: BTreeMap<String, Option<String>>,
    /// Those before the first `FROM`, which an `ARG` without a default takes over.
    outer: BTreeMap<String, Option<String>>,
}

/// How much text variables may become: each could double the one before.
const LONGEST: usize = 64 << 10;

impl Variables {
    /// Does what an instruction does to variables: nothing, unless it is `ARG` or `ENV`.
    pub fn apply(&mut self, instruction: &Instruction) {
        for (name, value) in assignments(instruction) {
            let value = match value {
                // What the host leaves of values in an image's history, which may be secrets.
                Some(value) if value == "***" => None,
                Some(value) => self.expand(&value).ok(),
                None => self.outer.get(&name).cloned().flatten(),
            };
            match instruction.name.as_str() {
                "ENV" => self.environment.insert(name, value),
                _ => self.values.insert(name, value),
            };
        }
    }

    /// Replaces `$name`, `${name}`, `${name:-default}` and `${name:+other}`. An error is the name of a variable that the
    /// file gives no value.
    pub fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '\\']) {
            let (before, found) = rest.split_at(at);
            out.push_str(before);
            rest = match found.strip_prefix('$') {
                Some(after) => self.replace(after, &mut out)?,
                None => {
                    let mut escaped = found.chars();
                    out.extend(escaped.by_ref().nth(1));
                    escaped.as_str()
                }
            };
            if out.len() > LONGEST {
                return Err(text.chars().take(100).collect());
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Replaces the variable that a text begins with; answers what follows it.
    fn replace<'a>(&self, text: &'a str, out: &mut String) -> Result<&'a str, String> {
        let braced = text.strip_prefix('{');
        let (name, rest) = split_name(braced.unwrap_or(text));
        if name.is_empty() {
            out.push('$');
            return Ok(text);
        }
        let value = self.get(name);
        let unknown = || name.to_owned();
        if braced.is_none() {
            out.push_str(value.ok_or_else(unknown)?);
            return Ok(rest);
        }
        let (modifier, after) = rest.split_once('}').ok_or_else(unknown)?;
        let filled = value.filter(|value| !value.is_empty() || !modifier.starts_with(':'));
        match (modifier.trim_start_matches(':'), filled) {
            ("", _) => out.push_str(value.ok_or_else(unknown)?),
            (modifier, filled) if modifier.starts_with('-') => match filled {
                Some(value) => out.push_str(value),
                None => out.push_str(modifier.trim_start_matches('-')),
            },
            (modifier, filled) if modifier.starts_with('+') => {
                out.push_str(filled.map_or("", |_| modifier.trim_start_matches('+')));
            }
            _ => return Err(unknown()),
        }
        Ok(after)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let set = self.environment.get(name).or_else(|| self.values.get(name));
        set?.as_deref()
    }
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    text.split_at(end.unwrap_or(text.len()))
}

/// What an `ARG` or `ENV` names, with the values as they are written, without quotes. Nothing for other instructions.
pub fn assignments(instruction: &Instruction) -> Vec<(String, Option<String>)> {
    let text = &instruction.arguments;
    let first = text.split_whitespace().next().unwrap_or_default();
    match instruction.name.as_str() {
        // The old form, with one variable and everything after it for its value.
        "ENV" if !first.contains('=') => {
            let value = text.strip_prefix(first).unwrap_or_default().trim();
            vec![(first.to_owned(), Some(value.to_owned()))]
        }
        "ENV" | "ARG" => words(text)
            .into_iter()
            .map(|word| match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Splits at white space outside quotes, and takes the quotes off.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => {
                // What is escaped stays so for the expansion of variables.
                let next = rest.next();
                let kept = next.filter(|next| *next == '$').map(|_| '\\');
                word.get_or_insert_default()
                    .extend(kept.into_iter().chain(next));
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line each: `FROM debian:12`.
    fn read(lines: &[&str]) -> Dockerfile {
        let mut stages = 0_u32;
        let instructions = lines.iter().zip(1..).map(|(text, line)| {
            let (name, arguments) = text.split_once(' ').unwrap();
            stages += u32::from(name == "FROM");
            Instruction {
                name: name.to_owned(),
                arguments: arguments.to_owned(),
                line,
                stage: stages.saturating_sub(1),
            }
        });
        Dockerfile::new(instructions.collect())
    }

    fn image(text: &str) -> Base {
        Base::Image(text.to_owned())
    }

    fn unknown(text: &str, variable: &str) -> Base {
        let (text, variable) = (text.to_owned(), variable.to_owned());
        Base::Unknown { text, variable }
    }

    #[test]
    fn a_stage_is_built_from_what_its_from_says() {
        for (lines, expected) in [
            (&["FROM debian:12"][..], image("debian:12")),
            (&["FROM --platform=$BUILDPLATFORM debian"], image("debian")),
            (
                &["ARG TAG=12", "FROM debian:${TAG} AS x"],
                image("debian:12"),
            ),
            (&["ARG A=deb", "ARG B=${A}ian", "FROM $B"], image("debian")),
            (&["ARG TAG", "FROM debian:${TAG:-11}"], image("debian:11")),
            (
                &["FROM debian${TAG:+:}$TAG"],
                unknown("debian${TAG:+:}$TAG", "TAG"),
            ),
            (
                &["ARG TAG", "FROM debian:$TAG"],
                unknown("debian:$TAG", "TAG"),
            ),
            (&["FROM golang AS Build", "FROM scratch"], Base::Scratch),
            (&["FROM golang AS Build", "FROM build"], image("golang")),
            (
                &["ARG S=two", "FROM a AS one", "FROM b AS two", "FROM $S"],
                image("b"),
            ),
            (
                &["FROM a AS one", "FROM one AS two", "FROM two"],
                image("a"),
            ),
            (&["FROM later", "FROM a AS later"], image("a")),
            (&["FROM self AS self"], image("self")),
            (
                &["FROM a", "ARG TAG=1", "FROM b:$TAG"],
                unknown("b:$TAG", "TAG"),
            ),
            (&["FROM ${x"], unknown("${x", "x")),
        ] {
            let dockerfile = read(lines);
            let last = dockerfile.last().unwrap();
            assert_eq!(dockerfile.origin(last), &expected, "{lines:?}");
        }
        assert!(read(&[]).last().is_none());
    }

    #[test]
    fn the_instructions_of_stages_below_act_first() {
        let dockerfile = read(&[
            "FROM debian AS base",
            "USER one",
            "FROM golang AS build",
            "USER two",
            "FROM base",
            "USER three",
        ]);
        let lines: Vec<u32> = dockerfile.effective().map(|one| one.line).collect();
        assert_eq!(lines, [1, 2, 5, 6]);
        assert_eq!(dockerfile.stage("BUILD").unwrap().number, 1);
        assert_eq!(dockerfile.stage("0").unwrap().line, 1);
        assert!(dockerfile.stage("other").is_none());
    }

    #[test]
    fn variables_are_those_of_the_stage() {
        let dockerfile = read(&[
            "ARG OUTER=outside",
            "FROM debian AS base",
            "ENV NAME=web",
            "FROM base",
            "ARG OUTER",
            "ARG NAME=other EMPTY= GIVEN",
            r#"ENV FULL="$NAME at home" ESCAPED=\$NAME OLD=1"#,
            "ENV LEGACY a b  c",
        ]);
        let last = dockerfile.last().unwrap();
        let mut variables = dockerfile.variables(last);
        assert_eq!(variables.expand("$OUTER"), Err("OUTER".to_owned()));
        dockerfile
            .of_stage(last)
            .for_each(|one| variables.apply(one));
        for (text, expected) in [
            ("$NAME", Ok("web")),
            ("$OUTER/${FULL}", Ok("outside/web at home")),
            ("${EMPTY:-x}${EMPTY-y}", Ok("x")),
            ("${GIVEN:-x}", Ok("x")),
            ("${NAME:+set}", Ok("set")),
            ("$ESCAPED", Ok("$NAME")),
            ("$LEGACY", Ok("a b  c")),
            (r"\$NAME costs 1$", Ok("$NAME costs 1$")),
            ("$GIVEN", Err("GIVEN")),
            ("${NAME#w}", Err("NAME")),
        ] {
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(variables.expand(text), expected, "{text}");
        }
    }

    #[test]
    fn variables_do_not_grow_without_end() {
        let mut lines = vec!["ARG A0=xxxxxxxxxxxxxxxx".to_owned()];
        lines.extend((1..40).map(|n| format!("ARG A{n}=$A{}$A{}", n - 1, n - 1)));
        lines.push("FROM $A39".to_owned());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let dockerfile = read(&lines);
        assert!(matches!(dockerfile.stages()[0].base, Base::Unknown { .. }));
    }
}
