//! What a picture is called, in the database and in the storage.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::kit::storage::Name;

/// What a picture is for, which decides its sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A person: cut to a square.
    Avatar,
    /// A thing that somebody made: whole.
    Cover,
}

impl Shape {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Avatar, Self::Cover];

    /// The folder of its files.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Avatar => "avatar",
            Self::Cover => "cover",
        }
    }

    /// Three widths in pixels, the smallest first. No cover is made wider than it came, no avatar is spared.
    pub fn widths(self) -> [u32; 3] {
        match self {
            Self::Avatar => [64, 128, 256],
            Self::Cover => [320, 640, 1280],
        }
    }
}

/// A picture that is kept: shape, content and size are all in its name, so whoever has it needs to ask nothing more.
///
/// As text it is `cover/0f3a…-1280x720.jpg`; its files are `cover/0f3a…-320.jpg` and so on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Picture {
    /// What it is for.
    pub shape: Shape,
    /// 32 digits of its files' SHA-256.
    hash: String,
    /// Of its largest file, in pixels.
    pub width: u32,
    /// The same.
    pub height: u32,
    /// `jpg`, or `webp` where one sees through it.
    extension: &'static str,
}

impl Picture {
    /// Named after its files, in order.
    pub(super) fn of<'a>(
        shape: Shape,
        (width, height): (u32, u32),
        extension: &'static str,
        files: impl IntoIterator<Item = &'a [u8]>,
    ) -> Self {
        let mut hash = Sha256::new();
        for file in files {
            hash.update((file.len() as u64).to_be_bytes());
            hash.update(file);
        }
        let hash: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { shape, hash, width, height, extension }
    }

    /// None where the text is not of this form.
    pub fn parse(text: &str) -> Option<Self> {
        let (folder, rest) = text.split_once('/')?;
        let shape = Shape::ALL.into_iter().find(|shape| shape.folder() == folder)?;
        let (rest, extension) = rest.split_once('.')?;
        let extension = ["jpg", "webp"].into_iter().find(|known| *known == extension)?;
        let (hash, size) = rest.split_once('-')?;
        let (width, height) = size.split_once('x')?;
        let (width, height) = (width.parse().ok()?, height.parse().ok()?);
        let most = shape.widths()[2];
        let is_fine = hash.len() == 32
            && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && (1..=most).contains(&width)
            && (1..=most).contains(&height);
        let picture = Self { shape, hash: hash.to_owned(), width, height, extension };
        // One notation for each: no `+1` and no `01`.
        (is_fine && picture.to_string() == text).then_some(picture)
    }

    /// The widths that there are, the smallest first.
    pub fn widths(&self) -> Vec<u32> {
        let mut widths: Vec<u32> = self.shape.widths().into_iter().filter(|width| *width < self.width).collect();
        widths.push(self.width);
        widths
    }

    /// How high the file of this width is.
    pub fn height_at(&self, width: u32) -> u32 {
        let height = (u64::from(self.height) * u64::from(width) + u64::from(self.width) / 2) / u64::from(self.width);
        u32::try_from(height).unwrap_or(u32::MAX).max(1)
    }

    /// The names of its files, the smallest first.
    pub fn files(&self) -> Vec<Name> {
        // Made of letters and digits alone, by `of` and `parse`.
        self.widths().into_iter().filter_map(|width| Name::new(&self.file(width))).collect()
    }

    fn file(&self, width: u32) -> String {
        format!("{}/{}-{width}.{}", self.shape.folder(), self.hash, self.extension)
    }

    /// The file that fits a place of so many pixels: the smallest that is not smaller, else the largest.
    pub fn file_for(&self, pixels: u32) -> String {
        self.file(self.widths().into_iter().find(|width| *width >= pixels).unwrap_or(self.width))
    }

    /// For `srcset`: each file below `base`, with its width.
    pub fn srcset(&self, base: &str) -> String {
        let each: Vec<String> =
            self.widths().into_iter().map(|width| format!("{base}{} {width}w", self.file(width))).collect();
        each.join(", ")
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, hash, width, height, extension } = self;
        write!(f, "{}/{hash}-{width}x{height}.{extension}", shape.folder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_all() {
        let picture = Picture::of(Shape::Cover, (1280, 720), "jpg", [b"a".as_slice(), b"b"]);
        assert_eq!(Picture::parse(&picture.to_string()).as_ref(), Some(&picture));
        assert_eq!(picture.widths(), [320, 640, 1280]);
        assert_eq!(picture.height_at(320), 180);
        assert_eq!(picture.files().len(), 3);
        assert!(picture.file_for(400).ends_with("-640.jpg") && picture.file_for(9000).ends_with("-1280.jpg"));
        let small = Picture::of(Shape::Cover, (320, 1), "webp", [b"ab".as_slice()]);
        assert_eq!((small.widths(), small.height_at(320)), (vec![320], 1));
        let other = Picture::of(Shape::Cover, (1280, 720), "jpg", [b"ab".as_slice(), b""]);
        assert_ne!(other.to_string(), picture.to_string(), "where one file ends counts");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let hash = "0123456789abcdef0123456789abcdef";
        assert!(Picture::parse(&format!("avatar/{hash}-256x256.jpg")).is_some());
        for bad in [
            String::new(),
            format!("../{hash}-256x256.jpg"),
            format!("avatar/{hash}-256x256.svg"),
            format!("avatar/{hash}-0256x256.jpg"),
            format!("avatar/{hash}-+256x256.jpg"),
            format!("avatar/{hash}-256x999999.jpg"),
            format!("avatar/{hash}-0x0.jpg"),
            format!("avatar/{}-256x256.jpg", hash.to_uppercase()),
            format!("avatar/{}-256x256.jpg", &hash[1..]),
            format!("avatar/{hash}-256.jpg"),
        ] {
            assert_eq!(Picture::parse(&bad), None, "{bad:?}");
        }
    }
}
