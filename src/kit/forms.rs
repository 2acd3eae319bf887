//! Forms: a body read once, its token checked, its fields cleaned one by one. What was typed comes
//! back with the error beside its field.
//!
//! Django: `django.forms`. A form here is a struct of strings (what was typed) with a method that
//! either gives the cleaned values or the errors.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

use rocket::data::{self, Data, FromData, ToByteUnit};
use rocket::form::{Form, FromForm, ValueField};
use rocket::http::{ContentType, RawStr};
use rocket::outcome::Outcome;
use rocket::request::Request;
use rocket::tokio;
use rocket::tokio::io::AsyncReadExt;
use rocket::tokio::time::timeout;
use serde::Serialize;
use unicode_normalization::char::is_combining_mark as is_mark;

use crate::kit::body::{self, ProgressReader};
use crate::kit::csrf::{self, Refusal};
use crate::kit::db::{fold_key, is_unseen};
use crate::kit::error::Error;
use crate::kit::i18n::{Catalogue, Text};

/// So many bytes beyond the limit are still heard.
const HEARD: u64 = 16 << 20;

/// A posted form whose token was right. The only way in for an unsafe method.
pub struct Post<F>(pub F);

#[rocket::async_trait]
impl<'r, F: for<'f> FromForm<'f> + Send> FromData<'r> for Post<F> {
    type Error = Error;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        let read = async {
            let fields = read_fields(request, data).await?;
            parsed(&fields).map(Self)
        };
        outcome(request, read.await)
    }
}

/// A posted form that says yes and nothing else: its token was right.
pub struct Confirmed;

#[rocket::async_trait]
impl<'r> FromData<'r> for Confirmed {
    type Error = Error;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        outcome(request, read_fields(request, data).await.map(|_| Self))
    }
}

/// The form that these fields make.
///
/// # Errors
/// [`Error::BadRequest`].
pub(crate) fn parsed<F: for<'f> FromForm<'f>>(fields: &[(String, String)]) -> Result<F, Error> {
    let pairs = fields.iter().map(|(name, value)| ValueField::from((name.as_str(), value.as_str())));
    Form::<F>::parse_iter(pairs).map_err(|_| Error::BadRequest)
}

/// What Rocket is told of a form that was read. The catcher reads the note, so that the page can say what was wrong.
pub(crate) fn outcome<'r, F: FromData<'r, Error = Error>>(
    request: &Request<'_>,
    read: Result<F, Error>,
) -> data::Outcome<'r, F> {
    match read {
        Ok(form) => Outcome::Success(form),
        Err(error) => {
            match &error {
                Error::Csrf(refusal) => _ = Error::Csrf(refusal.clone()).report(request),
                Error::StaleForm(form) => _ = Error::StaleForm(form.clone()).report(request),
                _ => {}
            }
            Outcome::Error((error.status(), error))
        }
    }
}

/// Reads a form's fields, in order, after checking its token.
///
/// # Errors
/// [`Error::UnsupportedMedia`], [`Error::TooLarge`], [`Error::Csrf`], [`Error::StaleForm`], [`Error::BadRequest`].
pub async fn read_fields(request: &Request<'_>, data: Data<'_>) -> Result<Vec<(String, String)>, Error> {
    if request.content_type().is_some_and(|content_type| *content_type != ContentType::Form) {
        return Err(Error::UnsupportedMedia);
    }
    let limit = request.limits().get("form").unwrap_or(256.kibibytes());
    let body = read_text(data, limit.as_u64(), body::timeout(request)).await?;
    let fields: Vec<(String, String)> =
        Form::values(&body).map(|field| (decoded(field.name.source().as_str()), decoded(field.value))).collect();
    match verify(request, &fields) {
        Ok(()) => Ok(fields),
        Err(refusal) => Err(refused(refusal, fields, false)),
    }
}

/// Checks the token among a form's fields.
pub(crate) fn verify(request: &Request<'_>, fields: &[(String, String)]) -> Result<(), Refusal> {
    let token = fields.iter().find(|(name, _)| csrf::FIELDS.contains(&name.as_str())).map(|(_, value)| value.as_str());
    csrf::verify(request, token)
}

/// The error for a refused form. What was typed on our own page is not lost.
pub(crate) fn refused(refusal: Refusal, fields: Vec<(String, String)>, had_file: bool) -> Error {
    match refusal {
        Refusal::Stale => Error::StaleForm(StaleForm { fields, had_file }),
        refusal => Error::Csrf(refusal),
    }
}

/// A form of our own page whose token was of another session: somebody logged in or out in another window.
#[derive(Clone)]
pub struct StaleForm {
    /// What was typed.
    pub fields: Vec<(String, String)>,
    /// Whether a file was chosen.
    pub had_file: bool,
}

/// Rocket writes refused forms to the log, which must not hold passwords.
impl fmt::Debug for StaleForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaleForm({} fields)", self.fields.len())
    }
}

/// A body of at most so many bytes. Who sends somewhat more is heard to the end, though nothing of it is kept: a proxy that
/// cannot get rid of its words takes the connection for broken, and nobody sees our answer.
async fn read_text(data: Data<'_>, limit: u64, stall: Duration) -> Result<String, Error> {
    let mut stream = ProgressReader::new(data.open((limit + HEARD).bytes()), stall);
    let mut body = Vec::new();
    (&mut stream).take(limit + 1).read_to_end(&mut body).await.map_err(|error| body::error(&error))?;
    if body.len() as u64 > limit {
        // Whether it comes to an end or not, the answer is the same.
        let _ = timeout(Duration::from_secs(10), tokio::io::copy(&mut stream, &mut tokio::io::sink())).await;
        return Err(Error::TooLarge);
    }
    String::from_utf8(body).map_err(|_| Error::BadRequest)
}

fn decoded(text: &str) -> String {
    RawStr::new(text).url_decode_lossy().into_owned()
}

/// Errors by field; those of the whole form stand under [`FieldErrors::FORM`].
#[derive(Debug, Default, PartialEq)]
pub struct FieldErrors(BTreeMap<&'static str, Vec<Text>>);

impl FieldErrors {
    /// Where errors of the whole form stand.
    pub const FORM: &str = "form";

    /// Nothing wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many fields have something wrong.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One more error at `field`.
    pub fn add(&mut self, field: &'static str, error: Text) {
        self.0.entry(field).or_default().push(error);
    }

    /// These, too.
    pub fn merge(&mut self, others: Self) {
        for (field, errors) in others.0 {
            self.0.entry(field).or_default().extend(errors);
        }
    }

    /// What was cleaned, if nothing was wrong before either; else everything that was wrong.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn and<T>(mut self, cleaned: Result<T, Self>) -> Result<T, Error> {
        match cleaned {
            Ok(values) if self.is_empty() => Ok(values),
            Ok(_) => Err(Error::Invalid(self)),
            Err(errors) => {
                self.merge(errors);
                Err(Error::Invalid(self))
            }
        }
    }

    /// One error alone.
    pub fn one(field: &'static str, error: Text) -> Self {
        let mut errors = Self::default();
        errors.add(field, error);
        errors
    }

    /// In a person's language, by field.
    pub fn localized(&self, catalogue: &Catalogue, lang: &str) -> BTreeMap<&'static str, Vec<String>> {
        self.0.iter().map(|(field, errors)| (*field, errors.iter().map(|e| catalogue.t(lang, e)).collect())).collect()
    }
}

/// A form as a template draws it: what was typed and what was wrong with it.
#[derive(Debug, Default)]
pub struct Drawn<V> {
    /// What was typed.
    pub values: V,
    /// What was wrong.
    pub errors: FieldErrors,
}

impl<V> Drawn<V> {
    /// A form that nobody has sent yet.
    pub fn fresh(values: V) -> Self {
        Self { values, errors: FieldErrors::default() }
    }
}

/// A drawn form in a person's language.
#[derive(Debug, Serialize)]
pub struct FormContext<V> {
    values: V,
    errors: BTreeMap<&'static str, Vec<String>>,
}

impl<V: Serialize> Drawn<V> {
    /// For the template.
    pub fn context(self, catalogue: &Catalogue, lang: &str) -> FormContext<V> {
        FormContext { errors: self.errors.localized(catalogue, lang), values: self.values }
    }
}

/// Cleans fields and gathers what is wrong with them.
///
/// Django: `Form.clean_<field>`.
#[derive(Debug, Default)]
pub struct Cleaner {
    /// What was wrong so far.
    pub errors: FieldErrors,
}

impl Cleaner {
    /// One line: white space runs become one space; `1..=max` characters.
    pub fn line(&mut self, field: &'static str, typed: &str, max: usize) -> String {
        self.one_line(field, typed, 1, max)
    }

    /// The same, and it may stay empty.
    pub fn optional_line(&mut self, field: &'static str, typed: &str, max: usize) -> String {
        self.one_line(field, typed, 0, max)
    }

    fn one_line(&mut self, field: &'static str, typed: &str, min: usize, max: usize) -> String {
        let cleaned = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        self.measure(field, &cleaned, min, max);
        cleaned
    }

    /// Several lines, with line ends as `\n` and nothing but text at both ends; `min..=max` characters.
    pub fn text(&mut self, field: &'static str, typed: &str, min: usize, max: usize) -> String {
        let cleaned = typed.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned();
        self.measure(field, &cleaned, min, max);
        cleaned
    }

    /// An address on the web, or nothing. `javascript:` and its like are refused; who leaves `https://` out means it.
    ///
    /// Django: `URLField(schemes=["http", "https"])`
    pub fn link(&mut self, field: &'static str, typed: &str) -> String {
        let link = with_scheme(typed);
        if link.chars().count() > LONGEST_LINK {
            let max = i64::try_from(LONGEST_LINK).unwrap_or(i64::MAX);
            self.errors.add(field, Text::new("error-too-long").with("max", max));
        } else if !link.is_empty() && !is_web_address(&link) {
            self.errors.add(field, Text::new("error-link"));
        }
        link
    }

    fn measure(&mut self, field: &'static str, cleaned: &str, min: usize, max: usize) {
        let length = cleaned.chars().count();
        // Invisible characters alone are as blank as spaces.
        if min > 0 && cleaned.chars().all(is_invisible) {
            self.errors.add(field, Text::new("error-required"));
        } else if length > max {
            self.errors.add(field, Text::new("error-too-long").with("max", i64::try_from(max).unwrap_or(i64::MAX)));
        }
        if cleaned.contains('\0') {
            self.errors.add(field, Text::new("error-nul"));
        }
    }

    /// `value` if nothing was wrong with any field, else the errors.
    ///
    /// # Errors
    /// What was gathered.
    pub fn finish<T>(self, value: T) -> Result<T, FieldErrors> {
        if self.errors.is_empty() { Ok(value) } else { Err(self.errors) }
    }
}

/// The address as it is meant: who leaves `https://` out means it.
fn with_scheme(typed: &str) -> String {
    let typed = typed.trim();
    let has_scheme = typed.split_once(':').is_some_and(|(scheme, rest)| {
        // `example.org:8080` names a port.
        !scheme.contains('.') && !rest.starts_with(|c: char| c.is_ascii_digit())
    });
    if typed.is_empty() || has_scheme { typed.to_owned() } else { format!("https://{typed}") }
}

/// What [`Cleaner::link`] makes of a text from elsewhere, of whatever length; none when it leads nowhere on the web.
pub fn web_address(text: &str) -> Option<String> {
    let link = with_scheme(text);
    (link.is_empty() || is_web_address(&link)).then_some(link)
}

/// More characters no address has.
const LONGEST_LINK: usize = 500;

/// `http` or `https`, a host with a dot (or this machine's own), and no sign that an address does not have. A name before
/// the host (`https://bank.example@evil.example`) deceives the eye: refused.
fn is_web_address(link: &str) -> bool {
    let Some((scheme, rest)) = link.split_once("://") else { return false };
    let is_web = |scheme: &str| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let fine = |c: char| !is_invisible(c) && !matches!(c, '<' | '>' | '"' | '`' | '\\');
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((address, port)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        return is_web(scheme) && is_port && address.parse::<Ipv6Addr>().is_ok() && link.chars().all(fine);
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || is_mark(c));
    is_web(scheme)
        && link.chars().all(fine)
        && name.split('.').all(label)
        && (name.contains('.') || name == "localhost")
        && port.chars().all(|c| c.is_ascii_digit())
}

/// Characters that a page shows nothing of.
pub fn is_invisible(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || is_unseen(letter)
}

/// What makes two names the same, as the database's `*_key` columns keep it.
pub fn same(a: &str, b: &str) -> bool {
    fold_key(a) == fold_key(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_web_and_nowhere_else() {
        let cleaned = |typed: &str| {
            let mut clean = Cleaner::default();
            let link = clean.link("link", typed);
            clean.finish(link).ok()
        };
        for (typed, link) in [
            ("", ""),
            (" github.com/asha ", "https://github.com/asha"),
            ("example.org:8080/x", "https://example.org:8080/x"),
            ("HTTP://Example.org", "HTTP://Example.org"),
            ("https://हिन्दी.example/?q=a#b", "https://हिन्दी.example/?q=a#b"),
            ("http://localhost:8000", "http://localhost:8000"),
            ("http://[2001:db8::1]:8000/x?y", "http://[2001:db8::1]:8000/x?y"),
            ("https://[::1]", "https://[::1]"),
        ] {
            assert_eq!(cleaned(typed).as_deref(), Some(link), "{typed:?}");
        }
        for wrong in [
            "javascript:alert(1)",
            "JaVaScRiPt://example.org/%0aalert(1)",
            "java\tscript:alert(1)",
            "data:text/html,<script>",
            "ftp://example.org",
            "https://",
            "https://nowhere",
            "https://bank.example@evil.example",
            "https://example.org/<script>",
            "https://example.org/\u{202e}",
            "https://exa mple.org",
            "//example.org",
            "mailto:a@b.example",
            "https://a..b",
            "https://[::1",
            "https://[::g]/",
            "https://[::1]x/",
            "https://[::1]:99999/",
            "https://example.org/\0",
            &format!("https://example.org/{}", "x".repeat(500)),
        ] {
            assert_eq!(cleaned(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn lines_are_trimmed_counted_in_characters_and_refuse_nul() {
        let mut clean = Cleaner::default();
        assert_eq!(clean.line("name", "  two\r\n words ", 9), "two words");
        assert_eq!(clean.text("body", &"क".repeat(4000), 1, 4000).chars().count(), 4000);
        assert!(clean.errors.is_empty());
        clean.line("name", " \u{200b}\u{feff} ", 9);
        clean.line("topic", "ten letters", 9);
        clean.text("body", "a\0b", 0, 9);
        let keys: Vec<_> = clean.errors.0.values().map(|errors| errors[0].key.as_ref()).collect();
        assert_eq!(keys, ["error-nul", "error-required", "error-too-long"]);
    }
}
