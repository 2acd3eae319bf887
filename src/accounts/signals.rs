//! What accounts tell the other apps, and what accounts themselves do then.
//!
//! Django: `django.contrib.auth.signals`, and `pre_delete` of the user

use diesel::prelude::*;

use crate::kit::signals::SignalsBuilder;
use crate::kit::time;
use crate::schema::users;

/// Somebody registered; the row is written.
pub struct UserRegistered {
    /// His number.
    pub user_id: i64,
}

/// Somebody logged in.
pub struct UserLoggedIn {
    /// His number.
    pub user_id: i64,
}

/// Somebody is about to be deleted; what is his can still be found.
pub struct UserLeaving {
    /// His number.
    pub user_id: i64,
}

/// Django: `update_last_login`
pub fn connect(signals: &mut SignalsBuilder) {
    signals.connect(|conn, event: &UserLoggedIn| {
        diesel::update(users::table.find(event.user_id)).set(users::last_login.eq(time::now())).execute(conn).map(drop)
    });
    signals.connect(|_, event: &UserRegistered| {
        log::info!("user {} registered", event.user_id);
        Ok(())
    });
}
