//! The doorkeeper.

use rocket::http::Status;
use rocket::request::{self, FromRequest, Request};
use rocket::time::Duration;

use crate::accounts::forms::OwnerForm;
use crate::accounts::guards::{Gate, Viewer};
use crate::accounts::models::{self, Session, second_factor};
use crate::accounts::passwords::{Hasher, Verdict};
use crate::accounts::signals::UserLoggedIn;
use crate::accounts::site::Site;
use crate::accounts::tokens::{DEVICE_LIFETIME, LinkKey, SECOND_LIFETIME, second_holder};
use crate::kit::cookies::{self, Cookie};
use crate::kit::csrf;
use crate::kit::db::{self, Db, fold_key};
use crate::kit::error::Error;
use crate::kit::forms::FieldErrors;
use crate::kit::i18n::Text;
use crate::kit::signals::Signals;
use crate::kit::throttle::Scope;
use crate::kit::{random, time};

/// The doorkeeper: checks passwords and lets people in. What log-in, registration and set-up share.
pub struct Entrance<'r> {
    pub(super) request: &'r Request<'r>,
    /// The database.
    pub db: &'r Db,
    site: &'r Site,
    hasher: &'r Hasher,
    /// Who is told.
    pub signals: &'r Signals,
    key: &'r LinkKey,
}

impl Entrance<'_> {
    /// Counts one attempt to log in. Strangers who guess at somebody's password use up the attempts of all strangers, whether
    /// they type the user name or the email; the user, in a browser that they used before, has attempts of their own and is
    /// never shut out, not even by those who share their address.
    ///
    /// # Errors
    /// [`Error::Throttled`]; the database's.
    pub(super) async fn count_login(&self, gate: &Gate<'_>, login: &str) -> Result<Option<models::User>, Error> {
        // Without the cookie it is no known browser: counted before anything is read.
        let may_be_known = cookies::get(self.request, Cookie::Device).is_some();
        if !may_be_known {
            gate.by_address(Scope::Login)?;
        }
        let wanted = login.to_owned();
        let known = self.db.read(move |conn| Ok(models::User::by_login(conn, &wanted)?)).await?;
        if let Some(device) = known.as_ref().and_then(|user| self.device(user)) {
            gate.by_key(Scope::Login, &format!("device:{device}"))?;
            return Ok(known);
        }
        if may_be_known {
            gate.by_address(Scope::Login)?;
        }
        let key = match &known {
            Some(user) => format!("account:{}", user.id),
            None => format!("name:{}", fold_key(login)),
        };
        gate.by_key(Scope::Login, &key)?;
        Ok(known)
    }

    /// Counts one wish for an email with a reset link: by the browser if the address's owner has used it, else by the client's
    /// address and by the one of the mail.
    ///
    /// # Errors
    /// [`Error::Throttled`]; the database's.
    pub(super) async fn count_reset(&self, gate: &Gate<'_>, email: &str) -> Result<(), Error> {
        let owner = match cookies::get(self.request, Cookie::Device) {
            // The time tells only a browser with such a cookie whether the address is known.
            Some(_) => {
                let wanted = email.to_owned();
                self.db.read(move |conn| Ok(models::User::by_email(conn, &wanted)?)).await?
            }
            None => None,
        };
        if let Some(device) = owner.as_ref().and_then(|user| self.device(user)) {
            return gate.by_key(Scope::Reset, &format!("device:{device}"));
        }
        gate.by_address(Scope::Reset)?;
        gate.by_key(Scope::Reset, &format!("email:{}", fold_key(email)))
    }

    /// The same for the second step: who has learnt the password does not keep its owner out either.
    pub(super) fn second_attempt_key(&self, user: &models::User) -> String {
        match self.device(user) {
            Some(device) => format!("second-device:{device}"),
            None => format!("second:{}", user.id),
        }
    }

    /// This browser's own mark, if the person has logged in with it before, and with the password that he has now.
    fn device(&self, user: &models::User) -> Option<&str> {
        self.key.device(user, cookies::get(self.request, Cookie::Device)?, time::now().and_utc().timestamp())
    }

    /// Takes as long for a person who does not exist as for one who does.
    ///
    /// # Errors
    /// [`Error::Internal`]: the server is stopping.
    pub(super) async fn verify(&self, password: &str, known: Option<&models::User>) -> Result<Verdict, Error> {
        let stored = known.map(|user| user.password.clone());
        let legacy = self.site.facts().legacy_costs;
        self.hasher
            .verify_evenly(password.to_owned(), stored, legacy)
            .await
            .map_err(|error| Error::Internal(error.to_string()))
    }

    /// Whether this is the password of who is logged in; guesses are counted like those at the log-in, for each session
    /// and browser by itself: who has stolen a session does not keep its owner from changing the password.
    ///
    /// # Errors
    /// [`Error::Throttled`]; [`Error::Internal`]: the server is stopping.
    pub(super) async fn is_owner(&self, gate: &Gate<'_>, user: &models::User, password: &str) -> Result<bool, Error> {
        let session = self.request.guard::<Viewer<'_>>().await.succeeded().and_then(|viewer| viewer.session_id());
        let device = self.device(user).unwrap_or_default();
        gate.by_key(Scope::Login, &format!("owner:{}:{}:{device}", user.id, session.unwrap_or_default()))?;
        Ok(self.verify(password, Some(user)).await? != Verdict::Wrong)
    }

    /// The same, as a condition.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `password`; those of [`Entrance::is_owner`].
    pub(super) async fn needs_owner(
        &self,
        gate: &Gate<'_>,
        user: &models::User,
        form: &OwnerForm,
    ) -> Result<(), Error> {
        if self.is_owner(gate, user, &form.password).await? {
            return Ok(());
        }
        Err(Error::Invalid(FieldErrors::one("password", Text::new("error-password-wrong"))))
    }

    /// Argon2id, off the async threads.
    ///
    /// # Errors
    /// [`Error::Internal`]: no randomness, no memory.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.hasher.hash(password).await.map_err(|error| Error::Internal(error.to_string()))
    }

    /// Whether this person's password alone does not let him in.
    ///
    /// # Errors
    /// Only the database's.
    pub(super) async fn asks_for_code(&self, user_id: i64) -> Result<bool, Error> {
        self.db.read(move |conn| Ok(second_factor::required(conn, user_id)?.is_some())).await
    }

    /// Notes that this browser is one of this person's, for as long as his password has this hash: see
    /// [`Entrance::count_login`]. One that is known already keeps its mark, and with it the attempts that it has used.
    pub(super) fn remember_device(&self, user: &models::User, hash: &str) {
        let nonce = self.device(user).map_or_else(|| format!("{}-{}", user.id, random::token(12)), ToOwned::to_owned);
        let token = self.key.device_token(user.id, hash, &nonce, time::now().and_utc().timestamp());
        cookies::set(self.request, Cookie::Device, token, Some(Duration::seconds(DEVICE_LIFETIME)));
    }

    /// Notes in the browser that this person's password was right, until he gives the code.
    pub(super) fn remember_password(&self, user_id: i64, hash: &str) {
        let token = self.key.second_token(user_id, hash, time::now().and_utc().timestamp());
        cookies::set(self.request, Cookie::SecondFactor, token, Some(Duration::seconds(SECOND_LIFETIME)));
    }

    /// Whose password was right in this browser some minutes ago.
    ///
    /// # Errors
    /// Only the database's.
    pub(super) async fn remembered(&self) -> Result<Option<models::User>, Error> {
        let Some(token) = cookies::get(self.request, Cookie::SecondFactor).map(ToOwned::to_owned) else {
            return Ok(None);
        };
        let Some(user_id) = second_holder(&token) else { return Ok(None) };
        let user = self.db.read(move |conn| Ok(models::User::by_id(conn, user_id)?)).await?;
        Ok(user.filter(|user| self.key.accepts_second(user, &token, time::now().and_utc().timestamp())))
    }

    /// The code was given, or is not asked for any more.
    pub(super) fn forget_password(&self) {
        cookies::remove(self.request, Cookie::SecondFactor);
    }

    /// Makes the hash of a password that was right anew; gives it, or none: he has another password by now.
    ///
    /// # Errors
    /// The database's; [`Error::Internal`]: no memory.
    pub(super) async fn renew(&self, verified: &models::User, password: String) -> Result<Option<String>, Error> {
        let hash = self.hash(password).await?;
        let (verified, kept) = (verified.clone(), hash.clone());
        let renewed =
            self.db.write_statement(move |conn| Ok(models::User::admit(conn, &verified, Some(&kept))?)).await?;
        Ok(renewed.then_some(hash))
    }

    /// Opens a session under a new id and sets the cookie. An old hash is replaced on this occasion. `verified` is the
    /// person as he was when his password was checked. Gives whether he is let in: not if he has another password by
    /// now, or is disabled.
    ///
    /// Django: `login()`
    ///
    /// # Errors
    /// Only the database's.
    pub async fn admit(&self, verified: &models::User, renew: Option<String>, address: &str) -> Result<bool, Error> {
        let renewed = match renew {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let hash = renewed.clone().unwrap_or_else(|| verified.password.clone());
        let (user_id, before) = (verified.id, verified.clone());
        let days = i64::from(self.site.config().accounts.session_days);
        let old = cookies::get(self.request, Cookie::Session).map(ToOwned::to_owned);
        let user_agent = self.request.headers().get_one("User-Agent").unwrap_or_default().to_owned();
        let (signals, address) = (self.signals.clone(), address.to_owned());
        let token = self
            .db
            .write(move |conn| {
                if !models::User::admit(conn, &before, renewed.as_deref())? {
                    return Ok(None);
                }
                if let Some(old) = &old {
                    Session::end(conn, old)?;
                }
                signals.send(conn, &UserLoggedIn { user_id })?;
                Ok(Some(Session::begin(conn, user_id, days, &user_agent, &address)?))
            })
            .await?;
        let Some(token) = token else { return Ok(false) };
        cookies::set(self.request, Cookie::Session, token, Some(Duration::days(days)));
        self.remember_device(verified, &hash);
        csrf::rotate(self.request);
        Ok(true)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Entrance<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let rocket = request.rocket();
        let state = (rocket.state(), rocket.state(), rocket.state(), rocket.state());
        match (db::of(request), state) {
            (Some(db), (Some(site), Some(hasher), Some(signals), Some(key))) => {
                request::Outcome::Success(Self { request, db, site, hasher, signals, key })
            }
            _ => request::Outcome::Error((Status::InternalServerError, ())),
        }
    }
}
