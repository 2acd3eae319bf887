//! Passwords: hashed by Argon2id, compared in even time, chosen by a few rules.

mod rules;

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

use crate::kit::random;

pub use rules::{MAX_LENGTH, MIN_LENGTH, rules};

/// Argon2id's cost: 19 MiB, two passes, one lane. Never weaker.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What a stored hash may ask for at most, so that no row of the database can stop the site:
/// Django's own Argon2 takes 100 MiB and two passes.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_PASSES: u32 = 8;
const PBKDF2_PREFIX: &str = "pbkdf2_sha256$";
const MAX_ITERATIONS: u32 = 5_000_000;

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

/// A stored hash, read.
enum Stored {
    /// Argon2id; whether it costs just what ours do.
    Argon2 { hash: Box<PasswordHash>, ours: bool },
    /// Django's default.
    Pbkdf2 { iterations: u32, salt: String, hash: [u8; 32] },
    /// No password can match it.
    Unusable,
}

impl Stored {
    fn read(stored: &str) -> Self {
        Self::argon2(stored).or_else(|| Self::pbkdf2(stored)).unwrap_or(Self::Unusable)
    }

    fn argon2(stored: &str) -> Option<Self> {
        // Django writes its own word before the standard form.
        let standard = stored.strip_prefix("argon2").unwrap_or(stored);
        if !standard.starts_with("$argon2id$") {
            return None;
        }
        let hash = PasswordHash::new(standard).ok().filter(|hash| hash.salt.is_some() && hash.hash.is_some())?;
        let params = Params::try_from(&hash).ok()?;
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        if memory > MAX_MEMORY_KIB || passes > MAX_PASSES {
            return None;
        }
        let ours = standard == stored
            && hash.version == Some(Version::V0x13.into())
            && (memory, passes, lanes) == (MEMORY_KIB, PASSES, LANES);
        Some(Self::Argon2 { hash: Box::new(hash), ours })
    }

    fn pbkdf2(stored: &str) -> Option<Self> {
        let (iterations, rest) = stored.strip_prefix(PBKDF2_PREFIX)?.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        let iterations = iterations.parse().ok().filter(|n| (1..=MAX_ITERATIONS).contains(n))?;
        let hash = BASE64.decode(hash).ok()?.try_into().ok()?;
        Some(Self::Pbkdf2 { iterations, salt: salt.to_owned(), hash })
    }

    fn verify(&self, password: &str) -> Verdict {
        let (right, ours) = match self {
            Self::Argon2 { hash, ours } => {
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

fn argon2() -> Result<Argon2<'static>, argon2::Error> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(MEMORY_KIB, PASSES, LANES, None)?))
}

fn pbkdf2(password: &str, salt: &[u8], iterations: u32) -> [u8; 32] {
    pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations)
}

/// Hashes a password for storage: `$argon2id$v=19$m=19456,t=2,p=1$…`.
///
/// Django: `make_password`.
///
/// # Errors
/// When there is no memory for it.
pub fn hash(password: &str) -> Result<String, HashError> {
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
    Stored::read(stored).verify(password)
}

/// Compares a password with the hash of a person who may not exist (`None`), so that the time
/// does not tell whether he does, nor from where he came.
///
/// Every call does the same work: one Argon2id at our cost and `legacy_iterations` of PBKDF2,
/// which the caller sets to the highest count among the site's imported hashes (see
/// [`pbkdf2_iterations`]), or to 0 when there are none. What the person's own hash does not
/// ask for is done on nobody's: for him with our Argon2id the PBKDF2, for an imported one the
/// Argon2id and the rest of the iterations, for nobody both. Work is evened out by work and
/// not by sleeping up to some limit, since that limit would be too short just when the
/// machine is busy, which an attacker can bring about. The price is that imported hashes slow
/// every log-in until their owners have come once and got ours.
///
/// An Argon2id hash of another cost takes its own time. No import makes one; it comes of a
/// change of our cost alone, and says no more than that its owner was away since.
pub fn verify_evenly(password: &str, stored: Option<&str>, legacy_iterations: u32) -> Verdict {
    let stored = stored.map_or(Stored::Unusable, Stored::read);
    let verdict = stored.verify(password);
    let (argon2_done, iterations_done) = match stored {
        Stored::Argon2 { .. } => (true, 0),
        Stored::Pbkdf2 { iterations, .. } => (false, iterations),
        Stored::Unusable => (false, 0),
    };
    if !argon2_done {
        let mut out = [0; 32];
        // Nobody's password is wrong whatever becomes of this.
        let _ = argon2().and_then(|argon2| argon2.hash_password_into(password.as_bytes(), IDLE_SALT, &mut out));
        black_box(out);
    }
    let rest = legacy_iterations.min(MAX_ITERATIONS).saturating_sub(iterations_done);
    if rest > 0 {
        black_box(pbkdf2(password, IDLE_SALT, rest));
    }
    verdict
}

/// The iterations that a stored PBKDF2 hash asks for, if they are within bounds. The beginning of the
/// hash, up to its second `$`, is enough.
pub fn pbkdf2_iterations(stored: &str) -> Option<u32> {
    let (iterations, _) = stored.strip_prefix(PBKDF2_PREFIX)?.split_once('$')?;
    iterations.parse().ok().filter(|iterations| (1..=MAX_ITERATIONS).contains(iterations))
}

/// A value to store that no password matches, different each time.
///
/// Django: `make_password(None)`.
pub fn unusable() -> String {
    format!("!{}", random::token(30))
}

/// Whether some password can match a stored value.
///
/// Django: `is_password_usable`.
pub fn is_usable(stored: &str) -> bool {
    !matches!(Stored::read(stored), Stored::Unusable)
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
        legacy_iterations: u32,
    ) -> Result<Verdict, HashError> {
        self.run(move || verify_evenly(&password, stored.as_deref(), legacy_iterations)).await
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
        assert!(is_usable(&stored));
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
            assert!(is_usable(stored), "{stored}");
            assert_eq!(verify(password, stored), Verdict::RightButOld, "{stored}");
            assert_eq!(verify("another one", stored), Verdict::Wrong, "{stored}");
        }
        assert_eq!(pbkdf2_iterations(PBKDF2), Some(12_000));
        assert_eq!(pbkdf2_iterations("pbkdf2_sha256$12000$"), Some(12_000));
        for none in [DJANGO_ARGON2, "pbkdf2_sha256$5000001$", "pbkdf2_sha256$-1$", "pbkdf2_sha256$12", "!"] {
            assert_eq!(pbkdf2_iterations(none), None, "{none}");
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
            &PBKDF2.replace("12000", "5000001"),
            &PBKDF2.replace("12000", "99999999999999999999"),
            &PBKDF2.replace(hash, &hash.replace('+', "-")),
            &DJANGO_ARGON2.replace("102400", "131073"),
            &DJANGO_ARGON2.replace("t=2", "t=9"),
            &format!("{ours}$more"),
        ] {
            assert_eq!(verify(PASSWORD, stored), Verdict::Wrong, "{stored}");
            assert!(!is_usable(stored), "{stored}");
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
    fn even_verdicts() {
        let ours = hash(PASSWORD).unwrap();
        for legacy in [0, 1000, 2000] {
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
        let people = [None, Some("!"), Some(ours.as_str()), Some(PBKDF2), Some(PBKDF2_HINDI)];
        let mut fastest = [u64::MAX; 10];
        for _ in 0..8 {
            let tries = people.iter().flat_map(|stored| [PASSWORD, "wrong"].map(|password| (password, *stored)));
            for (fastest, (password, stored)) in fastest.iter_mut().zip(tries) {
                let start = busy();
                black_box(verify_evenly(password, stored, 12_000));
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
        assert_eq!(hasher.verify_evenly(PASSWORD.to_owned(), Some(ours), 0).await, Ok(Verdict::Right));

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
