//! What the running site tells `chaupal check --url` of a request: how it arrived behind the proxy.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use rocket::http::Status;
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::accounts::guards;
use crate::accounts::site::Site;
use crate::kit::origin;

/// The header by which the command shows that it has the site's secret key.
pub const HEADER: &str = "X-Chaupal-Check";

/// Seconds for which a header is good, before and after its time.
const LIFETIME: u64 = 300;

/// What the header is signed with; managed state.
pub struct CheckKey(pub [u8; 32]);

impl CheckKey {
    /// Returns the header's value at `now`, in seconds since 1970.
    pub fn sign(&self, now: i64) -> Option<String> {
        let mac = self.mac(now)?.finalize().into_bytes();
        Some(format!("{now}.{}", BASE64.encode(mac)))
    }

    fn accepts(&self, value: &str, now: i64) -> bool {
        let Some((time, mac)) = value.split_once('.') else { return false };
        let (Ok(time), Ok(mac)) = (time.parse::<i64>(), BASE64.decode(mac)) else { return false };
        time.abs_diff(now) <= LIFETIME && self.mac(time).is_some_and(|known| known.verify_slice(&mac).is_ok())
    }

    fn mac(&self, time: i64) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(&time.to_be_bytes());
        Some(mac)
    }
}

/// How a request arrived.
#[derive(Debug, Serialize, Deserialize)]
pub struct SeenRequest {
    /// The host that it was sent to, as the proxy passed it on.
    pub host: Option<String>,
    /// The other end of the connection.
    pub peer: String,
    /// The client's address, as far as `proxy.trusted` lets it be known.
    pub client: String,
    /// Whether the header came that tells the client's address.
    pub is_forwarded: bool,
    /// The running server's `site_url`.
    pub site_url: String,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for SeenRequest {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        let rocket = request.rocket();
        let (Some(key), Some(site)) = (rocket.state::<CheckKey>(), rocket.state::<Site>()) else {
            return Outcome::Error((Status::InternalServerError, ()));
        };
        let now = chrono::Utc::now().timestamp();
        if !request.headers().get_one(HEADER).is_some_and(|value| key.accepts(value, now)) {
            return Outcome::Forward(Status::NotFound);
        }
        let config = site.config();
        Outcome::Success(Self {
            host: origin::host(request),
            peer: request.remote().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default(),
            client: guards::address(request).to_string(),
            is_forwarded: request.headers().contains(&config.proxy.header),
            site_url: config.site_url.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_of_another_key_or_time_is_refused() {
        let (ours, theirs) = (CheckKey([1; 32]), CheckKey([2; 32]));
        let value = ours.sign(1000).unwrap();
        assert!(ours.accepts(&value, 1000) && ours.accepts(&value, 1300) && ours.accepts(&value, 700));
        assert!(!ours.accepts(&value, 1301) && !ours.accepts(&value, 699) && !theirs.accepts(&value, 1000));
        for wrong in ["", ".", "1000", "1000.", "1000.AAAA", &value.replace("1000", "1001"), "-9223372036854775808.AA"]
        {
            assert!(!ours.accepts(wrong, 1000), "{wrong}");
        }
    }
}
