//! How package managers install: which version, and what they leave behind. To add one: its row in [`MANAGERS`].

use crate::shell::{Script, programs};

/// A package manager.
struct Manager {
    programs: &'static [&'static str],
    verb: &'static str,
    /// Flags that take the next word.
    values: &'static [&'static str],
    /// Whether a word says which version.
    is_pinned: fn(&str) -> bool,
    /// What it leaves behind.
    leaves: &'static str,
    /// Folders of that; a script that names one of them, or a mount of one, takes care of it.
    folders: &'static [&'static str],
    /// Words of a command that do, too.
    cleaners: &'static [&'static str],
}

const MANAGERS: &[Manager] = &[
    Manager {
        programs: &["apt-get", "apt", "aptitude"],
        verb: "install",
        values: &["-t", "--target-release", "-o", "-c"],
        is_pinned: |word| word.contains('=') || word.ends_with(".deb"),
        leaves: "its lists of packages",
        folders: &["/var/lib/apt"],
        cleaners: &[],
    },
    Manager {
        programs: &["apk"],
        verb: "add",
        values: &[
            "-t",
            "--virtual",
            "-X",
            "--repository",
            "-p",
            "--root",
            "--repositories-file",
        ],
        is_pinned: |word| word.contains(['=', '<', '>', '~']) || word.ends_with(".apk"),
        leaves: "its index of packages",
        folders: &["/var/cache/apk", "/etc/apk/cache"],
        cleaners: &["--no-cache"],
    },
    Manager {
        programs: &["dnf", "microdnf", "yum", "tdnf"],
        verb: "install",
        values: &["-c", "-x", "--exclude", "--enablerepo", "--disablerepo"],
        is_pinned: is_pinned_rpm,
        leaves: "its cache",
        folders: &["/var/cache/dnf", "/var/cache/yum"],
        cleaners: &["clean all"],
    },
];

/// What a command installs.
pub struct Install {
    manager: &'static Manager,
    /// The program.
    pub program: String,
    /// Packages without a version.
    pub unpinned: Vec<String>,
}

/// Every installation that a script does.
pub fn installs(script: &Script) -> Vec<Install> {
    let commands = script
        .commands()
        .flat_map(|command| programs(command).pop());
    let installs = commands.filter_map(|(program, arguments)| {
        let manager = MANAGERS
            .iter()
            .find(|manager| manager.programs.contains(&program))?;
        let verb = arguments.iter().position(|word| word == manager.verb)?;
        let words = arguments.get(verb + 1..).unwrap_or_default();
        Some(Install {
            manager,
            program: program.to_owned(),
            unpinned: manager.unpinned(words),
        })
    });
    installs.collect()
}

impl Manager {
    /// Packages without a version. What a variable holds, nobody knows here.
    fn unpinned(&self, words: &[String]) -> Vec<String> {
        let mut unpinned = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if self.values.contains(&word.as_str()) {
                words.next();
            } else if !word.starts_with(['-', '$', '.', '/', '@'])
                && !word.contains(['$', '<', '>'])
                && !(self.is_pinned)(word)
            {
                unpinned.push(word.clone());
            }
        }
        unpinned
    }
}

impl Install {
    /// What it leaves behind.
    pub fn leaves(&self) -> &'static str {
        self.manager.leaves
    }

    /// Whether the script takes care of that.
    pub fn cleans(&self, script: &Script) -> bool {
        let in_text = |what: &&str| script.text.contains(*what);
        let mounted = |folder: &&str| script.flags.iter().any(|flag| flag.contains(*folder));
        let manager = self.manager;
        manager
            .folders
            .iter()
            .any(|folder| in_text(folder) || mounted(folder))
            || manager.cleaners.iter().any(in_text)
    }
}

/// `nginx-1.24.0-1.el9`, but not `python3-pip`.
fn is_pinned_rpm(word: &str) -> bool {
    let version = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    word.ends_with(".rpm") || word.contains('=') || word.split('-').skip(1).any(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_names_packages_and_may_clean_up() {
        for (script, unpinned, cleans) in [
            (
                "apt-get update && apt-get install -y curl=8.1 vim",
                "vim",
                false,
            ),
            (
                "apt-get -y install --no-install-recommends -t sid vim && rm -rf /var/lib/apt/lists/*",
                "vim",
                true,
            ),
            (
                "--mount=type=cache,target=/var/lib/apt apt-get install $PACKAGES ./a.deb",
                "",
                true,
            ),
            (
                "DEBIAN_FRONTEND=noninteractive apt-get install vim >/dev/null",
                "vim",
                false,
            ),
            ("apk add --no-cache curl~8 git", "git", true),
            ("apk add --virtual .build gcc", "gcc", false),
            (
                "dnf install -y nginx-1.24 python3-pip && dnf clean all",
                "python3-pip",
                true,
            ),
            ("yum install -y nginx", "nginx", false),
        ] {
            let script = Script::new(script);
            let installs = installs(&script);
            assert_eq!(installs.len(), 1, "{script:?}");
            assert_eq!(installs[0].unpinned.join(" "), unpinned, "{script:?}");
            assert_eq!(installs[0].cleans(&script), cleans, "{script:?}");
        }
        assert!(installs(&Script::new("apt-get update; echo apt-get install x")).is_empty());
    }
}
