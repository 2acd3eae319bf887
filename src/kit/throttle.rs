//! How often one may try: log in, register, post. Kept in memory, in a bounded amount of it.
//!
//! A request guard asks like this, before any password is hashed and any row is read:
//!
//! 1. It takes the client's address from [`client_address`](super::address::client_address), which
//!    believes a header only of a trusted proxy, and counts it: [`Throttle::check_address`].
//! 2. Then it checks the key of the account that is meant: the folded log-in name that was typed,
//!    whether such an account exists or not, or the id of the person who posts. In this order, an
//!    address that is refused cannot use up somebody's account.
//! 3. [`RetryAfter`] becomes 429 with the header `Retry-After: <seconds()>`, and the form is shown
//!    again with what was typed.
//!
//! A refusal costs nothing, so whoever waits as told gets in: nobody is locked out for good. A
//! tick calls [`Throttle::sweep`] once a minute.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::{Deserialize, Deserializer};

/// So many keys a scope tells apart. More than these share buckets, by chance and not by choice of
/// an attacker, since the hash is seeded anew in each process: memory stays under 10 MB a scope,
/// whatever comes.
const BUCKETS: u64 = 1 << 18;

/// A count in a period, such as `10/m`, or no limit at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// No limit.
    Off,
    /// So many at once, and as many again, spread evenly, in each period.
    Per {
        /// How many.
        count: NonZeroU32,
        /// In which time.
        period: Duration,
    },
}

impl FromStr for Rate {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "a rate such as 10/m, or off";
        let text = text.trim();
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        let (count, unit) = text.split_once('/').ok_or(WANTED)?;
        let count: NonZeroU32 = count.trim().parse().map_err(|_| WANTED)?;
        let seconds = match unit.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return Err(WANTED),
        };
        // More could not be told apart from none: a bucket counts in nanoseconds.
        if count.get() > 1_000_000 {
            return Err(WANTED);
        }
        Ok(Self::Per { count, period: Duration::from_secs(seconds) })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The configured rates: `throttle.*`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rates {
    /// Attempts to log in.
    pub login: Rate,
    /// Attempts at the code of a second factor.
    pub code: Rate,
    /// Attempts to register.
    pub register: Rate,
    /// Messages posted.
    pub post: Rate,
    /// Mails asked for: to reset a password, to confirm an address.
    pub reset: Rate,
    /// Messages to somebody's inbox.
    pub contact: Rate,
    /// Pictures.
    pub upload: Rate,
    /// Windows that say that they close.
    pub away: Rate,
}

impl Rates {
    /// The one of this scope.
    pub fn of(&self, scope: Scope) -> Rate {
        match scope {
            Scope::Login => self.login,
            Scope::Code => self.code,
            Scope::Register => self.register,
            Scope::Post => self.post,
            Scope::Reset => self.reset,
            Scope::Contact => self.contact,
            Scope::Upload => self.upload,
            Scope::Away => self.away,
        }
    }
}

/// What is throttled. Each scope counts for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Attempts to log in.
    Login,
    /// Attempts at the code of a second factor: a million codes are soon gone through at the pace of a log-in.
    Code,
    /// Attempts to register.
    Register,
    /// Messages posted.
    Post,
    /// Mails asked for: to reset a password, to confirm an address.
    Reset,
    /// Messages to somebody's inbox.
    Contact,
    /// Bringing a picture: a person.
    Upload,
    /// Windows that say that they close.
    Away,
}

impl Scope {
    /// Each of them, in their order above.
    pub const ALL: [Self; 8] =
        [Self::Login, Self::Code, Self::Register, Self::Post, Self::Reset, Self::Contact, Self::Upload, Self::Away];

    /// The key of its rate in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Login => "throttle.login",
            Self::Code => "throttle.code",
            Self::Register => "throttle.register",
            Self::Post => "throttle.post",
            Self::Reset => "throttle.reset",
            Self::Contact => "throttle.contact",
            Self::Upload => "throttle.upload",
            Self::Away => "throttle.away",
        }
    }
}

/// Too often: how long to wait until the next try is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// For the header `Retry-After`: whole seconds, rounded up, never 0.
    pub fn seconds(self) -> u64 {
        self.0.as_secs().saturating_add(u64::from(self.0.subsec_nanos() > 0)).max(1)
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "too often: try again in {} s", self.seconds())
    }
}

impl std::error::Error for RetryAfter {}

/// The network around an address: an IPv6 address is cut to its first bits, for whoever has one has many. An IPv4 address
/// in IPv6's form is the IPv4 address.
pub fn network(address: IpAddr, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> bits)))
        }
        other => other,
    }
}

/// Returns the key by which an address is counted in a network of so many bits.
fn address_key(address: IpAddr, bits: u32) -> String {
    format!("address:{}/{bits}", network(address, bits))
}

/// Larger networks count too, with higher rates: providers give out a /56 or a /48 as a whole.
const WIDER: [(u32, u32); 2] = [(56, 4), (48, 16)];

type Limiter<C> = RateLimiter<u32, DashMapStateStore<u32>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The counters of one process.
///
/// Django: `rest_framework.throttling`, for pages as well.
pub struct Throttle<C: Clock + Clone = DefaultClock> {
    /// In the order of [`Scope::ALL`]; none where there is no limit.
    limiters: [Option<Limiter<C>>; Scope::ALL.len()],
    /// The same for the networks of [`WIDER`].
    wider: [[Option<Limiter<C>>; Scope::ALL.len()]; WIDER.len()],
    hasher: RandomState,
    clock: C,
}

impl Throttle {
    /// Counters at zero.
    pub fn new(rates: &Rates) -> Self {
        Self::with_clock(rates, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Throttle<C> {
    fn with_clock(rates: &Rates, clock: C) -> Self {
        let limiters = |times| Scope::ALL.map(|scope| limiter(rates.of(scope), times, &clock));
        Self {
            limiters: limiters(1),
            wider: WIDER.map(|(_, times)| limiters(times)),
            hasher: RandomState::new(),
            clock,
        }
    }

    /// Counts one attempt of `key`, which may be of any length.
    ///
    /// # Errors
    /// When `key` has tried too often. That attempt is not counted.
    pub fn check(&self, scope: Scope, key: &str) -> Result<(), RetryAfter> {
        self.count(&self.limiters[scope as usize], key)
    }

    /// Counts one attempt of a client's address, and of the networks around it.
    ///
    /// # Errors
    /// When the address or one of its networks has tried too often.
    pub fn check_address(&self, scope: Scope, address: IpAddr) -> Result<(), RetryAfter> {
        // The narrowest first: what it refuses does not use up its neighbours' rate.
        self.check(scope, &address_key(address, 64))?;
        if network(address, 64).is_ipv6() {
            for ((bits, _), limiters) in WIDER.iter().zip(&self.wider) {
                self.count(&limiters[scope as usize], &address_key(address, *bits))?;
            }
        }
        Ok(())
    }

    fn count(&self, limiter: &Option<Limiter<C>>, key: &str) -> Result<(), RetryAfter> {
        let Some(limiter) = limiter else { return Ok(()) };
        limiter.check_key(&self.bucket(key)).map_err(|not_until| RetryAfter(not_until.wait_time_from(self.clock.now())))
    }

    /// Forgets whoever has his whole allowance again, and gives the memory back.
    pub fn sweep(&self) {
        for limiter in self.limiters.iter().chain(self.wider.iter().flatten()).flatten() {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn bucket(&self, key: &str) -> u32 {
        (self.hasher.hash_one(key) % BUCKETS) as u32
    }
}

fn limiter<C: Clock + Clone>(rate: Rate, times: u32, clock: &C) -> Option<Limiter<C>> {
    let Rate::Per { count, period } = rate else {
        return None;
    };
    // At most a million a second: the time for one is never nothing, which alone gives `None`.
    let count = count.saturating_mul(NonZeroU32::new(times)?);
    let quota = Quota::with_period(period / count.get())?.allow_burst(count);
    Some(RateLimiter::dashmap_with_clock(quota, clock.clone()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn throttle(rate: &str) -> (Throttle<FakeRelativeClock>, FakeRelativeClock) {
        let rate = rate.parse().unwrap();
        let clock = FakeRelativeClock::default();
        (
            Throttle::with_clock(
                &Rates {
                    login: rate,
                    code: Rate::Off,
                    register: rate,
                    post: Rate::Off,
                    reset: Rate::Off,
                    contact: Rate::Off,
                    upload: Rate::Off,
                    away: Rate::Off,
                },
                clock.clone(),
            ),
            clock,
        )
    }

    #[test]
    fn rates_are_read_and_rubbish_is_not() {
        for (text, seconds) in [("10/s", 1), ("10/m", 60), (" 10 / h ", 3600), ("10/d", 86400)] {
            let count = NonZeroU32::new(10).unwrap();
            assert_eq!(text.parse(), Ok(Rate::Per { count, period: Duration::from_secs(seconds) }), "{text}");
        }
        assert_eq!("off".parse(), Ok(Rate::Off));
        for text in ["", "10", "0/m", "-1/m", "10/w", "10/", "/m", "10/mm", "1000001/s", "99999999999/s", "on"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn after_the_burst_one_waits_and_is_let_in_again() {
        let (throttle, clock) = throttle("10/m");
        for attempt in 0..10 {
            assert_eq!(throttle.check(Scope::Login, "asha"), Ok(()), "attempt {attempt}");
        }
        let wait = throttle.check(Scope::Login, "asha").unwrap_err();
        assert_eq!(wait.seconds(), 6);
        clock.advance(Duration::from_secs(5));
        assert_eq!(throttle.check(Scope::Login, "asha").unwrap_err().seconds(), 1);
        clock.advance(Duration::from_secs(1));
        assert_eq!(throttle.check(Scope::Login, "asha"), Ok(()), "a refusal is not counted");
        assert!(throttle.check(Scope::Login, "asha").is_err(), "one at a time after the burst");
        clock.advance(Duration::from_secs(60));
        assert_eq!((0..11).filter(|_| throttle.check(Scope::Login, "asha").is_ok()).count(), 10);
    }

    #[test]
    fn keys_and_scopes_count_for_themselves_and_off_is_off() {
        let (throttle, _) = throttle("1/d");
        assert!(throttle.check(Scope::Login, "asha").is_ok());
        assert!(throttle.check(Scope::Login, "asha").is_err());
        assert!(throttle.check(Scope::Login, "ravi").is_ok());
        assert!(throttle.check(Scope::Register, "asha").is_ok());
        assert!((0..10_000).all(|_| throttle.check(Scope::Post, "asha").is_ok()));
    }

    #[test]
    fn each_scope_has_its_place_and_its_key() {
        for (place, scope) in Scope::ALL.into_iter().enumerate() {
            assert_eq!(scope as usize, place, "{scope:?}");
            assert!(scope.key().ends_with(&format!("{scope:?}").to_lowercase()), "{scope:?}");
        }
    }

    #[test]
    fn a_key_of_any_length_counts() {
        let (throttle, _) = throttle("1/d");
        let long = "x".repeat(1_000_000);
        assert!(throttle.check(Scope::Login, &long).is_ok());
        assert!(throttle.check(Scope::Login, &long).is_err());
        assert!(throttle.check(Scope::Login, &long[1..]).is_ok());
        assert!(throttle.check(Scope::Login, "").is_ok());
    }

    #[test]
    fn rotating_keys_fill_no_memory_and_a_sweep_forgets_them() {
        let (throttle, clock) = throttle("1000000/s");
        for key in 0..BUCKETS * 2 {
            throttle.check(Scope::Login, &format!("{key}{}", "x".repeat(100))).unwrap();
        }
        let limiter = throttle.limiters[Scope::Login as usize].as_ref().unwrap();
        assert!(limiter.len() as u64 <= BUCKETS, "{}", limiter.len());
        clock.advance(Duration::from_secs(10));
        throttle.check(Scope::Login, "recent").unwrap();
        throttle.sweep();
        assert_eq!(limiter.len(), 1);
    }

    #[test]
    fn a_sweep_forgives_nobody() {
        let (throttle, clock) = throttle("1/m");
        assert!(throttle.check(Scope::Login, "asha").is_ok());
        clock.advance(Duration::from_secs(30));
        throttle.sweep();
        assert!(throttle.check(Scope::Login, "asha").is_err());
    }

    #[test]
    fn ipv6_networks_are_counted_with_higher_rates() {
        let subnet = |prefix: &str, subnet: u32| format!("2001:db8:{prefix}:{subnet:x}::");
        let of_56 = (0..8).map(|n| subnet("1", n));
        let of_48 = (0x100..0x500).step_by(0x40).map(|n| subnet("1", n));
        let subnets: Vec<String> = of_56.chain(of_48).chain([subnet("2", 0)]).collect();
        // Keys share buckets by chance: here they must not.
        let throttle = std::iter::repeat_with(|| throttle("2/d").0)
            .find(|throttle| {
                let key = |subnet: &String| address_key(subnet.parse().unwrap(), 64);
                let buckets: HashSet<u32> = subnets.iter().map(|subnet| throttle.bucket(&key(subnet))).collect();
                buckets.len() == subnets.len()
            })
            .unwrap();
        let tries = |subnets: &[String]| {
            let addresses = subnets.iter().flat_map(|subnet| (0..3).map(move |host| format!("{subnet}{host}")));
            addresses.filter(|address| throttle.check_address(Scope::Login, address.parse().unwrap()).is_ok()).count()
        };
        assert_eq!(tries(&subnets[..1]), 2, "a /64 has the rate");
        assert_eq!(tries(&subnets[1..8]), 6, "its /56 four times the rate");
        assert_eq!(tries(&subnets[8..24]), 24, "its /48 sixteen times the rate");
        assert_eq!(tries(&subnets[24..]), 2, "a neighbour has its own");
        let ipv4 = (0..9).filter(|n| throttle.check_address(Scope::Login, IpAddr::from([192, 0, 2, *n])).is_ok());
        assert_eq!(ipv4.count(), 9);
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let key = |text: &str| address_key(text.parse().unwrap(), 64);
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn retry_after_is_rounded_up() {
        assert_eq!(RetryAfter(Duration::ZERO).seconds(), 1);
        assert_eq!(RetryAfter(Duration::from_millis(1_001)).seconds(), 2);
        assert_eq!(RetryAfter(Duration::from_secs(2)).seconds(), 2);
    }
}
