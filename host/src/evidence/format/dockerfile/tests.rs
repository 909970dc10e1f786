use super::*;

const SAMPLE: &str = include_str!("../../../../../tests/reports/dockerfile.Dockerfile");

/// What a Dockerfile says: stage, line, name and arguments.
fn lines(text: &str) -> Vec<(u32, u32, String, String)> {
    let instructions = read(text).unwrap().dockerfile.unwrap();
    let rows = instructions.into_iter();
    rows.map(|row| (row.stage, row.line, row.name, row.arguments))
        .collect()
}

/// The same after a first line with `FROM`, as text.
fn after_from(text: &str) -> Vec<String> {
    let rows = lines(&format!("FROM x\n{text}")).into_iter().skip(1);
    rows.map(|(_, line, name, arguments)| format!("{line} {name} {arguments}"))
        .collect()
}

#[test]
fn the_sample_is_read() {
    let expected = [
        (0, 5, "ARG", "GO=1.24"),
        (
            0,
            6,
            "FROM",
            "--platform=$BUILDPLATFORM golang:${GO} AS build",
        ),
        (0, 7, "WORKDIR", "/src"),
        (0, 8, "COPY", ". ."),
        (
            0,
            9,
            "RUN",
            "--mount=type=cache,target=/root/.cache go build -o /web . && strip /web",
        ),
        (1, 15, "FROM", "debian:12-slim"),
        (
            1,
            16,
            "LABEL",
            "org.opencontainers.image.vendor=\"Example\" maintainer='web@example.org'",
        ),
        (1, 18, "COPY", "--from=build /web /usr/bin/web"),
        (
            1,
            19,
            "COPY",
            "<<web.conf <<-\"hosts\" /etc/\nlisten = 8443\nuser = root\nweb.conf\n\t127.0.0.1 db\n\thosts",
        ),
        (
            1,
            25,
            "RUN",
            "cat <<EOF >> /etc/motd\nUSER root\nFROM scratch\nEOF",
        ),
        (1, 29, "ONBUILD", "RUN <<EOF\napt-get update\nEOF"),
        (1, 32, "EXPOSE", "8443/tcp"),
        (
            1,
            33,
            "HEALTHCHECK",
            "--interval=30s CMD [\"curl\", \"-f\", \"https://localhost:8443/health\"]",
        ),
        (1, 34, "USER", "web"),
        (1, 35, "ENTRYPOINT", "[]"),
        (1, 36, "CMD", "[\"/usr/bin/web\"]"),
    ];
    let expected =
        expected.map(|(stage, line, name, text)| (stage, line, name.to_owned(), text.to_owned()));
    assert_eq!(lines(SAMPLE), expected);
}

#[test]
fn lines_end_where_the_builder_ends_them() {
    let cases: [(&str, &str, &[&str]); 16] = [
        ("continued", "RUN a \\\n  && b", &["2 RUN a && b"]),
        (
            "blanks after the escape",
            "RUN a \\ \t\n  && b",
            &["2 RUN a && b"],
        ),
        ("a word in two halves", "USER ro\\\not", &["2 USER root"]),
        (
            "an instruction in two halves",
            "US\\\nER root",
            &["2 USER root"],
        ),
        (
            "an escaped escape ends the line",
            "RUN a\\\\\nUSER root",
            &["2 RUN a\\\\", "3 USER root"],
        ),
        (
            "comments and blank lines between",
            "RUN a \\\n# b \\\n\n   # c\n  d",
            &["2 RUN a d"],
        ),
        (
            "no comment within a line",
            "RUN a # b \\\n c",
            &["2 RUN a # b c"],
        ),
        (
            "a comment is not continued",
            "# a \\\nUSER b",
            &["3 USER b"],
        ),
        ("an escape alone", "\\\nUSER b\n", &["2 USER b"]),
        ("an escape at the end", "USER b\n\\\n", &["2 USER b"]),
        (
            "carriage returns",
            "RUN a \\\r\n b\r\nUSER c\r\n",
            &["2 RUN a b", "4 USER c"],
        ),
        (
            "indented, lower case, tabs",
            "  user\ta\n\t# b",
            &["2 USER a"],
        ),
        (
            "quotes stay",
            "ENV A=\"b  c\" D='e'",
            &["2 ENV A=\"b  c\" D='e'"],
        ),
        (
            "lists stay",
            "SHELL [ \"a\" , \"b\" ]",
            &["2 SHELL [ \"a\" , \"b\" ]"],
        ),
        (
            "nothing",
            "CMD\nENTRYPOINT  \n",
            &["2 CMD ", "3 ENTRYPOINT "],
        ),
        (
            "a backtick is a letter",
            "RUN a `\nUSER b",
            &["2 RUN a `", "3 USER b"],
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(after_from(text), expected, "{name}");
    }
}

#[test]
fn directives_stand_at_the_top_only() {
    let windows = "# escape=`\nFROM x\nCOPY a C:\\\nRUN b `\n c\n";
    let expected = ["FROM x", "COPY a C:\\", "RUN b c"];
    let joined = |text: &str| -> Vec<String> {
        let rows = lines(text).into_iter();
        rows.map(|(_, _, name, arguments)| format!("{name} {arguments}"))
            .collect()
    };
    assert_eq!(joined(windows), expected);
    assert_eq!(
        joined(&format!("#SYNTAX = a\n#  check=skip=all\n{windows}")),
        expected
    );
    // After a comment or a blank line it is a comment itself.
    for first in ["# hello\n", "\n", "# other=1\n", "#escape=\n"] {
        assert_eq!(
            joined(&format!("{first}# escape=`\nFROM x\nRUN b \\\n c")),
            ["FROM x", "RUN b c"]
        );
    }
}

#[test]
fn heredocs_hide_what_looks_like_instructions() {
    let hidden = |opening: &str, end: &str| {
        let rows = after_from(&format!("{opening}\nUSER root\n{end}\nUSER b"));
        rows.len() == 2 && rows[1] == "5 USER b"
    };
    let cases = [
        ("RUN <<EOF", "EOF", true),
        ("RUN cat <<EOF > /a", "EOF", true),
        ("RUN 3<<EOF cat", "EOF", true),
        ("RUN <<-EOF", "\t\tEOF", true),
        ("RUN <<'E O'", "E O", true),
        ("RUN <<E\"O\"\\F", "EOF", true),
        ("RUN <<$EOF", "$EOF", true),
        ("RUN <<  EOF", "EOF", true),
        ("RUN cat <<EOF|sh", "EOF|sh", true),
        ("RUN --mount=a=b <<EOF", "EOF", true),
        ("RUN echo \"${a:-\"}\"}\" <<EOF", "EOF", true),
        ("RUN echo ${a/b/c} $$ ${1} ${@} <<EOF", "EOF", true),
        ("ADD <<a /b", "a", true),
        ("ONBUILD COPY <<a /b", "a", true),
        ("RUN a \\\n <<\\\nEOF", "EOF", false),
        ("RUN \"<<LABEL\"", "LABEL a=b", false),
        ("RUN \\<<LABEL", "LABEL a=b", false),
        ("RUN a<<LABEL", "LABEL a=b", false),
        ("RUN cat <<<LABEL", "LABEL a=b", false),
        ("RUN <<", "LABEL a=b", false),
        ("RUN <<''", "LABEL a=b", false),
        ("RUN [\"a\", \"<<EOF\"]", "LABEL a=b", false),
        ("LABEL <<CMD", "CMD", false),
        // The builder gives up on such lines and sees no heredoc in them.
        ("RUN it's <<CMD", "CMD", false),
        ("RUN ${a^^} <<CMD", "CMD", false),
        ("RUN ${#a} <<CMD", "CMD", false),
        ("RUN ${a <<CMD", "CMD", false),
    ];
    for (opening, end, expected) in cases {
        assert_eq!(hidden(opening, end), expected, "{opening}");
    }
    let two = after_from("RUN <<a cat; <<b cat\nUSER x\na\nUSER y\nb\nUSER z");
    assert_eq!(
        two,
        ["2 RUN <<a cat; <<b cat\nUSER x\na\nUSER y\nb", "7 USER z"]
    );
}

#[test]
fn bad_files_are_refused() {
    let cases = [
        ("nothing", "", "the Dockerfile: it has no FROM"),
        ("no stage", "ARG a\n", "it has no FROM"),
        (
            "before a stage",
            "ARG a\nRUN b\nFROM c",
            "line 2: RUN before the first FROM",
        ),
        (
            "unknown",
            "FROM a\n\nINSTALL b",
            "line 3: unknown instruction \"INSTALL\"",
        ),
        ("no image", "FROM", "line 1: FROM without arguments"),
        ("only a flag", "FROM --platform=a", "FROM takes an image"),
        ("two images", "FROM a b", "FROM takes an image"),
        (
            "no arguments",
            "FROM a\nUSER \\\n\n",
            "line 2: USER without arguments",
        ),
        (
            "endless heredoc",
            "FROM a\nRUN <<b\nc\n b",
            "line 2: heredoc without its end: no line \"b\" follows",
        ),
        (
            "foreign name",
            "FROM a\nRUN ${aª} <<b\nb",
            "a variable whose name is not ASCII",
        ),
        (
            "onbuild twice",
            "FROM a\nONBUILD ONBUILD RUN b",
            "line 2: ONBUILD does not take ONBUILD",
        ),
        (
            "onbuild from",
            "FROM a\nONBUILD FROM b",
            "ONBUILD does not take FROM",
        ),
        (
            "onbuild unknown",
            "FROM a\nONBUILD b c",
            "unknown instruction \"B\"",
        ),
        (
            "onbuild nothing",
            "FROM a\nONBUILD USER",
            "USER without arguments",
        ),
        (
            "escape",
            "# escape=x\nFROM a",
            "line 1: escape=x: it can be \\ or `",
        ),
        (
            "directive twice",
            "# escape=`\n# escape=`\nFROM a",
            "line 2: a second directive \"escape\"",
        ),
    ];
    for (name, text, expected) in cases {
        let wrong = read(text).expect_err(name).to_string();
        assert!(wrong.contains(expected), "{name}: {wrong}");
    }
    assert!(read(&format!("FROM a\n{}", "RUN b\n".repeat(1 << 20))).is_err());
}

#[test]
fn it_is_recognised_by_its_first_instruction() {
    let cases = [
        (SAMPLE, true),
        ("\n\n# a\nfrom debian:12", true),
        ("FROM --platform=linux/arm64 a as b", true),
        ("ARG VERSION=1", true),
        ("FROM \\\n  a", true),
        ("From the editor: all is well", false),
        ("From", false),
        ("arg, again", false),
        ("ARG 1", false),
        ("RUN a", false),
        ("# a comment", false),
        ("", false),
        ("{\"FROM\": 1}", false),
    ];
    for (text, expected) in cases {
        assert_eq!(detect(&Sketch::of(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn countless_instructions_are_refused() {
    let text = |count: usize| format!("FROM a\n{}", "CMD\n".repeat(count - 1));
    let instructions = read(&text(10_000)).unwrap().dockerfile.unwrap();
    assert_eq!(instructions.len(), 10_000);
    assert_eq!(
        read(&text(10_001)).unwrap_err().to_string(),
        "line 10001: more than 10000 instructions"
    );
}
