use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::environment::Environment;
use super::load::load_from;
use super::*;

/// A working directory with files in it, an environment and flags.
struct Setting {
    folder: TempDir,
    env: Environment,
    sources: Sources,
}

fn setting() -> Setting {
    Setting { folder: tempfile::tempdir().unwrap(), env: Environment::new(), sources: Sources::default() }
}

impl Setting {
    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn toml(self, text: &str) -> Self {
        self.file("Rocket.toml", text)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn profile(mut self, name: &str) -> Self {
        self.sources.profile = Some(name.to_owned());
        self
    }

    fn flag(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.sources.overrides.push((key.to_owned(), value.into()));
        self
    }

    fn config_file(mut self, name: &str) -> Self {
        self.sources.config_file = Some(name.into());
        self
    }

    fn try_load(&self) -> Result<Loaded, ConfigError> {
        load_from(&self.sources, &self.env, self.folder.path())
    }

    fn load(&self) -> Loaded {
        self.try_load().unwrap()
    }

    fn config(&self) -> Config {
        self.load().config
    }

    /// The error, which must be one line.
    fn error(&self) -> String {
        let line = self.try_load().expect_err("an error is due").to_string();
        assert!(!line.contains('\n'), "{line}");
        line
    }

    fn entry(&self, key: &str) -> (String, String) {
        let entry = self.load().entries.into_iter().find(|entry| entry.key == key).expect(key);
        (entry.value, entry.source)
    }
}

#[test]
fn nothing_at_all_is_enough() {
    let loaded = setting().load();
    let config = loaded.config;
    assert_eq!((config.address.to_string().as_str(), config.port), ("127.0.0.1", 8000));
    assert_eq!((config.site_name.as_str(), config.site_name_is_set), ("Chaupal", false));
    assert_eq!((config.site.access, config.site.access_is_set), (Access::Public, false));
    assert_eq!(config.site_url, "http://127.0.0.1:8000");
    assert_eq!(config.data_dir, Path::new("data"));
    assert_eq!((config.database.url.as_str(), config.database.pool_size), ("sqlite://data/chaupal.db", 10));
    assert_eq!((config.accounts.registration, config.accounts.session_days), (Registration::Open, 14));
    assert!(config.secret_key.is_none() && config.proxy.trusted.is_empty());
    assert_eq!(config.proxy.header, "X-Forwarded-For");
    assert_eq!(config.throttle.login, "10/m".parse().unwrap());
    assert_eq!(config.is_debug(), cfg!(debug_assertions));
}

#[test]
fn rocket_gets_its_own_settings_and_no_secret_of_ours() {
    let setting = setting()
        .toml("[default.limits]\njson = \"2MiB\"\n\"file/png\" = \"3MiB\"\n[default.tls]\ncerts = \"c.pem\"\nkey = \"k.pem\"")
        .env("CHAUPAL_SECRET_KEY", &"s3cret".repeat(6))
        .env("DATABASE_URL", "postgres://u:s3cret@h/d")
        .env("ROCKET_WORKERS", "3")
        .flag("port", 5000);
    let figment = setting.load().figment;
    let rocket = rocket::Config::try_from(&figment).unwrap();
    assert_eq!((rocket.port, rocket.workers, rocket.ip_header), (5000, 3, None));
    assert_eq!(rocket.limits.get("form").unwrap(), 256 * 1024);
    assert_eq!(rocket.limits.get("string").unwrap(), 64 * 1024);
    assert_eq!(rocket.limits.get("json").unwrap(), 2 * 1024 * 1024);
    assert_eq!(rocket.limits.get("file/png").unwrap(), 3 * 1024 * 1024);
    assert_eq!(rocket.log_level, rocket::config::LogLevel::Off);
    assert_eq!(rocket.ident, rocket::config::Ident::none());
    let certs = rocket.tls.unwrap().certs().left().unwrap();
    assert_eq!(certs, setting.folder.path().join("c.pem"), "beside the file that names it");
    assert!(!format!("{figment:?}").contains("s3cret"));
    assert_eq!(setting.config().site_url, "https://127.0.0.1:5000");
}

#[test]
fn each_layer_covers_the_one_below() {
    let mut setting = setting();
    let seen = |setting: &Setting| (setting.config().port, setting.entry("port").1);
    assert_eq!(seen(&setting), (8000, "default".into()));
    assert_eq!(setting.entry("ident"), ("false".into(), "built-in Rocket.toml".into()));
    setting = setting.toml("[default]\nport = 1");
    assert_eq!(seen(&setting), (1, "Rocket.toml".into()));
    setting = setting.toml("[default]\nport = 1\n[debug]\nport = 2\n[release]\nport = 3").profile("debug");
    assert_eq!(seen(&setting), (2, "Rocket.toml".into()));
    setting = setting.file("other.toml", "[default]\nport = 4").config_file("other.toml");
    assert_eq!(seen(&setting), (4, "other.toml".into()), "in place of Rocket.toml");
    setting = setting.env("ROCKET_PORT", "5");
    assert_eq!(seen(&setting), (5, "ROCKET_PORT".into()));
    setting = setting.env("CHAUPAL_PORT", "6");
    assert_eq!(seen(&setting), (6, "CHAUPAL_PORT".into()));
    setting = setting.flag("port", 7);
    assert_eq!(seen(&setting), (7, "command line".into()));
}

#[test]
fn database_url_lies_between_the_file_and_our_own_variable() {
    let mut setting = setting().toml("[default.database]\nurl = \"sqlite://a.db\"");
    assert_eq!(setting.config().database.url, "sqlite://a.db");
    setting = setting.env("DATABASE_URL", "");
    assert_eq!(setting.config().database.url, "sqlite://a.db", "an empty one is none");
    setting = setting.env("DATABASE_URL", "sqlite://b.db");
    assert_eq!(setting.config().database.url, "sqlite://b.db");
    setting = setting.env("CHAUPAL_DATABASE__URL", "sqlite://c.db");
    assert_eq!(setting.config().database.url, "sqlite://c.db");
}

#[test]
fn profiles_do_not_inherit_from_each_other() {
    let text = "[debug]\nsite_name = \"D\"\n[school]\nport = 9";
    let config = setting().toml(text).profile("school").config();
    assert_eq!((config.profile.as_str(), config.site_name.as_str(), config.port), ("school", "Chaupal", 9));
    let config = setting().toml(text).env("ROCKET_PROFILE", "release").config();
    assert_eq!(config.profile, "release");
    let config = setting().toml(text).env("ROCKET_PROFILE", "release").profile("debug").config();
    assert!(config.is_debug(), "the flag comes first");
}

#[test]
fn text_stays_text_whatever_it_looks_like() {
    let key = "1".repeat(32);
    let config = setting().env("CHAUPAL_SITE_NAME", "2024").env("CHAUPAL_SECRET_KEY", &key).config();
    assert_eq!(config.site_name, "2024");
    assert_eq!(config.secret_key.unwrap().expose(), key);
    for name in ["true", "1.50", "[a]", "{a=1}", "'quoted'", " x", "\"q\""] {
        assert_eq!(setting().env("CHAUPAL_SITE_NAME", name).config().site_name, name);
    }
    let config = setting().env("CHAUPAL_DATA_DIR", "007").config();
    assert_eq!(config.database.url, "sqlite://007/chaupal.db");
}

#[test]
fn variables_reach_every_level_and_kind() {
    let config = setting()
        .env("CHAUPAL_SITE__ACCESS", "members")
        .env("CHAUPAL_ACCOUNTS__REGISTRATION", "closed")
        .env("CHAUPAL_ACCOUNTS__SESSION_DAYS", "30")
        .env("CHAUPAL_PROXY__TRUSTED", "10.0.0.0/8, ::1")
        .env("CHAUPAL_PROXY__HEADER", "X-Real-IP")
        .env("CHAUPAL_THROTTLE__POST", "off")
        .env("CHAUPAL_LIMITS__DATA_FORM", "1MiB")
        .env("ROCKET_LIMITS", "{form=\"2MiB\"}")
        .env("ROCKET_CLI_COLORS", "0")
        .env("CHAUPAL_ADDRESS", "::")
        .config();
    assert_eq!((config.site.access, config.site.access_is_set), (Access::Members, true));
    assert_eq!((config.accounts.registration, config.accounts.session_days), (Registration::Closed, 30));
    assert_eq!(config.proxy.trusted, ["10.0.0.0/8", "::1/128"].map(|net| net.parse().unwrap()));
    assert_eq!(config.throttle.post, crate::kit::throttle::Rate::Off);
    assert_eq!(config.site_url, "http://[::]:8000");
    let list = setting().env("CHAUPAL_PROXY__TRUSTED", "[\"192.0.2.1\"]").config();
    assert_eq!(list.proxy.trusted, ["192.0.2.1/32".parse().unwrap()]);
    let limits = setting().env("CHAUPAL_LIMITS__DATA_FORM", "1MiB").env("ROCKET_LIMITS", "{form=\"2MiB\"}");
    assert_eq!(limits.entry("limits.data-form").0, "1MiB");
    assert_eq!(limits.entry("limits.form"), ("2MiB".into(), "ROCKET_LIMITS".into()));
}

#[test]
fn a_file_may_hold_the_value() {
    let setting = setting().file("key", &format!("{}\n", "k".repeat(32))).env("CHAUPAL_SECRET_KEY_FILE", "key");
    assert_eq!(setting.config().secret_key.unwrap().expose(), "k".repeat(32));
    assert_eq!(setting.entry("secret_key"), ("***".into(), "CHAUPAL_SECRET_KEY_FILE".into()));
    let error = setting.env("CHAUPAL_SECRET_KEY", "x").error();
    assert_eq!(error, "both CHAUPAL_SECRET_KEY and CHAUPAL_SECRET_KEY_FILE are set: unset one of them");
}

#[test]
fn a_value_file_that_cannot_be_read_is_named() {
    let error = setting().env("CHAUPAL_DATABASE__URL_FILE", "nowhere").error();
    assert!(error.starts_with("cannot read the file nowhere that CHAUPAL_DATABASE__URL_FILE names: "), "{error}");
}

#[test]
fn the_superusers_password_is_no_setting() {
    setting().env("CHAUPAL_SUPERUSER_PASSWORD", "p").env("CHAUPAL_SUPERUSER_PASSWORD_FILE", "/nowhere").load();
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    let toml = |text: &str| setting().toml(text).error();
    assert_eq!(
        toml("[default]\nsite_nam = 1"),
        "unknown setting \"site_nam\" in Rocket.toml; did you mean \"site_name\"?"
    );
    assert_eq!(
        toml("[cluster.database]\npoolsize = 1"),
        "unknown setting \"database.poolsize\" in Rocket.toml; did you mean \"database.pool_size\"?",
        "in a profile that is not chosen, too"
    );
    assert_eq!(
        toml("[default]\nxyzzy = 1"),
        "unknown setting \"xyzzy\" in Rocket.toml; docs/configuration.md lists them all"
    );
    assert!(toml("[default.media.s4]\nbucket = \"b\"").starts_with("unknown setting \"media.s4\""));
    assert!(toml("[default]\nsite = \"x\"").contains("wants settings of its own, such as \"site.access\""));
    assert!(toml("[site]\naccess = \"members\"").contains("write [default.site]"));
    assert!(toml("port = 80").contains("put it below the line [default]"));
    assert!(toml("prot = 80").contains("did you mean \"port\"?"));
    assert!(toml("[relase]\nport = 80").ends_with("unknown profile [relase] in Rocket.toml; did you mean [release]?"));

    assert_eq!(setting().flag("prot", 1).error(), "unknown setting \"prot\" in command line; did you mean \"port\"?");

    let env = |name: &str| setting().env(name, "1").error();
    assert_eq!(
        env("CHAUPAL_SITE_NAM"),
        "unknown environment variable CHAUPAL_SITE_NAM; did you mean CHAUPAL_SITE_NAME?"
    );
    assert!(env("CHAUPAL_DATABASE_URL").ends_with("did you mean CHAUPAL_DATABASE__URL?"));
    assert!(env("CHAUPAL_SECRET_KE_FILE").contains("CHAUPAL_SECRET_KE_FILE; did you mean CHAUPAL_SECRET_KEY"));
    assert!(env("CHAUPAL_PROFILE").contains("ROCKET_PROFILE or --profile"));
    assert!(env("ROCKET_SITE_NAME").ends_with("did you mean CHAUPAL_SITE_NAME?"), "not Rocket's own");
    assert!(env("ROCKET_PROT").contains("ROCKET_PROT; did you mean"));
    assert!(env("CHAUPAL_XYZZY__PLUGH").ends_with("docs/configuration.md lists them all"));
    assert!(env("ROCKET_PROFIL").ends_with("did you mean ROCKET_PROFILE?"));
    assert!(env("CHAUPAL_SITE").contains("such as \"site.access\""));
    assert!(env("ROCKET_LIMITS").contains("wants settings of its own"));
    assert!(setting().env("ROCKET_LIMITS", "{frm=1}").error().contains("did you mean \"limits.form\"?"));
    setting().env("CHAUPALX", "1").env("ROCKETS", "1").env("PORT", "1").load();
}

#[test]
fn unknown_profiles_are_refused_with_the_nearest() {
    assert_eq!(
        setting().profile("relase").error(),
        "unknown profile \"relase\" (--profile); did you mean \"release\"?"
    );
    let error = setting().env("ROCKET_PROFILE", "Debgu").error();
    assert_eq!(error, "unknown profile \"Debgu\" (ROCKET_PROFILE); did you mean \"debug\"?");
    assert!(setting().profile("global").error().starts_with("unknown profile"));
    assert!(setting().profile("xyz").error().contains("a section [xyz] in Rocket.toml would make it"));
}

#[test]
fn a_broken_file_is_told_by_name_and_line() {
    let error = setting().toml("[default]\nport = 1\nsite_name = \"oops\nport = 2").error();
    assert!(error.starts_with("Rocket.toml, line 3: "), "{error}");
    let error = setting().toml("[default]\nport = 1\nport = 2").error();
    assert!(error.starts_with("Rocket.toml, line 3: duplicate key"), "{error}");
    let error = setting().file("s.toml", "[default").config_file("s.toml").error();
    assert!(error.starts_with("s.toml, line 1: "), "{error}");
    let error = setting().config_file("nowhere.toml").error();
    assert!(error.starts_with("cannot read the settings in nowhere.toml: "), "{error}");
    let error = setting().env("ROCKET_CONFIG", "nowhere.toml").error();
    assert!(error.starts_with("cannot read the settings in nowhere.toml: "), "{error}");
    let folder = setting();
    fs::create_dir(folder.folder.path().join("Rocket.toml")).unwrap();
    assert!(folder.error().starts_with("cannot read the settings in Rocket.toml: "));
}

#[test]
fn values_that_do_not_fit_are_told_by_key_place_and_what_is_wanted() {
    assert_eq!(
        setting().env("ROCKET_PORT", "abc").error(),
        "setting \"port\" (ROCKET_PORT) wants a whole number from 0 to 65535, not \"abc\""
    );
    assert_eq!(
        setting().toml("[default]\nport = 70000").error(),
        "setting \"port\" (Rocket.toml) wants a whole number from 0 to 65535, not 70000"
    );
    assert_eq!(
        setting().toml("[default]\nsite_name = 2024").error(),
        "setting \"site_name\" (Rocket.toml) wants 1 to 100 characters, not 2024"
    );
    let long = "x".repeat(101);
    for (key, value) in [
        ("SITE_NAME", "  "),
        ("SITE_NAME", "two\nlines"),
        ("SITE_NAME", &long),
        ("SITE__ACCESS", "everybody"),
        ("SITE_URL", "chat.example.org"),
        ("SITE_URL", "ftp://chat.example.org"),
        ("SITE_URL", "https://"),
        ("SITE_URL", "https://chat.example.org/rooms"),
        ("SITE_URL", "https://chat.example.org?a=b"),
        ("SITE_URL", "https://me@chat.example.org"),
        ("SITE_URL", "https://chat example.org"),
        ("DATABASE__POOL_SIZE", "0"),
        ("DATABASE__POOL_SIZE", "201"),
        ("DATABASE__POOL_SIZE", "-1"),
        ("DATABASE__POOL_SIZE", "many"),
        ("ACCOUNTS__REGISTRATION", "maybe"),
        ("ACCOUNTS__SESSION_DAYS", "0"),
        ("ACCOUNTS__SESSION_DAYS", "3651"),
        ("PROXY__TRUSTED", "10.0.0.0/33"),
        ("PROXY__TRUSTED", "proxy.example.org"),
        ("PROXY__HEADER", "X Forwarded"),
        ("PROXY__HEADER", "Forwarded"),
        ("THROTTLE__LOGIN", "10 per minute"),
        ("THROTTLE__POST", "0/m"),
        ("ADDRESS", "localhost"),
        ("WORKERS", "some"),
        ("LIMITS__FORM", "big"),
        ("LOG_LEVEL", "loud"),
        ("CLI_COLORS", "perhaps"),
        ("MAX_BLOCKING", "0"),
        ("WORKERS", "0"),
    ] {
        let variable = format!("CHAUPAL_{key}");
        let error = setting().env(&variable, value).error();
        assert!(error.contains(&format!("({variable}) wants ")), "{key}={value}: {error}");
    }
}

#[test]
fn bad_secrets_are_not_repeated() {
    for (variable, value) in [
        ("CHAUPAL_SECRET_KEY", "hunter2"),
        ("DATABASE_URL", "mysql://me:hunter2@host/db"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite://:memory:"),
        ("CHAUPAL_DATABASE__URL", "postgres://"),
        ("CHAUPAL_DATABASE__URL", "postgres://me:hunter2@ho st/db"),
    ] {
        let error = setting().env(variable, value).error();
        assert!(error.contains(&format!("({variable}) wants ")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = setting().toml("[default]\nsecret_key = 12345678").error();
    assert!(error.contains("wants at least 32 characters") && !error.contains("1234"), "{error}");
}

#[test]
fn secrets_are_masked_wherever_they_are_shown() {
    let setting = setting()
        .env("CHAUPAL_SECRET_KEY", &"hunter2".repeat(5))
        .env("DATABASE_URL", "postgres://me:hunter2@host/db?password=hunter2&sslmode=require");
    let loaded = setting.load();
    let shown = format!("{loaded:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(setting.entry("secret_key"), ("***".into(), "CHAUPAL_SECRET_KEY".into()));
    let masked = "postgres://me:***@host/db?password=***&sslmode=require";
    assert_eq!(setting.entry("database.url"), (masked.into(), "DATABASE_URL".into()));
    assert_eq!(loaded.config.database.url, "postgres://me:hunter2@host/db?password=hunter2&sslmode=require");
    let secrets: Vec<_> = loaded.entries.iter().filter(|entry| entry.secret).map(|entry| &entry.key).collect();
    assert_eq!(secrets, ["secret_key", "database.url"]);
}

#[test]
fn passwords_in_addresses_are_masked_even_unencoded() {
    for (url, masked) in [
        ("sqlite://data/chaupal.db", "sqlite://data/chaupal.db"),
        ("postgres://host/db", "postgres://host/db"),
        ("postgres://me@host/db", "postgres://me@host/db"),
        ("postgres://me:p@ss@host/db", "postgres://me:***@host/db"),
        ("postgres://me:p/ss?x@host/db", "postgres://me:***@host/db"),
        ("postgres:///db?user=me&sslPassword=p", "postgres:///db?user=me&sslPassword=***"),
        ("me:p@host", "***"),
    ] {
        assert_eq!(mask_url(url), masked);
    }
}

#[test]
fn the_address_of_the_site_is_as_browsers_write_it() {
    for (written, meant) in [
        ("https://Chat.Example.org/", "https://chat.example.org"),
        ("HTTPS://chat.example.org:443", "https://chat.example.org"),
        ("http://chat.example.org:80", "http://chat.example.org"),
        ("http://chat.example.org:443", "http://chat.example.org:443"),
        ("http://[2001:db8::1]:8000", "http://[2001:db8::1]:8000"),
        ("https://बातें.भारत", "https://xn--i1b1exa6e1b.xn--h2brj9c"),
        ("https://Müller.example:8443", "https://xn--mller-kva.example:8443"),
    ] {
        let config = setting().env("CHAUPAL_SITE_URL", written).config();
        assert_eq!(config.site_url, meant);
        let shown = setting().env("CHAUPAL_SITE_URL", written).entry("site_url");
        assert_eq!(shown, (meant.into(), "CHAUPAL_SITE_URL".into()));
        assert_eq!(config.is_https(), meant.starts_with("https"));
    }
}

#[test]
fn only_what_somebody_set_counts_as_set() {
    let config = setting().toml("[default]\nsite_name = \"Chaupal\"").config();
    assert!(config.site_name_is_set && !config.site.access_is_set);
    let config = setting().toml("[school]\nsite_name = \"S\"").profile("release").config();
    assert!(!config.site_name_is_set, "in another profile");
}

fn keyed(folder: &Path) -> Config {
    setting().flag("data_dir", folder.to_str().unwrap()).config()
}

#[test]
fn the_first_start_makes_the_key_and_later_ones_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = keyed(&folder.path().join("deep/data"));
    let key = secret_key(&config).unwrap();
    let again = secret_key(&config).unwrap();
    assert_eq!(key.derive("csrf"), again.derive("csrf"));
    assert_ne!(key.derive("csrf"), key.derive("flash"));
    assert_eq!(format!("{key:?}"), "SecretKey(***)");
    let other = tempfile::tempdir().unwrap();
    assert_ne!(secret_key(&keyed(other.path())).unwrap().derive("csrf"), key.derive("csrf"));

    assert_eq!(mode(&config.data_dir), 0o700);
    assert_eq!(mode(&config.data_dir.join("secret_key")), 0o600);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn open_data_folder_is_closed_with_everything_in_it() {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("data");
    let config = keyed(&folder);
    let copy = "chaupal.before-migration-20260101T000000.db";
    let files = ["secret_key", "chaupal.db", "media/ab/c.webp", copy].map(|file| folder.join(file));
    for file in &files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
        chmod(file, 0o644);
        chmod(file.parent().unwrap(), 0o755);
    }
    chmod(&folder.join("media"), 0o755);
    let other = outside.path().join("other");
    fs::write(&other, "x").unwrap();
    chmod(&other, 0o644);
    std::os::unix::fs::symlink(&other, folder.join("media/link")).unwrap();
    let told: Vec<String> = exposed(&config).iter().map(ToString::to_string).collect();
    assert!(told[0].ends_with("data: chmod 700 it") && told[1].ends_with("secret_key: chmod 600 it"), "{told:?}");
    chmod(&files[2], 0o444);
    // Through a link, as where the folder is on another disk.
    let link = outside.path().join("link");
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    close_data_dir(&keyed(&link));
    assert_eq!(mode(&files[2]), 0o400, "what its owner may do stays");
    chmod(&files[2], 0o600);
    for file in &files {
        assert_eq!((mode(file), mode(file.parent().unwrap())), (0o600, 0o700), "{}", file.display());
    }
    assert_eq!(mode(&other), 0o644, "what a link leads to is not ours");
    assert!(exposed(&config).is_empty());
}

#[test]
fn folder_with_nothing_of_ours_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("letter.txt"), "x").unwrap();
    chmod(folder.path(), 0o755);
    close_data_dir(&keyed(folder.path()));
    assert_eq!(mode(folder.path()), 0o755);
    fs::remove_file(folder.path().join("letter.txt")).unwrap();
    close_data_dir(&keyed(folder.path()));
    assert_eq!(mode(folder.path()), 0o700, "an empty one was made for us");
}

#[test]
fn a_configured_key_makes_no_file_and_derives_by_hmac_sha256() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = keyed(folder.path());
    config.secret_key = setting().env("CHAUPAL_SECRET_KEY", &"k".repeat(32)).config().secret_key;
    let derived = secret_key(&config).unwrap().derive("csrf");
    let hex: String = derived.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "2dcfb6fc12cdd6ad59fe84836e27bdf9e29d67b165371cb804519516cb13dfb5");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn many_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = keyed(folder.path());
    let together = std::sync::Barrier::new(16);
    let start = || {
        together.wait();
        secret_key(&config).unwrap().derive("csrf")
    };
    let keys: std::collections::HashSet<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..16).map(|_| scope.spawn(start)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_key_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = keyed(folder.path());
    fs::write(folder.path().join("secret_key"), "short\n").unwrap();
    let error = secret_key(&config).unwrap_err().to_string();
    assert!(error.ends_with("holds no secret key; remove it and a new one is made at the next start"), "{error}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = make_data_dir(&keyed(&file.join("data"))).unwrap_err().to_string();
    assert!(error.starts_with("cannot make the data folder") && error.contains("set data_dir"), "{error}");
}

#[test]
fn the_manual_knows_every_setting() {
    let manual = include_str!("../../../docs/configuration.md");
    for key in keys::KEYS {
        let row = manual.lines().find(|line| line.starts_with(&format!("| `{}` |", key.name)));
        let row = row.unwrap_or_else(|| panic!("{} has no row", key.name));
        assert!(row.contains(&format!("`CHAUPAL_{}`", keys::variable_part(key.name))), "{row}");
        if let Some(default) = key.default.filter(|default| !default.is_empty()) {
            assert!(row.contains(&format!("`{default}`")), "{row}");
        }
    }
    for line in manual.lines().filter(|line| line.starts_with("| `")) {
        let name = line.split('`').nth(1).unwrap();
        assert!(keys::find(name).is_some(), "{name} is no setting");
    }
}

#[test]
fn the_example_in_the_embedded_file_works_when_uncommented() {
    let text: String = include_str!("../../../Rocket.toml")
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|rest| rest.contains(" = ") || rest.starts_with('[')).unwrap_or(line)
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let config = setting().toml(&text).config();
    assert_eq!((config.site.access, config.accounts.registration), (Access::Members, Registration::Closed));
}

#[test]
fn mail_is_set_up_whole_or_refused() {
    let release = || setting().profile("release");
    let config = release().env("CHAUPAL_SITE_URL", "https://chat.example.org:8443").config();
    assert_eq!((config.mail.backend, config.accounts.confirms_email()), (None, false));
    assert_eq!(config.mail.from, "noreply@chat.example.org");
    assert_eq!(config.mail.file_dir, Path::new("data/mail"));
    assert_eq!(release().config().mail.from, "noreply@localhost", "an address of numbers is no domain");
    assert_eq!(setting().profile("debug").config().mail.backend, Some(MailBackend::Console));

    let smtp = || release().env("CHAUPAL_MAIL__BACKEND", "smtp").env("CHAUPAL_MAIL__SMTP__HOST", "mail.example.org");
    let config = smtp().config();
    assert!(config.accounts.confirms_email(), "where letters reach people, they confirm");
    assert_eq!((config.mail.smtp.port(), config.mail.smtp.security), (587, SmtpSecurity::Starttls));
    assert_eq!(smtp().env("CHAUPAL_MAIL__SMTP__SECURITY", "tls").config().mail.smtp.port(), 465);
    assert!(!smtp().env("CHAUPAL_ACCOUNTS__CONFIRM_EMAIL", "false").config().accounts.confirms_email());
    let secret = smtp().env("CHAUPAL_MAIL__SMTP__USERNAME", "me").env("CHAUPAL_MAIL__SMTP__PASSWORD", "s3cret");
    assert_eq!(secret.entry("mail.smtp.password").0, "***");
    assert!(!format!("{:?}", secret.load()).contains("s3cret"));

    for (setting, words) in [
        (release().env("CHAUPAL_MAIL__BACKEND", "console"), "mail.backend"),
        (release().env("CHAUPAL_MAIL__BACKEND", "smtp"), "mail.smtp.host"),
        (release().env("CHAUPAL_MAIL__BACKEND", "pigeon"), "\"smtp\""),
        (release().env("CHAUPAL_MAIL__FROM", "a@b@c"), "mail.from"),
        (release().env("CHAUPAL_ACCOUNTS__CONFIRM_EMAIL", "true"), "accounts.confirm_email"),
        (smtp().env("CHAUPAL_MAIL__SMTP__PORT", "0"), "mail.smtp.port"),
        (smtp().env("CHAUPAL_MAIL__SMTP__PORT", "70000"), "mail.smtp.port"),
        (smtp().env("CHAUPAL_MAIL__SMTP__USERNAME", "me"), "mail.smtp.password"),
        (smtp().env("CHAUPAL_MAIL__SMTP__PASSWORD", "s3cret"), "mail.smtp.username"),
        (smtp().env("CHAUPAL_MAIL__SMTP__SECURITY", "some"), "mail.smtp.security"),
    ] {
        let error = setting.error();
        assert!(error.contains(words) && !error.contains("s3cret"), "{error}");
    }
}

#[test]
fn smtp_host_may_be_an_ipv6_address_in_brackets() {
    let of = |text: &str| Smtp { host: text.into(), ..Smtp::default() }.host().to_owned();
    assert_eq!([of("[::1]"), of("::1"), of("mail.example.org")], ["::1", "::1", "mail.example.org"]);
}
