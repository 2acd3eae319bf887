//! Words and addresses that never change while the program runs are put into the templates once,
//! when they are loaded: `{{ t(key="login") }}` becomes `Log in`. A page has forty of them, and a call
//! for each cost more than anything else in the frame. A further language would get a set of
//! templates of its own, loaded the same way.

use rocket_dyn_templates::tera;

use crate::kit::assets;
use crate::kit::i18n::{Catalogue, FALLBACK};

/// The template with its constant calls replaced. What is no whole `{{ t(key="…") }}` or
/// `{{ asset(path="…") }}`, or is not known, stays as it is.
pub fn put_in(source: &str, catalogue: &Catalogue) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(begin) = rest.find("{{") {
        let (before, from) = rest.split_at(begin);
        out.push_str(before);
        let end = from.find("}}").map_or(from.len(), |end| end + 2);
        let (expression, after) = from.split_at(end);
        match constant(expression, catalogue) {
            Some(words) => out.push_str(&words),
            None => out.push_str(expression),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn constant(expression: &str, catalogue: &Catalogue) -> Option<String> {
    let call = expression.strip_prefix("{{")?.strip_suffix("}}")?.trim();
    if let Some(key) = argument(call, "t(key=\"") {
        let words = tera::escape_html(catalogue.constant(FALLBACK, key)?);
        // Words that look like a template's own marks must not become one.
        return (!words.contains(['{', '}'])).then_some(words);
    }
    // In debug builds a file, and with it its address, may change while the program runs.
    if cfg!(debug_assertions) { None } else { assets::url(argument(call, "asset(path=\"")?) }
}

/// The one quoted argument of a call.
fn argument<'a>(call: &'a str, opening: &str) -> Option<&'a str> {
    let argument = call.strip_prefix(opening)?.strip_suffix("\")")?;
    (!argument.contains('"')).then_some(argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_constant_calls_are_replaced() {
        let catalogue =
            Catalogue::load(&[("en", "login = Log in\nrisky = <b> & { \"{{\" }\ncount = { $n } rooms")]).unwrap();
        let put = |source: &str| put_in(source, &catalogue);
        assert_eq!(put(r#"<a>{{ t(key="login") }}</a>{{t(key="login")}}"#), "<a>Log in</a>Log in");
        for same in [
            r#"{{ t(key="count", n=3) }}"#,
            r#"{{ t(key="missing") }}"#,
            r#"{{ t(key="risky") }}"#,
            r#"{{- t(key="login") -}}"#,
            r#"{{ t(key="login") ~ t(key="login") }}"#,
            r#"{{ room.name }} and {{ "unclosed"#,
            r#"{{ asset(path="no/such.file") }}"#,
        ] {
            assert_eq!(put(same), same);
        }
    }
}
