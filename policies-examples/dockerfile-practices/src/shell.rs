//! Just enough of the shell's grammar to see which programs a script runs.

use touchstone_sdk::serde_json;

/// A program with its arguments.
pub type Command = Vec<String>;
/// Commands joined by `|`.
pub type Pipeline = Vec<Command>;

/// Shells, which run what they read.
pub const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Words before the program's name that are none.
const PREFIXES: [&str; 14] = [
    "!", "{", "}", "if", "then", "elif", "else", "do", "while", "until", "exec", "command", "time",
    "nohup",
];

/// What a `RUN` is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// `--mount=type=cache,target=/var/cache/apt`
    pub flags: Vec<String>,
    /// The rest, as it is written.
    pub text: String,
    /// What it runs.
    pub pipelines: Vec<Pipeline>,
}

impl Script {
    /// Reads the arguments of a `RUN`.
    pub fn new(arguments: &str) -> Script {
        let mut text = arguments.trim_start();
        let mut flags = Vec::new();
        while text.starts_with("--") {
            let (flag, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            flags.push(flag.to_owned());
            text = rest.trim_start();
        }
        let list: Option<Command> = serde_json::from_str(text).ok();
        let pipelines = match list.as_deref() {
            // A shell and its script are the same as the script.
            Some([shell, flag, script]) if SHELLS.contains(&base(shell)) && flag.ends_with('c') => {
                pipelines(script)
            }
            Some(words) => vec![vec![words.to_vec()]],
            None => pipelines(own_lines(text)),
        };
        Script {
            flags,
            text: text.to_owned(),
            pipelines,
        }
    }

    /// Every command.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.pipelines.iter().flatten()
    }
}

/// The text of a heredoc is a script, unless it goes to another program than a shell: `python3 <<EOF`.
fn own_lines(text: &str) -> &str {
    let Some((first, _)) = text
        .split_once('\n')
        .filter(|(first, _)| first.contains("<<"))
    else {
        return text;
    };
    let reader = first.split_whitespace().next().unwrap_or_default();
    match reader.starts_with("<<") || SHELLS.contains(&base(reader)) {
        true => text,
        false => first,
    }
}

/// Splits a script into pipelines, at everything that ends a command outside quotes.
fn pipelines(script: &str) -> Vec<Pipeline> {
    let mut lexer = Lexer::default();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, lexer.quote) {
            (c, Some(open)) if c == open => lexer.quote = None,
            ('\\', None | Some('"')) => lexer.word.get_or_insert_default().extend(chars.next()),
            ('"' | '\'', None) => {
                lexer.quote = Some(c);
                lexer.word.get_or_insert_default();
            }
            // 2>&1 and &>file do not end a command.
            ('&', None) if chars.peek() == Some(&'>') || lexer.ends_with(['<', '>']) => {
                lexer.push('&')
            }
            ('&' | ';' | '\n' | '(' | ')' | '`', None) => lexer.end_pipeline(),
            ('|', None) => match chars.next_if(|next| ['|', '&'].contains(next)) {
                Some('|') => lexer.end_pipeline(),
                _ => lexer.end_command(),
            },
            ('#', None) if lexer.word.is_none() => {
                while chars.next_if(|next| *next != '\n').is_some() {}
            }
            (c, None) if c.is_whitespace() => lexer.end_word(),
            (c, _) => lexer.push(c),
        }
    }
    lexer.end_pipeline();
    lexer.pipelines
}

#[derive(Default)]
struct Lexer {
    pipelines: Vec<Pipeline>,
    pipeline: Pipeline,
    command: Command,
    word: Option<String>,
    quote: Option<char>,
}

impl Lexer {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn ends_with(&self, end: [char; 2]) -> bool {
        self.word.as_ref().is_some_and(|word| word.ends_with(end))
    }

    fn end_word(&mut self) {
        self.command.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        if !self.command.is_empty() {
            self.pipeline.push(std::mem::take(&mut self.command));
        }
    }

    fn end_pipeline(&mut self) {
        self.end_command();
        if !self.pipeline.is_empty() {
            self.pipelines.push(std::mem::take(&mut self.pipeline));
        }
    }
}

/// The programs that a command runs, each with its arguments: `sudo env A=b make x` runs `sudo`, `env` and `make`.
pub fn programs(command: &[String]) -> Vec<(&str, &[String])> {
    let mut found = Vec::new();
    let mut rest = command;
    while let Some((word, arguments)) = rest.split_first() {
        rest = arguments;
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| is_name(name));
        if is_assignment || PREFIXES.contains(&word.as_str()) {
            continue;
        }
        let program = base(word);
        found.push((program, arguments));
        if !["sudo", "env"].contains(&program) {
            break;
        }
        let flags = rest.iter().take_while(|word| word.starts_with('-')).count();
        rest = rest.get(flags..).unwrap_or_default();
    }
    found
}

/// The name of a program without its folder.
fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pipelines by ` ; `, commands by ` | `, words by `,`.
    fn shape(script: &str) -> String {
        let pipelines = Script::new(script).pipelines;
        let pipelines: Vec<String> = pipelines
            .iter()
            .map(|pipeline| {
                let commands: Vec<String> = pipeline.iter().map(|words| words.join(",")).collect();
                commands.join(" | ")
            })
            .collect();
        pipelines.join(" ; ")
    }

    #[test]
    fn a_script_is_pipelines_of_commands() {
        for (script, expected) in [
            ("make all", "make,all"),
            ("a && b || c; d & e", "a ; b ; c ; d ; e"),
            ("a | b |& c", "a | b | c"),
            ("a 'x; y' \"| z\" \\; b", "a,x; y,| z,;,b"),
            ("a >/dev/null 2>&1 | b &>log", "a,>/dev/null,2>&1 | b,&>log"),
            ("(a; b) | c", "a ; b ; c"),
            ("x=$(a b) c", "x=$ ; a,b ; c"),
            ("a # b; c\nd", "a ; d"),
            ("a#b", "a#b"),
            ("--mount=type=cache,target=/x --network=none a", "a"),
            (r#"["a", "b; c"]"#, "a,b; c"),
            (r#"["/bin/sh", "-c", "a | b"]"#, "a | b"),
            ("<<EOF\na\nb | c\nEOF", "<<EOF ; a ; b | c ; EOF"),
            ("python3 <<EOF\na | b\nEOF", "python3,<<EOF"),
            ("a 'open", "a,open"),
            ("", ""),
        ] {
            assert_eq!(shape(script), expected, "{script}");
        }
        assert_eq!(
            Script::new("--mount=type=cache a").flags,
            ["--mount=type=cache"]
        );
    }

    #[test]
    fn a_command_may_run_several_programs() {
        for (script, expected) in [
            ("make", "make"),
            ("A=b /usr/bin/make x", "make"),
            ("sudo -E env A=b bash -c x", "sudo env bash"),
            ("if ! sudo true", "sudo true"),
            ("A=b", ""),
        ] {
            let pipelines = pipelines(script);
            let found: Vec<&str> = programs(&pipelines[0][0])
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(found.join(" "), expected, "{script}");
        }
    }
}
