//! The first start: a link in the log, and the page where it leads, which makes the first
//! superuser and gives the site its name and its door.
//!
//! The link is a MAC over its expiry. So every process of a site understands the links of all the
//! others, nothing is stored, and it works once: with a superuser there, it is dead.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use diesel::connection::SimpleConnection;
use hmac::{Hmac, KeyInit, Mac};
use rocket::http::Status;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;
use sha2::Sha256;

use crate::accounts::draft::Draft;
use crate::accounts::forms::{Beginning, SetupForm};
use crate::accounts::guards::Gate;
use crate::accounts::models::{NewUser, User, setting};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::signals::UserRegistered;
use crate::accounts::site::{self, Site};
use crate::accounts::views::Entrance;
use crate::kit::db::{Conn, Db};
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, Post};
use crate::kit::i18n::Text;
use crate::kit::throttle::Scope;
use crate::kit::time::SKEW;

/// How long a link lives, in seconds.
pub const LIFETIME: i64 = 30 * 60;

/// What links are signed with; managed state.
pub struct SetupKey(pub [u8; 32]);

impl SetupKey {
    /// A link's token that is good until `expires` (seconds since 1970).
    pub fn token(&self, expires: i64) -> String {
        let mut token = expires.to_be_bytes().to_vec();
        if let Some(mac) = self.mac(expires) {
            token.extend_from_slice(&mac.finalize().into_bytes());
        }
        BASE64.encode(token)
    }

    /// Whether the token is ours and still good at `now`.
    pub fn accepts(&self, token: &str, now: i64) -> bool {
        let Ok(bytes) = BASE64.decode(token) else { return false };
        let Some((expires, signature)) = bytes.split_first_chunk::<8>() else { return false };
        let expires = i64::from_be_bytes(*expires);
        // One that ends later than any made now was made while the clock was wrong.
        let is_good = now < expires && expires <= now + LIFETIME + SKEW.num_seconds();
        is_good && self.mac(expires).is_some_and(|mac| mac.verify_slice(signature).is_ok())
    }

    fn mac(&self, expires: i64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&expires.to_be_bytes());
        Some(mac)
    }
}

/// The path of a link that is good from now on.
pub fn link(key: &SetupKey) -> String {
    format!("/setup/{}", key.token(chrono::Utc::now().timestamp() + LIFETIME))
}

/// Why this link does not work, as a page; none if it does.
async fn refusal(page: &Page<'_>, key: &SetupKey, db: &Db, token: &str) -> Result<Option<View>, Error> {
    if db.read(|conn| Ok(User::superuser_exists(conn)?)).await? {
        return Err(Error::NotFound);
    }
    let good = key.accepts(token, chrono::Utc::now().timestamp());
    Ok((!good).then(|| page.with(Status::NotFound, "accounts/setup_expired.html", context! {})))
}

/// The page that the link of the first start leads to.
#[get("/setup/<token>")]
pub async fn setup_page(
    page: Page<'_>,
    db: &Db,
    site: &Site,
    key: &State<SetupKey>,
    draft: Draft,
    token: &str,
) -> Result<View, Error> {
    if let Some(refused) = refusal(&page, key, db, token).await? {
        return Ok(refused);
    }
    let form = SetupForm { site_name: site.facts().name.clone(), access: "public".into(), ..Default::default() };
    let form = page.form(Drawn::fresh(draft.form().unwrap_or(form)));
    Ok(page.ok("accounts/setup.html", context! { form, action: format!("/setup/{token}") }))
}

/// Makes the superuser, keeps the choices, logs him in.
#[post("/setup/<token>", data = "<form>")]
pub async fn setup(
    page: Page<'_>,
    entrance: Entrance<'_>,
    gate: Gate<'_>,
    site: &Site,
    key: &State<SetupKey>,
    token: &str,
    form: Post<SetupForm>,
) -> Outcome {
    let Post(form) = form;
    if let Some(refused) = refusal(&page, key, entrance.db, token).await? {
        return Ok(Either::Right(refused));
    }
    match begin(&entrance, &gate, &form).await {
        Ok(user) => {
            site.refresh(entrance.db).await?;
            entrance.admit(&user, None, &gate.address()).await?;
            Ok(Either::Left(flash::success("/", Text::new("flash-welcome").with("name", user.person().shown_name()))))
        }
        Err(error) => {
            let draw = |errors| {
                let form = page.form(Drawn { values: form, errors });
                page.with(INVALID, "accounts/setup.html", context! { form, action: format!("/setup/{token}") })
            };
            again(error, draw).map(Either::Right)
        }
    }
}

/// The superuser and the choices in one transaction: of two set-ups at once, one wins.
async fn begin(entrance: &Entrance<'_>, gate: &Gate<'_>, form: &SetupForm) -> Result<User, Error> {
    // The holders of the link alone: others behind the same address do not keep them out.
    gate.by_key(Scope::Register, "setup")?;
    let Beginning { site_name, access, person } = form.clean().map_err(Error::Invalid)?;
    let password = entrance.hash(person.password.clone()).await?;
    let new = person.with_hash(password);
    let new = NewUser { is_superuser: true, ..new };
    let signals = entrance.signals.clone();
    let user = entrance
        .db
        .write(move |conn| {
            if let Conn::Postgres(pg) = conn {
                // SQLite has one writer anyway.
                pg.batch_execute("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE")?;
            }
            if User::superuser_exists(conn)? {
                return Err(Error::NotFound);
            }
            let user = User::create(conn, &new)?;
            setting::set(conn, site::NAME, &site_name)?;
            setting::set(conn, site::ACCESS, &access)?;
            signals.send(conn, &UserRegistered { user_id: user.id })?;
            Ok(user)
        })
        .await?;
    entrance.signals.after(&UserRegistered { user_id: user.id });
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_expire_and_cannot_be_made_by_others() {
        let key = SetupKey([7; 32]);
        let token = key.token(1000);
        assert!(key.accepts(&token, 999));
        assert!(!key.accepts(&token, 1000));
        assert!(!SetupKey([8; 32]).accepts(&token, 999));
        assert!(!key.accepts("", 0) && !key.accepts("AAAA", 0) && !key.accepts("!", 0));
    }
}
