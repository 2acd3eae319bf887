//! Links that let somebody in without a password.
//!
//! Django: `django.contrib.auth.tokens`. As there, the token for a new password needs no table: it is a MAC over what
//! changes when it is used.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::accounts::models::User;
use crate::kit::time::SKEW;

/// How long a link for a new password works, in seconds.
pub const RESET_LIFETIME: i64 = 60 * 60;

/// How long a link that confirms an e-mail address works, in seconds.
pub const EMAIL_LIFETIME: i64 = 24 * 60 * 60;

/// How long somebody whose password was right may take to give the code, in seconds.
pub const SECOND_LIFETIME: i64 = 5 * 60;

/// How long a browser is known again, in seconds.
pub const DEVICE_LIFETIME: i64 = 365 * 24 * 60 * 60;

/// What a link that confirms an e-mail address is about. Its token says it, and the signature that nobody else wrote it.
///
/// Django: `django.core.signing.dumps`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChange {
    /// Whose address it is to be.
    pub user_id: i64,
    /// The new address.
    pub email: String,
    /// When the link was made, in seconds since 1970.
    made: i64,
    /// What stands behind it in the token.
    #[serde(skip)]
    signature: String,
}

impl EmailChange {
    /// What a token claims; [`LinkKey::accepts_email`] tells whether it is true.
    pub fn read(token: &str) -> Option<Self> {
        let (claims, signature) = token.split_once('.')?;
        let mut change: Self = serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()?;
        signature.clone_into(&mut change.signature);
        Some(change)
    }
}

/// Whose [`LinkKey::second_token`] this claims to be.
pub fn second_holder(token: &str) -> Option<i64> {
    token.split('.').next()?.parse().ok()
}

/// The user who logged in last in the browser with this [`LinkKey::device_token`], as it claims.
pub fn device_holder(token: &str) -> Option<i64> {
    token.split_once('-')?.0.parse().ok()
}

/// What links are signed with; managed state.
#[derive(Clone, Copy)]
pub struct LinkKey(pub [u8; 32]);

impl LinkKey {
    /// A token with which this person may choose a new password, made now (seconds since 1970). It dies when his
    /// password or e-mail address changes, when it is used, when a newer one is made, and after an hour.
    ///
    /// Django: `PasswordResetTokenGenerator.make_token`
    pub fn reset_token(&self, user: &User, now: i64) -> String {
        format!("{now:x}-{}", self.reset(user, now).signature())
    }

    /// Whether that token is good for this person now.
    ///
    /// Django: `PasswordResetTokenGenerator.check_token`
    pub fn accepts_reset(&self, user: &User, token: &str, now: i64) -> bool {
        let Some((made, signature)) = token.split_once('-') else { return false };
        let Ok(made) = i64::from_str_radix(made, 16) else { return false };
        is_fresh(made, RESET_LIFETIME, now) && user.is_active && self.reset(user, made).verifies(signature)
    }

    fn reset(&self, user: &User, made: i64) -> Signed {
        let email = user.email_key.as_deref().unwrap_or_default();
        self.over(&["reset", &user.password, email], &[user.id, user.reset_serial, made])
    }

    /// A token by which this person's address becomes `email`. It dies when it is used, when his address or password
    /// changes, when he asks for a newer one, and after a day.
    pub fn email_token(&self, user: &User, email: &str, now: i64) -> String {
        let change = EmailChange { user_id: user.id, email: email.to_owned(), made: now, signature: String::new() };
        // Strings and numbers: they always serialise.
        let claims = BASE64.encode(serde_json::to_vec(&change).unwrap_or_default());
        format!("{claims}.{}", self.email(user, &change).signature())
    }

    /// Whether such a token is good for this person now.
    pub fn accepts_email(&self, user: &User, change: &EmailChange, now: i64) -> bool {
        is_fresh(change.made, EMAIL_LIFETIME, now)
            && user.is_active
            && user.id == change.user_id
            && self.email(user, change).verifies(&change.signature)
    }

    fn email(&self, user: &User, change: &EmailChange) -> Signed {
        self.over(&["email", &user.password, &user.email, &change.email], &[user.id, user.email_serial, change.made])
    }

    /// What a browser keeps between the password, which was right, and the code of the second factor. It dies with the password,
    /// and after some minutes. `password` is the hash.
    pub fn second_token(&self, user_id: i64, password: &str, now: i64) -> String {
        format!("{user_id}.{now:x}.{}", self.second(user_id, password, now).signature())
    }

    /// Whether such a token is good for this person now.
    pub fn accepts_second(&self, user: &User, token: &str, now: i64) -> bool {
        let parts: Vec<&str> = token.split('.').collect();
        let &[_, made, signature] = parts.as_slice() else { return false };
        let Ok(made) = i64::from_str_radix(made, 16) else { return false };
        let is_signed = self.second(user.id, &user.password, made).verifies(signature);
        is_fresh(made, SECOND_LIFETIME, now) && user.is_active && is_signed
    }

    fn second(&self, user_id: i64, password: &str, made: i64) -> Signed {
        self.over(&["second", password], &[user_id, made])
    }

    /// What a browser keeps by which it is known again as one that this person has logged in with. It dies with the
    /// password, and after a year. `nonce` is the browser's own part, `password` the hash.
    pub fn device_token(&self, user_id: i64, password: &str, nonce: &str, now: i64) -> String {
        format!("{nonce}.{now:x}.{}", self.of_device(user_id, password, nonce, now).signature())
    }

    /// The browser's own part of such a token, if it is this person's and still good.
    pub fn device<'t>(&self, user: &User, token: &'t str, now: i64) -> Option<&'t str> {
        let (nonce, rest) = token.split_once('.')?;
        let (made, signature) = rest.split_once('.')?;
        let made = i64::from_str_radix(made, 16).ok()?;
        let is_signed = self.of_device(user.id, &user.password, nonce, made).verifies(signature);
        (is_signed && is_fresh(made, DEVICE_LIFETIME, now)).then_some(nonce)
    }

    fn of_device(&self, user_id: i64, password: &str, nonce: &str, made: i64) -> Signed {
        self.over(&["device", nonce, password], &[user_id, made])
    }

    /// Texts and numbers, so that no two lists of them are signed alike.
    fn over(&self, texts: &[&str], numbers: &[i64]) -> Signed {
        // HMAC takes a key of any length, so there is always one; the type does not know it.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok();
        if let Some(mac) = &mut mac {
            for text in texts {
                mac.update(&text.len().to_be_bytes());
                mac.update(text.as_bytes());
            }
            for number in numbers {
                mac.update(&number.to_be_bytes());
            }
        }
        Signed(mac)
    }
}

/// What a token stands for, under the site's key.
struct Signed(Option<Hmac<Sha256>>);

impl Signed {
    fn signature(self) -> String {
        BASE64.encode(self.0.map(|mac| mac.finalize().into_bytes()).unwrap_or_default())
    }

    fn verifies(self, signature: &str) -> bool {
        let (Some(mac), Ok(signature)) = (self.0, BASE64.decode(signature)) else { return false };
        mac.verify_slice(&signature).is_ok()
    }
}

fn is_fresh(made: i64, lifetime: i64, now: i64) -> bool {
    // One from the future was made while the clock was wrong, and would work for too long.
    made <= now.saturating_add(SKEW.num_seconds()) && made.checked_add(lifetime).is_some_and(|end| now < end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::time;

    fn asha() -> User {
        User {
            id: 7,
            username: "asha".into(),
            username_key: "asha".into(),
            email: "Asha@example.org".into(),
            email_key: Some("asha@example.org".into()),
            name: String::new(),
            password: "a hash".into(),
            is_active: true,
            is_staff: false,
            is_superuser: false,
            date_joined: time::now(),
            last_login: None,
            username_look: String::new(),
            name_look: String::new(),
            reset_serial: 3,
            email_confirmed: None,
            inbox_unread: 0,
            email_serial: 2,
            picture: None,
        }
    }

    #[test]
    fn a_token_dies_with_whatever_it_was_made_of() {
        let key = LinkKey([7; 32]);
        let token = key.reset_token(&asha(), 1_000_000);
        assert!(key.accepts_reset(&asha(), &token, 1_000_000 + RESET_LIFETIME - 1));
        assert!(!key.accepts_reset(&asha(), &token, 1_000_000 + RESET_LIFETIME), "too late");
        assert!(!LinkKey([8; 32]).accepts_reset(&asha(), &token, 1_000_000), "another site's");
        let changes: [fn(&mut User); 6] = [
            |user| user.id = 8,
            |user| user.password = "another hash".into(),
            |user| user.email_key = None,
            |user| user.email_key = Some("ravi@example.org".into()),
            |user| user.reset_serial += 1,
            |user| user.is_active = false,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut user = asha();
            change(&mut user);
            assert!(!key.accepts_reset(&user, &token, 1_000_000), "change {number}");
        }
    }

    #[test]
    fn a_link_for_an_address_says_what_it_is_about_and_dies_with_it() {
        let key = LinkKey([7; 32]);
        let token = key.email_token(&asha(), "new@example.org", 1_000_000);
        let change = EmailChange::read(&token).unwrap();
        assert_eq!((change.user_id, change.email.as_str()), (7, "new@example.org"));
        assert!(key.accepts_email(&asha(), &change, 1_000_000 + EMAIL_LIFETIME - 1));
        assert!(!key.accepts_email(&asha(), &change, 1_000_000 + EMAIL_LIFETIME));
        let changes: [fn(&mut User); 5] = [
            |user| user.id = 8,
            |user| user.password = "another hash".into(),
            |user| user.email = "new@example.org".into(),
            |user| user.email_serial += 1,
            |user| user.is_active = false,
        ];
        for (number, bend) in changes.into_iter().enumerate() {
            let mut user = asha();
            bend(&mut user);
            assert!(!key.accepts_email(&user, &change, 1_000_000), "change {number}");
        }
        for bent in [
            EmailChange { email: "evil@example.org".into(), ..change.clone() },
            EmailChange { made: 2_000_000, ..change.clone() },
            EmailChange { signature: String::new(), ..change.clone() },
        ] {
            assert!(!key.accepts_email(&asha(), &bent, 1_000_000), "{bent:?}");
        }
        for rubbish in ["", ".", "x.y", &token[1..]] {
            assert_eq!(EmailChange::read(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn the_way_from_the_password_to_the_code_is_short_and_ones_own() {
        let key = LinkKey([7; 32]);
        let token = key.second_token(7, "a hash", 1_000_000);
        assert_eq!(second_holder(&token), Some(7));
        assert!(key.accepts_second(&asha(), &token, 1_000_000 + SECOND_LIFETIME - 1));
        assert!(!key.accepts_second(&asha(), &token, 1_000_000 + SECOND_LIFETIME));
        let (ravi, changed) = (User { id: 8, ..asha() }, User { password: "another".into(), ..asha() });
        let disabled = User { is_active: false, ..asha() };
        for user in [ravi, changed, disabled] {
            assert!(!key.accepts_second(&user, &token, 1_000_000));
        }
        let signature = token.rsplit('.').next().unwrap();
        for bent in ["", "..", "7", "7.f4240.", &format!("7.1e8480.{signature}"), &format!("{token}.x")] {
            assert!(!key.accepts_second(&asha(), bent, 1_000_000), "{bent}");
        }
    }

    #[test]
    fn a_browser_is_known_for_one_person() {
        let key = LinkKey([7; 32]);
        let token = key.device_token(7, "a hash", "nonce", 1_000_000);
        assert_eq!(key.device(&asha(), &token, 1_000_000 + DEVICE_LIFETIME - 1), Some("nonce"));
        assert_eq!(key.device(&asha(), &token, 1_000_000 + DEVICE_LIFETIME), None, "too old");
        let (ravi, changed) = (User { id: 8, ..asha() }, User { password: "another".into(), ..asha() });
        for (key, user, token) in [
            (key, ravi, token.as_str()),
            (key, changed, &token),
            (LinkKey([8; 32]), asha(), &token),
            (key, asha(), &token.replace("nonce", "other")),
            (key, asha(), &token.replace("f4240", "f4241")),
            (key, asha(), "."),
            (key, asha(), ".."),
            (key, asha(), "x"),
        ] {
            assert_eq!(key.device(&user, token, 1_000_000), None, "{token}");
        }
    }

    #[test]
    fn token_from_the_future_is_refused() {
        let (key, now) = (LinkKey([7; 32]), 1_000_000);
        for (ahead, accepted) in [(120, true), (121, false), (31 * 24 * 60 * 60, false)] {
            let made = now + ahead;
            assert_eq!(key.accepts_reset(&asha(), &key.reset_token(&asha(), made), now), accepted, "{ahead}");
            assert_eq!(key.accepts_second(&asha(), &key.second_token(7, "a hash", made), now), accepted, "{ahead}");
            let change = EmailChange::read(&key.email_token(&asha(), "new@example.org", made)).unwrap();
            assert_eq!(key.accepts_email(&asha(), &change, now), accepted, "{ahead}");
            let device = key.device_token(7, "a hash", "nonce", made);
            assert_eq!(key.device(&asha(), &device, now).is_some(), accepted, "{ahead}");
        }
    }

    #[test]
    fn a_token_cannot_be_bent() {
        let key = LinkKey([7; 32]);
        let token = key.reset_token(&asha(), 1_000_000);
        let (made, signature) = token.split_once('-').unwrap();
        let later = format!("{:x}-{signature}", i64::from_str_radix(made, 16).unwrap() + 3600);
        let endless = format!("{:x}-{signature}", i64::MAX);
        for bent in ["", "-", "x", made, signature, "f4240-", "f4240-AAAA", &later, &endless, &format!("{token}A")] {
            assert!(!key.accepts_reset(&asha(), bent, 1_000_000), "{bent}");
        }
    }
}
