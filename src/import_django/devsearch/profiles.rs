//! Profiles and skills. The account stands already, with an empty profile or one that came with another course: what is
//! empty here is filled, what somebody wrote stays.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::{Brought, PROFILES, SKILLS, link, owner};
use crate::import_django::ImportError;
use crate::import_django::cell::{Cell, shown};
use crate::import_django::evidence::Evidence;
use crate::import_django::ledger::Ledger;
use crate::import_django::people::name_look;
use crate::import_django::report::Kind;
use crate::import_django::source::{TableRow, table_row};
use crate::import_django::work::Work;
use crate::kit::bulk::{self, Value};
use crate::kit::db::fold_key;
use crate::profiles::models::profile::{self, Links, Profile};
use crate::profiles::models::skill::name_key;
use crate::schema::{profiles, skills, users};

table_row! {
    ProfileRow {
        id, user_id, name, email, username, location, short_intro, bio, social_github, social_twitter, social_linkedin,
        social_youtube, social_website, social_instagram, social_facebook, social_stackoverflow
    }
}
table_row! { AccountRow { id, username, email, first_name, last_name } }
table_row! { SkillRow { id, owner_id, name, description, created } }

/// Brings across what people tell of themselves.
pub(super) fn bring(work: &mut Work<'_>, ledger: &mut Ledger, brought: &mut Brought) -> Result<(), ImportError> {
    let mut batches = work.batches::<ProfileRow>(PROFILES, "profiles")?;
    let here: Vec<i64> = profiles::table.select(profiles::user_id).load(work.conn)?;
    let here: HashSet<i64> = here.into_iter().collect();
    let mut accounts: HashMap<i64, AccountRow> = HashMap::new();
    let people = work.source.layout().people().unwrap_or_default();
    work.source.each::<AccountRow>(people, |row| {
        if let Some(id) = row.id().key() {
            accounts.entry(id).or_insert(row);
        }
    })?;
    let mut filled: HashSet<i64> = ledger.targets(PROFILES).collect();
    while let Some(rows) = work.next(&mut batches)? {
        let mut pairs = Vec::new();
        for (id, row) in rows {
            let evidence = Evidence::of(&[&brought.people.origin(&row.user_id)]);
            if let Some(target) = work.known(ledger, PROFILES, id, &evidence) {
                brought.profiles.insert_known(id, target, here.contains(&target));
                continue;
            }
            let Some(target) = brought.people.here(&row.user_id) else {
                let text = format!("person {} is not there: what is its, has no owner now", row.user_id.shown());
                work.report.skip(PROFILES, Some(id), text);
                continue;
            };
            let account = row.user_id.key().and_then(|user| accounts.get(&user));
            if let Some(account) = account {
                compare(work, id, &row, account);
            }
            fill(work, id, row, target, account)?;
            if filled.insert(target) {
                work.report.tally(PROFILES).new += 1;
            } else {
                work.report.tally(PROFILES).merged += 1;
                let text = "the same person has another profile, which comes first";
                work.report.remark(Kind::Merged, PROFILES, Some(id), text);
            }
            brought.profiles.insert(id, target);
            pairs.push((id, target, evidence));
        }
        ledger.add(work.conn, PROFILES, &pairs)?;
    }
    Ok(())
}

/// Tells of a profile that says something else than the account by which one logs in.
fn compare(work: &mut Work<'_>, id: i64, row: &ProfileRow, account: &AccountRow) {
    let columns = [("username", &row.username, &account.username), ("email", &row.email, &account.email)];
    for (column, told, counts) in columns {
        let (told, counts) = (told.text().text, counts.text().text);
        if !told.trim().is_empty() && fold_key(&told) != fold_key(&counts) {
            let text = format!("{column} was {}, the account has {}", shown(&told), shown(&counts));
            work.report.remark(Kind::Differs, PROFILES, Some(id), text);
        }
    }
}

/// Fills what is empty.
fn fill(
    work: &mut Work<'_>,
    id: i64,
    row: ProfileRow,
    target: i64,
    account: Option<&AccountRow>,
) -> Result<(), ImportError> {
    let present = profile::find(work.conn, target)?;
    let others = [
        ("Instagram", "social_instagram", row.social_instagram),
        ("Facebook", "social_facebook", row.social_facebook),
        ("Stack Overflow", "social_stackoverflow", row.social_stackoverflow),
    ];
    let or = |present: String, told: String| if present.trim().is_empty() { told } else { present };
    let filled = Profile {
        short_intro: or(present.short_intro, work.text(PROFILES, id, "short_intro", &row.short_intro)),
        location: or(present.location, work.text(PROFILES, id, "location", &row.location)),
        bio: or(present.bio, work.whole_text(PROFILES, id, "bio", row.bio)),
        links: Links {
            github: or(present.links.github, link(work, PROFILES, id, "social_github", &row.social_github)),
            twitter: or(present.links.twitter, link(work, PROFILES, id, "social_twitter", &row.social_twitter)),
            linkedin: or(present.links.linkedin, link(work, PROFILES, id, "social_linkedin", &row.social_linkedin)),
            youtube: or(present.links.youtube, link(work, PROFILES, id, "social_youtube", &row.social_youtube)),
            website: or(present.links.website, link(work, PROFILES, id, "social_website", &row.social_website)),
        },
    };
    let filled = with_other_links(work, id, filled, others);
    profile::set(work.conn, target, &filled)?;
    let name = work.text(PROFILES, id, "name", &row.name).trim().to_owned();
    if name.is_empty() {
        return Ok(());
    }
    // DevSearch shows the profile's name, not the account's; one that he gave himself here stays.
    let account_name = account.map(|account| {
        format!("{} {}", account.first_name.text().text, account.last_name.text().text).trim().to_owned()
    });
    let account_name = account_name.unwrap_or_default();
    let here = users::table.find(target).filter(users::name.eq("").or(users::name.eq(account_name)));
    diesel::update(here.filter(users::name.ne(&name)))
        .set((users::name.eq(&name), users::name_look.eq(name_look(&name))))
        .execute(work.conn)?;
    Ok(())
}

/// Links for which a profile has no place of their own: the first is the website if there is none, others stand below the bio.
fn with_other_links(work: &mut Work<'_>, id: i64, profile: Profile, others: [(&str, &str, Cell); 3]) -> Profile {
    let mut profile = profile;
    for (name, column, cell) in others {
        let address = link(work, PROFILES, id, column, &cell);
        if address.is_empty() || profile.bio.contains(&address) || profile.links.website == address {
            continue;
        }
        if profile.links.website.is_empty() {
            profile.links.website = address;
        } else {
            let gap = if profile.bio.trim().is_empty() { "" } else { "\n\n" };
            profile.bio = format!("{}{gap}{name}: {address}", profile.bio);
        }
    }
    profile
}

/// Brings across what people can do. The same skill of one person in another case is one.
pub(super) fn bring_skills(work: &mut Work<'_>, ledger: &mut Ledger, brought: &Brought) -> Result<(), ImportError> {
    let mut batches = work.batches::<SkillRow>(SKILLS, "skills")?;
    let here: Vec<(i64, i64, String)> =
        skills::table.select((skills::id, skills::user_id, skills::name_key)).load(work.conn)?;
    let mut by_key: HashMap<(i64, String), i64> = here.into_iter().map(|(id, user, key)| ((user, key), id)).collect();
    while let Some(rows) = work.next(&mut batches)? {
        let (mut values, mut pairs): (Vec<[Value; 6]>, _) = (Vec::new(), Vec::new());
        let mut new_ids = bulk::take_ids(work.conn, "skills", rows.len())?.into_iter();
        for (id, row) in rows {
            let name = work.short(SKILLS, id, "name", &row.name);
            let key = name_key(&name);
            let evidence = Evidence::of(&[&brought.owners(work).origin(&row.owner_id), &key]);
            if work.known(ledger, SKILLS, id, &evidence).is_some() {
                continue;
            }
            let Some(user) = owner(work, SKILLS, id, "owner", &row.owner_id, brought) else {
                work.report.skip(SKILLS, Some(id), "it is nobody's");
                continue;
            };
            if name.is_empty() {
                work.report.skip(SKILLS, Some(id), "it has no name");
                continue;
            }
            if let Some(same) = by_key.get(&(user, key.clone())) {
                work.report.tally(SKILLS).merged += 1;
                work.report.remark(Kind::Merged, SKILLS, Some(id), format!("{} was told before", shown(&name)));
                pairs.push((id, *same, evidence));
                continue;
            }
            let Some(target) = new_ids.next() else { break };
            by_key.insert((user, key.clone()), target);
            let created = work.time(SKILLS, id, "created", &row.created, work.now);
            let description = work.whole_text(SKILLS, id, "description", row.description).trim().to_owned();
            values.push([target.into(), user.into(), name.into(), key.into(), description.into(), created.into()]);
            pairs.push((id, target, evidence));
        }
        work.report.tally(SKILLS).new += values.len();
        bulk::insert(work.conn, "skills", ["id", "user_id", "name", "name_key", "description", "created"], &values)?;
        ledger.add(work.conn, SKILLS, &pairs)?;
    }
    Ok(())
}
