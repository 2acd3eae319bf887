//! Passwords: hashed by Argon2id, compared in even time, chosen by a few rules.

mod rules;

use std::borrow::Cow;
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pbkdf2::pbkdf2_hmac_array;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;
use tokio::task;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::kit::random;

pub use rules::{MAX_LENGTH, MIN_LENGTH, rules};

/// Argon2id's cost: 19 MiB, two passes, one lane. Never weaker.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Maximum costs of a stored hash. Every login pays for the costliest hash of the site (see [`verify_evenly`]), so these
/// bound what an import can make a login cost. Django 5.2 takes 1,000,000 iterations; its Argon2 100 MiB and two passes.
const MAX_ITERATIONS: u32 = 1_500_000;
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_ARGON2_WORK: u32 = 2 * MAX_MEMORY_KIB;
const PBKDF2_PREFIX: &str = "pbkdf2_sha256$";
const ARGON2_PREFIX: &str = "$argon2id$";

/// Maximum number of bytes in a stored hash: a salt of megabytes costs as much as iterations do.
const MAX_HASH_BYTES: usize = 512;

/// The salt of the work that only takes time.
const IDLE_SALT: &[u8] = b"nobody's salt 01";

/// Why a password could not be hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashError {
    /// Argon2 refused, most likely for want of memory.
    Argon2(argon2::password_hash::Error),
    /// The server is stopping, or the thread that hashed came to a bad end.
    Interrupted,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2(error) => write!(f, "the password could not be hashed: {error}"),
            Self::Interrupted => f.write_str("the hashing of a password was interrupted"),
        }
    }
}

impl std::error::Error for HashError {}

/// What a password is to a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password, or no password can be right.
    Wrong,
    /// The password.
    Right,
    /// The password; its hash is of another kind than ours and is to be made anew now.
    RightButOld,
}

/// Why no password can match a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnusableHash {
    /// No password was set, or the algorithm or the format is unknown.
    Unsupported,
    /// The hash asks for more work than [`check_imported`] allows.
    TooCostly,
}

/// A stored hash, read.
enum Stored {
    /// Argon2id; the product of its memory (KiB) and passes; whether it costs just what ours do.
    Argon2 { hash: Box<PasswordHash>, work: u32, ours: bool },
    /// Django's default.
    Pbkdf2 { iterations: u32, salt: String, hash: [u8; 32] },
    /// No password can match it.
    Unusable,
}

impl Stored {
    fn read(stored: &str) -> Result<Self, UnusableHash> {
        if stored.len() > MAX_HASH_BYTES {
            return Err(UnusableHash::Unsupported);
        }
        match stored.strip_prefix(PBKDF2_PREFIX) {
            Some(rest) => Self::pbkdf2(rest),
            None => Self::argon2(stored),
        }
    }

    fn argon2(stored: &str) -> Result<Self, UnusableHash> {
        let unsupported = UnusableHash::Unsupported;
        // Django writes its own word before the standard form.
        let standard = stored.strip_prefix("argon2").unwrap_or(stored);
        if !standard.starts_with(ARGON2_PREFIX) {
            return Err(unsupported);
        }
        let hash = PasswordHash::new(standard).map_err(|_| unsupported)?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(unsupported);
        }
        let params = Params::try_from(&hash).map_err(|_| unsupported)?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        let work = argon2_work(memory, passes)?;
        let ours = standard == stored
            && hash.version == Some(Version::V0x13.into())
            && (memory, passes, lanes) == (MEMORY_KIB, PASSES, LANES);
        Ok(Self::Argon2 { hash: Box::new(hash), work, ours })
    }

    /// `rest` is what follows [`PBKDF2_PREFIX`].
    fn pbkdf2(rest: &str) -> Result<Self, UnusableHash> {
        let unsupported = UnusableHash::Unsupported;
        let (iterations, rest) = rest.split_once('$').ok_or(unsupported)?;
        let (salt, hash) = rest.split_once('$').ok_or(unsupported)?;
        let iterations = pbkdf2_iterations(iterations)?;
        let hash = BASE64.decode(hash).map_err(|_| unsupported)?.try_into().map_err(|_| unsupported)?;
        Ok(Self::Pbkdf2 { iterations, salt: salt.to_owned(), hash })
    }

    fn verify(&self, password: &str) -> Verdict {
        let (right, ours) = match self {
            Self::Argon2 { hash, ours, .. } => {
                (Argon2::default().verify_password(password.as_bytes(), hash.as_ref()).is_ok(), *ours)
            }
            Self::Pbkdf2 { iterations, salt, hash } => {
                (pbkdf2(password, salt.as_bytes(), *iterations).ct_eq(hash).into(), false)
            }
            Self::Unusable => (false, false),
        };
        match (right, ours) {
            (true, true) => Verdict::Right,
            (true, false) => Verdict::RightButOld,
            (false, _) => Verdict::Wrong,
        }
    }
}

/// The cost of a PBKDF2 hash, if it is within bounds.
fn pbkdf2_iterations(digits: &str) -> Result<u32, UnusableHash> {
    match digits.parse() {
        Ok(0) => Err(UnusableHash::Unsupported),
        Ok(iterations) if iterations <= MAX_ITERATIONS => Ok(iterations),
        Ok(_) => Err(UnusableHash::TooCostly),
        Err(_) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(UnusableHash::TooCostly)
        }
        Err(_) => Err(UnusableHash::Unsupported),
    }
}

/// The cost of an Argon2 hash, if it is within bounds: KiB of memory by passes.
fn argon2_work(memory: u32, passes: u32) -> Result<u32, UnusableHash> {
    let work = memory.checked_mul(passes).filter(|work| memory <= MAX_MEMORY_KIB && *work <= MAX_ARGON2_WORK);
    work.ok_or(UnusableHash::TooCostly)
}

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

fn pbkdf2(password: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
}

/// Returns the forms of a typed password to compare, in order: NFC, in which we hash, since keyboards disagree on the code
/// points of one text (`é`, `ड़`); then the text as typed, in which older and imported hashes were made, where it differs.
fn forms(password: &str) -> impl Iterator<Item = (Cow<'_, str>, bool)> {
    let is_nfc = is_nfc(password);
    let composed = if is_nfc { Cow::Borrowed(password) } else { Cow::Owned(password.nfc().collect()) };
    [(composed, false)].into_iter().chain((!is_nfc).then_some((Cow::Borrowed(password), true)))
}

/// Hashes a password for storage, in NFC: `$argon2id$v=19$m=19456,t=2,p=1$…`.
///
/// Django: `make_password`.
///
/// # Errors
/// When there is no memory for it.
pub fn hash(password: &str) -> Result<String, HashError> {
    let password: String = password.nfc().collect();
    let hashed = argon2()
        .map_err(Into::into)
        .and_then(|argon2| argon2.hash_password_with_salt(password.as_bytes(), &random::bytes::<16>()));
    hashed.map(|hash: PasswordHash| hash.to_string()).map_err(HashError::Argon2)
}

/// Compares a password with a stored hash: ours, or Django's PBKDF2-SHA256 or Argon2id.
/// Takes as long as that hash asks for; a log-in uses [`verify_evenly`].
///
/// Django: `check_password`.
pub fn verify(password: &str, stored: &str) -> Verdict {
    let Ok(stored) = Stored::read(stored) else { return Verdict::Wrong };
    first_right(password, |form| stored.verify(form))
}

/// Compares each of the [`forms`] until one is right. A hash of a form that is not NFC is old.
fn first_right(password: &str, compare: impl Fn(&str) -> Verdict) -> Verdict {
    let mut verdicts = forms(password).map(|(form, is_raw)| match compare(&form) {
        Verdict::Right if is_raw => Verdict::RightButOld,
        verdict => verdict,
    });
    verdicts.find(|verdict| *verdict != Verdict::Wrong).unwrap_or(Verdict::Wrong)
}

/// The highest costs among a site's imported hashes, never above the bounds of [`check_imported`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegacyCosts {
    /// Iterations of PBKDF2.
    pub iterations: u32,
    /// KiB of memory by passes of Argon2id.
    pub argon2_work: u32,
}

impl LegacyCosts {
    /// The costs of one imported hash. The beginning of the hash is enough, up to the `$` or `,` behind its costs; of an
    /// Argon2 hash without Django's own word before it.
    ///
    /// # Errors
    /// [`UnusableHash`]: no login takes this hash, so it costs nothing.
    pub fn of(beginning: &str) -> Result<Self, UnusableHash> {
        let unsupported = UnusableHash::Unsupported;
        if let Some(rest) = beginning.strip_prefix(PBKDF2_PREFIX) {
            let (digits, _) = rest.split_once('$').unwrap_or((rest, ""));
            return Ok(Self { iterations: pbkdf2_iterations(digits)?, argon2_work: 0 });
        }
        let rest = beginning.strip_prefix(ARGON2_PREFIX).ok_or(unsupported)?;
        let cost = |name: &str| {
            let digits = rest.split(['$', ',']).find_map(|part| part.strip_prefix(name)).ok_or(unsupported)?;
            digits.parse().map_err(|_| unsupported)
        };
        Ok(Self { iterations: 0, argon2_work: argon2_work(cost("m=")?, cost("t=")?)? })
    }

    /// The higher of each cost.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { iterations: self.iterations.max(other.iterations), argon2_work: self.argon2_work.max(other.argon2_work) }
    }
}

/// Compares a password with the hash of a person who may not exist (`None`), so that the time
/// does not tell whether he does, nor from where he came.
///
/// Every call does the same work: one Argon2id at our cost, and once more the highest costs of the site's
/// imported hashes (`legacy`; nothing when there are none). What the person's own hash does not
/// ask for is done on nobody's: for him with our Argon2id the imported hashes' work, for an imported one
/// ours and the rest, for nobody both. Work is evened out by work and
/// not by sleeping up to some limit, since that limit would be too short just when the
/// machine is busy, which an attacker can bring about. The price is that imported hashes slow
/// every log-in until their owners have come once and got ours; [`check_imported`] bounds it. A text that is not
/// NFC takes twice the time, whoever's it is.
pub fn verify_evenly(password: &str, stored: Option<&str>, legacy: LegacyCosts) -> Verdict {
    let stored = stored.and_then(|stored| Stored::read(stored).ok()).unwrap_or(Stored::Unusable);
    first_right(password, |form| verify_form_evenly(form, &stored, legacy))
}

/// [`verify_evenly`] of one form.
fn verify_form_evenly(password: &str, stored: &Stored, legacy: LegacyCosts) -> Verdict {
    let verdict = stored.verify(password);
    let (ours_done, done) = match stored {
        Stored::Argon2 { ours: true, .. } => (true, LegacyCosts::default()),
        &Stored::Argon2 { work, .. } => (false, LegacyCosts { iterations: 0, argon2_work: work }),
        &Stored::Pbkdf2 { iterations, .. } => (false, LegacyCosts { iterations, argon2_work: 0 }),
        Stored::Unusable => (false, LegacyCosts::default()),
    };
    if !ours_done {
        idle_argon2(password, MEMORY_KIB, PASSES);
    }
    let rest = legacy.argon2_work.saturating_sub(done.argon2_work);
    // The shape of Django's own parameters: as few passes as the memory allows.
    let passes = rest.div_ceil(MAX_MEMORY_KIB);
    if let Some(memory) = rest.checked_div(passes) {
        idle_argon2(password, memory.max(Params::MIN_M_COST), passes);
    }
    let rest = legacy.iterations.saturating_sub(done.iterations);
    if rest > 0 {
        black_box(pbkdf2(password, IDLE_SALT, rest));
    }
    verdict
}

/// Argon2id that only takes time: nobody's password is wrong if it fails.
fn idle_argon2(password: &str, memory: u32, passes: u32) {
    let mut out = [0; 32];
    let params = Params::new(memory, passes, LANES, None);
    let _ = params.and_then(|params| {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into(password.as_bytes(), IDLE_SALT, &mut out)
    });
    black_box(out);
}

/// Checks whether a login accepts a hash that another program stored. An import keeps it only then, and stores
/// [`unusable()`] otherwise: the owner sets a new password by mail.
///
/// # Errors
/// [`UnusableHash`]: the reason to report.
pub fn check_imported(stored: &str) -> Result<(), UnusableHash> {
    Stored::read(stored).map(drop)
}

/// A value to store that no password matches, different each time.
///
/// Django: `make_password(None)`.
pub fn unusable() -> String {
    format!("!{}", random::token(30))
}

/// Hashes and compares on threads that serve no pages, at most as many at once as the machine
/// has cores: so a flood of log-ins waits in line and neither stops the site nor eats its
/// memory.
#[derive(Clone, Debug)]
pub struct Hasher {
    slots: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// A hasher with one slot for each core.
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { slots: Arc::new(Semaphore::new(cores)) }
    }

    /// [`hash`], when there is a slot.
    ///
    /// # Errors
    /// When there is no memory for it, or the server stops.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        self.run(move || hash(&password)).await?
    }

    /// [`verify_evenly`], when there is a slot.
    ///
    /// # Errors
    /// When the server stops.
    pub async fn verify_evenly(
        &self,
        password: String,
        stored: Option<String>,
        legacy: LegacyCosts,
    ) -> Result<Verdict, HashError> {
        self.run(move || verify_evenly(&password, stored.as_deref(), legacy)).await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| HashError::Interrupted)?;
        task::spawn_blocking(move || {
            // The slot is held to the end of the work, even if the browser has gone away.
            let _slot = slot;
            work()
        })
        .await
        .map_err(|_| HashError::Interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PASSWORD: &str = "blue-mango-42";

    /// Made by Django 5.2.
    const PBKDF2: &str = "pbkdf2_sha256$12000$saltySALT0123456789abc$R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=";
    const PBKDF2_HINDI: &str = "pbkdf2_sha256$1000$tooShort$bh7py0l6rnc24NfTio7zicthw1HM8B5+ODEWUFWr+ew=";
    const PBKDF2_ONE: &str = "pbkdf2_sha256$1$n4Cl$fPafNx/I+qeA2D2NDVis3ooFAewgMlZJtqnKDSa1ih4=";
    const DJANGO_ARGON2: &str = "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHlTQUxUMDEyMzQ1Njc4OWFiYw$Ka4drRnAMaC86HUKfU2XOAbreImfzT5oVVCGzgFnOTQ";

    #[test]
    fn our_hashes() {
        let stored = hash(PASSWORD).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash(PASSWORD).unwrap(), "each has its salt");
        assert_eq!(verify(PASSWORD, &stored), Verdict::Right);
        assert_eq!(verify("blue-mango-43", &stored), Verdict::Wrong);
        assert_eq!(verify("", &stored), Verdict::Wrong);
        assert!(check_imported(&stored).is_ok());
    }

    #[test]
    fn any_script_and_length() {
        for password in ["चौपाल-मेला-२०२६".to_owned(), "क".repeat(256), "🪷".repeat(256), "nul\0nul".to_owned()]
        {
            let stored = hash(&password).unwrap();
            assert_eq!(verify(&password, &stored), Verdict::Right);
            let shorter: String = password.chars().skip(1).collect();
            assert_eq!(verify(&shorter, &stored), Verdict::Wrong);
        }
    }

    #[test]
    fn hashes_of_django() {
        for (password, stored) in [
            (PASSWORD, PBKDF2),
            ("चौपाल-मेला-२०२६", PBKDF2_HINDI),
            (&"x".repeat(200), PBKDF2_ONE),
            (PASSWORD, DJANGO_ARGON2),
        ] {
            assert!(check_imported(stored).is_ok(), "{stored}");
            assert_eq!(verify(password, stored), Verdict::RightButOld, "{stored}");
            assert_eq!(verify("another one", stored), Verdict::Wrong, "{stored}");
        }
    }

    #[test]
    fn imported_hash_above_the_bounds_is_too_costly() {
        let slow = PBKDF2.replace("12000", "5000000");
        for costly in [
            slow.as_str(),
            &PBKDF2.replace("12000", "1500001"),
            &PBKDF2.replace("12000", "99999999999999999999"),
            &DJANGO_ARGON2.replace("102400", "131073"),
            &DJANGO_ARGON2.replace("t=2", "t=3"),
        ] {
            assert_eq!(check_imported(costly), Err(UnusableHash::TooCostly), "{costly}");
            assert_eq!(LegacyCosts::of(costly.strip_prefix("argon2").unwrap_or(costly)), Err(UnusableHash::TooCostly));
        }
        for fine in [PBKDF2, PBKDF2_ONE, DJANGO_ARGON2, &PBKDF2.replace("12000", "1500000")] {
            assert_eq!(check_imported(fine), Ok(()), "{fine}");
        }
        let salt = "s".repeat(1000);
        let long = PBKDF2.replace("saltySALT0123456789abc", &salt);
        for unknown in ["", "!", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", &long] {
            assert_eq!(check_imported(unknown), Err(UnusableHash::Unsupported), "{unknown}");
        }
    }

    #[test]
    fn legacy_costs_are_read_from_the_beginning_of_a_hash() {
        let costs = |iterations, argon2_work| Ok(LegacyCosts { iterations, argon2_work });
        for (beginning, expected) in [
            (PBKDF2, costs(12_000, 0)),
            ("pbkdf2_sha256$12000$", costs(12_000, 0)),
            ("$argon2id$v=19$m=102400,t=2,", costs(0, 204_800)),
            ("$argon2id$v=19$m=8,t=1,p=1$c2", costs(0, 8)),
            ("$argon2id$v=19$m=102400,t=", Err(UnusableHash::Unsupported)),
            ("pbkdf2_sha256$-1$", Err(UnusableHash::Unsupported)),
            ("!", Err(UnusableHash::Unsupported)),
        ] {
            assert_eq!(LegacyCosts::of(beginning), expected, "{beginning}");
        }
    }

    #[test]
    fn unusable_hashes() {
        let hash = "R4gu+BBd7hwVsCfKeyqFcYNcFKlUhlOaP6wYKUrLt20=";
        let ours = super::hash(PASSWORD).unwrap();
        for stored in [
            "",
            "!",
            "!4dAdllkAq1IimCd3Yspt1pD8CIc9n8Up2qRKXcKH",
            PASSWORD,
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "pbkdf2_sha1$1$salt$abc=",
            "pbkdf2_sha256",
            "pbkdf2_sha256$1000$salt",
            "pbkdf2_sha256$1000$salt$",
            "pbkdf2_sha256$1000$salt$c2hvcnQ=",
            "$argon2i$v=19$m=19456,t=2,p=1$c2FsdHlTQUxUMDEyMzQ1Njc4OWFiYw$Ka4drRnAMaC86HUKfU2XOAbreImfzT5oVVCGzgFnOTQ",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHlTQUxUMDEyMzQ1Njc4OWFiYw",
            "$argon2id$",
            &unusable(),
            &format!("!{PBKDF2}"),
            &PBKDF2.replace("12000", "0"),
            &PBKDF2.replace("12000", "-1"),
            &PBKDF2.replace("12000", "1500001"),
            &PBKDF2.replace("12000", "99999999999999999999"),
            &PBKDF2.replace(hash, &hash.replace('+', "-")),
            &DJANGO_ARGON2.replace("102400", "131073"),
            &DJANGO_ARGON2.replace("t=2", "t=3"),
            &format!("{ours}$more"),
        ] {
            assert_eq!(verify(PASSWORD, stored), Verdict::Wrong, "{stored}");
            assert!(check_imported(stored).is_err(), "{stored}");
        }
        assert_ne!(unusable(), unusable());
        assert!(unusable().starts_with('!') && unusable().len() == 41);
    }

    #[test]
    fn a_weaker_argon2_is_old() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let stored = weak.hash_password_with_salt(PASSWORD.as_bytes(), b"0123456789abcdef").unwrap().to_string();
        assert_eq!(verify(PASSWORD, &stored), Verdict::RightButOld);
        assert_eq!(verify("wrong", &stored), Verdict::Wrong);
    }

    #[test]
    fn password_of_other_code_points_is_right() {
        // é and the nukta letter ड़: one code point, or two.
        for (one, two) in
            [("caf\u{e9}-lantern-9", "cafe\u{301}-lantern-9"), ("पहा\u{95c}-42-mango", "पहा\u{921}\u{93c}-42-mango")]
        {
            let legacy = LegacyCosts::default();
            for (chosen, typed) in [(one, two), (two, one), (one, one)] {
                let stored = hash(chosen).unwrap();
                assert_eq!(verify(typed, &stored), Verdict::Right, "{chosen:?} {typed:?}");
                assert_eq!(verify_evenly(typed, Some(&stored), legacy), Verdict::Right, "{chosen:?} {typed:?}");
                assert_eq!(verify_evenly(&format!("{typed}x"), Some(&stored), legacy), Verdict::Wrong);
            }
        }
    }

    #[test]
    fn older_hash_of_the_text_as_typed_is_right_and_old() {
        for raw in ["cafe\u{301}-lantern-9", "पहा\u{95c}-42-mango"] {
            let stored = argon2()
                .unwrap()
                .hash_password_with_salt(raw.as_bytes(), b"0123456789abcdef")
                .map(|hash: PasswordHash| hash.to_string())
                .unwrap();
            assert_eq!(verify(raw, &stored), Verdict::RightButOld, "{raw:?}");
            assert_eq!(verify_evenly(raw, Some(&stored), LegacyCosts::default()), Verdict::RightButOld, "{raw:?}");
            assert_eq!(verify(raw, &hash(raw).unwrap()), Verdict::Right, "made anew in NFC");
        }
    }

    #[test]
    fn even_verdicts() {
        let ours = hash(PASSWORD).unwrap();
        for (iterations, argon2_work) in [(0, 0), (1000, 16), (2000, 40)] {
            let legacy = LegacyCosts { iterations, argon2_work };
            assert_eq!(verify_evenly(PASSWORD, None, legacy), Verdict::Wrong);
            assert_eq!(verify_evenly(PASSWORD, Some("!"), legacy), Verdict::Wrong);
            assert_eq!(verify_evenly(PASSWORD, Some(&ours), legacy), Verdict::Right);
            assert_eq!(verify_evenly("wrong", Some(&ours), legacy), Verdict::Wrong);
            assert_eq!(verify_evenly("चौपाल-मेला-२०२६", Some(PBKDF2_HINDI), legacy), Verdict::RightButOld);
            assert_eq!(verify_evenly("wrong", Some(PBKDF2_HINDI), legacy), Verdict::Wrong);
        }
    }

    /// Nanoseconds that this thread has spent on a processor: unlike the clock on the wall, it does
    /// not run while others do.
    #[cfg(target_os = "linux")]
    fn busy() -> u64 {
        let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        times.split(' ').next().unwrap().parse().unwrap()
    }

    /// A coarse look that misses no whole step of work; only the fastest of several runs counts.
    #[test]
    #[cfg(target_os = "linux")]
    fn even_times() {
        let ours = hash(PASSWORD).unwrap();
        let people = [None, Some("!"), Some(ours.as_str()), Some(PBKDF2), Some(PBKDF2_HINDI), Some(DJANGO_ARGON2)];
        let legacy = LegacyCosts { iterations: 12_000, argon2_work: 204_800 };
        let mut fastest = [u64::MAX; 12];
        for _ in 0..8 {
            let tries = people.iter().flat_map(|stored| [PASSWORD, "wrong"].map(|password| (password, *stored)));
            for (fastest, (password, stored)) in fastest.iter_mut().zip(tries) {
                let start = busy();
                black_box(verify_evenly(password, stored, legacy));
                *fastest = (busy() - start).min(*fastest);
            }
        }
        let (least, most) = (fastest.iter().min().unwrap(), fastest.iter().max().unwrap());
        assert!(2 * most < 3 * least, "{fastest:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_hasher_keeps_to_its_slots() {
        let hasher = Hasher { slots: Arc::new(Semaphore::new(1)) };
        let ours = hasher.hash(PASSWORD.to_owned()).await.unwrap();
        assert_eq!(
            hasher.verify_evenly(PASSWORD.to_owned(), Some(ours), LegacyCosts::default()).await,
            Ok(Verdict::Right)
        );

        let busy = Arc::new(std::sync::Mutex::new(()));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (hasher, busy) = (hasher.clone(), Arc::clone(&busy));
                tokio::spawn(async move {
                    hasher
                        .run(move || busy.try_lock().map(|_alone| thread::sleep(Duration::from_millis(2))).is_ok())
                        .await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(true), "two at once");
        }
        let panicking: Result<(), _> = hasher.run(|| std::panic::resume_unwind(Box::new(()))).await;
        assert_eq!(panicking, Err(HashError::Interrupted));
        assert!(hasher.hash(PASSWORD.to_owned()).await.is_ok(), "the slot was given back");
    }
}
