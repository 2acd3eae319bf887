//! What is one's own, to take along; and the end of an account.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use rocket::http::{Header, Status};
use rocket::{Either, Responder, State, get, post, tokio};
use rocket_dyn_templates::context;
use serde_json::Value;
use zip::result::{ZipError, ZipResult};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::entrance::Entrance;
use crate::accounts::forms::OwnerForm;
use crate::accounts::guards::{Gate, User};
use crate::accounts::mails;
use crate::accounts::models;
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::signals::{UserExporting, UserLeaving, UserLeavingPreview, UserLeft};
use crate::kit::cookies::{self, Cookie};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::multipart::FileRules;
use crate::kit::outbox::Outbox;
use crate::kit::pictures::Pictures;
use crate::kit::signals::Signals;
use crate::kit::storage::{Name, Storage, StorageError};
use crate::kit::throttle::Scope;
use crate::kit::{csrf, flash, time};

/// Pictures are as small as they get.
const STORED: SimpleFileOptions = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Stored);

/// What the file will hold.
#[get("/account/export")]
pub fn export_page(page: Page<'_>, _user: User<'_>) -> View {
    page.ok("accounts/export.html", context! {})
}

/// A file to keep.
#[derive(Responder)]
#[response(status = 200, content_type = "application/zip")]
pub struct Download {
    zip: tokio::fs::File,
    disposition: Header<'static>,
    cache: Header<'static>,
}

/// All that the site knows of this person, as JSON and with his pictures, in a zip. By POST: it is some work.
#[post("/account/export", data = "<_confirmed>")]
pub async fn export(
    user: User<'_>,
    db: &Db,
    signals: &State<Signals>,
    pictures: &State<Pictures>,
    rules: &State<FileRules>,
    gate: Gate<'_>,
    _confirmed: Confirmed,
) -> Result<Download, Error> {
    gate.by_key(Scope::Reset, &format!("export:{}", user.id))?;
    let (user_id, signals) = (user.id, signals.inner().clone());
    let folder = rules.folder.clone();
    let packed = db.read(move |conn| {
        let event = UserExporting::new(user_id);
        signals.send(conn, &event)?;
        let (files, names) = event.files();
        Ok((packed(files, &folder).map_err(|error| broken(&error))?, names))
    });
    let (zip, names) = packed.await?;
    let zip = with_pictures(zip, names, pictures.storage.as_ref()).await?;
    let name = format!("attachment; filename=\"account-{}.zip\"", time::now().format("%Y-%m-%d"));
    let (disposition, cache) =
        (Header::new("Content-Disposition", name), Header::new("Cache-Control", "private, no-store"));
    Ok(Download { zip, disposition, cache })
}

/// A full disk passes; anything else is our fault.
fn broken(error: &ZipError) -> Error {
    let line = format!("an export could not be packed: {error}");
    if let ZipError::Io(_) = error { Error::Unavailable(line) } else { Error::Internal(line) }
}

/// The beginning of a zip, in a file that goes when it was sent: somebody may have many pictures.
fn packed(files: Vec<(&'static str, Value)>, folder: &Path) -> ZipResult<ZipWriter<fs::File>> {
    let mut zip = ZipWriter::new(tempfile::tempfile_in(folder)?);
    for (name, value) in files {
        zip.start_file(name, SimpleFileOptions::default())?;
        zip.write_all(serde_json::to_string_pretty(&value).unwrap_or_default().as_bytes())?;
    }
    Ok(zip)
}

async fn with_pictures(
    mut zip: ZipWriter<fs::File>,
    names: Vec<Name>,
    storage: &dyn Storage,
) -> Result<tokio::fs::File, Error> {
    for name in names {
        let content = match storage.get(&name, None).await {
            Ok(object) => object.bytes().await,
            Err(error) => Err(error),
        };
        match content {
            Ok(content) => {
                let added = zip.start_file(name.as_str(), STORED).and_then(|()| Ok(zip.write_all(&content)?));
                added.map_err(|error| broken(&error))?;
            }
            // It may have been changed or lost meanwhile; the rest is none the worse.
            Err(StorageError::NotFound | StorageError::Forbidden(_)) => {}
            Err(StorageError::Trouble(words)) => return Err(Error::Unavailable(words)),
        }
    }
    let mut file = zip.finish().map_err(|error| broken(&error))?;
    file.rewind().map_err(|error| broken(&error.into()))?;
    Ok(tokio::fs::File::from_std(file))
}

/// Says first what goes and what stays.
#[get("/account/delete")]
pub async fn delete_page(page: Page<'_>, user: User<'_>, db: &Db, signals: &State<Signals>) -> Result<View, Error> {
    let preview = preview(db, signals, user.id).await?;
    Ok(draw(&page, &user, preview, FieldErrors::default()))
}

async fn preview(db: &Db, signals: &Signals, user_id: i64) -> Result<(Vec<Text>, Vec<Text>), Error> {
    let signals = signals.clone();
    db.read(move |conn| {
        let event = UserLeavingPreview::new(user_id);
        signals.send(conn, &event)?;
        Ok(event.texts())
    })
    .await
}

fn draw(page: &Page<'_>, user: &User<'_>, (goes, stays): (Vec<Text>, Vec<Text>), errors: FieldErrors) -> View {
    let say = |texts: Vec<Text>| texts.iter().map(|text| page.t(text)).collect::<Vec<_>>();
    let status = if errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(Drawn { values: OwnerForm::default(), errors });
    let context = context! { form, username: &user.username, goes: say(goes), stays: say(stays) };
    page.with(status, "accounts/delete.html", context)
}

/// Deletes the account; its password says that it is meant.
#[post("/account/delete", data = "<form>")]
pub async fn delete(
    page: Page<'_>,
    user: User<'_>,
    entrance: Entrance<'_>,
    outbox: &State<Outbox>,
    gate: Gate<'_>,
    form: Post<OwnerForm>,
) -> Outcome {
    let Post(form) = form;
    match deleted(&entrance, outbox, &gate, &form, &user).await {
        Ok(()) => {
            cookies::remove(entrance.request, Cookie::Session);
            csrf::rotate(entrance.request);
            Ok(Either::Left(flash::success("/", Text::new("flash-account-deleted"))))
        }
        Err(error @ (Error::Invalid(_) | Error::Throttled(_))) => {
            let preview = preview(entrance.db, entrance.signals, user.id).await?;
            again(error, |errors| draw(&page, &user, preview, errors)).map(Either::Right)
        }
        Err(error) => Err(error),
    }
}

async fn deleted(
    entrance: &Entrance<'_>,
    outbox: &Outbox,
    gate: &Gate<'_>,
    form: &OwnerForm,
    user: &models::User,
) -> Result<(), Error> {
    entrance.needs_owner(gate, user, form).await?;
    let (signals, letters, user_id) = (entrance.signals.clone(), outbox.clone(), user.id);
    let (name, email, username) = (user.letter_name().to_owned(), user.email.clone(), user.username.clone());
    let goodbye = mails::Goodbye { name, email, username };
    entrance
        .db
        .write(move |conn| {
            // A site that nobody runs any more would be of no use to anybody.
            if models::User::is_last_superuser(conn, user_id)? {
                return Err(Error::Invalid(FieldErrors::one(FieldErrors::FORM, Text::new("error-last-superuser"))));
            }
            signals.send(conn, &UserLeaving { user_id })?;
            if !models::User::delete(conn, user_id)? {
                // In another window he was quicker.
                return Err(Error::NotFound);
            }
            Ok(letters.put(conn, &goodbye)?)
        })
        .await?;
    entrance.signals.after(&UserLeft { user_id });
    Ok(())
}
