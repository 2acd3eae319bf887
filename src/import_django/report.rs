//! What an import did, and what it found odd, row by row.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// How the rows of one table fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Written.
    pub new: usize,
    /// Brought along by an earlier import; left as they are here, or gone.
    pub known: usize,
    /// The same as something that is here.
    pub merged: usize,
    /// Left out.
    pub skipped: usize,
}

/// What kind of oddity a remark tells of; in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A table of the course is missing.
    NoTable,
    /// A person got another user name.
    Renamed,
    /// A person's e-mail address belongs to somebody else.
    EmailLeft,
    /// A person is one who is here.
    Joined,
    /// A row that looks like one of an earlier import, and is not it.
    Apart,
    /// Rows that are one.
    Merged,
    /// A row that was left out.
    Skipped,
    /// A host or topic that is not there.
    Dangling,
    /// A name that was missing.
    Named,
    /// A time that could not be read.
    Time,
    /// A text with characters that no database keeps.
    Mended,
    /// A password whose hash cannot be checked here.
    Password,
    /// Staff who are not staff here.
    Staff,
    /// A link that is no address on the web.
    Link,
    /// A profile that says another name or address than its account.
    Differs,
    /// Figures that did not fit the votes.
    Recounted,
    /// A picture that stays behind.
    Picture,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::NoTable => "Tables that are not there",
            Self::Renamed => "People with another user name now",
            Self::EmailLeft => "People without their e-mail address now, since another person has it",
            Self::Joined => "People who are joined to an account that came with another import",
            Self::Apart => "Kept apart from what another copy of this database brought under the same id",
            Self::Merged => "Merged",
            Self::Skipped => "Left out",
            Self::Dangling => "Pointed at something that is not there",
            Self::Named => "Named by us, for want of a name",
            Self::Time => "Times that could not be read and were replaced",
            Self::Mended => "Texts from which U+0000 or broken bytes were taken out",
            Self::Password => {
                "People who cannot log in with a password: none was set, or its hash is of an unknown kind or costs too much to check"
            }
            Self::Staff => "Staff or superusers there who are neither here, without --keep-staff",
            Self::Link => "Links that are no addresses on the web, left out",
            Self::Differs => "Profiles with another user name or e-mail address than their account, whose own counts",
            Self::Recounted => "Projects whose figures did not fit their reviews and were counted anew",
            Self::Picture => "Pictures that were not brought along",
        }
    }
}

/// One oddity.
#[derive(Clone, Debug)]
pub struct Remark {
    /// Of which kind.
    pub kind: Kind,
    /// The table of the source.
    pub table: &'static str,
    /// The row's id there, if it has one.
    pub id: Option<i64>,
    /// What was found and what was done.
    pub text: String,
}

/// All that is to be told.
#[derive(Debug, Default)]
pub struct Report {
    /// How each table fared, in the order of the work.
    pub tables: Vec<(&'static str, Tally)>,
    /// What was odd.
    pub remarks: Vec<Remark>,
    /// Nothing was kept.
    pub dry_run: bool,
    /// Somebody may do everything on this site.
    pub superuser_exists: bool,
    /// The UUIDs of the rows that have one, by the keys that they go by.
    uuids: HashMap<i64, String>,
}

impl Report {
    /// How the rows of `table` fared.
    pub fn tally(&mut self, table: &'static str) -> &mut Tally {
        let at = match self.tables.iter().position(|(name, _)| *name == table) {
            Some(at) => at,
            None => {
                self.tables.push((table, Tally::default()));
                self.tables.len() - 1
            }
        };
        &mut self.tables[at].1
    }

    /// The row that goes by the key `id` has a UUID there.
    pub fn name(&mut self, id: i64, uuid: String) {
        self.uuids.insert(id, uuid);
    }

    /// A row's id as it is written in the source.
    fn shown_id(&self, id: i64) -> String {
        self.uuids.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// Notes an oddity.
    pub fn remark(&mut self, kind: Kind, table: &'static str, id: Option<i64>, text: impl Into<String>) {
        self.remarks.push(Remark { kind, table, id, text: text.into() });
    }

    /// Notes a row that was left out.
    pub fn skip(&mut self, table: &'static str, id: Option<i64>, why: impl Into<String>) {
        self.tally(table).skipped += 1;
        self.remark(Kind::Skipped, table, id, why);
    }

    /// The report as text; `all` remarks, or the first twenty of each kind.
    pub fn shown(&self, all: bool) -> impl fmt::Display {
        fmt::from_fn(move |f| self.write(f, if all { usize::MAX } else { SHOWN }))
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, each: usize) -> fmt::Result {
        writeln!(f, "{:26} {:>9} {:>13} {:>9} {:>9}", "", "new", "already here", "merged", "left out")?;
        for (table, tally) in &self.tables {
            writeln!(f, "{table:26} {:>9} {:>13} {:>9} {:>9}", tally.new, tally.known, tally.merged, tally.skipped)?;
        }
        let mut kinds: BTreeMap<Kind, Vec<&Remark>> = BTreeMap::new();
        for remark in &self.remarks {
            kinds.entry(remark.kind).or_default().push(remark);
        }
        for (kind, remarks) in &kinds {
            writeln!(f, "\n{}: {}", kind.title(), remarks.len())?;
            for remark in remarks.iter().take(each) {
                match remark.id {
                    Some(id) => writeln!(f, "  {} {}: {}", remark.table, self.shown_id(id), remark.text)?,
                    None => writeln!(f, "  {}: {}", remark.table, remark.text)?,
                }
            }
            if remarks.len() > each {
                writeln!(f, "  … and {} more (-v shows all)", remarks.len() - each)?;
            }
        }
        self.write_next(f)
    }

    fn write_next(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        if self.dry_run {
            return writeln!(f, "Dry run: nothing was changed. Run it again without --dry-run to bring this across.");
        }
        writeln!(f, "Done. Running this again later brings across what is new there, and changes nothing else.")?;
        if !self.superuser_exists {
            writeln!(f, "Nobody may do everything on this site yet: run `chaupal createsuperuser`.")?;
        }
        Ok(())
    }
}

/// So many remarks of one kind are enough, unless more are asked for.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_grouped_and_cut() {
        let mut report = Report::default();
        report.tally("base_user").new = 3;
        for id in 1..=25 {
            report.skip("base_message", Some(id), "it is empty");
        }
        report.remark(Kind::Renamed, "base_user", Some(7), "\"ASHA\" is now \"ASHA-2\"");
        let short = report.shown(false).to_string();
        assert!(short.contains("Left out: 25") && short.contains("… and 5 more"), "{short}");
        assert!(short.find("ASHA-2") < short.find("Left out"), "{short}");
        assert!(short.contains("createsuperuser"), "{short}");
        assert!(report.shown(true).to_string().contains("base_message 25: it is empty"));
    }
}
