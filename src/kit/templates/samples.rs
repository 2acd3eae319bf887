//! Contexts to try a template with. `templates/contexts.tsv` tells what each template gets: `./test.sh` records it while
//! the tests run, and fails when the file tells something else.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The file among the embedded templates.
pub const FILE: &str = "contexts.tsv";

/// What `page` holds is the same for every page, and told once.
pub const PAGE: &str = "page";

/// So many contexts are made for a template: one with everything, one with nothing, and mixtures.
const COUNT: u64 = 12;

/// All kinds that a value was seen as, and what it is made of.
#[derive(Clone, Debug, Default)]
struct Shape {
    kinds: Vec<String>,
    fields: BTreeMap<String, Shape>,
}

/// What each template gets.
#[derive(Clone, Debug, Default)]
pub struct Samples(BTreeMap<String, Shape>);

impl Samples {
    /// Reads lines of template, path and kind with a tab between.
    pub fn parse(text: &str) -> Self {
        let mut templates = BTreeMap::<String, Shape>::new();
        for line in text.lines() {
            let mut columns = line.split('\t');
            let (Some(template), Some(path), Some(kind)) = (columns.next(), columns.next(), columns.next()) else {
                continue;
            };
            let mut shape = templates.entry(template.to_owned()).or_default();
            for step in path.replace("[]", ".[]").split('.').filter(|step| !step.is_empty()) {
                shape = shape.fields.entry(step.to_owned()).or_default();
            }
            shape.kinds.push(kind.to_owned());
        }
        let page = templates.remove(PAGE).unwrap_or_default();
        for shape in templates.values_mut() {
            if let Some(own) = shape.fields.get_mut(PAGE) {
                *own = page.clone();
            }
        }
        Self(templates)
    }

    /// The templates that are drawn by themselves.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Contexts for this template; none where it is never drawn by itself.
    pub fn of(&self, template: &str) -> Vec<Value> {
        let Some(shape) = self.0.get(template) else { return Vec::new() };
        (0..COUNT)
            .map(|number| match number {
                0 => shape.value(&mut || true),
                1 => shape.value(&mut || false),
                _ => {
                    // Xorshift: as mixed as this needs, and the same each time.
                    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    shape.value(&mut || {
                        state ^= state << 13;
                        state ^= state >> 7;
                        state ^= state << 17;
                        state & 1 == 1
                    })
                }
            })
            .collect()
    }
}

impl Shape {
    fn is(&self, kind: &str) -> bool {
        self.kinds.iter().any(|seen| seen == kind)
    }

    /// One value of this shape; `full` chooses between much and little.
    fn value(&self, full: &mut impl FnMut() -> bool) -> Value {
        if self.is("null") && (self.kinds.len() == 1 || !full()) {
            return Value::Null;
        }
        if self.is("object") {
            let fields = self.fields.iter().filter(|(name, _)| *name != "[]");
            return Value::Object(fields.map(|(name, shape)| (name.clone(), shape.value(full))).collect::<Map<_, _>>());
        }
        if self.is("array") {
            let count = if full() { 2 } else { 0 };
            let item = self.fields.get("[]");
            return Value::Array((0..count).filter_map(|_| Some(item?.value(full))).collect());
        }
        if self.is("bool") {
            return Value::Bool(full());
        }
        if self.is("number") {
            return Value::from(if full() { 200 } else { 0 });
        }
        if self.is("time") {
            return Value::from("2026-01-02T03:04:05.000006Z");
        }
        if self.is("image") && full() {
            return Value::from("avatar/00112233445566778899aabbccddeeff-128x128.webp");
        }
        Value::from(if self.is("image") || !full() { "" } else { "Sample" })
    }
}
