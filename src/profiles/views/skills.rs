//! One's own skills.

use rocket::http::Status;
use rocket::{Either, get, post};
use rocket_dyn_templates::context;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FieldErrors, Post};
use crate::kit::i18n::Text;
use crate::kit::paths::Id;
use crate::kit::throttle::Scope;
use crate::profiles::forms::SkillForm;
use crate::profiles::models::skill::{self, MOST, Skill, SkillError};

impl From<SkillError> for Error {
    fn from(error: SkillError) -> Self {
        match error {
            SkillError::Told => Self::Invalid(FieldErrors::one("name", Text::new("error-skill-told"))),
            SkillError::TooMany => {
                Self::Invalid(FieldErrors::one("name", Text::new("error-skills-many").with("max", MOST)))
            }
            SkillError::Db(error) => error.into(),
        }
    }
}

/// All of them.
///
/// Django: `views.userAccount`
#[get("/account/skills")]
pub async fn list(page: Page<'_>, user: User<'_>, db: &Db) -> Result<View, Error> {
    let id = user.id;
    let (top_skills, other_skills) = db.read(move |conn| Ok(skill::of(conn, id)?)).await?;
    Ok(page.ok("profiles/skills.html", context! { top_skills, other_skills }))
}

/// Django: `views.createSkill`, GET
#[get("/account/skills/new")]
pub fn new_page(_user: User<'_>, page: Page<'_>, draft: Draft) -> View {
    draw(&page, Drawn::fresh(draft.form().unwrap_or_default()), None)
}

fn draw(page: &Page<'_>, drawn: Drawn<SkillForm>, skill: Option<&Skill>) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    page.with(status, "profiles/skill_form.html", context! { form, skill })
}

/// Django: `views.createSkill`, POST
#[post("/account/skills/new", data = "<form>")]
pub async fn create(user: User<'_>, page: Page<'_>, db: &Db, gate: Gate<'_>, form: Post<SkillForm>) -> Outcome {
    let Post(form) = form;
    match kept(db, &gate, &form, user.id, None).await {
        Ok(()) => Ok(Either::Left(flash::success("/account/skills", Text::new("flash-skill-added")))),
        Err(error) => again(error, |errors| draw(&page, Drawn { values: form, errors }, None)).map(Either::Right),
    }
}

/// A new one, or `id` changed.
async fn kept(db: &Db, gate: &Gate<'_>, form: &SkillForm, user_id: i64, id: Option<i64>) -> Result<(), Error> {
    let (name, description) = form.clean().map_err(Error::Invalid)?;
    gate.by_key(Scope::Post, &format!("user:{user_id}"))?;
    db.write(move |conn| {
        match id {
            Some(id) => skill::change(conn, user_id, id, &name, &description)?,
            None => skill::add(conn, user_id, &name, &description)?,
        }
        Ok(())
    })
    .await
}

/// One's own skill; everybody may see the others', hence 403.
async fn own(user: &User<'_>, db: &Db, id: Id) -> Result<Skill, Error> {
    let (skill, owner) = db.read(move |conn| Ok(skill::find(conn, id.0)?)).await?;
    if owner == user.id { Ok(skill) } else { Err(Error::Forbidden) }
}

/// Django: `views.updateSkill`, GET
#[get("/account/skills/<id>/edit")]
pub async fn edit_page(user: User<'_>, page: Page<'_>, db: &Db, draft: Draft, id: Id) -> Result<View, Error> {
    let skill = own(&user, db, id).await?;
    let typed = draft.form().unwrap_or_else(|| SkillForm::of(&skill));
    Ok(draw(&page, Drawn::fresh(typed), Some(&skill)))
}

/// Django: `views.updateSkill`, POST
#[post("/account/skills/<id>/edit", data = "<form>")]
pub async fn edit(user: User<'_>, page: Page<'_>, db: &Db, gate: Gate<'_>, id: Id, form: Post<SkillForm>) -> Outcome {
    let skill = own(&user, db, id).await?;
    let Post(form) = form;
    match kept(db, &gate, &form, user.id, Some(skill.id)).await {
        Ok(()) => Ok(Either::Left(flash::success("/account/skills", Text::new("flash-skill-saved")))),
        Err(error) => {
            again(error, |errors| draw(&page, Drawn { values: form, errors }, Some(&skill))).map(Either::Right)
        }
    }
}

/// Django: `views.deleteSkill`, GET
#[get("/account/skills/<id>/delete")]
pub async fn delete_page(user: User<'_>, page: Page<'_>, db: &Db, id: Id) -> Result<View, Error> {
    let skill = own(&user, db, id).await?;
    Ok(page.ok("profiles/skill_delete.html", context! { skill }))
}

/// Django: `views.deleteSkill`, POST
#[post("/account/skills/<id>/delete", data = "<_confirmed>")]
pub async fn delete(user: User<'_>, db: &Db, id: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    let skill = own(&user, db, id).await?;
    let user_id = user.id;
    db.write_statement(move |conn| Ok(skill::delete(conn, user_id, skill.id)?)).await?;
    Ok(flash::success("/account/skills", Text::new("flash-skill-deleted").with("name", skill.name)))
}
