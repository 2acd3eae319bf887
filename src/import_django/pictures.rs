//! Pictures, of people and of projects. They come after all rows, when nothing is locked any more: to make one anew takes a
//! while. Which one was brought stands in the ledger, so that twice is once here, too.

use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use diesel::prelude::*;
use rocket::tokio::runtime::Runtime;

use super::ImportError;
use super::cell::{Cell, shown};
use super::course_tables::{PROFILES, PROJECTS};
use super::evidence::Evidence;
use super::ledger::Ledger;
use super::report::{Kind, Report};
use super::source::table_row;
use super::targets::Targets;
use super::work::Work;
use crate::kit::db::{self, Conn};
use crate::kit::pictures::{Limits, Picture, PictureError, Prepared, Shape, prepare, shelf};
use crate::kit::progress::Progress;
use crate::kit::storage::Storage;
use crate::schema::{projects, users};

/// A larger file is left behind: no picture of a course is that large.
const LARGEST: u64 = 64 << 20;

/// Where pictures come from and where they go.
pub struct Gallery {
    /// The course's `MEDIA_ROOT`.
    pub folder: PathBuf,
    /// This site's.
    pub storage: Arc<dyn Storage>,
    /// The largest that is taken.
    pub limits: Limits,
    /// Runs what the storage does.
    pub runtime: Runtime,
}

/// A column that names pictures.
#[derive(Clone, Copy)]
pub(super) enum Column {
    /// StudyBud's `avatar`.
    Avatar(&'static str),
    /// DevSearch's `profile_image`.
    ProfileImage,
    /// DevSearch's `featured_image`.
    FeaturedImage,
}

/// A picture that a row of the course names.
pub(super) struct Sought {
    column: Column,
    source: String,
    id: i64,
    target: i64,
    path: String,
}

table_row! { AvatarRow { id, avatar } }
table_row! { ProfileImageRow { id, profile_image } }
table_row! { FeaturedImageRow { id, featured_image } }

impl Column {
    fn table(self) -> &'static str {
        match self {
            Self::Avatar(table) => table,
            Self::ProfileImage => PROFILES,
            Self::FeaturedImage => PROJECTS,
        }
    }

    /// In the ledger.
    fn mark(self) -> &'static str {
        match self {
            Self::Avatar(_) => "base_user.avatar",
            Self::ProfileImage => "users_profile.profile_image",
            Self::FeaturedImage => "projects_project.featured_image",
        }
    }

    /// What the course shows of whom or what has none.
    fn none(self) -> &'static str {
        match self {
            Self::Avatar(_) => "avatar.svg",
            Self::ProfileImage => "user-default.png",
            Self::FeaturedImage => "default.jpg",
        }
    }

    fn shape(self) -> Shape {
        match self {
            Self::Avatar(_) | Self::ProfileImage => Shape::Avatar,
            Self::FeaturedImage => Shape::Cover,
        }
    }

    fn rows(self, work: &mut Work<'_>) -> Result<Vec<(Cell, Cell)>, ImportError> {
        let table = self.table();
        let mut rows = Vec::new();
        match self {
            Self::Avatar(_) => work.source.each::<AvatarRow>(table, |row| rows.push((row.id, row.avatar)))?,
            Self::ProfileImage => {
                work.source.each::<ProfileImageRow>(table, |row| rows.push((row.id, row.profile_image)))?;
            }
            Self::FeaturedImage => {
                work.source.each::<FeaturedImageRow>(table, |row| rows.push((row.id, row.featured_image)))?;
            }
        }
        Ok(rows)
    }
}

/// Notes which pictures rows of this column name that have not been brought yet; `brought` says what became of the rows.
pub(super) fn seek(work: &mut Work<'_>, ledger: &Ledger, column: Column, brought: &Targets) -> Result<(), ImportError> {
    for (id, path) in column.rows(work)? {
        let path = path.text().text.trim().to_owned();
        let Some((id, target)) = id.key().zip(brought.here(&id)) else { continue };
        if path.is_empty() || path.ends_with(column.none()) || ledger.has(column.mark(), id, target) {
            continue;
        }
        work.pictures.push(Sought { column, source: ledger.source().to_owned(), id, target, path });
    }
    Ok(())
}

/// Says which pictures stay behind.
pub(super) fn leave(sought: &[Sought], report: &mut Report) {
    for Sought { column, id, path, .. } in sought {
        report.remark(
            Kind::Picture,
            column.table(),
            Some(*id),
            format!("{}: --media names the folder that it is in", shown(path)),
        );
    }
}

/// Brings pictures; in a dry run only looks at them.
///
/// # Errors
/// The database's. A picture that cannot be brought is told in the report.
pub(super) fn bring(
    conn: &mut Conn,
    gallery: &Gallery,
    sought: &[Sought],
    report: &mut Report,
    progress: &mut Progress,
) -> Result<(), ImportError> {
    progress.begin("pictures", sought.len());
    for one in sought {
        let kept = match gallery.prepared(one) {
            Ok(_) if report.dry_run => Ok(()),
            Ok(prepared) => gallery.keep(conn, one, &prepared)?,
            Err(why) => Err(why),
        };
        match kept {
            Ok(()) => report.tally(one.column.mark()).new += 1,
            Err(why) => {
                report.tally(one.column.mark()).skipped += 1;
                report.remark(Kind::Picture, one.column.table(), Some(one.id), format!("{}: {why}", shown(&one.path)));
            }
        }
        progress.advance(1);
    }
    Ok(())
}

impl Gallery {
    fn prepared(&self, sought: &Sought) -> Result<Prepared, String> {
        // A database from elsewhere names no file of ours.
        let is_inside = Path::new(&sought.path).components().all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            return Err("is no place below the folder".into());
        }
        let path = self.folder.join(&sought.path);
        let found = fs::metadata(&path).map_err(|error| error.to_string())?;
        if !found.is_file() {
            return Err("is no file".into());
        }
        let file = File::open(&path).map_err(|error| error.to_string())?;
        if found.len() > LARGEST {
            return Err("is too large".into());
        }
        prepare(file, sought.column.shape(), &self.limits).map_err(|error| match error {
            PictureError::Unreadable => "is no JPEG, PNG, GIF or WebP that can be read".into(),
            PictureError::TooCostly => "takes too long to decode".into(),
            PictureError::TooManyPixels { most } => {
                format!("has more than {most} pixels, the most for its kind (media.max_pixels)")
            }
        })
    }

    /// Keeps a picture and shows it where there is none. The inner error is for the report.
    fn keep(&self, conn: &mut Conn, sought: &Sought, prepared: &Prepared) -> Result<Result<(), String>, ImportError> {
        let picture = &prepared.picture;
        if !db::transaction(conn, |conn| shelf::reserve(conn, picture))? {
            return Ok(Err("this very picture is being deleted; try again".into()));
        }
        for (name, bytes) in &prepared.files {
            if let Err(error) = self.runtime.block_on(self.storage.put(name, bytes)) {
                return Ok(Err(error.to_string()));
            }
        }
        db::transaction(conn, |conn| {
            if shelf::take_into_use(conn, picture)? {
                show(conn, sought, picture)?;
            }
            let mut ledger = Ledger::open(conn, sought.source.clone())?;
            ledger.add(conn, sought.column.mark(), &[(sought.id, sought.target, Evidence::of(&[&sought.target]))])
        })?;
        Ok(Ok(()))
    }
}

/// What he or it has meanwhile stays.
fn show(conn: &mut Conn, sought: &Sought, picture: &Picture) -> QueryResult<usize> {
    let name = picture.to_string();
    match sought.column {
        Column::Avatar(_) | Column::ProfileImage => {
            let without = users::table.find(sought.target).filter(users::picture.is_null());
            diesel::update(without).set(users::picture.eq(name)).execute(conn)
        }
        Column::FeaturedImage => {
            let without = projects::table.find(sought.target).filter(projects::featured_image.is_null());
            diesel::update(without).set(projects::featured_image.eq(name)).execute(conn)
        }
    }
}
