//! One value of a foreign database, whatever its type there: SQLite keeps a number in a text column
//! if it is told to, and a text in a column of times.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SubsecRound, Timelike};
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::sql_types::{Binary, Nullable};
use diesel::sqlite::{Sqlite, SqliteValue};
use sha2::{Digest, Sha256};

/// The bytes of a value that was read through `CAST(… AS BLOB)`; nothing for NULL.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromSqlRow)]
pub struct Cell(Option<Vec<u8>>);

impl FromSql<Nullable<Binary>, Sqlite> for Cell {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value).map(|bytes| Self(Some(bytes)))
    }

    fn from_nullable_sql(value: Option<SqliteValue<'_, '_, '_>>) -> deserialize::Result<Self> {
        value.map_or_else(|| Ok(Self::default()), <Self as FromSql<Nullable<Binary>, Sqlite>>::from_sql)
    }
}

/// A text as our databases can keep it.
#[derive(Debug, PartialEq, Eq)]
pub struct CleanText {
    /// The text; empty for NULL.
    pub text: String,
    /// Whether something had to be taken out: U+0000, or bytes that are no text.
    pub mended: bool,
}

/// A text in a report: in quotation marks, without what a terminal would obey, and no longer than a line.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// In characters.
const LONGEST_SHOWN: usize = 100;

impl Cell {
    /// As text.
    pub fn text(&self) -> CleanText {
        self.clone().into_text()
    }

    /// As text, without a copy of a long one.
    pub fn into_text(self) -> CleanText {
        let (mut text, mut mended) = match String::from_utf8(self.0.unwrap_or_default()) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        if text.contains('\0') {
            text.retain(|c| c != '\0');
            mended = true;
        }
        CleanText { text, mended }
    }

    /// As text in a report: in quotation marks, of whatever length there only the beginning.
    pub fn shown(&self) -> String {
        shown(&self.text().text)
    }

    /// The same without quotation marks where it is a number or a UUID.
    pub fn shown_bare(&self) -> String {
        match self.key() {
            Some(_) => self.text().text.trim().to_owned(),
            None => self.shown(),
        }
    }

    /// How many bytes it holds.
    pub fn size(&self) -> usize {
        self.0.as_ref().map_or(0, Vec::len)
    }

    /// As a whole number.
    pub fn number(&self) -> Option<i64> {
        std::str::from_utf8(self.0.as_ref()?).ok()?.trim().parse().ok()
    }

    /// As a UUID, in whatever spelling: its 32 digits in small letters.
    pub fn uuid(&self) -> Option<String> {
        let hex = self.text().text.trim().replace('-', "").to_ascii_lowercase();
        (hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())).then_some(hex)
    }

    /// As a key: a whole number, or the beginning of a UUID's hash. Not of the UUID itself: those that were written by
    /// hand begin alike.
    pub fn key(&self) -> Option<i64> {
        let Some(uuid) = self.uuid() else { return self.number() };
        let hash = Sha256::digest(uuid);
        Some(hash.iter().take(8).fold(0, |key, byte| key << 8 | i64::from(*byte)))
    }

    /// NULL, or nothing but blanks.
    pub fn is_blank(&self) -> bool {
        let bytes = self.0.as_deref().unwrap_or_default();
        String::from_utf8_lossy(bytes).chars().all(|c| c.is_whitespace() || c == '\0')
    }

    /// As yes or no; `default` for whatever is neither.
    pub fn flag(&self, default: bool) -> bool {
        match self.text().text.trim().to_ascii_lowercase().as_str() {
            "1" | "t" | "true" | "y" | "yes" => true,
            "0" | "f" | "false" | "n" | "no" => false,
            _ => default,
        }
    }

    /// The moment that it names, as a text that is the same in whatever form it was written; else the text itself.
    pub fn moment(&self) -> String {
        self.time().map_or_else(|| self.text().text, |at| at.to_string())
    }

    /// As a time: UTC, cut to microseconds.
    pub fn time(&self) -> Option<NaiveDateTime> {
        read_time(self.text().text.trim())
    }
}

/// `2022-01-05 10:00:00`, with or without a fraction, with a blank or a `T`, with or without an
/// offset. Django writes the shortest of them, other tools the others.
fn read_time(text: &str) -> Option<NaiveDateTime> {
    let text = text.replacen(['T', 't'], " ", 1);
    let naive = |format| NaiveDateTime::parse_from_str(text.trim_end_matches(['Z', 'z']).trim_end(), format).ok();
    let with_offset = |format| DateTime::parse_from_str(&text, format).ok().map(|at| at.naive_utc());
    let at = naive("%Y-%m-%d %H:%M:%S%.f")
        .or_else(|| naive("%Y-%m-%d %H:%M"))
        .or_else(|| with_offset("%Y-%m-%d %H:%M:%S%.f%#z"))
        .or_else(|| with_offset("%Y-%m-%d %H:%M:%S%.f %#z"))
        .or_else(|| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    // What both databases keep and compare alike; a leap second is one too many for them.
    let kept = (1..=9999).contains(&at.year()) && at.nanosecond() < 1_000_000_000;
    kept.then(|| at.trunc_subsecs(6))
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::{BigInt, Double, Text};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::kit::fuzz;

    fn cell(text: &str) -> Cell {
        Cell(Some(text.as_bytes().to_vec()))
    }

    fn shown(text: &str) -> Option<String> {
        cell(text).time().map(|at| at.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
    }

    #[test]
    fn times_are_read_in_every_usual_form() {
        let plain = Some("2022-01-05 10:00:00.000000".to_owned());
        for text in [
            "2022-01-05 10:00:00",
            " 2022-01-05T10:00:00 ",
            "2022-01-05T10:00:00Z",
            "2022-01-05 10:00:00.000000",
            "2022-01-05 10:00:00+00:00",
            "2022-01-05 15:30:00+05:30",
            "2022-01-05 15:30:00 +0530",
            "2022-01-05 10:00",
        ] {
            assert_eq!(shown(text), plain, "{text}");
        }
        assert_eq!(shown("2022-01-05 10:00:00.1"), Some("2022-01-05 10:00:00.100000".into()));
        assert_eq!(shown("2022-01-05T09:59:59.123456789-00:30"), Some("2022-01-05 10:29:59.123456".into()));
        assert_eq!(shown("2022-01-05"), Some("2022-01-05 00:00:00.000000".into()));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2022-13-01 00:00:00",
            "0000-00-00 00:00:00",
            "2022-01-05 23:59:60",
            "1641376800",
            "+12022-01-05 10:00:00",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
        assert_eq!(Cell::default().time(), None);
    }

    #[test]
    fn texts_lose_what_no_database_keeps() {
        assert_eq!(cell("a\0b").text(), CleanText { text: "ab".into(), mended: true });
        assert_eq!(Cell(Some(vec![b'a', 0xff])).text(), CleanText { text: "a\u{fffd}".into(), mended: true });
        assert_eq!(Cell::default().text(), CleanText { text: String::new(), mended: false });
        assert!(cell(" \n").is_blank() && Cell::default().is_blank() && !cell("x").is_blank());
    }

    #[test]
    fn numbers_and_flags() {
        assert_eq!(cell(" 12 ").number(), Some(12));
        assert_eq!(cell("1.5").number(), None);
        assert_eq!(cell(" 12 ").key(), Some(12));
        assert_eq!((cell("ffff").key(), cell("").key(), Cell::default().key()), (None, None, None));
        assert_eq!(Cell::default().number(), None);
        assert!(cell("1").flag(false) && cell("True").flag(false) && !cell("0").flag(true));
        assert!(Cell::default().flag(true) && !cell("perhaps").flag(false));
    }

    #[test]
    fn uuids_are_keys_in_every_spelling_and_each_has_its_own() {
        assert_eq!(cell("FFFFFFFF-ffff-ffff-0000-00000000000A").key(), cell("ffffffffffffffff000000000000000a").key());
        // What people write by hand for a fixture.
        let mut by_hand: Vec<String> = (0..1000).map(|n| format!("{n:032x}")).collect();
        by_hand.extend("0123456789abcdef".chars().skip(1).map(|digit| digit.to_string().repeat(32)));
        let keys: std::collections::HashSet<_> = by_hand.iter().map(|uuid| cell(uuid).key().unwrap()).collect();
        assert_eq!(keys.len(), by_hand.len());
    }

    /// What a column of SQLite may hold, whatever its type.
    #[derive(Clone, Debug)]
    enum Value {
        Null,
        Integer(i64),
        Real(f64),
        Text(String),
        Blob(Vec<u8>),
    }

    fn value() -> impl Strategy<Value = Value> {
        let pieces = r"[0-9:.TZ+ -]{0,30}|[0-9a-fA-F-]{30,40}|\\PC{0,40}|[ \t\n\x00]{0,4}";
        prop_oneof![
            1 => Just(Value::Null),
            3 => any::<i64>().prop_map(Value::Integer),
            3 => prop::num::f64::ANY.prop_map(Value::Real),
            6 => pieces.prop_map(Value::Text),
            3 => any::<String>().prop_map(Value::Text),
            3 => vec(any::<u8>(), 0..60).prop_map(Value::Blob),
        ]
    }

    /// Reads a value as an import does.
    fn read(conn: &mut SqliteConnection, value: &Value) -> Cell {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Nullable<Binary>)]
            cell: Cell,
        }
        let query = diesel::sql_query("SELECT CAST(? AS BLOB) AS cell").into_boxed();
        let query = match value {
            Value::Null => query.bind::<Nullable<Text>, _>(None::<String>),
            Value::Integer(number) => query.bind::<BigInt, _>(*number),
            Value::Real(number) => query.bind::<Double, _>(*number),
            Value::Text(text) => query.bind::<Text, _>(text.clone()),
            Value::Blob(bytes) => query.bind::<Binary, _>(bytes.clone()),
        };
        query.get_result::<Row>(conn).unwrap().cell
    }

    #[test]
    fn any_value_of_sqlite_is_read_as_itself() {
        let conn = std::cell::RefCell::new(SqliteConnection::establish(":memory:").unwrap());
        fuzz::check(1_000, value(), |value| {
            let cell = read(&mut conn.borrow_mut(), &value);
            let text = cell.text();
            match &value {
                Value::Null => assert_eq!((cell.size(), text.text.as_str(), text.mended), (0, "", false)),
                Value::Integer(number) => {
                    assert_eq!((cell.number(), cell.key(), text.mended), (Some(*number), Some(*number), false));
                    assert_eq!(text.text, number.to_string());
                    assert_eq!(cell.shown_bare(), number.to_string());
                }
                // SQLite makes NULL of what is no number.
                Value::Real(number) if number.is_nan() => assert_eq!(cell, Cell::default()),
                Value::Real(number) => {
                    let read: f64 = text.text.parse().unwrap();
                    assert!(read == *number || ((read - number) / number).abs() < 1e-13, "{read}");
                }
                Value::Text(whole) => {
                    assert_eq!((text.text, text.mended), (whole.replace('\0', ""), whole.contains('\0')));
                }
                Value::Blob(bytes) => match std::str::from_utf8(bytes) {
                    Ok(whole) => {
                        assert_eq!((text.text, text.mended), (whole.replace('\0', ""), whole.contains('\0')));
                    }
                    Err(_) => assert!(text.mended && !text.text.contains('\0')),
                },
            }
            let text = cell.text().text;
            assert_eq!(cell.is_blank(), text.trim().is_empty());
            assert!(cell.uuid().is_none_or(|uuid| uuid.len() == 32 && cell.key().is_some()));
            assert!(cell.flag(true) || !cell.flag(false), "it is not yes and no at once");
            assert!(cell.time().is_none_or(|time| (1..=9999).contains(&time.year())));
            assert_eq!(cell.time().is_none(), cell.time().is_none_or(|time| time.to_string() != cell.moment()));
            for shown in [cell.shown(), cell.shown_bare()] {
                assert!(
                    !shown.contains(char::is_control) && shown.chars().count() <= 10 * LONGEST_SHOWN + 3,
                    "{shown}"
                );
            }
        });
    }

    #[test]
    fn any_moment_is_read_in_each_form_that_it_is_written_in() {
        let parts = (0..253_402_300_800_i64, 0..1_000_000_u32, -23 * 60 - 59..=23 * 60 + 59_i32);
        fuzz::check(500, parts, |(seconds, micros, offset)| {
            let at = DateTime::from_timestamp(seconds, micros * 1_000).unwrap().naive_utc();
            let zone = chrono::FixedOffset::east_opt(offset * 60).unwrap();
            let there = at.and_utc().with_timezone(&zone);
            if !(1..=9999).contains(&there.year()) {
                return;
            }
            for written in [
                at.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
                at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
                there.format("%Y-%m-%d %H:%M:%S%.6f%:z").to_string(),
                there.format("%Y-%m-%dT%H:%M:%S%.6f%z").to_string(),
                there.format("%Y-%m-%d %H:%M:%S%.6f %:z").to_string(),
            ] {
                assert_eq!(cell(&written).time(), Some(at), "{written}");
            }
        });
    }
}
