// SPDX-License-Identifier: BSD-2-Clause
//! Finds the questions in C source.
//!
//! Not a C compiler: text without comments and strings, in which a `{` in the
//! first column, or after a parameter list, opens a function and a `}` in the
//! first column ends it, as style(9) has it. Both arms of an `#if` are read, for
//! every architecture and every option.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

/// What is asked, by file below `sys/` and function.
pub type Places = BTreeMap<(String, String), BTreeSet<String>>;

/// Reads every C file below a directory.
///
/// # Errors
/// A directory or a file that cannot be read.
pub fn tree(sys: &Path) -> io::Result<Places> {
    let mut places = Places::new();
    let mut left = vec![sys.to_path_buf()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|e| e == "c" || e == "h" || e == "m") {
                let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
                let name = path.strip_prefix(sys).unwrap_or(&path).to_string_lossy().into_owned();
                for (function, asked) in file(&text) {
                    places.insert((name.clone(), function), asked);
                }
            }
        }
    }
    Ok(places)
}

/// The questions of one file, by function or macro.
#[must_use]
pub fn file(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if !["cr_prison", "prison_", "jailed", "INGLOBALZONE"].iter().any(|word| text.contains(word)) {
        return found;
    }
    let text = bare(text);
    // What stands outside of all braces since the last declaration ended.
    let mut head = String::new();
    let mut function: Option<String> = None;
    let mut depth = 0_usize;
    let mut definition: Option<String> = None;
    for line in text.lines() {
        let directive = line.trim_start().strip_prefix('#');
        if definition.is_some() || directive.is_some() {
            if let Some(name) = directive.and_then(defined) {
                definition = Some(name);
            }
            if let Some(name) = &definition {
                // The macro's own name is not a question that it asks.
                let body =
                    directive.map_or(line, |d| d.split_once(name.as_str()).map_or(d, |x| x.1));
                add(&mut found, name, questions(body));
            }
            if !line.trim_end().ends_with('\\') {
                definition = None;
            } else if definition.is_none() {
                definition = Some(String::new());
            }
            continue;
        }
        if depth > 0 && line.starts_with('}') {
            depth = 0;
            function = None;
            head.clear();
            continue;
        }
        let mut from = 0;
        let opened_before = depth > 0;
        for (at, byte) in line.bytes().enumerate() {
            match byte {
                b'{' => {
                    if depth == 0 {
                        head.push_str(&line[from..at]);
                        function = defines(&head);
                        from = at + 1;
                    }
                    depth += 1;
                }
                b'}' => {
                    if depth == 1 && !opened_before {
                        if let Some(name) = &function {
                            add(&mut found, name, questions(&line[from..at]));
                        }
                        function = None;
                        head.clear();
                        from = at + 1;
                    }
                    // Both arms of an `#if` close what only one opened: only the
                    // first column ends what an earlier line began.
                    depth = depth.saturating_sub(1).max(usize::from(opened_before));
                }
                b';' if depth == 0 => {
                    head.clear();
                    from = at + 1;
                }
                _ => {}
            }
        }
        if depth == 0 {
            head.push_str(&line[from..]);
            head.push('\n');
        } else if let Some(name) = &function {
            add(&mut found, name, questions(&line[from..]));
        }
    }
    found.remove("");
    found
}

fn add(found: &mut BTreeMap<String, BTreeSet<String>>, function: &str, asked: BTreeSet<String>) {
    if !asked.is_empty() {
        found.entry(function.to_owned()).or_default().extend(asked);
    }
}

/// The name that `#define` gives.
fn defined(directive: &str) -> Option<String> {
    let rest = directive.trim_start().strip_prefix("define")?.trim_start();
    let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
    (!name.is_empty()).then_some(name)
}

/// The function that a head of declaration defines. A macro that stands for a
/// head (`DB_SHOW_COMMAND`, `__elfN`) is told apart by its first argument.
fn defines(head: &str) -> Option<String> {
    let open = head.find('(')?;
    let before = head[..open].trim_end();
    let name = before.rsplit(|c: char| !is_word(c)).next()?;
    if name.is_empty() || before.contains('=') {
        return None;
    }
    let macro_like = name.starts_with("__") || !name.contains(|c: char| c.is_ascii_lowercase());
    if !macro_like {
        return Some(name.to_owned());
    }
    let argument: String = head[open + 1..].chars().take_while(|c| is_word(*c)).collect();
    Some(format!("{name}({argument})"))
}

/// Names of calls to `prison_*()`, `jailed()` and `jailed_without_vnet()`, of
/// ZFS's macro for it, and `cr_prison`, whose fields are asked without a call.
fn questions(line: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_word) {
        let word: String = rest[start..].chars().take_while(|c| is_word(*c)).collect();
        rest = &rest[start + word.len()..];
        let called = rest.trim_start().starts_with('(');
        let asks = word.starts_with("prison_")
            || ["jailed", "jailed_without_vnet", "INGLOBALZONE"].contains(&word.as_str());
        if word == "cr_prison" || (called && asks) {
            found.insert(word);
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}

/// The text with comments, strings and characters blanked, lines kept.
fn bare(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('/', Some('*')) => {
                rest.next();
                let mut last = ' ';
                for c in rest.by_ref() {
                    if c == '\n' {
                        // A comment in a macro goes on as the macro does.
                        out.push_str(if last == '\\' { "\\\n" } else { "\n" });
                    }
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
                out.push(' ');
            }
            ('/', Some('/')) => {
                while rest.peek().is_some_and(|c| *c != '\n') {
                    rest.next();
                }
            }
            ('"' | '\'', _) => {
                while let Some(inner) = rest.next() {
                    match inner {
                        '\\' => {
                            let escaped = rest.next();
                            if escaped == Some('\n') {
                                out.push_str("\\\n");
                            }
                        }
                        // An apostrophe in a line that no compiler reads.
                        '\n' => {
                            out.push('\n');
                            break;
                        }
                        inner if inner == c => break,
                        _ => {}
                    }
                }
                out.push(' ');
            }
            _ => out.push(c),
        }
    }
    out
}

/// The operations of `struct mac_policy_ops` in `security/mac/mac_policy.h`.
#[must_use]
pub fn operations(header: &str) -> BTreeSet<String> {
    let Some((_, from)) = header.split_once("struct mac_policy_ops {") else {
        return BTreeSet::new();
    };
    let body = from.split_once("\n};").map_or(from, |(body, _)| body);
    words_with(&bare(body), "mpo_", |name, rest| name.starts_with("mpo_") && rest.starts_with(';'))
}

/// The operations that a policy's source fills in, without their prefix.
#[must_use]
pub fn filled_in(source: &str) -> BTreeSet<String> {
    words_with(&bare(source), "mpo_", |_, rest| rest.trim_start().starts_with('='))
}

fn words_with(text: &str, prefix: &str, wanted: impl Fn(&str, &str) -> bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(prefix) {
        let name: String = text[at..].chars().take_while(|c| is_word(*c)).collect();
        // Not `mpo_x_t`, the type, whose name goes on elsewhere.
        if wanted(&name, &text[at + name.len()..]) {
            found.insert(name[prefix.len()..].to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{file, filled_in, operations};

    fn asked(text: &str) -> Vec<(String, Vec<String>)> {
        file(text).into_iter().map(|(f, q)| (f, q.into_iter().collect())).collect()
    }

    fn one(function: &str, questions: &[&str]) -> Vec<(String, Vec<String>)> {
        vec![(function.to_owned(), questions.iter().map(|q| (*q).to_owned()).collect())]
    }

    #[test]
    fn a_question_belongs_to_the_function_around_it() {
        let text = "static int\nsuser_like(struct ucred *cr, int a)\n{\n\tif (jailed(cr)) {\n\t}\n\
                    \treturn (a ? prison_check (cr, cr) : cr->cr_prison != 0);\n}\n";
        assert_eq!(asked(text), one("suser_like", &["cr_prison", "jailed", "prison_check"]));
    }

    #[test]
    fn prototypes_comments_strings_and_members_ask_nothing() {
        let text = "int prison_check(struct ucred *);\nbool\nprison_flag(struct ucred *cr);\n\
                    struct ucred {\n\tstruct prison *cr_prison;\n};\n\
                    void\nf(void)\n{\n\t/* jailed(cr)\n\t * don't */\n\tputs(\"jailed(\\\"\");\n\
                    \tx = '\"'; // prison_check(1)\n}\n";
        assert_eq!(asked(text), []);
    }

    #[test]
    fn a_definition_is_not_its_own_question_and_the_next_function_is_another() {
        let text = "int\nprison_local(struct ucred *cr)\n{\n\treturn (0);\n}\n\n\
                    int g(void) { return (jailed(c)); }\n";
        assert_eq!(asked(text), one("g", &["jailed"]));
    }

    #[test]
    fn macros_ask_in_their_own_name() {
        let text = "#define\tINGLOBALZONE(t)\t/* a \\\n b */ \\\n\t(!jailed((t)->td_ucred))\n\
                    #define jailed(cred)\t(cred->cr_prison != &prison0)\n";
        let found = asked(text);
        assert_eq!(found[0], one("INGLOBALZONE", &["jailed"])[0]);
        assert_eq!(found[1], one("jailed", &["cr_prison"])[0]);
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn heads_that_are_macros_are_told_apart() {
        let text = "DB_SHOW_COMMAND(mount, db_show_mount)\n{\n\tjailed(x);\n}\n\
                    DB_SHOW_COMMAND(proc, db_show_proc)\n{\n\tjailed(x);\n}\n";
        let names: Vec<_> = file(text).into_keys().collect();
        assert_eq!(names, ["DB_SHOW_COMMAND(mount)", "DB_SHOW_COMMAND(proc)"]);
    }

    #[test]
    fn braces_of_both_arms_do_not_run_on() {
        let text = "int\nf(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}\n\
                    int\ng(void)\n{\n#ifdef A\n\t}\n#else\n\t}\n#endif\n\tjailed(x);\n}\n";
        assert_eq!(asked(text), one("g", &["jailed"]));
    }

    #[test]
    fn a_table_of_functions_is_no_function() {
        let text =
            "static struct x y[] = {\n\tM(1) = { f },\n};\nint\nh(void)\n{\n\tjailed(x);\n}\n";
        assert_eq!(asked(text), one("h", &["jailed"]));
    }

    #[test]
    fn operations_are_read_off_both_sides() {
        let header = "typedef int (*mpo_a_t)(void);\nstruct mac_policy_ops {\n\
                      \t/* mpo_no; */\n\tmpo_a_t\t\tmpo_a;\n\tmpo_b_c_t mpo_b_c;\n};\n";
        assert!(operations(header).into_iter().eq(["a", "b_c"]));
        let policy = "static struct mac_policy_ops ops = {\n\t.mpo_b_c = rjail_b_c,\n};";
        assert!(filled_in(policy).into_iter().eq(["b_c"]));
    }
}
