//! Guests: the name that somebody gave himself, in a cookie that nobody else can write.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use rocket::request::{self, FromRequest, Outcome, Request};
use rocket::time::Duration;
use sha2::Sha256;

use crate::accounts::site::Site;
use crate::kit::cookies::{self, Cookie};
use crate::kit::error::Error;
use crate::kit::time::SKEW;
use crate::lobby::forms::NAME;

/// How long a name is kept, in days.
const DAYS: i64 = 30;

/// What the cookie is signed with; managed state.
pub struct GuestKey(pub [u8; 32]);

impl GuestKey {
    /// The cookie's value for `name`, good until `expires` (seconds since 1970).
    fn seal(&self, name: &str, expires: i64) -> Option<String> {
        let mac = self.mac(name.as_bytes(), expires)?.finalize().into_bytes();
        Some(BASE64.encode([&expires.to_be_bytes(), mac.as_slice(), name.as_bytes()].concat()))
    }

    /// The name in a cookie that is ours and still good at `now`.
    fn open(&self, value: &str, now: i64) -> Option<String> {
        let bytes = BASE64.decode(value).ok()?;
        let (expires, rest) = bytes.split_first_chunk::<8>()?;
        let (mac, name) = rest.split_first_chunk::<32>()?;
        let expires = i64::from_be_bytes(*expires);
        self.mac(name, expires)?.verify_slice(mac).ok()?;
        // One that ends later than any made now was made while the clock was wrong.
        let is_good = now < expires && expires <= now + DAYS * 24 * 60 * 60 + SKEW.num_seconds();
        String::from_utf8(name.to_vec()).ok().filter(|_| is_good)
    }

    fn mac(&self, name: &[u8], expires: i64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&expires.to_be_bytes());
        mac.update(name);
        Some(mac)
    }
}

/// The guest behind a request, whoever else he may be.
pub struct Guest<'r> {
    request: &'r Request<'r>,
    /// His name, if he gave himself one.
    pub name: Option<String>,
}

impl Guest<'_> {
    /// From now on he goes by this name.
    pub fn remember(&self, name: &str) {
        let Some(key) = self.request.rocket().state::<GuestKey>() else { return };
        let expires = chrono::Utc::now().timestamp() + DAYS * 24 * 60 * 60;
        if let Some(value) = key.seal(name, expires) {
            cookies::set(self.request, Cookie::Guest, value, Some(Duration::days(DAYS)));
        }
    }

    /// Refuses a name that visitors would take for the site itself.
    ///
    /// # Errors
    /// [`Error::Invalid`] at its field.
    pub fn refuse_reserved(&self, name: &str) -> Result<(), Error> {
        let site = self.request.rocket().state::<Site>();
        site.map_or(Ok(()), |site| site.refuse_reserved(NAME, name)).map_err(Error::Invalid)
    }

    /// He is no guest any more.
    pub fn forget(&self) {
        if self.name.is_some() {
            cookies::remove(self.request, Cookie::Guest);
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Guest<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let key = request.rocket().state::<GuestKey>();
        let name =
            cookies::get(request, Cookie::Guest).and_then(|value| key?.open(value, chrono::Utc::now().timestamp()));
        Outcome::Success(Self { request, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_cookies_hold_a_name_and_not_for_ever() {
        let (ours, theirs) = (GuestKey([1; 32]), GuestKey([2; 32]));
        let sealed = ours.seal("मीरा", 100).unwrap();
        assert_eq!(ours.open(&sealed, 99).as_deref(), Some("मीरा"));
        assert_eq!(ours.open(&sealed, 100), None);
        assert_eq!(theirs.open(&sealed, 99), None);
        let later = 31 * 24 * 60 * 60;
        assert_eq!(ours.open(&ours.seal("Mira", 99 + later).unwrap(), 99), None, "made by a clock that ran ahead");
        let mut forged = BASE64.decode(&sealed).unwrap();
        forged.extend_from_slice(b"x");
        for wrong in [BASE64.encode(forged), String::new(), "x".into(), BASE64.encode([0; 40])] {
            assert_eq!(ours.open(&wrong, 99), None, "{wrong}");
        }
    }
}
