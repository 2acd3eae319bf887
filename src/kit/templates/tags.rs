//! The tags of a template's source, for what Tera does not tell: where something stands.

/// A `{% … %}` or `{{ … }}`. Comments and raw text are passed over.
#[cfg_attr(not(debug_assertions), expect(dead_code, reason = "what the recorder of debug builds alone asks for"))]
pub struct Tag<'a> {
    /// Where it begins in the source.
    pub start: usize,
    /// Where what follows it begins.
    pub end: usize,
    /// What stands between its marks.
    pub text: &'a str,
    /// `{% … %}`.
    pub is_statement: bool,
    /// `{%-` or `{{-`: the white space before it is dropped.
    pub trims_left: bool,
    /// `-%}` or `-}}`: the white space after it is dropped.
    pub trims_right: bool,
}

/// All tags of a source, in order; as far as they end.
pub fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = source[at..].find('{').map(|offset| at + offset) {
        let rest = &source[start..];
        let close = match rest.as_bytes().get(1) {
            Some(b'%') => "%}",
            Some(b'{') => "}}",
            Some(b'#') => "#}",
            _ => {
                at = start + 1;
                continue;
            }
        };
        let Some(length) = length(rest, close) else { break };
        at = start + length;
        if close == "#}" {
            continue;
        }
        let inside = &rest[2..length - 2];
        let text = inside.strip_prefix('-').unwrap_or(inside);
        let text = text.strip_suffix('-').unwrap_or(text).trim();
        if text == "raw" {
            let Some(end) = source[at..].find("endraw") else { break };
            at += end;
            continue;
        }
        let (trims_left, trims_right) = (inside.starts_with('-'), inside.ends_with('-'));
        found.push(Tag { start, end: at, text, is_statement: close == "%}", trims_left, trims_right });
    }
    found
}

/// How long a tag is; its end may stand in a string of it.
fn length(rest: &str, close: &str) -> Option<usize> {
    if close == "#}" {
        return rest.find(close).map(|at| at + 2);
    }
    let mut quote = None;
    for (at, letter) in rest.char_indices().skip(2) {
        match (quote, letter) {
            (Some(open), letter) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(letter),
            (None, _) if rest[at..].starts_with(close) => return Some(at + 2),
            (None, _) => {}
        }
    }
    None
}

/// The number of the line at this place.
pub fn line(source: &str, at: usize) -> usize {
    source[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_outside_of_strings_and_comments() {
        let source =
            "{# {% if x %} #}{{- a ~ \"}}\" }}\n{% raw %}{{ b }}{% endraw %}{ {%- if c == '%}' -%}é{% endif %}{{ open";
        let found: Vec<_> = tags(source)
            .iter()
            .map(|tag| (line(source, tag.start), tag.text, tag.trims_left, tag.trims_right))
            .collect();
        let expected = [(1, "a ~ \"}}\"", true, false), (2, "if c == '%}'", true, true), (2, "endif", false, false)];
        assert_eq!(found, expected);
    }
}
