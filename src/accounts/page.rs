//! The frame of every page: who looks at it, the site's name, the form token, the message to show
//! once, the way back.
//!
//! Django: context processors and `render`.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use rocket::Either;
use rocket::http::Status;
use rocket::request::{self, FromRequest, Request};
use rocket::response::content::RawHtml;
use rocket::response::{self, Responder};
use serde::Serialize;

use crate::accounts::guards::Viewer;
use crate::accounts::models::{Person, User};
use crate::accounts::site::Site;
use crate::kit::error::Error;
use crate::kit::forms::{Drawn, FieldErrors, FormContext};
use crate::kit::fragments::{Fragments, Piece};
use crate::kit::i18n::{Catalogue, FALLBACK, Text};
use crate::kit::templates::Pages;
use crate::kit::throttle::RetryAfter;
use crate::kit::{csrf, db, flash, paths};

/// A drawn page with its status.
pub struct View {
    status: Status,
    html: Result<String, Error>,
    retry_after: Option<u64>,
}

impl View {
    /// The same page as an answer to somebody who comes too often.
    pub fn throttled(self, after: Duration) -> Self {
        Self { status: Status::TooManyRequests, retry_after: Some(RetryAfter(after).seconds()), ..self }
    }
}

/// What a form says to somebody who comes too often.
pub fn throttled(after: Duration) -> Text {
    Text::new("error-429-text").with("seconds", i64::try_from(RetryAfter(after).seconds()).unwrap_or(i64::MAX))
}

/// What a page with a form answers to an error that is the sender's: the form again, with what is wrong, or with when to
/// come back. `draw` draws it for these errors.
///
/// # Errors
/// All others.
pub fn again(error: Error, draw: impl FnOnce(FieldErrors) -> View) -> Result<View, Error> {
    match error {
        Error::Invalid(errors) => Ok(draw(errors)),
        Error::Throttled(after) => Ok(draw(FieldErrors::one(FieldErrors::FORM, throttled(after))).throttled(after)),
        error => Err(error),
    }
}

/// [`again`]; who comes too often is also told this.
///
/// # Errors
/// All others.
pub fn again_with(error: Error, help: &'static str, draw: impl FnOnce(FieldErrors) -> View) -> Result<View, Error> {
    let is_throttled = matches!(error, Error::Throttled(_));
    again(error, |mut errors| {
        if is_throttled {
            errors.add(FieldErrors::FORM, Text::new(help));
        }
        draw(errors)
    })
}

impl<'r> Responder<'r, 'static> for View {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self.html {
            Ok(html) => {
                let mut response = (self.status, RawHtml(html)).respond_to(request)?;
                if let Some(seconds) = self.retry_after {
                    response.set_raw_header("Retry-After", seconds.to_string());
                }
                Ok(response)
            }
            Err(error) => error.respond_to(request),
        }
    }
}

/// A page, or away with a word.
pub type Outcome = Result<Either<flash::Said, View>, Error>;

/// What every page needs.
pub struct Page<'r> {
    /// Who looks at it.
    pub viewer: Viewer<'r>,
    /// All words.
    pub catalogue: &'r Arc<Catalogue>,
    /// The site and its settings.
    pub site: &'r Site,
    pages: &'r Pages,
    fragments: &'r Fragments,
    frame: Frame,
}

#[derive(Serialize)]
struct Frame {
    lang: &'static str,
    site_name: String,
    path: String,
    csrf: String,
    back: String,
    user: Option<FramePerson>,
    flash: Option<flash::Shown>,
    setup_needed: bool,
    registration_open: bool,
    has_lobby: bool,
    debug: bool,
}

#[derive(Serialize)]
struct FramePerson {
    #[serde(flatten)]
    person: Person,
    is_staff: bool,
    unread: i64,
}

#[derive(Serialize)]
struct Whole<'a, C: Serialize> {
    page: &'a Frame,
    #[serde(flatten)]
    rest: C,
}

impl Page<'_> {
    /// A page that went well.
    pub fn ok(&self, template: &'static str, context: impl Serialize) -> View {
        self.with(Status::Ok, template, context)
    }

    /// A page with another status: 422 for a form with errors.
    pub fn with(&self, status: Status, template: &'static str, context: impl Serialize) -> View {
        View {
            status,
            html: self.pages.render(template, Whole { page: &self.frame, rest: context }),
            retry_after: None,
        }
    }

    /// A piece of a page, drawn before if it could be.
    ///
    /// # Errors
    /// [`Error::Internal`] with the template's own words.
    pub fn piece(&self, template: &'static str, context: &(impl Serialize + Hash)) -> Result<Piece, Error> {
        self.fragments.draw(template, context)
    }

    /// A piece of a page with a form, whose token is another one on each page.
    ///
    /// # Errors
    /// [`Error::Internal`] with the template's own words.
    pub fn piece_with_form<C: Serialize>(&self, template: &'static str, context: &C) -> Result<Piece, Error> {
        self.fragments.draw_anew(template, &Whole { page: &self.frame, rest: context })
    }

    /// A form in the reader's language.
    pub fn form<V: Serialize>(&self, drawn: Drawn<V>) -> FormContext<V> {
        drawn.context(self.catalogue, self.frame.lang)
    }

    /// Errors by field in the reader's language, for scripts.
    pub fn errors(&self, errors: &FieldErrors) -> BTreeMap<&'static str, Vec<String>> {
        errors.localized(self.catalogue, self.frame.lang)
    }

    /// One text in the reader's language.
    pub fn t(&self, text: &Text) -> String {
        self.catalogue.t(self.frame.lang, text)
    }

    /// Whether the site still waits for somebody to run it.
    pub fn setup_needed(&self) -> bool {
        self.frame.setup_needed
    }

    /// How many messages wait in the viewer's inbox, when that is another number than at the start of this request.
    pub fn set_unread(&mut self, unread: i64) {
        if let Some(user) = &mut self.frame.user {
            user.unread = unread;
        }
    }

    /// Where "go back" leads.
    pub fn back(&self) -> &str {
        &self.frame.back
    }
}

/// The status that a form with errors is drawn with.
pub const INVALID: Status = Status::UnprocessableEntity;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Page<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let viewer = match Viewer::from_request(request).await {
            request::Outcome::Success(viewer) => viewer,
            request::Outcome::Error(error) => return request::Outcome::Error(error),
            request::Outcome::Forward(status) => return request::Outcome::Forward(status),
        };
        let rocket = request.rocket();
        let (Some(site), Some(catalogue), Some(pages), Some(fragments)) =
            (rocket.state::<Site>(), rocket.state::<Arc<Catalogue>>(), rocket.state(), rocket.state())
        else {
            return request::Outcome::Error((Status::InternalServerError, ()));
        };
        let flash = flash::waiting(request, catalogue, FALLBACK);
        let frame = frame(request, site, viewer.0, flash).await;
        request::Outcome::Success(Self { viewer, catalogue, site, pages, fragments, frame })
    }
}

impl<'r> Page<'r> {
    /// A page for somebody unknown: when the database cannot say who it is.
    pub async fn of_nobody(request: &'r Request<'_>) -> Option<Page<'r>> {
        let site = request.rocket().state::<Site>()?;
        let catalogue = request.rocket().state::<Arc<Catalogue>>()?;
        let (pages, fragments) = (request.rocket().state()?, request.rocket().state()?);
        Some(Page {
            viewer: Viewer::default(),
            catalogue,
            site,
            pages,
            fragments,
            frame: frame(request, site, None, None).await,
        })
    }
}

async fn frame(request: &Request<'_>, site: &Site, user: Option<&User>, flash: Option<flash::Shown>) -> Frame {
    let mut facts = site.facts();
    if !facts.has_superuser {
        // Until somebody runs the site, look at each page: the command line may have made him just now.
        if let Some(db) = db::of(request) {
            match site.refresh(db).await {
                Ok(()) => facts = site.facts(),
                Err(error) => log::warn!("the site could not be looked at: {error:?}"),
            }
        }
    }
    Frame {
        lang: FALLBACK,
        path: request.uri().path().to_string(),
        csrf: csrf::token(request),
        back: paths::back(request),
        user: user.map(|user| FramePerson {
            person: user.person(),
            is_staff: user.is_staff,
            unread: user.inbox_unread,
        }),
        flash,
        setup_needed: !facts.has_superuser,
        registration_open: site.takes_registration(),
        has_lobby: site.config().lobby.enabled,
        debug: site.config().is_debug(),
        site_name: facts.name.clone(),
    }
}
