//! Which branches of the templates the tests draw, and with what; in debug builds alone. `./test.sh` names a folder in
//! `CHAUPAL_TEST_TEMPLATES`, to which every test process adds what it has seen, and looks at all of it in the end.

use std::collections::{BTreeMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use rocket_dyn_templates::tera::{self, Context, Value};

use super::samples::PAGE;
use super::tags::{self, Tag};
use crate::kit::pictures::Picture;
use crate::kit::time;

/// The folder that is written to, if any.
pub fn folder() -> Option<PathBuf> {
    std::env::var_os("CHAUPAL_TEST_TEMPLATES").map(PathBuf::from)
}

/// The templates with a call of `drawn` in each branch, and of all branches what `drawn` is told and what a person is.
pub struct Instrumented {
    /// Name and source of each.
    pub templates: Vec<(String, String)>,
    /// Branches: by the name under which one is recorded, where and what it is.
    pub branches: BTreeMap<String, String>,
}

/// Macros by `namespace::name`, with those of their arguments that have a default.
type Macros = BTreeMap<String, Vec<String>>;

/// Puts the calls in.
pub fn instrument(templates: Vec<(String, String)>) -> Instrumented {
    let macros = templates.iter().flat_map(|(name, source)| macros(name, source)).collect::<Macros>();
    let mut all = Instrumented { templates: Vec::new(), branches: BTreeMap::new() };
    for (name, arguments) in &macros {
        for argument in arguments {
            for side in ["given", "left out"] {
                let key = format!("{name} {argument} {side}");
                all.branches.insert(key, format!("macro {name}: the argument {argument} {side}"));
            }
        }
    }
    for (name, source) in templates {
        let mut writer = Writer { name: &name, source: &source, out: String::new(), branches: &mut all.branches };
        writer.run(&macros);
        let source = writer.out;
        all.templates.push((name, source));
    }
    all
}

fn macros(name: &str, source: &str) -> Macros {
    let namespace = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".html");
    let definitions = tags::tags(source).into_iter().filter_map(|tag| tag.text.strip_prefix("macro "));
    let parsed = definitions.filter_map(|definition| {
        let (name, arguments) = definition.split_once('(')?;
        let arguments = arguments.strip_suffix(')')?.split(',').filter_map(|one| one.split_once('='));
        let arguments = arguments.map(|(name, _)| name.trim().to_owned()).collect();
        Some((format!("{namespace}::{}", name.trim()), arguments))
    });
    parsed.collect()
}

struct Writer<'a> {
    name: &'a str,
    source: &'a str,
    out: String,
    branches: &'a mut BTreeMap<String, String>,
}

/// An `if` or a `for` that is not ended yet.
struct Open<'a> {
    tag: Tag<'a>,
    /// Of the `if` or `elif` that what follows belongs to.
    condition: &'a str,
    has_else: bool,
}

impl Open<'_> {
    /// Whether what follows is drawn only where this list has something.
    fn needs(&self, list: &str) -> bool {
        let words: Vec<&str> = self.condition.split_whitespace().collect();
        let is_asked = |at: usize| at == 0 || words[at - 1] != "not";
        !self.has_else && words.iter().enumerate().any(|(at, word)| *word == list && is_asked(at))
    }
}

impl Writer<'_> {
    fn run(&mut self, macros: &Macros) {
        let source = self.source;
        let (mut open, mut at) = (Vec::<Open<'_>>::new(), 0);
        let (mut extends, mut defines) = (false, false);
        for tag in tags::tags(source) {
            self.out.push_str(&source[at..tag.start]);
            at = tag.end;
            let whole = &source[tag.start..tag.end];
            let word = tag.text.split_whitespace().next().unwrap_or_default();
            match (tag.is_statement, word) {
                (true, "if" | "elif") => {
                    let call = self.branch(&tag, "true");
                    self.behind(whole, &call, &tag);
                    let condition = &tag.text[word.len()..];
                    match open.last_mut().filter(|_| word == "elif") {
                        Some(open) => open.condition = condition,
                        None => open.push(Open { tag, condition, has_else: false }),
                    }
                }
                (true, "for") => {
                    let key = self.key(&tag);
                    for side in ["one", "many"] {
                        self.add(&key, &tag, side);
                    }
                    let call = format!("drawn(at=\"{key}\", index=loop.index, last=loop.last)");
                    self.behind(whole, &call, &tag);
                    let list = tag.text.split_whitespace().nth(3).unwrap_or_default();
                    // There is no branch for an empty list where an `if` around it has seen to it that there is none.
                    let has_else = open.iter().any(|open| open.needs(list));
                    open.push(Open { tag, condition: "", has_else });
                }
                (true, "else") => {
                    if let Some(open) = open.last_mut() {
                        open.has_else = true;
                        let call = self.other_side(&open.tag);
                        self.behind(whole, &call, &tag);
                    }
                }
                (true, "endif" | "endfor") => match open.pop() {
                    Some(Open { tag: begin, has_else: false, .. }) => {
                        let call = self.other_side(&begin);
                        let (left, right) = (dash(tag.trims_left), dash(tag.trims_right));
                        self.out.push_str(&format!("{{%{left} else %}}{{{{ {call} }}}}{{%{left} {word} {right}%}}"));
                    }
                    _ => self.out.push_str(whole),
                },
                (true, "macro") => {
                    defines = true;
                    let call = self.branch(&tag, "called");
                    self.behind(whole, &call, &tag);
                }
                (true, "block") if extends => {
                    let call = self.branch(&tag, "drawn");
                    self.behind(whole, &call, &tag);
                }
                (false, _) => {
                    if let Some(keys) = arguments(tag.text, macros) {
                        self.out.push_str(&format!("{{{{{} drawn(at=\"{keys}\") }}}}", dash(tag.trims_left)));
                    }
                    self.out.push_str(whole);
                }
                (true, _) => {
                    extends |= word == "extends";
                    self.out.push_str(whole);
                }
            }
        }
        self.out.push_str(&source[at..]);
        if !extends && !defines {
            let key = format!("{} whole", self.name);
            self.branches.insert(key.clone(), format!("{}: drawn at all", self.name));
            self.out.push_str(&format!("{{{{ drawn(at=\"{key}\") }}}}"));
        }
    }

    fn key(&self, tag: &Tag<'_>) -> String {
        format!("{} {}", self.name, tag.start)
    }

    fn add(&mut self, key: &str, tag: &Tag<'_>, side: &str) {
        let line = tags::line(self.source, tag.start);
        self.branches.insert(format!("{key} {side}"), format!("{}:{line}: {{% {} %}}: {side}", self.name, tag.text));
    }

    /// The call that tells of this branch.
    fn branch(&mut self, tag: &Tag<'_>, side: &str) -> String {
        let key = self.key(tag);
        self.add(&key, tag, side);
        format!("drawn(at=\"{key} {side}\")")
    }

    /// What is drawn when an `if` or a `for` draws nothing, or its `else`.
    fn other_side(&mut self, begin: &Tag<'_>) -> String {
        self.branch(begin, if begin.text.starts_with("for") { "none" } else { "false" })
    }

    /// The call behind its tag, which drops as much white space as before.
    fn behind(&mut self, whole: &str, call: &str, tag: &Tag<'_>) {
        self.out.push_str(&format!("{whole}{{{{ {call} {}}}}}", dash(tag.trims_right)));
    }
}

fn dash(trims: bool) -> &'static str {
    if trims { "-" } else { "" }
}

/// For a call of a macro: which arguments with a default it gives, and which it leaves out.
fn arguments(call: &str, macros: &Macros) -> Option<String> {
    let (name, given) = call.split_once('(')?;
    let defaulted = macros.get(name).filter(|defaulted| !defaulted.is_empty())?;
    let mut names = HashSet::new();
    let (mut depth, mut quote, mut word) = (0, None, String::new());
    for letter in given.chars() {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth -= 1,
            (None, ',') => word.clear(),
            (None, '=') if depth == 0 => _ = names.insert(word.trim().to_owned()),
            (None, letter) => word.push(letter),
        }
    }
    let side = |argument: &String| if names.contains(argument) { "given" } else { "left out" };
    let keys = defaulted.iter().map(|argument| format!("{name} {argument} {}", side(argument)));
    Some(keys.collect::<Vec<_>>().join(","))
}

/// `drawn(at=…)`: records this, and is nothing on the page.
pub struct Drawn;

impl tera::Function for Drawn {
    fn call(&self, args: &super::Args) -> tera::Result<Value> {
        let at = args.get("at").and_then(Value::as_str).unwrap_or_default();
        match args.get("index").and_then(Value::as_u64) {
            None => at.split(',').for_each(|key| see("drawn", key)),
            Some(1) if args.get("last").and_then(Value::as_bool) == Some(true) => see("drawn", &format!("{at} one")),
            Some(2) => see("drawn", &format!("{at} many")),
            Some(_) => {}
        }
        Ok(Value::from(""))
    }

    /// Nothing needs no escaping.
    fn is_safe(&self) -> bool {
        true
    }
}

/// Records of what kind all values are that a template gets.
pub fn context(template: &str, context: &Context) {
    if folder().is_none() {
        return;
    }
    walk(template, "", &context.clone().into_json());
}

fn walk(template: &str, path: &str, value: &Value) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(text) if time::from_iso(text).is_some() => "time",
        Value::String(text) if Picture::parse(text).is_some() => "image",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    see("contexts", &format!("{template}\t{path}\t{kind}"));
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(template, &format!("{path}[]"), item)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match (path, name.as_str()) {
                    ("", PAGE) => {
                        see("contexts", &format!("{template}\t{PAGE}\tobject"));
                        walk(PAGE, "", value);
                    }
                    ("", name) => walk(template, name, value),
                    (path, name) => walk(template, &format!("{path}.{name}"), value),
                }
            }
        }
        _ => {}
    }
}

/// Adds a line to a file of the folder, once in a process.
fn see(file: &str, line: &str) {
    static SEEN: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
    let Some(folder) = folder() else { return };
    if !SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{file} {line}")) {
        return;
    }
    // Short lines that are appended do not mix, whatever other processes write.
    let written = OpenOptions::new().append(true).create(true).open(folder.join(file));
    if let Err(error) = written.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())) {
        log::error!("{} cannot be written: {error}", folder.join(file).display());
    }
}
