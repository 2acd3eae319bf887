//! What the tests of imports ask of a report.

use std::path::Path;

use chaupal::import_django::report::{Kind, Report, Tally};
use chaupal::import_django::{Course, Gallery, Options, import};
use chaupal::kit::pictures::Limits;
use chaupal::kit::progress::Progress;
use chaupal::kit::storage;
use image::{ImageFormat, Rgb, RgbImage};

use super::Site;

/// How many rows of a table were new, known, merged and skipped.
pub fn tally(new: usize, known: usize, merged: usize, skipped: usize) -> Tally {
    Tally { new, known, merged, skipped }
}

/// The remarks of a kind, as `table id: text`.
pub fn remarks(report: &Report, kind: Kind) -> Vec<String> {
    let of_kind = report.remarks.iter().filter(|remark| remark.kind == kind);
    of_kind.map(|remark| format!("{} {}: {}", remark.table, remark.id.unwrap_or(0), remark.text)).collect()
}

/// Imports with the pictures of a folder.
pub fn import_with_pictures(site: &Site, database: &Path, folder: &Path, options: Options) -> Report {
    let course = Course::open(database).unwrap();
    let gallery = Gallery {
        folder: folder.to_owned(),
        storage: storage::open(&site.config.media).unwrap(),
        limits: Limits { pixels: site.config.media.max_pixels },
        runtime: rocket::tokio::runtime::Runtime::new().unwrap(),
    };
    site.db(|conn| import(conn, course, options, Some(&gallery), &mut Progress::silent())).unwrap()
}

/// Writes a picture, which `shade` makes another one.
pub fn put_picture(path: &Path, shade: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_pixel(400, 300, Rgb([shade, 90, 200])).save_with_format(path, ImageFormat::Png).unwrap();
}
