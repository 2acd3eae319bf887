//! One project: reading it, putting one here, changing and deleting it.

use rocket::http::Status;
use rocket::{Either, get, post};
use rocket_dyn_templates::context;
use serde::Serialize;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::site::Site;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Confirmed, Drawn, FormContext};
use crate::kit::i18n::Text;
use crate::kit::markdown;
use crate::kit::multipart::{Brought, PostWithFile};
use crate::kit::paginate::{Asked, Pager, search_text};
use crate::kit::paths::Id;
use crate::kit::pictures::Shape;
use crate::kit::throttle::Scope;
use crate::media::uploads::Uploads;
use crate::projects::forms::{ProjectForm, ReviewForm};
use crate::projects::models::project::{self, Project, ProjectValues};
use crate::projects::models::review::{self, Review};
use crate::projects::models::tag;

const REVIEWS_PER_PAGE: i64 = 20;

/// Django: `views.projects`
#[get("/projects?<q>&<page>")]
pub async fn list(
    frame: Page<'_>,
    db: &Db,
    site: &Site,
    q: Option<String>,
    page: Option<String>,
) -> Result<View, Error> {
    let per_page = i64::from(site.config().per_page.projects);
    let q = search_text(q.as_deref());
    let asked = q.clone();
    let (pager, projects) = db
        .scan(&q, move |conn| {
            let page = Asked::new(page.as_deref(), per_page);
            let pager = page.pager("/projects", &asked, project::count_found(conn, &asked, page.most())?);
            let projects = project::cards(conn, &asked, pager.offset(), per_page)?;
            Ok((pager, projects))
        })
        .await?;
    Ok(frame.ok("projects/projects.html", context! { q, count: pager.total, projects, pager }))
}

/// A project's page.
#[derive(Serialize)]
struct ProjectPage {
    project: Project,
    reviews: Vec<Review>,
    pager: Pager,
    /// The viewer's own.
    own_review: Option<Review>,
    is_owner: bool,
    form: FormContext<ReviewForm>,
}

/// Draws a project's page around the form of a review; [`show`] and `reviews::write` share it. `typed`: what stands in the
/// form, if it is not what the viewer wrote before.
pub(super) async fn draw(
    frame: &Page<'_>,
    db: &Db,
    id: i64,
    asked: Option<String>,
    typed: Option<Drawn<ReviewForm>>,
) -> Result<View, Error> {
    let viewer = frame.viewer.id();
    let (project, reviews, pager, own_review) = db
        .read(move |conn| {
            let project = project::find(conn, id)?;
            let page = Asked::new(asked.as_deref(), REVIEWS_PER_PAGE);
            let pager = page.pager(&project.url, "", project.vote_total.min(page.most()));
            let reviews = review::newest(conn, id, pager.offset(), REVIEWS_PER_PAGE)?;
            let own_review = match viewer {
                Some(viewer) => review::of(conn, id, viewer)?,
                None => None,
            };
            Ok((project, reviews, pager, own_review))
        })
        .await?;
    let typed = typed.unwrap_or_else(|| Drawn::fresh(own_review.as_ref().map(ReviewForm::of).unwrap_or_default()));
    let status = if typed.errors.is_empty() { Status::Ok } else { INVALID };
    let is_owner = viewer.is_some_and(|viewer| project.is_of(viewer));
    let form = frame.form(typed);
    let page = ProjectPage { project, reviews, pager, own_review, is_owner, form };
    Ok(frame.with(status, "projects/project.html", page))
}

/// Django: `views.project`, GET
#[get("/projects/<id>?<page>")]
pub async fn show(frame: Page<'_>, db: &Db, draft: Draft, id: Id, page: Option<String>) -> Result<View, Error> {
    draw(&frame, db, id.0, page, draft.form().map(Drawn::fresh)).await
}

/// Django: `views.createProject`, GET
#[get("/projects/new")]
pub async fn new_page(_user: User<'_>, page: Page<'_>, db: &Db, draft: Draft) -> Result<View, Error> {
    form_page(&page, db, Drawn::fresh(draft.form().unwrap_or_default()), None).await
}

async fn form_page(
    page: &Page<'_>,
    db: &Db,
    drawn: Drawn<ProjectForm>,
    project: Option<&Project>,
) -> Result<View, Error> {
    let tags = db.read(|conn| Ok(tag::names(conn)?)).await?;
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    Ok(page.with(status, "projects/project_form.html", context! { form, tags, project }))
}

/// What was typed, if it can be taken and does not come too often.
async fn cleaned(
    form: &mut ProjectForm,
    brought: Brought,
    uploads: &Uploads<'_>,
    gate: &Gate<'_>,
    user_id: i64,
) -> Result<ProjectValues, Error> {
    let (kept, remove) = (&mut form.picture_kept, &mut form.picture_remove);
    let errors = uploads.choose(user_id, brought, Shape::Cover, kept, remove).await?;
    let values = errors.and(form.clean())?;
    gate.by_key(Scope::Post, &format!("user:{user_id}"))?;
    Ok(values)
}

/// The form again, with what is wrong.
async fn form_again(
    page: &Page<'_>,
    db: &Db,
    form: ProjectForm,
    project: Option<&Project>,
    error: Error,
) -> Result<View, Error> {
    if !matches!(error, Error::Invalid(_) | Error::Throttled(_)) {
        return Err(error);
    }
    let tags = db.read(|conn| Ok(tag::names(conn)?)).await?;
    again(error, |errors| {
        let form = page.form(Drawn { values: form, errors });
        page.with(INVALID, "projects/project_form.html", context! { form, tags, project })
    })
}

/// Django: `views.createProject`, POST
#[post("/projects/new", data = "<form>")]
pub async fn create(
    user: User<'_>,
    page: Page<'_>,
    db: &Db,
    gate: Gate<'_>,
    uploads: Uploads<'_>,
    form: PostWithFile<ProjectForm>,
) -> Outcome {
    let PostWithFile(mut form, brought) = form;
    let owner = user.id;
    let created = async {
        let values = cleaned(&mut form, brought, &uploads, &gate, owner).await?;
        let picture = form.picture();
        let written = db.write(move |conn| {
            let id = project::create(conn, owner, &values)?;
            if let Some(picture) = picture.settle(conn)? {
                project::set_picture(conn, owner, id, picture.as_deref())?;
            }
            Ok(id)
        });
        written.await
    };
    match created.await {
        Ok(id) => Ok(Either::Left(flash::success(project::url(id), Text::new("flash-project-created")))),
        Err(error) => form_again(&page, db, form, None, error).await.map(Either::Right),
    }
}

/// One's own project; everybody may see the others', hence 403.
async fn own(user: &User<'_>, db: &Db, id: Id) -> Result<Project, Error> {
    let project = db.read(move |conn| Ok(project::find(conn, id.0)?)).await?;
    if project.is_of(user.id) { Ok(project) } else { Err(Error::Forbidden) }
}

/// Django: `views.updateProject`, GET
#[get("/projects/<id>/edit")]
pub async fn edit_page(user: User<'_>, page: Page<'_>, db: &Db, draft: Draft, id: Id) -> Result<View, Error> {
    let mut project = own(&user, db, id).await?;
    if markdown::is_long(&project.description) {
        project.description = db.read(move |conn| Ok(project::whole_description(conn, id.0)?)).await?;
    }
    let typed = draft.form().unwrap_or_else(|| ProjectForm::of(&project));
    form_page(&page, db, Drawn::fresh(typed), Some(&project)).await
}

/// Django: `views.updateProject`, POST
#[post("/projects/<id>/edit", data = "<form>")]
pub async fn edit(
    user: User<'_>,
    page: Page<'_>,
    db: &Db,
    gate: Gate<'_>,
    uploads: Uploads<'_>,
    id: Id,
    form: PostWithFile<ProjectForm>,
) -> Outcome {
    let project = own(&user, db, id).await?;
    let PostWithFile(mut form, brought) = form;
    let owner = user.id;
    let changed = async {
        let values = cleaned(&mut form, brought, &uploads, &gate, owner).await?;
        let picture = form.picture();
        let written = db.write(move |conn| {
            project::change(conn, owner, id.0, &values)?;
            match picture.settle(conn)? {
                Some(picture) => Ok(project::set_picture(conn, owner, id.0, picture.as_deref())?),
                None => Ok(()),
            }
        });
        written.await
    };
    match changed.await {
        Ok(()) => Ok(Either::Left(flash::success(project.url, Text::new("flash-project-saved")))),
        Err(error) => form_again(&page, db, form, Some(&project), error).await.map(Either::Right),
    }
}

/// Django: `views.deleteProject`, GET
#[get("/projects/<id>/delete")]
pub async fn delete_page(user: User<'_>, page: Page<'_>, db: &Db, id: Id) -> Result<View, Error> {
    let project = own(&user, db, id).await?;
    Ok(page.ok("projects/project_delete.html", context! { project }))
}

/// Django: `views.deleteProject`, POST
#[post("/projects/<id>/delete", data = "<_confirmed>")]
pub async fn delete(user: User<'_>, db: &Db, id: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    own(&user, db, id).await?;
    let owner = user.id;
    db.write_statement(move |conn| Ok(project::delete(conn, owner, id.0)?)).await?;
    Ok(flash::success("/projects", Text::new("flash-project-deleted")))
}

/// Takes one tag off one's own project.
///
/// Django: `api.views.removeTag`, which asks nobody who he is
#[post("/projects/<id>/tags/<tag>/remove", data = "<_confirmed>")]
pub async fn remove_tag(user: User<'_>, db: &Db, id: Id, tag: Id, _confirmed: Confirmed) -> Result<flash::Said, Error> {
    let project = own(&user, db, id).await?;
    db.write_statement(move |conn| Ok(tag::remove(conn, id.0, tag.0)?)).await?;
    Ok(flash::success(format!("{}/edit", project.url), Text::new("flash-tag-removed")))
}
