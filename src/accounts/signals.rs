//! What accounts tell the other apps, and what accounts themselves do then.
//!
//! Django: `django.contrib.auth.signals`, and `pre_delete` of the user

use std::cell::RefCell;

use diesel::prelude::*;
use serde_json::{Value, json};

use crate::accounts::mails;
use crate::accounts::models::{Session, User, second_factor};
use crate::kit::db::Conn;
use crate::kit::i18n::Text;
use crate::kit::outbox::Outbox;
use crate::kit::pictures::Picture;
use crate::kit::signals::SignalsBuilder;
use crate::kit::storage::Name;
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

/// Somebody has another name, or other words about himself.
pub struct ProfileSaved {
    /// His number.
    pub user_id: i64,
}

/// Somebody was deleted; told after the commit alone.
pub struct UserLeft {
    /// His number.
    pub user_id: i64,
}

/// Somebody thinks of leaving: each app says what of his would go, and what would stay.
pub struct UserLeavingPreview {
    /// His number.
    pub user_id: i64,
    goes: RefCell<Vec<Text>>,
    stays: RefCell<Vec<Text>>,
}

impl UserLeavingPreview {
    /// Nothing said yet.
    pub fn new(user_id: i64) -> Self {
        Self { user_id, goes: RefCell::default(), stays: RefCell::default() }
    }

    /// This would go.
    pub fn goes(&self, what: Text) {
        self.goes.borrow_mut().push(what);
    }

    /// This would stay.
    pub fn stays(&self, what: Text) {
        self.stays.borrow_mut().push(what);
    }

    /// What goes, what stays.
    pub fn texts(self) -> (Vec<Text>, Vec<Text>) {
        (self.goes.into_inner(), self.stays.into_inner())
    }
}

/// Somebody takes along what is his: each app adds its files.
pub struct UserExporting {
    /// His number.
    pub user_id: i64,
    files: RefCell<Vec<(&'static str, Value)>>,
    pictures: RefCell<Vec<Name>>,
}

impl UserExporting {
    /// No files yet.
    pub fn new(user_id: i64) -> Self {
        Self { user_id, files: RefCell::default(), pictures: RefCell::default() }
    }

    /// One file of JSON.
    pub fn add(&self, name: &'static str, content: Value) {
        self.files.borrow_mut().push((name, content));
    }

    /// A picture by its name in the database comes along, too: gives what the file will be called, for the JSON.
    pub fn picture(&self, name: Option<&str>) -> Option<String> {
        let file = name.and_then(Picture::parse)?.files().pop()?;
        let called = file.to_string();
        self.pictures.borrow_mut().push(file);
        Some(called)
    }

    /// The files in the order of their names, and which files of the storage come along under their own.
    pub fn files(self) -> (Vec<(&'static str, Value)>, Vec<Name>) {
        let (mut files, mut pictures) = (self.files.into_inner(), self.pictures.into_inner());
        files.sort_by_key(|(name, _)| *name);
        pictures.sort();
        // Two projects may have the same one.
        pictures.dedup();
        (files, pictures)
    }
}

/// Somebody has another password, by whatever way; his sessions are over.
pub struct PasswordChanged {
    /// His number.
    pub user_id: i64,
}

/// Django: `update_last_login`, and the courses' `post_save` that sends the welcome mail
pub fn connect(signals: &mut SignalsBuilder, outbox: &Outbox) {
    let letters = outbox.clone();
    signals.connect(move |conn, event: &UserRegistered| letters.put(conn, &mails::Welcome { user_id: event.user_id }));
    let letters = outbox.clone();
    signals.connect(move |conn, event: &PasswordChanged| {
        letters.put(conn, &mails::PasswordChanged { user_id: event.user_id })
    });
    signals.connect(|conn, event: &UserExporting| export(conn, event));
    signals.connect(|_, event: &UserLeavingPreview| {
        event.goes(Text::new("leaving-account"));
        Ok(())
    });
    let postman = outbox.clone();
    signals.connect_after(move |_: &UserLeft| postman.wake());
    let postman = outbox.clone();
    signals.connect_after(move |_: &UserRegistered| postman.wake());
    let postman = outbox.clone();
    signals.connect_after(move |_: &PasswordChanged| postman.wake());
    signals.connect(|conn, event: &UserLoggedIn| {
        diesel::update(users::table.find(event.user_id)).set(users::last_login.eq(time::now())).execute(conn).map(drop)
    });
    signals.connect(|_, event: &UserRegistered| {
        log::info!("user {} registered", event.user_id);
        Ok(())
    });
}

/// The account itself and its log-ins; no hash of anything.
fn export(conn: &mut Conn, event: &UserExporting) -> QueryResult<()> {
    let Some(user) = User::by_id(conn, event.user_id)? else { return Ok(()) };
    event.add(
        "account.json",
        json!({
            "id": user.id,
            "username": user.username,
            "name": user.name,
            "email": user.email,
            "picture": event.picture(user.picture.as_deref()),
            "is_staff": user.is_staff,
            "date_joined": time::iso(user.date_joined),
            "last_login": user.last_login.map(time::iso),
            "second_factor": second_factor::required(conn, user.id)?.is_some(),
        }),
    );
    let sessions: Vec<Value> = Session::of(conn, user.id)?
        .into_iter()
        .map(|session| {
            json!({
                "begun": time::iso(session.created),
                "last_seen": time::iso(session.last_seen),
                "browser": session.user_agent,
                "address": session.address,
            })
        })
        .collect();
    event.add("sessions.json", sessions.into());
    Ok(())
}
