//! How the others see oneself.

use rocket::http::Status;
use rocket::{Either, State, get, post};
use rocket_dyn_templates::context;

use crate::accounts::draft::Draft;
use crate::accounts::guards::{Gate, User};
use crate::accounts::models::{Person, User as Account};
use crate::accounts::page::{INVALID, Outcome, Page, View, again};
use crate::accounts::signals::ProfileSaved;
use crate::accounts::site::Site;
use crate::kit::db::Db;
use crate::kit::error::Error;
use crate::kit::flash;
use crate::kit::forms::{Drawn, FieldErrors};
use crate::kit::i18n::Text;
use crate::kit::multipart::PostWithFile;
use crate::kit::pictures::Shape;
use crate::kit::signals::Signals;
use crate::kit::throttle::Scope;
use crate::media::uploads::Uploads;
use crate::profiles::forms::{ProfileForm, ProfileValues};
use crate::profiles::models::profile;

/// The form; what was typed before a session ended is in it.
#[get("/account/edit")]
pub async fn edit_page(page: Page<'_>, user: User<'_>, db: &Db, draft: Draft) -> Result<View, Error> {
    let typed = match draft.form::<ProfileForm>() {
        Some(typed) => typed,
        None => {
            let id = user.id;
            ProfileForm::of(&user, db.read(move |conn| Ok(profile::find(conn, id)?)).await?)
        }
    };
    Ok(draw(&page, Drawn::fresh(typed)))
}

fn draw(page: &Page<'_>, drawn: Drawn<ProfileForm>) -> View {
    let status = if drawn.errors.is_empty() { Status::Ok } else { INVALID };
    let form = page.form(drawn);
    page.with(status, "profiles/edit.html", context! { form })
}

/// Keeps names and words, and tells the other apps.
///
/// Django: `views.editAccount`
#[post("/account/edit", data = "<form>")]
pub async fn edit(
    page: Page<'_>,
    user: User<'_>,
    db: &Db,
    signals: &State<Signals>,
    gate: Gate<'_>,
    uploads: Uploads<'_>,
    form: PostWithFile<ProfileForm>,
) -> Outcome {
    let PostWithFile(mut form, brought) = form;
    let (kept, remove) = (&mut form.picture_kept, &mut form.picture_remove);
    let chosen = uploads.choose(user.id, brought, Shape::Avatar, kept, remove).await;
    let saved = async { saved(&page, db, signals, &gate, &form, &user, chosen?).await };
    match saved.await {
        Ok(person) => Ok(Either::Left(flash::success(person.url(), Text::new("flash-profile-saved")))),
        Err(error) => again(error, |errors| draw(&page, Drawn { values: form, errors })).map(Either::Right),
    }
}

/// The values, unless a new name in them is kept for the site itself. The staff may call themselves what they are.
fn unreserved(site: &Site, user: &User<'_>, values: ProfileValues) -> Result<ProfileValues, FieldErrors> {
    if values.username != user.username {
        site.refuse_reserved("username", &values.username)?;
    }
    if values.name != user.name && !user.is_staff {
        site.refuse_reserved("name", &values.name)?;
    }
    Ok(values)
}

/// Gives the person as the others see him now.
async fn saved(
    page: &Page<'_>,
    db: &Db,
    signals: &Signals,
    gate: &Gate<'_>,
    form: &ProfileForm,
    user: &User<'_>,
    errors: FieldErrors,
) -> Result<Person, Error> {
    let values = errors.and(form.clean(&user.username).and_then(|values| unreserved(page.site, user, values)))?;
    let picture = form.picture();
    let user_id = user.id;
    gate.by_key(Scope::Post, &format!("user:{user_id}"))?;
    let person = Person { id: user_id, username: values.username.clone(), name: values.name.clone(), picture: None };
    let heard = signals.clone();
    db.write(move |conn| {
        profile::save(conn, user_id, &values.username, &values.name, &values.profile)?;
        if let Some(picture) = picture.settle(conn)? {
            Account::set_picture(conn, user_id, picture.as_deref())?;
        }
        Ok(heard.send(conn, &ProfileSaved { user_id })?)
    })
    .await?;
    signals.after(&ProfileSaved { user_id });
    Ok(person)
}
