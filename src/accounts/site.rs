//! The site as a whole: its name, who may read it, whether it has somebody to run it.
//!
//! What configuration says counts; what the set-up page chose is kept in the database and counts
//! where configuration is silent. Each process looks again every few seconds, since another one
//! may have changed it.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use diesel::prelude::*;
use rocket::outcome::Outcome;
use rocket::request::{self, FromRequest, Request};

use crate::accounts::models::{User, legacy_costs, setting};
use crate::accounts::names::ReservedNames;
use crate::accounts::passwords::LegacyCosts;
use crate::kit::config::{Access, Config, Registration};
use crate::kit::db::Conn;
use crate::kit::error::Error;
use crate::kit::forms::FieldErrors;
use crate::kit::i18n::Text;
use crate::schema::users;

/// The name of the setting that holds the site's name.
pub const NAME: &str = "site_name";
/// The name of the setting that holds who may read.
pub const ACCESS: &str = "site_access";

/// What is known of the site just now.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Shown on every page.
    pub name: String,
    /// Who may read.
    pub access: Access,
    /// Somebody may do everything; without him nobody registers.
    pub has_superuser: bool,
    /// Anybody at all.
    pub has_people: bool,
    /// The highest costs of imported password hashes; see [`super::passwords`].
    pub legacy_costs: LegacyCosts,
}

/// Managed state. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    config: Arc<Config>,
    facts: Arc<RwLock<Arc<Facts>>>,
    reserved: Arc<OnceLock<ReservedNames>>,
}

impl Site {
    /// What configuration alone says.
    pub fn new(config: Config) -> Self {
        let facts = Facts {
            name: config.site_name.clone(),
            access: config.site.access,
            has_superuser: false,
            has_people: false,
            legacy_costs: LegacyCosts::default(),
        };
        Self { config: Arc::new(config), facts: Arc::new(RwLock::new(Arc::new(facts))), reserved: Arc::default() }
    }

    /// The settings that this process started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is known just now.
    pub fn facts(&self) -> Arc<Facts> {
        Arc::clone(&self.facts.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a stranger may register.
    pub fn takes_registration(&self) -> bool {
        self.config.accounts.registration == Registration::Open && self.facts().has_superuser
    }

    /// Reserves the names of the site's own paths, once all are mounted.
    pub fn reserve<'a>(&self, paths: impl IntoIterator<Item = &'a str>) {
        self.reserved.get_or_init(|| ReservedNames::new(paths));
    }

    /// Refuses a name that visitors would take for the site itself, at this field.
    ///
    /// # Errors
    /// `error-name-reserved`.
    pub fn refuse_reserved(&self, field: &'static str, name: &str) -> Result<(), FieldErrors> {
        let facts = self.facts();
        if self.reserved.get().is_some_and(|reserved| reserved.holds(name, &facts.name)) {
            return Err(FieldErrors::one(field, Text::new("error-name-reserved")));
        }
        Ok(())
    }

    /// Looks at the database; what it says is kept by [`Site::learn`].
    ///
    /// # Errors
    /// Only the database's.
    pub fn look(config: &Config, conn: &mut Conn) -> QueryResult<Facts> {
        let name = if config.site_name_is_set { None } else { setting::get(conn, NAME)? };
        let access = if config.site.access_is_set { None } else { setting::get(conn, ACCESS)? };
        let has_superuser = User::superuser_exists(conn)?;
        Ok(Facts {
            name: name.unwrap_or_else(|| config.site_name.clone()),
            access: match access.as_deref() {
                Some("members") => Access::Members,
                Some("public") => Access::Public,
                _ => config.site.access,
            },
            has_superuser,
            has_people: has_superuser
                || diesel::select(diesel::dsl::exists(users::table.select(users::id))).get_result(conn)?,
            legacy_costs: legacy_costs(conn)?,
        })
    }

    /// Keeps what was seen.
    pub fn learn(&self, facts: Facts) {
        *self.facts.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(facts);
    }

    /// Looks again, now.
    ///
    /// # Errors
    /// Only the database's.
    pub async fn refresh(&self, db: &crate::kit::db::Db) -> Result<(), Error> {
        let config = Arc::clone(&self.config);
        let facts = db.read(move |conn| Ok(Self::look(&config, conn)?)).await?;
        self.learn(facts);
        Ok(())
    }
}

/// The site of this server. Every server manages one; a request without it is a fault of ours.
#[rocket::async_trait]
impl<'r> FromRequest<'r> for &'r Site {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, ()> {
        match request.rocket().state::<Site>() {
            Some(site) => Outcome::Success(site),
            None => Outcome::Error((rocket::http::Status::InternalServerError, ())),
        }
    }
}
